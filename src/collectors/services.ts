/** Every Service: how it can be reached, from where, and through which ports of the nodes. */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const services: Collector = {
  kind: 'k8s.services',
  version: 1,
  title: 'Services',
  listings: [
    apiListing({
      kind: 'k8s.services/services',
      group: '',
      version: 'v1',
      resource: 'services',
      type: 'Service',
      withoutIt: 'what can be reached from outside, and whether the services behind webhooks are there, cannot be assessed',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        'spec.allocateLoadBalancerNodePorts',
        'spec.externalIPs',
        'spec.externalName',
        'spec.externalTrafficPolicy',
        'spec.loadBalancerClass',
        'spec.loadBalancerSourceRanges',
        'spec.ports',
        'spec.selector',
        'spec.type',
        'status.loadBalancer.ingress.hostname',
        'status.loadBalancer.ingress.ip',
      ],
    }),
  ],
};
