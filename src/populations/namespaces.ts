/** Every namespace: how many workloads are in it, and the Pod Security level that it enforces. */
import type { Population } from '../model/index.ts';
import { textAt } from '../model/index.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';
import { podListings, readPodSpecs } from './pod-specs.ts';

/** Namespaces that Kubernetes itself makes for its own parts. `default` is not one: people work there. */
export const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

const levels: ReadonlySet<string> = new Set(['privileged', 'baseline', 'restricted']);

export const namespaces: Population = {
  name: 'namespaces',
  doc: 'A namespace, with the number of its pods and workload templates and the Pod Security level that it enforces',
  from: ['k8s.namespaces/namespaces', ...podListings],
  *rows(input) {
    const workloads = new Map<string, number>();
    for (const pod of readPodSpecs(input)) workloads.set(pod.namespace, (workloads.get(pod.namespace) ?? 0) + 1);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.namespaces/namespaces')) {
      const label = textAt(object.body, 'metadata', 'labels', 'pod-security.kubernetes.io/enforce') ?? '';
      yield {
        item: unique(segment(object.name)),
        resource: resourceOf(object),
        evidence: [object.id],
        namespace: object.name,
        system: systemNamespaces.includes(object.name),
        workloads: workloads.get(object.name) ?? 0,
        hasWorkloads: workloads.has(object.name),
        // A level that admission does not know is refused by the API server, so it can only stand in a file: it enforces nothing.
        enforces: levels.has(label) ? label : '',
        enforcesVersion: textAt(object.body, 'metadata', 'labels', 'pod-security.kubernetes.io/enforce-version') ?? '',
      };
    }
  },
};
