/**
 * Every Secret of the inventory, with whether a workload, a service account or an Ingress refers to it. What reads Secrets through the API
 * (controllers, gateways, people) names them nowhere, so a Secret that nothing refers to may be in use all the same.
 */
import type { Gap, ListingKind, Population, PopulationInput } from '../../model/index.ts';
import { isComplete, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { ofPart, readPodParts } from '../workloads/pod-parts.ts';
import { podListings } from '../workloads/pod-specs.ts';
import { groupListing, unreadOf } from './extensions.ts';
import { certManager } from './issued-certificates.ts';
import { sops, storesOfOperator } from './managed-secrets.ts';
import { inventory, readInventory } from './secret-inventory.ts';
import { referencesOfObjects, summarizeReferences } from './secret-references.ts';

const objects: readonly ListingKind[] = ['k8s.serviceaccounts/serviceaccounts', 'k8s.ingresses/ingresses'];

const volumes: ListingKind = 'k8s.storage/persistentvolumes';
const extensions: readonly ListingKind[] = [...storesOfOperator.listings, ...sops.listings, ...certManager.listings];
// core/v1 CSIPersistentVolumeSource.
const driverSecrets = ['controllerExpand', 'controllerPublish', 'nodeExpand', 'nodePublish', 'nodeStage'].map((act) => `${act}SecretRef`);

const podsIn = ofPart(summarizeReferences);

interface Use {
  readonly user: string;
  readonly id: string;
}

interface Users {
  /** By namespace and name of the Secret: the first that refers to it. */
  readonly byName: ReadonlyMap<string, Map<string, Use>>;
  /** Namespaces in which something names a Secret and the name was not kept: why. */
  readonly silent: ReadonlyMap<string, string>;
}

function readUsers(input: PopulationInput): Users {
  const byName = new Map<string, Map<string, Use>>();
  const silent = new Map<string, string>();
  const usesIn = (namespace: string) => {
    let uses = byName.get(namespace);
    if (uses === undefined) byName.set(namespace, (uses = new Map()));
    return uses;
  };
  for (const part of readPodParts(input)) {
    const { users, silent: isSilent } = podsIn(part);
    const uses = usesIn(part.namespace);
    for (const [secret, use] of users) if (!uses.has(secret)) uses.set(secret, use);
    if (isSilent) silent.set(part.namespace, 'a volume of a pod names a Secret that is not kept');
  }
  for (const { namespace, secret, user, evidence } of referencesOfObjects(input.each(...objects))) {
    const uses = usesIn(namespace);
    if (!uses.has(secret)) uses.set(secret, { user, id: evidence[0] ?? '' });
  }
  // What they name is in their own namespace.
  for (const { id, type, namespace, name, body } of input.each(...sops.listings, ...certManager.listings)) {
    const path = type === 'Certificate' ? ['spec', 'secretName'] : ['spec', 'decryption', 'secretRef', 'name'];
    const secret = textAt(body, ...path);
    const uses = usesIn(namespace);
    if (secret !== undefined && !uses.has(secret)) uses.set(secret, { user: `${type}/${name}`, id });
  }
  for (const { id, name, body } of input.each(volumes))
    for (const field of driverSecrets) {
      const [secret, namespace] = ['name', 'namespace'].map((member) => textAt(body, 'spec', 'csi', field, member));
      if (secret === undefined || namespace === undefined) continue;
      const uses = usesIn(namespace);
      if (!uses.has(secret)) uses.set(secret, { user: `PersistentVolume/${name}`, id });
    }
  for (const store of input.each(...storesOfOperator.listings))
    silent.set(store.namespace, `with which Secret ${store.type}/${store.name} signs in to its store is not kept`);
  return { byName, silent };
}

/** What was not read and may refer to a Secret. */
function unread(input: PopulationInput): readonly Gap[] {
  const gaps = [...podListings, ...objects, volumes].flatMap((kind): readonly Gap[] => {
    const listing = input.listing(kind);
    const what = kind.slice(kind.indexOf('/') + 1);
    if (listing !== undefined && isComplete(listing)) return [];
    return listing === undefined || listing.gaps.length === 0 ? [{ reason: 'absent', what, detail: 'not read whole' }] : listing.gaps;
  });
  return [...gaps, ...unreadOf(input, storesOfOperator), ...unreadOf(input, sops)];
}

export const referredSecrets: Population = {
  name: 'referredSecrets',
  doc: 'A Secret of the inventory, with what refers to it',
  from: [inventory, ...podListings, ...objects, volumes, groupListing],
  also: extensions,
  besideNamespace: [volumes, groupListing, ...extensions],
  *rows(input) {
    const { byName, silent } = readUsers(input);
    const gaps = unread(input);
    const certificates = unreadOf(input, certManager);
    const known = readInventory(input);
    const unique = uniqueKeys();
    for (const object of input.each(inventory)) {
      const { namespace, name } = object;
      const use = byName.get(namespace)?.get(name);
      const why = silent.get(namespace) ?? silent.get('');
      const type = textAt(object.body, 'type') ?? '';
      const open: readonly Gap[] = [
        ...(input.reader.scope === 'files' ? known.unknownIn(namespace) : gaps),
        ...(type === 'kubernetes.io/tls' ? certificates : []),
        ...(why === undefined ? [] : [{ reason: 'redacted' as const, what: `users of secrets in ${namespace}`, detail: why }]),
      ];
      yield {
        item: unique(`${segment(namespace)}/${segment(name)}`),
        resource: resourceOf(object),
        evidence: use === undefined ? [object.id] : [object.id, use.id],
        namespace,
        secret: `${namespace}/${name}`,
        type,
        ...(use !== undefined ? { used: true, user: use.user } : open.length > 0 ? { gaps: open, user: '' } : { used: false, user: '' }),
      };
    }
  },
};
