/** Every namespace with its labels, among them the levels of Pod Security admission. */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const namespaces: Collector = {
  kind: 'k8s.namespaces',
  version: 1,
  title: 'Namespaces',
  listings: [
    apiListing({
      kind: 'k8s.namespaces/namespaces',
      group: '',
      version: 'v1',
      resource: 'namespaces',
      type: 'Namespace',
      withoutIt: 'Pod Security levels, isolation and the coverage of everything that is listed per namespace cannot be assessed',
      keep: [{ path: 'metadata.annotations', as: 'annotations' }, 'status.phase'],
    }),
  ],
};
