/**
 * Flags of control-plane programs, read as the programs read them: dashes or underscores, `--flag=value` or `--flag value`, lists that add
 * up over repetitions, booleans in Go's spellings. What nobody sets has the program's default, so that a control never has to guess.
 */
import type { Json } from '../../model/index.ts';
import { isMarker, isObject } from '../../model/index.ts';

export type Program = 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'etcd';

export interface Flags {
  /** Every flag that a control may ask for, with its default where it is not given; a given flag with an unknown value is missing. */
  readonly flags: Readonly<Record<string, string>>;
  /** Flags that hold lists, split. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** The feature gates that are named. */
  readonly gates: Readonly<Record<string, boolean>>;
  /** Names of the flags that were given. */
  readonly given: readonly string[];
}

/** Defaults of Kubernetes 1.29 to 1.36 and etcd 3.5 to 3.6, from their sources; empty where the program has none. */
const defaults: Readonly<Record<Program, Readonly<Record<string, string>>>> = {
  'kube-apiserver': {
    'admission-control-config-file': '',
    'anonymous-auth': 'true',
    'audit-log-maxage': '0',
    'audit-log-maxbackup': '0',
    'audit-log-maxsize': '0',
    'audit-log-path': '',
    'audit-policy-file': '',
    'audit-webhook-config-file': '',
    'authentication-config': '',
    'authorization-config': '',
    'authorization-mode': '',
    'client-ca-file': '',
    'disable-admission-plugins': '',
    'enable-admission-plugins': '',
    'enable-bootstrap-token-auth': 'false',
    'encryption-provider-config': '',
    'etcd-cafile': '',
    'etcd-certfile': '',
    'etcd-keyfile': '',
    'etcd-servers': '',
    'kubelet-certificate-authority': '',
    'kubelet-client-certificate': '',
    'kubelet-client-key': '',
    profiling: 'true',
    'request-timeout': '1m0s',
    'service-account-extend-token-expiration': 'true',
    'service-account-key-file': '',
    'service-account-lookup': 'true',
    'service-account-signing-endpoint': '',
    'tls-cert-file': '',
    'tls-cipher-suites': '',
    'tls-min-version': '',
    'tls-private-key-file': '',
    'token-auth-file': '',
  },
  'kube-controller-manager': {
    'bind-address': '0.0.0.0',
    profiling: 'true',
    'root-ca-file': '',
    'service-account-private-key-file': '',
    'terminated-pod-gc-threshold': '12500',
    'use-service-account-credentials': 'false',
  },
  'kube-scheduler': { 'bind-address': '0.0.0.0', config: '', profiling: 'true' },
  etcd: {
    'auto-tls': 'false',
    'cert-file': '',
    'client-cert-auth': 'false',
    'initial-cluster': '',
    'key-file': '',
    'listen-client-urls': 'http://localhost:2379',
    'peer-auto-tls': 'false',
    'peer-cert-file': '',
    'peer-client-cert-auth': 'false',
    'peer-key-file': '',
    'trusted-ca-file': '',
  },
};

const booleans = new Set([
  'anonymous-auth',
  'auto-tls',
  'client-cert-auth',
  'enable-bootstrap-token-auth',
  'make-iptables-util-chains',
  'peer-auto-tls',
  'peer-client-cert-auth',
  'profiling',
  'protect-kernel-defaults',
  'rotate-certificates',
  'rotate-server-certificates',
  'seccomp-default',
  'service-account-extend-token-expiration',
  'service-account-lookup',
  'use-service-account-credentials',
]);

const lists = new Set([
  'authorization-mode',
  'disable-admission-plugins',
  'enable-admission-plugins',
  'etcd-servers',
  'feature-gates',
  'initial-cluster',
  'listen-client-urls',
  'service-account-key-file',
  'tls-cipher-suites',
]);

/** Values of strconv.ParseBool. */
export function readBoolean(text: string): string | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return 'true';
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? 'false' : undefined;
}

