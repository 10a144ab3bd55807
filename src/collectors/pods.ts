/** Every pod as it was admitted, mirror pods of the control plane included, with the digests of the images that run. */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';
import { podSpecKeep } from './pod-spec.ts';

export const pods: Collector = {
  kind: 'k8s.pods',
  version: 2,
  title: 'Pods',
  listings: [
    apiListing({
      kind: 'k8s.pods/pods',
      group: '',
      version: 'v1',
      resource: 'pods',
      type: 'Pod',
      withoutIt: 'pod security, credentials in pods and the flags of control-plane pods cannot be assessed',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        ...podSpecKeep('spec'),
        'status.phase',
        ...['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'].flatMap((list) => [
          `status.${list}.name`,
          `status.${list}.imageID`,
        ]),
      ],
    }),
  ],
};
