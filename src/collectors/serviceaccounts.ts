/** Every service account: whether its token is mounted, and which Secrets it names. */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const serviceaccounts: Collector = {
  kind: 'k8s.serviceaccounts',
  version: 1,
  title: 'Service accounts',
  listings: [
    apiListing({
      kind: 'k8s.serviceaccounts/serviceaccounts',
      group: '',
      version: 'v1',
      resource: 'serviceaccounts',
      type: 'ServiceAccount',
      withoutIt: 'mounted tokens and accounts without a user cannot be assessed',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        'automountServiceAccountToken',
        'secrets.name',
        'secrets.namespace',
        'imagePullSecrets.name',
      ],
    }),
  ],
};
