/**
 * What a kubelet really does, from what was read on its node: the running kubelet's own `/configz` where it is there, else its flags over
 * its configuration file (drop-ins merged) over the defaults of its version, which differ where no configuration file is used. A setting
 * that none of these tells is unknown, and so is every setting of a kubelet whose command line was not seen: a flag could say otherwise.
 */
import type { Json, StoredObject } from '../../model/index.ts';
import { at, canonicalize, isObject, listAt, textAt } from '../../model/index.ts';
import type { Given } from '../control-plane/flags.ts';
import { readArguments, readBoolean, readGates, split } from '../control-plane/flags.ts';
import type { NodeDocument } from './node-evidence.ts';

type Value = boolean | number | string | readonly string[];
type Kind = 'boolean' | 'number' | 'text' | 'list' | 'seconds';

interface Setting {
  readonly kind: Kind;
  /** In kubelet.config.k8s.io/v1beta1. */
  readonly path: readonly string[];
  readonly flag?: string;
  /** With a configuration file (pkg/kubelet/apis/config/v1beta1/defaults.go). */
  readonly byDefault: Value;
  /** Without one, where that differs (applyLegacyDefaults in cmd/kubelet/app/options). */
  readonly withoutFile?: Value;
  /** Before a minor version. */
  readonly before?: readonly [minor: number, Value];
}

const field = (kind: Kind, path: string, byDefault: Value, flag?: string, more: Partial<Setting> = {}): Setting => ({
  kind,
  path: path.split('.'),
  byDefault,
  ...(flag === undefined ? {} : { flag }),
  ...more,
});

const settings = {
  anonymousAuth: field('boolean', 'authentication.anonymous.enabled', false, 'anonymous-auth', { withoutFile: true }),
  authorizationMode: field('text', 'authorization.mode', 'Webhook', 'authorization-mode', { withoutFile: 'AlwaysAllow' }),
  clientCAFile: field('text', 'authentication.x509.clientCAFile', '', 'client-ca-file'),
  readOnlyPort: field('number', 'readOnlyPort', 0, 'read-only-port', { withoutFile: 10255 }),
  streamingIdleSeconds: field('seconds', 'streamingConnectionIdleTimeout', 14400, 'streaming-connection-idle-timeout'),
  makeIPTablesUtilChains: field('boolean', 'makeIPTablesUtilChains', true, 'make-iptables-util-chains'),
  eventRecordQPS: field('number', 'eventRecordQPS', 50, 'event-qps', { before: [27, 5] }),
  tlsCertFile: field('text', 'tlsCertFile', '', 'tls-cert-file'),
  tlsPrivateKeyFile: field('text', 'tlsPrivateKeyFile', '', 'tls-private-key-file'),
  tlsCipherSuites: field('list', 'tlsCipherSuites', [], 'tls-cipher-suites'),
  tlsMinVersion: field('text', 'tlsMinVersion', '', 'tls-min-version'),
  serverTLSBootstrap: field('boolean', 'serverTLSBootstrap', false, 'rotate-server-certificates'),
  rotateCertificates: field('boolean', 'rotateCertificates', false, 'rotate-certificates'),
  podPidsLimit: field('number', 'podPidsLimit', -1, 'pod-max-pids'),
  seccompDefault: field('boolean', 'seccompDefault', false, 'seccomp-default'),
  protectKernelDefaults: field('boolean', 'protectKernelDefaults', false, 'protect-kernel-defaults'),
} as const satisfies Record<string, Setting>;

type Name = keyof typeof settings;
const names = Object.keys(settings) as Name[];
export const settingNames: readonly string[] = names;

/** Pointers in the kubelet's own type, so a running kubelet always prints them: none is zero because it is not there. */
const alwaysPrinted = new Set<Name>(['anonymousAuth', 'makeIPTablesUtilChains', 'podPidsLimit', 'seccompDefault', 'eventRecordQPS']);

const zeros: Readonly<Record<Kind, Value>> = { boolean: false, number: 0, text: '', list: [], seconds: 0 };

export type KubeletSource = 'configz' | 'configuration file' | 'flags' | 'nothing';

