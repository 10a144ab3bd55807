/**
 * An EncryptionConfiguration as the API server reads it (apiserver.config.k8s.io, k8s.io/apiserver pkg/server/options/encryptionconfig):
 * whether it would refuse it, and for each resource which provider writes and which others may still be read. The first provider writes:
 * `identity` first means plain text, whatever follows; `identity` last only reads what was written before.
 */
import type { Json, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import type { Loader } from './encryption-refusals.ts';
import { isAfter, providerName, whyRefused } from './encryption-refusals.ts';

/** How new objects are written: by an accepted provider, by another one, or not encrypted at all. */
export type Writes = 'strong' | 'weak' | 'plain';

/** What one resource is written with and read with. */
export interface Decision {
  /** An entry is about this resource. */
  readonly covers: boolean;
  readonly writes: Writes;
  /** `secretbox`, `kms v2`, `identity`; `none` where no entry is about it. */
  readonly provider: string;
  /** The name of the key that writes, or of the plugin of a kms provider; empty where there is none. */
  readonly key: string;
  /** Providers that only read, in their order. */
  readonly readers: readonly string[];
}

export interface FileVerdict {
  /** Why the API server would refuse the file; empty when it would not. */
  readonly problem: string;
  /** The rule that decides on a resource, `secrets` or `deployments.apps`: the first that is about it. A refused file covers nothing. */
  decide(resource: string): Decision;
  /** Resources and wildcards that the entries name, sorted. */
  readonly named: readonly string[];
}

/** Providers that count as strong; aesgcm asks for rotation of its key that nobody can see. */
export function strengthOf(provider: string): Writes {
  if (provider === 'identity') return 'plain';
  return ['aescbc', 'secretbox', 'kms'].includes(provider) ? 'strong' : 'weak';
}

/** `secretbox`, `kms v2`: the version of a kms provider is v1 where none is given. */
function describe(provider: Json): string {
  const name = providerName(provider) ?? '';
  return name === 'kms' ? `kms ${textAt(provider, 'kms', 'apiVersion') || 'v1'}` : name;
}

/** `secrets.` is `secrets`: a resource of the core group. */
function normalize(resource: string): string {
  return resource.endsWith('.') && resource !== '*.' ? resource.slice(0, -1) : resource;
}

/** Names of rules that can be about a resource, the nearest first. */
function rulesFor(resource: string): readonly string[] {
  const dot = resource.indexOf('.');
  return [resource, dot === -1 ? '*.' : `*${resource.slice(dot)}`, '*.*'];
}

const uncovered: Decision = { covers: false, writes: 'plain', provider: 'none', key: '', readers: [] };

/** `loader`: the server that would load it, as far as that is known. */
export function judgeFile(object: StoredObject, loader: Loader = {}): FileVerdict {
  const entries = listAt(object.body, 'resources');
  const problem = whyRefused(object.body, loader);
  const rules = new Map<string, Json[]>();
  for (const entry of problem === '' ? entries : []) {
    for (const resource of listAt(entry, 'resources')) {
      if (typeof resource !== 'string') continue;
      // Wildcards came with 1.27; before, they were names of resources that do not exist.
      if (resource.startsWith('*.') && !isAfter(loader.version, 27)) continue;
      const name = normalize(resource);
      // Entries about one resource add up: the first one's first provider writes, all of them read.
      rules.set(name, [...(rules.get(name) ?? []), ...listAt(entry, 'providers')]);
    }
  }
  const decide = (resource: string): Decision => {
    const name = rulesFor(normalize(resource)).find((rule) => rules.has(rule));
    const [first, ...others] = (name === undefined ? undefined : rules.get(name)) ?? [];
    if (first === undefined) return uncovered;
    const provider = providerName(first) ?? '';
    const key = textAt(provider === 'kms' ? at(first, provider) : listAt(first, provider, 'keys')[0], 'name') ?? '';
    return { covers: true, writes: strengthOf(provider), provider: describe(first), key, readers: others.map(describe) };
  };
  return { problem, decide, named: [...rules.keys()].sort() };
}

/** What was found about one key; undefined fields of `material` where nobody looked. */
export interface FileKey {
  /** `secretbox key k1`. */
  readonly name: string;
  readonly bits: number | null | undefined;
  readonly guessable: boolean;
  readonly text: boolean;
  readonly repeated: boolean;
}

/** Keys of several entries can have one name and not be the same. */
function shorter(one: FileKey['bits'], other: FileKey['bits']): FileKey['bits'] {
  if (one === undefined || other === undefined) return undefined;
  return one === null || other === null ? null : Math.min(one, other);
}

/** Each key once, also where it serves several entries. */
export function keysOf(object: StoredObject): readonly FileKey[] {
  const found = new Map<string, FileKey>();
  for (const provider of listAt(object.body, 'resources').flatMap((entry) => listAt(entry, 'providers'))) {
    const type = providerName(provider) ?? '';
    for (const key of listAt(provider, type, 'keys')) {
      const name = `${type} key ${textAt(key, 'name') ?? ''}`;
      const material = isObject(key) && isObject(key['material']) ? key['material'] : {};
      const { bits, guessable, text, repeated } = material;
      const isLookedAt = [guessable, text, repeated].every((each) => typeof each === 'boolean');
      const seen = found.get(name);
      const length = isLookedAt && (typeof bits === 'number' || bits === null) ? bits : undefined;
      found.set(name, {
        name,
        bits: seen === undefined ? length : shorter(seen.bits, length),
        guessable: guessable === true || seen?.guessable === true,
        text: text === true || seen?.text === true,
        repeated: repeated === true || seen?.repeated === true,
      });
    }
  }
  return [...found.values()];
}
