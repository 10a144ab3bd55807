/**
 * The inventory of Secrets, asked by name. It is complete only for the namespaces that were asked: of another, and among files that are
 * never the whole cluster, nobody can say that a Secret is missing.
 */
import type { Gap, ListingKind, PopulationInput, StoredListing, StoredObject } from '../../model/index.ts';

export const inventory: ListingKind = 'k8s.secrets/secrets';
const asked = /^\/api\/v1\/namespaces\/([^/?]+)\/secrets(?:\?|$)/;

export interface SecretInventory {
  find(namespace: string, name: string): StoredObject | undefined;
  /** Why a Secret that is not found in this namespace may be there all the same; empty when it is known not to be. */
  unknownIn(namespace: string): readonly Gap[];
}

export function readInventory(input: PopulationInput): SecretInventory {
  const byNamespace = new Map<string, Map<string, StoredObject>>();
  for (const secret of input.each(inventory)) {
    const known = byNamespace.get(secret.namespace);
    if (known === undefined) byNamespace.set(secret.namespace, new Map([[secret.name, secret]]));
    else known.set(secret.name, secret);
  }
  const listing = input.listing(inventory);
  const unknownIn = listing === undefined ? () => absent : unknownOf(listing);
  return {
    find: (namespace, name) => byNamespace.get(namespace)?.get(name),
    unknownIn: input.reader.scope === 'files' ? () => fromFiles : unknownIn,
  };
}

function unknownOf(listing: StoredListing): SecretInventory['unknownIn'] {
  const general = listing.gaps.filter(({ what }) => !what.startsWith('secrets in '));
  const requests = new Map(listing.requests.map((request) => [asked.exec(request.path)?.[1] ?? '', request]));
  // Evidence of another origin has no request by namespace: an example, say.
  const isWhole = [...requests.keys()].every((namespace) => namespace === '');
  return (namespace) => {
    const own = listing.gaps.filter(({ what }) => what === `secrets in ${namespace}`);
    if (general.length + own.length > 0) return [...general, ...own];
    const request = requests.get(isWhole ? '' : namespace);
    if (!isWhole && request?.status !== 200) return [notAsked(namespace)];
    return request?.consistency === 'inconsistent' ? stale : [];
  };
}

const stale: readonly Gap[] = [
  {
    reason: 'stale',
    what: 'secrets',
    detail: 'the list expired while it was read, so its pages are not from one moment',
    closedBy: 'collect again',
  },
];
// What was not read at all is a gap of whoever reads the inventory, and said in the same words.
const absent: readonly Gap[] = [
  {
    reason: 'absent',
    what: 'secrets',
    detail: 'not collected in this run',
    closedBy: 'collect secrets; "kubevidence doctor" says which right or option is missing',
  },
];
const fromFiles: readonly Gap[] = [
  {
    reason: 'absent',
    what: 'secrets',
    detail: 'files are not the whole cluster',
    closedBy: 'collect from the cluster, with the secrets collector on',
  },
];

function notAsked(namespace: string): Gap {
  return {
    reason: 'absent',
    what: `secrets in ${namespace}`,
    detail: 'this namespace was not asked for its Secrets',
    closedBy: 'add the namespace to collectors.secrets.namespaces',
  };
}