export interface KubeletSettings {
  readonly source: KubeletSource;
  /** Only those that are known. */
  readonly values: Readonly<Partial<Record<Name, Value>>>;
  /** Whether serving certificates may be rotated at all; undefined: not known. */
  readonly rotatesServing: boolean | undefined;
  /** Empty: not overridden. Undefined: the command line is not known. */
  readonly hostnameOverride: string | undefined;
  readonly certDirectory: string | undefined;
  /** Flags and file name no certificate; undefined where they were not seen. */
  readonly namesNoCertificate: boolean | undefined;
  /** Names of settings that nobody set, so that a default applies. */
  readonly defaulted: readonly string[];
  /** Names of settings that the running kubelet has otherwise than flags and file say; undefined where only one of them is known. */
  readonly differs: readonly string[] | undefined;
}

/** Seconds of a Go duration (`4h0m0s`, `1.5h`, `0`); undefined for what is none. */
export function readSeconds(text: string): number | undefined {
  if (text === '0') return 0;
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 };
  if (!/^-?(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)/g)];
  const seconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ''] ?? 0), 0);
  return text.startsWith('-') ? -seconds : seconds;
}

function fromText(kind: Kind, text: string): Value | undefined {
  switch (kind) {
    case 'boolean': {
      const read = readBoolean(text);
      return read === undefined ? undefined : read === 'true';
    }
    case 'number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case 'list':
      return split(text);
    case 'seconds':
      return readSeconds(text);
    case 'text':
      return text;
  }
}

function fromConfig(kind: Kind, value: Json): Value | undefined {
  if (kind === 'seconds') return typeof value === 'string' ? readSeconds(value) : undefined;
  if (kind === 'list') return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;
  return typeof value === (kind === 'text' ? 'string' : kind) ? (value as Value) : undefined;
}

/** What a unit leaves to its environment, as it was written or as the scrubber leaves it. */
function isVariable(entry: Json): boolean {
  return typeof entry === 'string' ? entry.includes('$') : at(entry, 'flag') === undefined;
}

/** The command line of the node's kubelet: of the process, else of the unit that starts it where no variable is left in it. */
export function kubeletArguments({ document }: NodeDocument): Given | undefined {
  const told = listAt(document.body, 'programs').filter((each) => textAt(each, 'program') === 'kubelet');
  for (const from of ['process', 'manifest', 'unit']) {
    const all = told.filter((each) => textAt(each, 'from') === from);
    const [entry] = all;
    const entries = listAt(entry, 'arguments');
    // Which of several is that of the node, nobody can say.
    if (all.some((each) => canonicalize(listAt(each, 'arguments')) !== canonicalize(entries))) return undefined;
    if (entry !== undefined && !(from === 'unit' && entries.some(isVariable))) return readArguments(entries);
  }
  return argumentsOfK3s(document);
}

/**
 * k3s runs the kubelet in its own process. From 1.32 on it writes what it sets by itself into a file of the kubelet's, but for the name of
 * the node and the directory of certificates; what it is told in `--kubelet-arg` goes over that.
 */
function argumentsOfK3s({ body }: StoredObject): Given | undefined {
  const told = listAt(body, 'programs').filter((each) => textAt(each, 'program') === 'k3s');
  const isWritten = listAt(body, 'kubelet', 'dropIns').some((path) => typeof path === 'string' && path.endsWith('/00-k3s-defaults.conf'));
  if (told.length === 0 || !isWritten) return undefined;
  const entries = told.flatMap((each) => listAt(each, 'arguments'));
  const flags: string[] = [];
  for (const [index, entry] of entries.entries()) {
    if (typeof entry !== 'string') {
      const flag = at(entry, 'flag');
      if (flag === undefined || flag === 'kubelet-arg') return undefined;
      continue;
    }
    const [, assigned] = /^--kubelet-arg(?:=(.*))?$/s.exec(entry) ?? [null, null];
    if (assigned === null) continue;
    const next = assigned ?? entries[index + 1];
    if (typeof next !== 'string') return undefined;
    flags.push(`--${next}`);
  }
  const given = readArguments(flags);
  for (const name of ['hostname-override', 'cert-dir']) if (!given.has(name)) given.set(name, null);
  return given.set('config-dir', '');
}

/** Undefined where the command line is not known. */
export function usesFile(given: Given | undefined): boolean | undefined {
  return given === undefined ? undefined : given.has('config') || given.has('config-dir');
}

type Values = Partial<Record<Name, Value>>;

interface Declared {
  readonly values: Values;
  readonly set: ReadonlySet<string>;
}