/** `[a,b]` as /flagz prints lists, or `a,b` as people write them. */
export function split(text: string): readonly string[] {
  return text
    .replace(/^\[(.*)\]$/s, '$1')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Flag → value as written; null where the value was not kept. Later ones win, lists add up. */
export type Given = Map<string, string | null>;

export function addFlag(given: Given, name: string, value: string | null): void {
  const before = lists.has(name) ? given.get(name) : undefined;
  given.set(name, typeof before === 'string' && value !== null && before !== '' ? `${before},${value}` : value);
}

/** Reads `command` and `args` of a container as the scrubber keeps them. A first entry that is no flag is the program. */
export function readArguments(entries: readonly Json[]): Given {
  const given: Given = new Map();
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index];
    if (isMarker(entry)) {
      const flag = isObject(entry) ? entry['flag'] : undefined;
      if (typeof flag === 'string') addFlag(given, flag, null);
      continue;
    }
    const [, written = '', value] = (typeof entry === 'string' ? /^--?([A-Za-z0-9][\w-]*)(?:=(.*))?$/s.exec(entry) : null) ?? [];
    if (written === '') continue;
    const name = written.replaceAll('_', '-');
    if (value !== undefined) addFlag(given, name, value);
    else if (booleans.has(name)) addFlag(given, name, 'true');
    else {
      const next = entries[index + 1];
      const spaced = typeof next === 'string' && !next.startsWith('-');
      if (spaced || isMarker(next)) index += 1;
      addFlag(given, name, spaced ? next : isMarker(next) ? null : 'true');
    }
  }
  return given;
}

/** The flags of `/flagz`: all of them, defaults included. */
export function readFlagz(flags: Json | undefined): Given {
  const given: Given = new Map();
  if (!isObject(flags)) return given;
  for (const [name, value] of Object.entries(flags)) given.set(name, typeof value === 'string' ? value : null);
  return given;
}

/** `name=true`, as `--feature-gates` lists them. */
export function readGates(entries: readonly string[]): Readonly<Record<string, boolean>> {
  const gates: Record<string, boolean> = {};
  for (const entry of entries) {
    const [, name, value] = /^(?:[\w.-]*:)?(\w+)=(\w+)$/.exec(entry) ?? [];
    const on = value === undefined ? undefined : readBoolean(value);
    if (name !== undefined && on !== undefined) gates[name] = on === 'true';
  }
  return gates;
}

/** Defaults that changed after 1.29, with the minor version of Kubernetes 1 that has them first; in the order of versions. */
const changed: readonly { readonly program: Program; readonly since: number; readonly values: Readonly<Record<string, string>> }[] = [
  // k8s.io/apiserver pkg/server/options/audit.go; before, 0 keeps files without end.
  { program: 'kube-apiserver', since: 36, values: { 'audit-log-maxage': '366', 'audit-log-maxbackup': '100', 'audit-log-maxsize': '100' } },
];

function defaultsOf(program: Program, version: string | null): Readonly<Record<string, string>> {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  const holds = changed.filter((each) => each.program === program && (Number(major) > 1 || Number(minor) >= each.since));
  return Object.assign({}, defaults[program], ...holds.map(({ values }) => values)) as Readonly<Record<string, string>>;
}

/** `version` of the cluster, for defaults that changed; null when nobody knows. */
export function resolveFlags(program: Program, given: Given, version: string | null): Flags {
  const flags: Record<string, string> = { ...defaultsOf(program, version) };
  for (const [name, value] of given) {
    const read = value !== null && booleans.has(name) ? readBoolean(value) : value;
    if (typeof read === 'string') flags[name] = read;
    else delete flags[name];
  }
  const known = Object.keys(flags).filter((name) => lists.has(name));
  const splitLists = Object.fromEntries(known.map((name) => [name, split(flags[name] ?? '')]));
  return { flags, lists: splitLists, gates: readGates(splitLists['feature-gates'] ?? []), given: [...given.keys()].sort() };
}

/** Two spellings of one value: /flagz puts lists in brackets, and `:` before a feature gate of the component itself. */
function spelled(text: string | undefined): string | undefined {
  return text === undefined
    ? undefined
    : split(text)
        .map((entry) => entry.replace(/^:/, ''))
        .join();
}

/** Whether `/flagz` says what a process was given, as far as controls ask for it: then it is the same program, or a twin. */
export function agrees(process: Flags, flagz: Flags): boolean {
  // Durations have many spellings.
  const compared = process.given.filter((name) => Object.hasOwn(defaults['kube-apiserver'], name) && name !== 'request-timeout');
  return compared.length > 0 && compared.every((name) => spelled(process.flags[name]) === spelled(flagz.flags[name]));
}
