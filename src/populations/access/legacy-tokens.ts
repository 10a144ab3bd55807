/** Secrets of type service-account-token: tokens that never expire. Collected only when the inventory of Secrets is switched on. */
import type { ListingKind, Population, PopulationInput } from '../../model/index.ts';
import { at, listAt } from '../../model/index.ts';
import { nameOf, resourceOf, segment, uniqueKeys } from '../identity.ts';

function keysOf(input: PopulationInput, kind: ListingKind): ReadonlySet<string> {
  return new Set([...input.each(kind)].map((object) => nameOf('Secret', object.namespace, object.name)));
}

export const legacyTokens: Population = {
  name: 'legacyTokens',
  doc: 'A Secret with a token of a service account that never expires',
  from: ['k8s.secrets/service-account-tokens'],
  also: ['k8s.secrets/legacy-token-last-used', 'k8s.secrets/legacy-token-invalid-since'],
  *rows(input) {
    const used = keysOf(input, 'k8s.secrets/legacy-token-last-used');
    const invalid = keysOf(input, 'k8s.secrets/legacy-token-invalid-since');
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
        invalid: invalid.has(key),
      };
    }
  },
};
