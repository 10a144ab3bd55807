/** Every NetworkPolicy, whole: it holds selectors, ports and address ranges only. */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const networkpolicies: Collector = {
  kind: 'k8s.networkpolicies',
  version: 1,
  title: 'Network policies',
  listings: [
    apiListing({
      kind: 'k8s.networkpolicies/networkpolicies',
      group: 'networking.k8s.io',
      version: 'v1',
      resource: 'networkpolicies',
      type: 'NetworkPolicy',
      withoutIt: 'segmentation between workloads cannot be assessed',
      keep: [{ path: 'metadata.annotations', as: 'annotations' }, 'spec.podSelector', 'spec.policyTypes', 'spec.ingress', 'spec.egress'],
    }),
  ],
};
