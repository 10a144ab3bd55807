/** Every pod and every template without a pod, with what it shares with its node. */
import type { Population } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';
import { resourceOf } from './identity.ts';
import { accountOf, podListings, readPodSpecs } from './pod-specs.ts';

export const pods: Population = {
  name: 'pods',
  doc: 'A pod, or a workload template that has no pod at the moment, with what it shares with its node',
  from: podListings,
  *rows(input) {
    for (const pod of readPodSpecs(input)) {
      const flag = (name: string) => at(pod.spec, name) === true;
      yield {
        item: pod.key,
        resource: resourceOf(pod.object),
        evidence: [pod.object.id],
        namespace: pod.namespace,
        workload: pod.workload,
        template: pod.template,
        mirror: pod.mirror,
        account: accountOf(pod.spec),
        hostNetwork: flag('hostNetwork'),
        hostPID: flag('hostPID'),
        hostIPC: flag('hostIPC'),
        sysctls: listAt(pod.spec, 'securityContext', 'sysctls').map((sysctl) => textAt(sysctl, 'name') ?? ''),
        hostPaths: listAt(pod.spec, 'volumes').flatMap((volume) => {
          const path = at(volume, 'hostPath');
          return isObject(path) ? [textAt(path, 'path') ?? ''] : [];
        }),
      };
    }
  },
};
