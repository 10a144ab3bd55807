/**
 * Why an API server refuses an EncryptionConfiguration: it then does not start, or goes on with the one before (k8s.io/apiserver
 * pkg/apis/apiserver/validation and pkg/server/options/encryptionconfig, 1.29 to 1.36). Keys were looked at when the file was parsed.
 */
import type { Json } from '../../model/index.ts';
import { at, isMarker, isObject, listAt, textAt } from '../../model/index.ts';

/** The server that reads the file. What is not known is not held against it. */
export interface Loader {
  /** Of Kubernetes; null or absent where nobody knows. */
  readonly version?: string | null;
  /** Whether its flags switch the feature gate KMSv1 on. */
  readonly kmsV1?: boolean;
  /** Whether it reloads the file by itself. */
  readonly reload?: boolean;
}

const keySizes: Readonly<Record<string, readonly number[]>> = { aescbc: [128, 192, 256], aesgcm: [128, 192, 256], secretbox: [256] };
const providers = new Set(['aescbc', 'aesgcm', 'secretbox', 'kms', 'identity']);

/** The one provider that an entry names; undefined for none and for several. */
export function providerName(provider: Json): string | undefined {
  const names = isObject(provider) ? Object.keys(provider).filter((name) => provider[name] !== null) : [];
  return names.length === 1 ? names[0] : undefined;
}

/** Kubernetes 1.`minor` or later; true where the version is not known. */
export function isAfter(version: string | null | undefined, minor: number): boolean {
  const [, major, found] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return found === undefined || Number(major) > 1 || Number(found) >= minor;
}

/** The first reason, in the order of the file; empty when there is none. */
export function whyRefused(configuration: Json, loader: Loader): string {
  const version = textAt(configuration, 'apiVersion');
  if (version !== undefined && version !== 'apiserver.config.k8s.io/v1') return `there is no version ${version} of it`;
  const [part] = listAt(configuration, 'unknownFields');
  if (typeof part === 'string') return `the API server does not know a field in ${part}`;
  const entries = listAt(configuration, 'resources');
  if (entries.length === 0) return 'it has no resources';
  const names: string[] = [];
  for (const entry of entries) {
    const resources = listAt(entry, 'resources');
    if (resources.length === 0) return 'an entry names no resources';
    const wrong = problemOfResources(resources) || problemOfProviders(listAt(entry, 'providers'), names, loader);
    if (wrong !== '') return wrong;
  }
  return isAfter(loader.version, 27) ? problemOfMasks(entries) : '';
}

interface Rule {
  readonly resource: string;
  readonly group: string;
}

/** schema.ParseGroupResource: what follows the first dot is the group. */
function parse(text: string): Rule {
  const dot = text.indexOf('.');
  return dot === -1 ? { resource: text, group: '' } : { resource: text.slice(0, dot), group: text.slice(dot + 1) };
}

function problemOfResources(resources: readonly Json[]): string {
  const texts = resources.filter((resource) => typeof resource === 'string');
  if (texts.length < resources.length) return 'a resource is no text';
  const rules = texts.map(parse);
  const overlaps = (one: Rule, other: Rule) =>
    one.group === other.group
      ? one.resource === other.resource || one.resource === '*' || other.resource === '*'
      : one.group === '*' && one.resource === '*';
  for (const [i, one] of rules.entries()) {
    if (rules.some((other, j) => i !== j && overlaps(one, other)))
      return 'an entry names resources twice, or everything beside single resources';
  }
  for (const [i, text] of texts.entries()) {
    const { resource, group } = rules[i] as Rule;
    if (text.toLowerCase() !== text) return `resource ${text} has capital letters`;
    if (text === '*') return "'*' is no resource: the core group is '*.', everything is '*.*'";
    if (['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations'].includes(text))
      return `${text} has no API, and cannot be encrypted`;
    if (group === 'events.k8s.io') return 'events are stored in the core group: the resource is events';
    if (group === 'extensions') return 'there is no group extensions any more';
    if (group === '*' && resource !== '*') return `${text} names one resource of all groups`;
  }
  return '';
}

/** An entry that an earlier wildcard leaves nothing to. */
function problemOfMasks(entries: readonly Json[]): string {
  const wildcards = new Set<string>();
  for (const entry of entries) {
    // A list cannot overlap itself, so its own wildcards may be added at once.
    const rules = listAt(entry, 'resources').map((resource) => parse(typeof resource === 'string' ? resource : ''));
    for (const { resource, group } of rules) {
      const masking = [`*.${group}`, '*.*'].find((wildcard) => wildcards.has(wildcard));
      if (masking !== undefined)
        return `${group === '' && resource !== '*' ? resource : `${resource}.${group}`} is behind ${masking}, which decides already`;
    }
    for (const { resource, group } of rules) if (resource === '*') wildcards.add(`*.${group}`);
  }
  return '';
}

