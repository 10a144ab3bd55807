/**
 * The settings of the control plane that decide techniques, as `/flagz` and the mirror pods of static pods show them. What nobody shows is
 * undefined, never its default: managed control planes set what they like.
 */
import type { EvidenceReader, StoredObject } from '../../model/index.ts';
import { at, isMarker, isObject, listAt, textAt } from '../../model/index.ts';

export interface Settings {
  /** Path of the AdmissionConfiguration; empty when the API server is known to have none. */
  readonly admissionFile: string | undefined;
  readonly podSecurityDisabled: boolean | undefined;
  /** Undefined where they stand in a file. */
  readonly authorizers: readonly string[] | undefined;
  readonly bootstrapTokens: boolean | undefined;
  /** Where `get pods/exec` alone opens a shell; undefined when the gate that asks for `create` is not known. */
  readonly execByGet: boolean | undefined;
  /** The controller manager has a certificate to sign client certificates with. */
  readonly signsClients: boolean | undefined;
  /** The controller that fills token secrets is not switched off. Undefined where the controller manager is not seen. */
  readonly tokenController: boolean | undefined;
}

/** Flag → its value; a value that is not kept is `true`-ish text. */
type Flags = ReadonlyMap<string, string>;

/** The component of a genuine mirror pod in kube-system; empty for every other pod. */
export function componentOf(pod: StoredObject): string {
  const node = textAt(pod.body, 'spec', 'nodeName') ?? '';
  const owned = listAt(pod.body, 'metadata', 'ownerReferences').some(
    (owner) => textAt(owner, 'kind') === 'Node' && textAt(owner, 'name') === node,
  );
  const mirror = textAt(pod.body, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined;
  if (!mirror || !owned || node === '' || pod.namespace !== 'kube-system' || !pod.name.endsWith(`-${node}`)) return '';
  return pod.name.slice(0, -node.length - 1);
}

function flagsOfPod(pod: StoredObject): Flags {
  const flags = new Map<string, string>();
  for (const container of listAt(pod.body, 'spec', 'containers')) {
    for (const entry of [...listAt(container, 'command'), ...listAt(container, 'args')]) {
      if (isMarker(entry)) {
        if (entry.flag !== undefined) flags.set(entry.flag, 'set');
        continue;
      }
      const match = typeof entry === 'string' ? /^--([A-Za-z0-9_-]+)(?:=([\s\S]*))?$/.exec(entry) : null;
      if (match !== null) flags.set((match[1] ?? '').replaceAll('_', '-'), match[2] ?? 'true');
    }
  }
  return flags;
}

function flagsOfFlagz(reader: EvidenceReader): Flags | undefined {
  for (const { body } of reader.objects('k8s.apiserver/flagz')) {
    const flags = at(body, 'flags');
    if (isObject(flags))
      return new Map(Object.entries(flags).map(([name, value]) => [name, typeof value === 'string' ? value : 'set'] as const));
  }
  return undefined;
}

function split(text: string | undefined): readonly string[] {
  return (text ?? '')
    .replace(/^\[(.*)\]$/, '$1')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(1|t|true)$/i.test(text);
}

/** `components`: the genuine mirror pods, by their component. */
export function readSettings(reader: EvidenceReader, components: ReadonlyMap<string, readonly StoredObject[]>): Settings {
  const flagz = flagsOfFlagz(reader);
  const pods = (components.get('kube-apiserver') ?? []).map(flagsOfPod);
  const servers = flagz === undefined ? pods : [flagz, ...pods];
  const managers = (components.get('kube-controller-manager') ?? []).map(flagsOfPod);
  /** True when some server says so: a way that one replica leaves open is open. */
  const some = (all: readonly Flags[], says: (flags: Flags) => boolean) => (all.length === 0 ? undefined : all.some(says));
  const [first] = servers;
  const file = servers.map((flags) => flags.get('admission-control-config-file') ?? '').find((path) => path !== '');
  const modes = servers.some((flags) => (flags.get('authorization-config') ?? '') !== '')
    ? undefined
    : split(first?.get('authorization-mode'));
  const minor = Number(/^\d+\.(\d+)/.exec(reader.cluster.version ?? '')?.[1] ?? Number.NaN);
  const gateOff = some(servers, (flags) =>
    split(flags.get('feature-gates')).includes('AuthorizePodWebsocketUpgradeCreatePermission=false'),
  );
  return {
    admissionFile: servers.length === 0 ? undefined : (file ?? ''),
    podSecurityDisabled: some(servers, (flags) => split(flags.get('disable-admission-plugins')).includes('PodSecurity')),
    authorizers: first === undefined ? undefined : modes,
    bootstrapTokens: some(servers, (flags) => isTrue(flags.get('enable-bootstrap-token-auth'))),
    execByGet: gateOff === true ? true : Number.isNaN(minor) ? undefined : minor < 35,
    signsClients: some(managers, (flags) =>
      ['cluster-signing-cert-file', 'cluster-signing-kube-apiserver-client-cert-file'].some((flag) => (flags.get(flag) ?? '') !== ''),
    ),
    tokenController:
      managers.length === 0
        ? undefined
        : managers.some((flags) => {
            const named = split(flags.get('controllers'));
            const names = ['serviceaccount-token', 'serviceaccount-token-controller'];
            if (names.some((name) => named.includes(`-${name}`))) return false;
            return named.length === 0 || named.includes('*') || names.some((name) => named.includes(name));
          }),
  };
}
