/**
 * Migrations of stored objects: that all objects of a resource were read and written again, and when. Beta since 1.35, and off there unless
 * somebody switches it on: where the API is not served, nothing is lost but this one proof.
 */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const storageMigrations: Collector = {
  kind: 'k8s.storagemigrations',
  version: 1,
  title: 'Migrations of stored objects',
  listings: [
    apiListing({
      kind: 'k8s.storagemigrations/storageversionmigrations',
      group: 'storagemigration.k8s.io',
      version: 'v1beta1',
      resource: 'storageversionmigrations',
      type: 'StorageVersionMigration',
      withoutIt: 'whether Secrets were rewritten after encryption changed is known only after a restart of the API servers',
      keep: [
        'spec.resource.group',
        'spec.resource.resource',
        'status.conditions.lastTransitionTime',
        'status.conditions.reason',
        'status.conditions.status',
        'status.conditions.type',
      ],
    }),
  ],
};
