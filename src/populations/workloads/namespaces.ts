/** Every namespace, with how many workloads are in it and what is written on it. */
import type { Json, JsonObject, Population } from '../../model/index.ts';
import { at, isObject } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { summarizeWorkloads } from './pod-parts.ts';
import { podListings } from './pod-specs.ts';

/** Namespaces that Kubernetes itself makes for its own parts. `default` is not one: people work there. */
export const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

function textsOf(map: Json | undefined): JsonObject {
  return isObject(map) ? Object.fromEntries(Object.entries(map).filter(([, value]) => typeof value === 'string')) : {};
}

/** Keys that have a value, kept or not. */
function namesOf(map: Json | undefined): readonly string[] {
  return isObject(map) ? Object.keys(map).filter((key) => map[key] !== '' && map[key] !== null) : [];
}

export const namespaces: Population = {
  name: 'namespaces',
  doc: 'A namespace, with the number of its pods and workload templates',
  from: ['k8s.namespaces/namespaces', ...podListings],
  besideNamespace: [],
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
        workloads: countIn(object.name),
        hasWorkloads: countIn(object.name) > 0,
        labels: textsOf(at(object.body, 'metadata', 'labels')),
        // Their values are not kept.
        annotations: namesOf(at(object.body, 'metadata', 'annotations')),
      };
    }
  },
};