function defaultOf(setting: Setting, hasFile: boolean, version: string | null): Value | undefined {
  if (!hasFile && setting.withoutFile !== undefined) return setting.withoutFile;
  if (setting.before === undefined) return setting.byDefault;
  const minor = /^1\.(\d+)/.exec(version ?? '')?.[1];
  if (minor === undefined) return undefined;
  return Number(minor) < setting.before[0] ? setting.before[1] : setting.byDefault;
}

/** What flags and file say; undefined where one of them was not seen. */
function readDeclared(given: Given | undefined, config: Json | undefined, version: string | null): Declared | undefined {
  if (given === undefined) return undefined;
  const hasFile = usesFile(given) === true;
  if (hasFile && !isObject(config)) return undefined;
  const values: Values = {};
  const set = new Set<string>();
  for (const name of names) {
    const setting: Setting = settings[name];
    const flag = setting.flag === undefined ? undefined : given.get(setting.flag);
    const written = hasFile ? at(config, ...setting.path) : undefined;
    let value: Value | undefined;
    if (flag !== undefined) value = flag === null ? undefined : fromText(setting.kind, flag);
    else if (written !== undefined && written !== null) value = fromConfig(setting.kind, written);
    else value = defaultOf(setting, hasFile, version);
    if (flag !== undefined || (written !== undefined && written !== null)) set.add(name);
    // A zero in the file is taken for "not set"; only a flag switches it off.
    if (setting.kind === 'seconds' && flag === undefined && value === 0) value = setting.byDefault;
    if (value !== undefined) values[name] = value;
  }
  return { values, set };
}

/** The kubelet leaves zero values out, so what is absent there is zero (docs/evidence-sources), but for what it always prints. */
function readRunning(configz: Json | undefined): Values | undefined {
  if (!isObject(configz) || ![...alwaysPrinted].some((name) => Object.hasOwn(configz, name))) return undefined;
  const values: Values = {};
  for (const name of names) {
    const { kind, path }: Setting = settings[name];
    const written = at(configz, ...path);
    const absent = written === undefined || written === null;
    const value = !absent ? fromConfig(kind, written) : alwaysPrinted.has(name) ? undefined : zeros[kind];
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function gateOf(given: Given | undefined, config: Json | undefined): boolean | undefined {
  const written = at(config, 'featureGates');
  const flag = given?.get('feature-gates');
  const gates: Record<string, Json | undefined> = { ...(isObject(written) ? written : {}) };
  if (flag === null) return undefined;
  Object.assign(gates, readGates(split(flag ?? '')));
  const value = gates['RotateKubeletServerCertificate'] ?? gates['AllBeta'] !== false;
  return typeof value === 'boolean' ? value : undefined;
}

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function readKubelet(node: NodeDocument): KubeletSettings {
  const given = kubeletArguments(node);
  const config = at(node.document.body, 'kubelet', 'config');
  const configz = at(node.document.body, 'kubelet', 'configz');
  const declared = readDeclared(given, config, node.kubeletVersion);
  const running = readRunning(configz);
  const values = running ?? declared?.values ?? {};
  // The kubelet writes the paths of a certificate that it made itself into its own settings.
  const compared = names.filter((name) => !((name === 'tlsCertFile' || name === 'tlsPrivateKeyFile') && declared?.values[name] === ''));
  const isDefault = (name: Name) =>
    declared === undefined ? isSame(values[name], defaultOf(settings[name], true, node.kubeletVersion)) : !declared.set.has(name);
  const hasFile = usesFile(given) === true;
  return {
    source: running !== undefined ? 'configz' : declared === undefined ? 'nothing' : hasFile ? 'configuration file' : 'flags',
    values,
    rotatesServing:
      running !== undefined ? gateOf(undefined, configz) : declared === undefined ? undefined : gateOf(given, hasFile ? config : undefined),
    hostnameOverride: given === undefined ? undefined : given.has('hostname-override') ? (given.get('hostname-override') ?? undefined) : '',
    certDirectory: given === undefined ? undefined : given.has('cert-dir') ? (given.get('cert-dir') ?? undefined) : '/var/lib/kubelet/pki',
    namesNoCertificate: declared === undefined ? undefined : declared.values.tlsCertFile === '',
    defaulted: names.filter((name) => values[name] !== undefined && isDefault(name)),
    differs:
      running === undefined || declared === undefined
        ? undefined
        : compared.filter(
            (name) => [running, declared.values].every((of) => of[name] !== undefined) && !isSame(running[name], declared.values[name]),
          ),
  };
}
