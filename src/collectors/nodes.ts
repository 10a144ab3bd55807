/**
 * Every node: which versions it runs and how it is labelled. Heartbeats, conditions, capacity and images are left out: they change all
 * the time and no control stands on them.
 */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const nodes: Collector = {
  kind: 'k8s.nodes',
  version: 1,
  title: 'Nodes',
  listings: [
    apiListing({
      kind: 'k8s.nodes/nodes',
      group: '',
      version: 'v1',
      resource: 'nodes',
      type: 'Node',
      withoutIt: 'node versions are unknown, and control-plane flags cannot be tied to control-plane nodes',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        'spec.providerID',
        'spec.taints',
        'spec.unschedulable',
        'status.addresses',
        'status.nodeInfo.architecture',
        'status.nodeInfo.containerRuntimeVersion',
        'status.nodeInfo.kernelVersion',
        'status.nodeInfo.kubeletVersion',
        'status.nodeInfo.operatingSystem',
        'status.nodeInfo.osImage',
      ],
    }),
  ],
};