function problemOfProviders(list: readonly Json[], names: string[], loader: Loader): string {
  if (list.length === 0) return 'an entry has no providers';
  for (const provider of list) {
    const problem = problemOfProvider(provider, names, loader);
    if (problem !== '') return problem;
  }
  return '';
}

function problemOfProvider(provider: Json, names: string[], loader: Loader): string {
  const name = providerName(provider);
  if (name === undefined) return 'a provider entry does not name exactly one known provider';
  if (!providers.has(name)) return `there is no provider ${name}`;
  if (name === 'identity') {
    const settings = at(provider, name);
    return isObject(settings) && !isMarker(settings) ? '' : 'identity is no object';
  }
  if (name === 'kms') return problemOfKms(at(provider, name), names, loader);
  const keys = listAt(provider, name, 'keys');
  if (keys.length === 0) return `${name} has no key`;
  for (const key of keys) {
    if ((textAt(key, 'name') ?? '') === '') return `a key of ${name} has no name`;
    const bits = at(key, 'material', 'bits');
    // Absent: the file was handed in without its keys.
    if (bits === null) return `a key of ${name} is not base64`;
    if (bits === 0) return `a key of ${name} is empty`;
    if (typeof bits === 'number' && keySizes[name]?.includes(bits) !== true) return `a key of ${name} has ${bits} bits`;
  }
  return '';
}

function problemOfKms(settings: Json | undefined, names: string[], { version, kmsV1, reload }: Loader): string {
  const name = at(settings, 'name') ?? '';
  if (typeof name !== 'string' || name === '') return 'a kms provider has no name';
  const api = at(settings, 'apiVersion') || 'v1';
  if (api !== 'v1' && api !== 'v2') return `a kms provider has a version that does not exist`;
  const timeout = at(settings, 'timeout') ?? '3s';
  if (typeof timeout !== 'string' || !isPositiveDuration(timeout)) return `the timeout of kms ${name} is no positive duration`;
  const endpoint = at(settings, 'endpoint') ?? '';
  if (typeof endpoint !== 'string' || !isUnixEndpoint(endpoint)) return `the endpoint of kms ${name} is no unix socket`;
  const size = at(settings, 'cachesize') ?? undefined;
  if (size !== undefined && (typeof size !== 'number' || !Number.isInteger(size) || Math.abs(size) > 0x7fffffff))
    return `the cachesize of kms ${name} is no number`;
  if (api === 'v2' && size !== undefined) return `kms ${name} has a cachesize, which v2 does not have`;
  if (api === 'v1' && size === 0) return `the cachesize of kms ${name} is 0`;
  if (api === 'v2' && name.includes(':')) return `the name of kms ${name} has a colon`;
  if (names.includes(name) && (api === 'v2' || reload === true)) return `there are two kms providers ${name}`;
  names.push(name);
  // Off by default since 1.29; what the flags do not tell is not held against the file.
  const refused = api === 'v1' && kmsV1 === false && version !== undefined && version !== null && isAfter(version, 29);
  return refused ? `kms ${name} is v1, which this API server does not have switched on` : '';
}

const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };

/** time.ParseDuration of Go, above zero. */
function isPositiveDuration(text: string): boolean {
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;
  let total = 0;
  let end = text.startsWith('+') ? 1 : 0;
  part.lastIndex = end;
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    total += Number(match[1]) * (units[match[2] ?? ''] ?? 0);
    end = part.lastIndex;
  }
  return end === text.length && total >= 1 && total < 2 ** 63;
}

/** url.Parse of Go, with the scheme unix. */
function isUnixEndpoint(text: string): boolean {
  // Go refuses control characters in URLs.
  // oxlint-disable-next-line no-control-regex
  if (!/^unix:/i.test(text) || /[\x00-\x1f\x7f]/.test(text)) return false;
  const [, rest = ''] = /^[^:]*:([^?#]*)/.exec(text) ?? [];
  const authority = /^\/\/([^/]*)/.exec(rest)?.[1] ?? '';
  return !/%(?![0-9a-f]{2})/i.test(rest) && /^[\w.~!$&'()*+,;=-]*(?::\d*)?$/.test(authority);
}
