/**
 * Which listings an object from a file belongs to, and as what. An API listing can be narrower than its kind (one namespace, one label),
 * so a file source must select as the server would; and a Secret becomes its summary here, before anything else sees it.
 */
import type { ListingDeclaration, ListingKind, RawObject } from '../model/index.ts';
import { isObject, textAt } from '../model/index.ts';
import { isReplicaSlice } from './apiservers.ts';
import { withKeyFacts } from './encryption-keys.ts';
import { expandConfigMap, isKubeadmConfigMap } from './kubeadm.ts';
import { isNodeEvidence, nodeItems } from './node-evidence.ts';
import { secretSummary } from './secrets.ts';

const label = (object: RawObject, name: string) => textAt(object, 'metadata', 'labels', name);

/** Listings that ask for less than all objects of their kind: what the server's selector would answer. */
const selects: Readonly<Partial<Record<ListingKind, (object: RawObject) => boolean>>> = {
  'k8s.cluster/identity': (object) => textAt(object, 'metadata', 'name') === 'kube-system',
  'k8s.apiserver/flagz': (object) => object['replica'] === undefined,
  'k8s.apiserver/statusz': (object) => object['replica'] === undefined,
  'k8s.apiservers/endpointslices': isReplicaSlice,
  'k8s.apiservers/flagz': (object) => object['replica'] !== undefined,
  'k8s.apiservers/statusz': (object) => object['replica'] !== undefined,
  'k8s.apiserver/leases': (object) =>
    textAt(object, 'metadata', 'namespace') === 'kube-system' && label(object, 'apiserver.kubernetes.io/identity') === 'kube-apiserver',
  'k8s.kubeadm/configmaps': isKubeadmConfigMap,
  'k8s.secrets/service-account-tokens': (object) => object['type'] === 'kubernetes.io/service-account-token',
  'k8s.secrets/legacy-token-last-used': (object) => label(object, 'kubernetes.io/legacy-token-last-used') !== undefined,
  // A file says nothing of the day on which it is looked at.
  'k8s.secrets/legacy-token-used-lately': () => false,
  'k8s.secrets/legacy-token-invalid-since': (object) => label(object, 'kubernetes.io/legacy-token-invalid-since') !== undefined,
  'k8s.secrets/external-secrets': (object) => label(object, 'reconcile.external-secrets.io/managed') === 'true',
  'k8s.secrets/secrets-store': (object) => label(object, 'secrets-store.csi.k8s.io/managed') === 'true',
  'k8s.secrets/vault-secrets': (object) => label(object, 'app.kubernetes.io/managed-by') === 'hashicorp-vso',
};

/** A Secret without its values: they are not copied, and the caller drops the object that held them. */
function summarize(secret: RawObject): RawObject {
  const keys = new Set(['data', 'stringData'].flatMap((field) => Object.keys(isObject(secret[field]) ? secret[field] : {})));
  const created = textAt(secret, 'metadata', 'creationTimestamp');
  const exact = created === undefined || Number.isNaN(Date.parse(created)) ? undefined : new Date(created);
  const month = (date: Date, add: number) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + add, 1)).toISOString();
  return secretSummary(
    textAt(secret, 'metadata', 'name') ?? '',
    textAt(secret, 'metadata', 'namespace') ?? '',
    textAt(secret, 'type') ?? 'Opaque',
    keys.size,
    exact === undefined ? null : [month(exact, 0), month(exact, 1)],
  );
}

export interface FileItem {
  readonly listing: ListingDeclaration;
  /** What the listing's requests would have decoded for this object. */
  readonly item: RawObject;
}

/** Undefined when no listing accepts this kind of object at all; empty when its listings would not have selected this one. */
export function itemsFromFile(object: RawObject, listings: readonly ListingDeclaration[]): readonly FileItem[] | undefined {
  const apiVersion = textAt(object, 'apiVersion') ?? '';
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const accepting = listings.filter((listing) => listing.accepts?.some((kind) => kind.group === group && kind.kind === object['kind']));
  if (accepting.length === 0) return undefined;
  const own = accepting
    .filter((listing) => selects[listing.kind]?.(object) ?? true)
    .map((listing) => ({ listing, item: itemFor(listing.kind, object, group) }));
  return isNodeEvidence(object) ? [...own, ...expanded(object, listings)] : own;
}

/** What a node's document holds besides: only where the listing of its kind is to be filled. */
function expanded(node: RawObject, listings: readonly ListingDeclaration[]): FileItem[] {
  return nodeItems(node).flatMap(({ kind, item }) => {
    const listing = listings.find((each) => each.kind === kind);
    return listing === undefined ? [] : [{ listing, item }];
  });
}

function itemFor(kind: ListingKind, object: RawObject, group: string): RawObject {
  if (kind === 'k8s.kubeadm/configmaps') return expandConfigMap(object);
  if (group === '' && object['kind'] === 'Secret') return summarize(object);
  const item = kind === 'files.encryption/encryptionconfigurations' ? withKeyFacts(object) : object;
  return isObject(item['metadata']) ? item : { ...item, metadata: {} };
}
