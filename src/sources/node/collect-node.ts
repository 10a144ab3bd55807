/**
 * Reads one node into its document: modes and owners of files, what programs are told, certificates, configuration. What is returned went
 * through the keep-list of `node.evidence/nodes`, the one that is applied again where the document is taken in, so nothing else can stand
 * in it. Reading never fails as a whole for one path: that path is `unreadable`, or named in `unread`.
 */
import { posix } from 'node:path';
import { declarationOf, nodeEvidenceKind, withKeyFacts } from '../../collectors/index.ts';
import type { Clock, Json, JsonObject, RawObject } from '../../model/index.ts';
import { at, KubevidenceError, textAt, visible } from '../../model/index.ts';
import { createScrubber } from '../scrub/scrub.ts';
import { kubeProxyOf, readContents, runtimeOf } from './contents.ts';
import { readAllCertificates, readKubeconfigs } from './credentials.ts';
import { readFileEntries } from './files.ts';
import { findInstaller, rebased } from './find-installer.ts';
import type { FileRole, KnownPath } from './installers.ts';
import { findNames } from './node-name.ts';
import { withOpenshiftConfigs } from './openshift-config.ts';
import { readOwners } from './owners.ts';
import { type Programs, readPrograms, readStarted, withCarried } from './programs.ts';
import { type Kubelet, readKubelet } from './read-kubelet.ts';
import type { Failure, FileSystem } from './root.ts';
import { isFailure, openRoot, realFiles } from './root.ts';
import { absolutePath, flagValues, type Told, toldPaths } from './told.ts';
import { createUnread, type Unread, type UnreadEntry } from './unread.ts';

export interface NodeOptions {
  /** Directory under which the node's file system lies; `/` on the node itself. */
  readonly root: string;
  /** The Node's name in the API; absent: found out. */
  readonly name?: string;
  readonly tool: { readonly name: string; readonly version: string };
  readonly clock: Clock;
  /** For tests. */
  readonly files?: FileSystem;
}

export interface NodeReading {
  /** NodeEvidence, not signed. */
  readonly document: JsonObject;
  readonly name: string;
  /** Names that the node also goes by, where they differ from `name`. */
  readonly otherNames: readonly string[];
  readonly installer: string;
  /** Entries of `files`, and of them what is there. */
  readonly paths: number;
  readonly present: number;
  readonly unreadable: readonly { readonly role: string; readonly path: string; readonly problem: string }[];
  readonly unread: readonly UnreadEntry[];
}

/** Throws KubevidenceError: `usage` when there is no node below the root, or its name cannot be told. */
export function collectNode(options: NodeOptions): NodeReading {
  const root = openRoot(options.root, options.files ?? realFiles);
  const etc = root.find('/etc');
  if (isFailure(etc) || !etc.stats.isDirectory())
    throw new KubevidenceError('usage', `there is no node's file system at ${visible(options.root)}: it has no etc`, {
      next: 'Name where the root of the node is mounted, such as --root /host, or --root / on the node itself.',
    });
  const { add: unread, entries: unreadEntries } = createUnread();
  const { installer: usual, signs, os } = findInstaller(root);
  const started = readStarted(root, usual, unread);
  const ofInstaller = started.told.filter(({ program }) => program === usual.name).flatMap((each) => each.arguments);
  const installer = rebased(usual, flagValues(ofInstaller, 'data-dir').at(-1));
  const kubelet = readKubelet(root, installer, started, unread);
  const read = readPrograms(root, started, kubelet.manifests, unread);
  const programs: Programs = { ...read, told: withOpenshiftConfigs(root, read.told, unread) };
  const told = withCarried(programs.told);
  const wanted = [...wantedByPrograms(told, kubelet, unread), ...installer.paths];
  const files = readFileEntries(root, readOwners(root), wanted, unread);
  const kubeconfigs = readKubeconfigs(root, files, unread);
  const certificates = readAllCertificates(root, files, unread);
  const roles = rolesOf(programs, kubelet);
  /** Only an API server reads these; a worker can have files of theirs that nobody uses. */
  const ofServers = (role: FileRole, group: string, kind: string) =>
    roles.includes('control-plane') ? readContents(root, files, told, { role, group, kind }, unread) : [];
  const names = findNames(root, options.name, told, kubeconfigs, certificates);
  const raw: RawObject = {
    apiVersion: 'node.kubevidence.io/v1',
    kind: 'NodeEvidence',
    metadata: { name: names.name },
    collectedAt: options.clock().toISOString(),
    tool: { name: options.tool.name, version: options.tool.version },
    host: { nameFrom: names.from, os, installer: installer.name, installerSigns: signs, roles },
    files: files.map(({ json }) => json),
    programs: programs.told.map(({ program, from, path, arguments: args }) => ({
      program,
      from,
      path,
      arguments: args.map((arg) => arg.toWellFormed()),
    })),
    kubelet: {
      configPath: kubelet.configPath,
      dropIns: kubelet.dropIns,
      ...(kubelet.config === null ? {} : { config: kubelet.config }),
      ...(kubelet.failure === undefined ? {} : { problem: `${kubelet.failure.path}: ${kubelet.failure.detail}` }),
    },
    ...kubeProxyOf(root, files, told, unread),
    kubeconfigs,
    certificates,
    auditPolicies: ofServers('audit-policy', 'audit.k8s.io', 'Policy').map(({ path, object }) => ({ path, policy: object })),
    encryptionConfigurations: ofServers('encryption-configuration', 'apiserver.config.k8s.io', 'EncryptionConfiguration').map(
      ({ path, object }) => ({ path, configuration: withKeyFacts(object) }),
    ),
    ...runtimeOf(files, kubelet.arguments),
    unread: unreadEntries as unknown as Json,
  };
  return {
    document: scrubbed(raw),
    name: names.name,
    otherNames: names.others,
    installer: installer.name,
    paths: files.length,
    present: files.filter(({ json }) => json['mode'] !== undefined).length,
    unreadable: files.flatMap(({ role, path, json }) =>
      json['type'] === 'unreadable' ? [{ role, path, problem: textAt(json, 'problem') ?? '' }] : [],
    ),
    unread: unreadEntries,
  };
}

