/**
 * What brings Secrets from a store, or out of a repository in which they lie encrypted: which Secret comes from where, and whether it came.
 * Of a store only its kind is kept, never its address or with what it signs in; of an encrypted value only its key. Off unless switched on.
 */
import type { Collector, Keep, ListingDeclaration } from '../model/index.ts';
import { apiListing } from './listing.ts';

const conditions: readonly Keep[] = [
  'status.conditions.lastTransitionTime',
  'status.conditions.reason',
  'status.conditions.status',
  'status.conditions.type',
];

const listing = (group: string, version: string, resource: string, type: string, keep: readonly Keep[]): ListingDeclaration =>
  apiListing({
    kind: `k8s.externalsecrets/${resource}`,
    group,
    version,
    resource,
    type,
    withoutIt: `whether the tool of ${group} brings its Secrets is unknown`,
    keep: [{ path: 'metadata.annotations', as: 'annotations' }, ...keep, ...conditions],
  });

const store: readonly Keep[] = [{ path: 'spec.provider', as: 'names' }];

export const externalsecrets: Collector = {
  kind: 'k8s.externalsecrets',
  version: 1,
  title: 'Secrets from external stores, and encrypted in repositories',
  optIn: true,
  listings: [
    listing('external-secrets.io', 'v1', 'externalsecrets', 'ExternalSecret', [
      'spec.refreshInterval',
      'spec.refreshPolicy',
      'spec.secretStoreRef.kind',
      'spec.secretStoreRef.name',
      'spec.target.creationPolicy',
      'spec.target.deletionPolicy',
      'spec.target.name',
      'status.refreshTime',
    ]),
    listing('external-secrets.io', 'v1', 'secretstores', 'SecretStore', store),
    listing('external-secrets.io', 'v1', 'clustersecretstores', 'ClusterSecretStore', store),
    listing('secrets-store.csi.x-k8s.io', 'v1', 'secretproviderclasses', 'SecretProviderClass', [
      'spec.provider',
      'spec.secretObjects.secretName',
      'spec.secretObjects.type',
    ]),
    listing('bitnami.com', 'v1alpha1', 'sealedsecrets', 'SealedSecret', [
      { path: 'spec.encryptedData', as: 'names' },
      'spec.template.metadata.name',
      'spec.template.type',
    ]),
    listing('kustomize.toolkit.fluxcd.io', 'v1', 'kustomizations', 'Kustomization', [
      'spec.decryption.provider',
      'spec.decryption.secretRef.name',
      'spec.sourceRef.kind',
      'spec.sourceRef.name',
      'spec.suspend',
    ]),
  ],
};
