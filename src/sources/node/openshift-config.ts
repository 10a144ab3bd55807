/**
 * The configuration files of OpenShift's API server and controller manager, whose members stand for flags (`--openshift-config`): read as
 * the arguments that the program makes of them, so that the same rules find their paths and scrub them. Members that become no flag
 * (certificates by name, settings of OpenShift itself) are left out.
 */
import type { NodeProgram } from '../../collectors/index.ts';
import type { Json, JsonObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import { absolutePath, flagValues, type Told } from './told.ts';
import type { Unread } from './unread.ts';
import { readObject } from './yaml.ts';

const group = 'kubecontrolplane.config.openshift.io';

const kinds: Readonly<Partial<Record<NodeProgram, { readonly kind: string; readonly member: string }>>> = {
  'kube-apiserver': { kind: 'KubeAPIServerConfig', member: 'apiServerArguments' },
  'kube-controller-manager': { kind: 'KubeControllerManagerConfig', member: 'extendedArguments' },
};

const mostValues = 1000;

/** After each running program that names such a file, what the file says. A file that is not read is told to `unread`. */
export function withOpenshiftConfigs(root: Root, told: readonly Told[], unread: Unread): readonly Told[] {
  return told.flatMap((each) => [each, ...readConfig(root, each, unread)]);
}

function readConfig(root: Root, told: Told, unread: Unread): readonly Told[] {
  const type = kinds[told.program];
  const named = flagValues(told.arguments, 'openshift-config').at(-1) ?? '';
  if (type === undefined || told.from !== 'process' || named === '' || named.includes('\0')) return [];
  const absolute = absolutePath(named, told.cwd);
  const path = absolute === null ? null : told.onNode(absolute);
  if (path === null) {
    unread('programs', named, {
      reason: 'absent',
      detail: `${told.program} reads it in its container, where no volume of the node brings it`,
    });
    return [];
  }
  const config = readObject(root, path, { group, kind: type.kind });
  if (isFailure(config)) {
    unread('programs', path, config);
    return [];
  }
  const args = argumentsOf(config, type.member);
  if (args.length > mostValues) {
    unread('programs', path, { reason: 'error', detail: `it has more than ${mostValues} values` });
    return [];
  }
  if (isObject(at(config, 'auditConfig', 'policyConfiguration')))
    unread('audit-policy', path, { reason: 'error', detail: 'the policy stands in the configuration itself, a form that is not read' });
  return [{ ...told, from: 'config', path, byProcess: true, arguments: args }];
}

/** Flags that the file gives as such, and those that its other members become where they are not given. */
function argumentsOf(config: JsonObject, member: string): readonly string[] {
  const given = new Map<string, readonly string[]>();
  const members = config[member];
  for (const [name, values] of isObject(members) ? Object.entries(members) : [])
    if (/^[a-z][a-z0-9-]{0,63}$/.test(name)) given.set(name, textsOf(values));
  for (const [name, values] of membersOf(config)) if (!given.has(name) && values.length > 0) given.set(name, values);
  return [...given].flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
}

function textsOf(value: Json | undefined): readonly string[] {
  const all = Array.isArray(value) ? value : [value];
  return all.flatMap((each) => (typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean' ? [String(each)] : []));
}

/** config.openshift.io/v1 AuditConfig and HTTPServingInfo, kubecontrolplane/v1 KubeAPIServerConfig. */
function* membersOf(config: JsonObject): Generator<readonly [flag: string, values: readonly string[]]> {
  const audit = at(config, 'auditConfig');
  if (isObject(audit) && audit['enabled'] === true) {
    // Where no file is named the log goes to standard output.
    yield ['audit-log-path', [textAt(audit, 'auditFilePath') || '-']];
    yield ['audit-policy-file', [textAt(audit, 'policyFile') ?? ''].filter((path) => path !== '')];
    yield ['audit-log-maxage', textsOf(audit['maximumFileRetentionDays'])];
    yield ['audit-log-maxbackup', textsOf(audit['maximumRetainedFiles'])];
    yield ['audit-log-maxsize', textsOf(audit['maximumFileSizeMegabytes'])];
  }
  yield ['service-account-key-file', textsOf(config['serviceAccountPublicKeyFiles'])];
  yield ['tls-cipher-suites', listAt(config, 'servingInfo', 'cipherSuites').filter((each) => typeof each === 'string')];
  yield ['tls-min-version', textsOf(at(config, 'servingInfo', 'minTLSVersion'))];
}