/** The reading with what the running kubelet said, or with why it was not asked in vain. */
export function withConfigz(reading: NodeReading, path: string, answer: JsonObject | Failure): NodeReading {
  const { document } = reading;
  if (!isFailure(answer)) {
    const kubelet = at(document, 'kubelet') as JsonObject;
    return { ...reading, document: scrubbed({ ...document, kubelet: { ...kubelet, configz: answer } }) };
  }
  const { add, entries } = createUnread(reading.unread);
  add('kubelet-configz', path, answer);
  return { ...reading, document: { ...document, unread: entries as unknown as Json }, unread: entries };
}

function scrubbed(raw: RawObject): JsonObject {
  const declaration = declarationOf(nodeEvidenceKind);
  if (declaration === undefined) throw new KubevidenceError('defect', 'the keep-list of node evidence is missing');
  return createScrubber(declaration).scrub(raw).body;
}

function* wantedByPrograms(told: readonly Told[], kubelet: Kubelet, unread: Unread): Generator<KnownPath> {
  for (const each of told) {
    for (const { role, path, missing } of toldPaths(each)) {
      if (missing === undefined) yield { role, path, literal: true };
      // A process that was seen says itself what it reads.
      else if (
        each.from === 'process' ||
        each.byProcess === true ||
        !told.some(({ program, from }) => program === each.program && from === 'process')
      )
        unread(role, path, missing);
    }
    const manifest = manifestRoles[each.program];
    if (each.from === 'manifest' && manifest !== undefined) yield { role: manifest, path: each.path, literal: true };
    if (each.from === 'unit' && /\/(?:kubelet|k3s|k3s-agent|rke2-server|rke2-agent)\.service$/.test(each.path))
      yield { role: 'kubelet-unit', path: each.path, literal: true };
  }
  // What stands in the file is relative to its directory (pkg/kubelet/kubeletconfig/configfiles).
  const directory = kubelet.configPath === null ? undefined : posix.dirname(kubelet.configPath);
  const inConfig = (...keys: readonly string[]) => {
    const path = textAt(kubelet.config, ...keys) ?? '';
    return path === '' || path.includes('\0') ? null : absolutePath(path, directory);
  };
  const own = (name: string) => {
    const at = absolutePath(flagValues(kubelet.arguments, 'cert-dir').at(-1) ?? '/var/lib/kubelet/pki', undefined);
    return at === null ? null : posix.join(at, name);
  };
  const paths: readonly (readonly [FileRole, string | null])[] = [
    ['kubelet-client-certificate', own('kubelet-client-current.pem')],
    ['kubelet-serving-certificate', own('kubelet-server-current.pem')],
    ['kubelet-serving-certificate', own('kubelet.crt')],
    ['kubelet-config', kubelet.configPath],
    ...kubelet.dropIns.map((path) => ['kubelet-config', path] as const),
    ['kubelet-client-ca', inConfig('authentication', 'x509', 'clientCAFile')],
    ['kubelet-serving-certificate', inConfig('tlsCertFile')],
    ['pki-key', inConfig('tlsPrivateKeyFile')],
  ];
  for (const [role, path] of paths) if (path !== null) yield { role, path, literal: true };
}

const manifestRoles: Readonly<Record<string, FileRole>> = {
  'kube-apiserver': 'apiserver-manifest',
  'kube-controller-manager': 'controller-manager-manifest',
  'kube-scheduler': 'scheduler-manifest',
  etcd: 'etcd-manifest',
};

/** `worker`: a kubelet runs here, so pods can; a control plane that runs pods is one too. */
function rolesOf({ told, running }: Programs, kubelet: Kubelet): string[] {
  const runs = (program: Told['program']) =>
    running?.has(program) === true || told.some((each) => each.program === program && (running === null || each.from === 'manifest'));
  const rancher = told.filter(
    (each) => (each.program === 'k3s' || each.program === 'rke2') && (running === null || running.has(each.program)),
  );
  const roles = {
    'control-plane':
      runs('kube-apiserver') || runs('kube-controller-manager') || runs('kube-scheduler') || rancher.some(({ as }) => as === 'server'),
    etcd: runs('etcd'),
    worker: runs('kubelet') || rancher.length > 0 || (running === null && kubelet.config !== null),
  };
  return Object.entries(roles).flatMap(([role, has]) => (has ? [role] : []));
}
