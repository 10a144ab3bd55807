/** Secrets of type service-account-token: tokens that never expire. Collected only when the inventory of Secrets is switched on. */
import type { ListingKind, Population, PopulationInput } from '../../model/index.ts';
import { at, isComplete, listAt, textAt } from '../../model/index.ts';
import { nameOf, resourceOf, segment, uniqueKeys } from '../identity.ts';

function keysOf(input: PopulationInput, kind: ListingKind): ReadonlySet<string> {
  return new Set([...input.each(kind)].map((object) => nameOf('Secret', object.namespace, object.name)));
}

const usedEver: ListingKind = 'k8s.secrets/legacy-token-last-used';
const usedLately: ListingKind = 'k8s.secrets/legacy-token-used-lately';
const invalidated: ListingKind = 'k8s.secrets/legacy-token-invalid-since';
const tracking: ListingKind = 'k8s.kubeadm/configmaps';

function isRead(input: PopulationInput, kind: ListingKind): boolean {
  const listing = input.listing(kind);
  return listing !== undefined && isComplete(listing);
}

/** The day since which the API server notes who uses legacy tokens, as it says itself; empty where that is not known. */
function trackedSince(input: PopulationInput): string {
  for (const { name, body } of input.each(tracking))
    if (name === 'kube-apiserver-legacy-service-account-token-tracking') return textAt(body, 'data', 'since') ?? '';
  return '';
}

/** In words: `within the last 30 days`, `never since 2025-03-01`. Files say nothing of the days before they are read. */
function readUse(input: PopulationInput): (used: boolean, key: string) => string {
  const lately = input.reader.scope === 'cluster' && isRead(input, usedLately) ? keysOf(input, usedLately) : undefined;
  const since = trackedSince(input);
  const isKnown = isRead(input, usedEver);
  return (used, key) => {
    if (!used) return isKnown ? `never${since === '' ? '' : ` since ${since}`}` : 'unknown';
    if (lately === undefined) return 'at some time';
    return lately.has(key) ? 'within the last 30 days' : 'more than 30 days ago';
  };
}

export const legacyTokens: Population = {
  name: 'legacyTokens',
  doc: 'A Secret with a token of a service account that never expires',
  from: ['k8s.secrets/service-account-tokens'],
  also: [usedEver, usedLately, invalidated, tracking],
  *rows(input) {
    const used = keysOf(input, usedEver);
    const invalid = keysOf(input, invalidated);
    const useOf = readUse(input);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.secrets/service-account-tokens')) {
      const key = nameOf('Secret', object.namespace, object.name);
      const [from] = listAt(object.body, 'createdBetween');
      yield {
        item: unique(`${segment(object.namespace)}/${segment(object.name)}`),
        resource: resourceOf(object),
        evidence: [object.id],
        secret: `${object.namespace}/${object.name}`,
        namespace: object.namespace,
        keys: at(object.body, 'keys') ?? 0,
        createdAfter: typeof from === 'string' ? from : 'unknown',
        used: used.has(key),
        lastUse: useOf(used.has(key), key),
        invalid: invalid.has(key),
      };
    }
  },
};
