/** Every namespace, with how many workloads are in it. */
import type { Population } from '../model/index.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';
import { podListings, summarizeWorkloads } from './pod-specs.ts';

/** Namespaces that Kubernetes itself makes for its own parts. `default` is not one: people work there. */
export const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

export const namespaces: Population = {
  name: 'namespaces',
  doc: 'A namespace, with the number of its pods and workload templates',
  from: ['k8s.namespaces/namespaces', ...podListings],
  *rows(input) {
    const { countIn } = summarizeWorkloads(input);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.namespaces/namespaces')) {
      yield {
        item: unique(segment(object.name)),
        resource: resourceOf(object),
        evidence: [object.id],
        namespace: object.name,
        system: systemNamespaces.includes(object.name),
        workloads: countIn.get(object.name) ?? 0,
        hasWorkloads: countIn.has(object.name),
      };
    }
  },
};
