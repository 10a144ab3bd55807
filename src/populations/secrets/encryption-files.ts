/**
 * An EncryptionConfiguration as the API server reads it (apiserver.config.k8s.io): the first entry that matches secrets decides, and in
 * it the first provider writes. `identity` first means that new Secrets are plain text, whatever follows; `identity` last only reads old ones.
 */
import type { Json, StoredObject } from '../../model/index.ts';
import { isObject, listAt, textAt } from '../../model/index.ts';

/** How new Secrets are written: by an accepted provider, by another one, or not encrypted at all. */
export type Writes = 'strong' | 'weak' | 'plain';

export interface FileVerdict {
  readonly covers: boolean;
  readonly writes: Writes;
  /** The first provider for secrets, or what is wrong. */
  readonly provider: string;
  /** Why the API server would refuse the file; empty when it would not. */
  readonly problem: string;
}

const withKeys = new Set(['aescbc', 'aesgcm', 'secretbox']);

/** Providers that count as strong; aesgcm asks for rotation of its key that nobody can see. */
export function strengthOf(provider: string): Writes {
  if (provider === 'identity') return 'plain';
  return ['aescbc', 'secretbox', 'kms'].includes(provider) ? 'strong' : 'weak';
}

function providerName(provider: Json): string | undefined {
  const names = isObject(provider) ? Object.keys(provider) : [];
  return names.length === 1 ? names[0] : undefined;
}

function problemOfProvider(provider: Json): string {
  const name = providerName(provider);
  if (name === undefined) return 'a provider entry does not name exactly one known provider';
  if (name === 'identity') return '';
  if (name === 'kms') return (textAt(provider, 'kms', 'name') ?? '') === '' ? 'a kms provider has no name' : '';
  if (!withKeys.has(name)) return `there is no provider ${name}`;
  const keys = listAt(provider, name, 'keys').map((key) => textAt(key, 'name') ?? '');
  if (keys.length === 0) return `${name} has no key`;
  if (keys.includes('')) return `a key of ${name} has no name`;
  return new Set(keys).size < keys.length ? `two keys of ${name} have one name` : '';
}

function resourcesOf(entry: Json): readonly Json[] {
  return listAt(entry, 'resources');
}

/** `secrets`, all of the core group, or everything. */
function matchesSecrets(entry: Json): boolean {
  return resourcesOf(entry).some((resource) => resource === 'secrets' || resource === '*.' || resource === '*.*');
}

function problemOf(entries: readonly Json[]): string {
  if (entries.length === 0) return 'it has no resources';
  for (const entry of entries) {
    const resources = resourcesOf(entry);
    if (resources.length === 0) return 'an entry names no resources';
    if (resources.length > 1 && resources.includes('*.*')) return 'an entry names everything beside single resources';
    if (resources.includes('*.') && resources.includes('secrets')) return 'an entry names secrets twice';
    const providers = listAt(entry, 'providers');
    if (providers.length === 0) return 'an entry has no providers';
    for (const provider of providers) {
      const problem = problemOfProvider(provider);
      if (problem !== '') return problem;
    }
  }
  return '';
}

export function judgeFile(object: StoredObject): FileVerdict {
  const entries = listAt(object.body, 'resources');
  const problem = problemOf(entries);
  if (problem !== '') return { covers: false, writes: 'plain', provider: problem, problem };
  const entry = entries.find(matchesSecrets);
  if (entry === undefined) return { covers: false, writes: 'plain', provider: 'none', problem: '' };
  const first = listAt(entry, 'providers')[0] ?? null;
  const name = providerName(first) ?? '';
  const version = name === 'kms' ? ` ${textAt(first, 'kms', 'apiVersion') ?? ''}`.trimEnd() : '';
  return { covers: true, writes: strengthOf(name), provider: `${name}${version}`, problem: '' };
}
