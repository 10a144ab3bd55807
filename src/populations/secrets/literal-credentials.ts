/**
 * Credentials in clear outside of containers: in ConfigMaps, and in annotations, where `last-applied-configuration` repeats what somebody
 * took out of the object since. A row says where, and which rule recognised it; the text itself was never kept.
 */
import type { Json, ListingKind, Population, PopulationInput, Row } from '../../model/index.ts';
import { at, isMarker, isObject } from '../../model/index.ts';
import { resourceOf, segment, subjectSegment, uniqueKeys } from '../identity.ts';
import { readPodSpecs } from '../workloads/pod-parts.ts';
import { podListings } from '../workloads/pod-specs.ts';

interface Found {
  readonly key: string;
  readonly rule: string;
}

/** The entries of a map whose value a rule recognised. */
function found(map: Json | undefined): readonly Found[] {
  if (!isObject(map)) return none;
  let all: Found[] | undefined;
  for (const [key, value] of Object.entries(map))
    if (isMarker(value) && value.credential !== undefined) (all ??= []).push({ key, rule: value.credential });
  return all ?? none;
}

const none: readonly Found[] = [];

export const configMaps: Population = {
  name: 'configMaps',
  doc: 'A ConfigMap, with the keys under which a rule recognised a credential',
  from: ['k8s.configmaps/configmaps'],
  byNamespace: true,
  *rows(input) {
    const unique = uniqueKeys();
    for (const object of input.each('k8s.configmaps/configmaps')) {
      const binary = at(object.body, 'binaryData');
      yield {
        item: unique(`${segment(object.namespace)}/${segment(object.name)}`),
        resource: resourceOf(object),
        evidence: [object.id],
        namespace: object.namespace,
        configMap: `${object.namespace}/${object.name}`,
        credentials: [
          ...found(at(object.body, 'data')).map(({ key, rule }) => `${key} (${rule})`),
          // What kubectl applied stays there when it is gone from the data.
          ...found(at(object.body, 'metadata', 'annotations')).map(({ key, rule }) => `annotation ${key} (${rule})`),
        ],
        binaryKeys: isObject(binary) ? Object.keys(binary) : [],
      };
    }
  },
};

/** Objects with annotations beside pods and templates; a ReplicaSet has those of its Deployment. */
const annotated: readonly ListingKind[] = [
  'k8s.workloads/deployments',
  'k8s.workloads/statefulsets',
  'k8s.workloads/daemonsets',
  'k8s.workloads/cronjobs',
  'k8s.workloads/jobs',
  'k8s.serviceaccounts/serviceaccounts',
  'k8s.services/services',
  'k8s.ingresses/ingresses',
];

type Place = Pick<Row, 'resource' | 'evidence'> & { readonly namespace: string; readonly holder: string; readonly key: string };

function* places(input: PopulationInput): Iterable<readonly [Place, readonly Found[]]> {
  for (const pod of readPodSpecs(input)) {
    const { resource, evidence, namespace, workload } = pod;
    const all = found(at(pod.metadata, 'annotations'));
    if (all.length > 0) yield [{ resource, evidence, namespace, holder: `pods of ${workload}`, key: `pods of ${workload}` }, all];
  }
  for (const object of input.each(...annotated)) {
    const all = found(at(object.body, 'metadata', 'annotations'));
    const { type, namespace, name, id } = object;
    const key = `${type}/${segment(name)}`;
    if (all.length > 0) yield [{ resource: resourceOf(object), evidence: [id], namespace, holder: `${type}/${name}`, key }, all];
  }
}

export const annotationCredentials: Population = {
  name: 'annotationCredentials',
  doc: 'An annotation of a pod, workload, service account, Service or Ingress, in which a rule recognised a credential',
  from: [...podListings, ...annotated.filter((kind) => !podListings.includes(kind))],
  byNamespace: true,
  *rows(input) {
    const unique = uniqueKeys();
    const seen = new Set<string>();
    for (const [{ namespace, holder, key: held, ...place }, all] of places(input))
      for (const { key, rule } of all) {
        // A `/` is common in the name of an annotation, and stands at the end.
        const item = `${segment(namespace)}/${held}/${subjectSegment(key)}`;
        // Pods of one workload have the annotations of their template.
        const same = JSON.stringify([namespace, held, key, rule]);
        if (seen.has(same)) continue;
        seen.add(same);
        yield { item: unique(item), ...place, namespace, holder, annotation: key, rule };
      }
  },
};
