/** Every pod and every template without a pod, with what it shares with its node. */
import type { Population, Row } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { accountOf, ofPod, podListings } from './pod-specs.ts';
import { readPodSpecs } from './pod-parts.ts';

const rowOf = ofPod((pod): Row => {
  const flag = (name: string) => at(pod.spec, name) === true;
  return {
    item: pod.key,
    resource: pod.resource,
    evidence: pod.evidence,
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
});

export const pods: Population = {
  name: 'pods',
  doc: 'A pod, or a workload template that has no pod at the moment, with what it shares with its node',
  from: podListings,
  byNamespace: true,
  *rows(input) {
    for (const pod of readPodSpecs(input)) yield rowOf(pod);
  },
};
