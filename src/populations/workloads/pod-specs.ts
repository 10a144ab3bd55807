/**
 * Every pod, and every workload template that has no pod at the moment: together they are what runs or can start to run, each once. A
 * template counts through the pods that its controller owns, so a ReplicaSet of a Deployment and a Job of a CronJob count with their owner.
 */
import type { Json, JsonObject, ListingKind, ResourceRef, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { nameOf, resourceOf, segment, uniqueKeys } from '../identity.ts';

export const podListings: readonly ListingKind[] = [
  'k8s.pods/pods',
  'k8s.workloads/replicasets',
  'k8s.workloads/jobs',
  'k8s.workloads/deployments',
  'k8s.workloads/statefulsets',
  'k8s.workloads/daemonsets',
  'k8s.workloads/cronjobs',
];

export interface PodSpec {
  readonly object: StoredObject;
  /** How rows name the object, and what they stand on. */
  readonly resource: ResourceRef;
  readonly evidence: readonly string[];
  /** `namespace/pod`, `namespace/Deployment/name`. Unique. */
  readonly key: string;
  readonly namespace: string;
  /** What a person would change: `Deployment/web` for a template, `ReplicaSet/web-5d4` or `Pod/web` for a pod. */
  readonly workload: string;
  readonly template: boolean;
  /** A static pod as the API server mirrors it: it has no account and no token. */
  readonly mirror: boolean;
  readonly spec: JsonObject;
  /** Labels and annotations of the pod, or those that the template gives its pods. */
  readonly metadata: JsonObject;
  /** What follows from the members above alone, by who made it: see {@link ofPod}. */
  readonly made?: Map<unknown, unknown>;
}

/** Makes something of a pod that depends on nothing else: once for a pod of a remembered list, as long as its object is held. */
export function ofPod<T>(make: (pod: PodSpec) => T): (pod: PodSpec) => T {
  return (pod) => {
    const { made } = pod;
    if (made === undefined) return make(pod);
    let known = made.get(make) as T | undefined;
    if (known === undefined) made.set(make, (known = make(pod)));
    return known;
  };
}

function controllerOf(object: StoredObject): { readonly kind: string; readonly name: string; readonly uid: string } | undefined {
  const owner = listAt(object.body, 'metadata', 'ownerReferences').find((reference) => at(reference, 'controller') === true);
  if (owner === undefined) return undefined;
  return { kind: textAt(owner, 'kind') ?? '', name: textAt(owner, 'name') ?? '', uid: textAt(owner, 'uid') ?? '' };
}

export function isMirrorPod(pod: StoredObject): boolean {
  return textAt(pod.body, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined;
}

function templateOf(object: StoredObject): JsonObject | undefined {
  const template = at(object.body, ...(object.type === 'CronJob' ? ['spec', 'jobTemplate', 'spec', 'template'] : ['spec', 'template']));
  return isObject(template) ? template : undefined;
}

function objectAt(value: Json, key: string): JsonObject {
  const found = at(value, key);
  return isObject(found) ? found : {};
}

/** What follows from one object alone. */
interface Seed {
  /** Null for what is neither a pod nor a template that can run by itself. */
  readonly pod: PodSpec | null;
  /** The keys by which the object, and its controller, are known as having a pod. */
  readonly self: string;
  readonly owner: readonly string[];
}

// An owner is in the same namespace (Kubernetes' garbage collector); what names another one makes nothing there busy.
const uidKey = (namespace: string, uid: string) => `${namespace} ${uid}`;
const nameKey = (kind: string, namespace: string, name: string) => `${kind}/${segment(namespace)}/${segment(name)}`;

function seedOf(object: StoredObject, made?: Map<unknown, unknown>): Seed {
  const { type, namespace, name, uid } = object;
  const owner = controllerOf(object);
  const common = { object, resource: resourceOf(object), evidence: [object.id], namespace, ...(made && { made }) };
  const template = type === 'Pod' ? undefined : templateOf(object);
  const pod: PodSpec | null =
    type === 'Pod'
      ? {
          ...common,
          key: `${segment(namespace)}/${segment(name)}`,
          workload: owner === undefined || owner.kind === 'Node' ? `Pod/${name}` : `${owner.kind}/${owner.name}`,
          template: false,
          mirror: isMirrorPod(object),
          spec: objectAt(object.body, 'spec'),
          metadata: objectAt(object.body, 'metadata'),
        }
      : !isObject(template?.['spec']) || (owner !== undefined && (owner.kind === 'Deployment' || owner.kind === 'CronJob'))
        ? null
        : {
            ...common,
            key: nameOf(type, namespace, name).replace(/^([^/]+)\/([^/]+)\//, '$2/$1/'),
            workload: `${type}/${name}`,
            template: true,
            mirror: false,
            spec: objectAt(template, 'spec'),
            metadata: objectAt(template, 'metadata'),
          };
  return {
    pod,
    // The uid of what comes from a file is not known.
    self: uid === '' ? nameKey(type, namespace, name) : uidKey(namespace, uid),
    owner: owner === undefined ? [] : [uidKey(namespace, owner.uid), nameKey(owner.kind, namespace, owner.name)],
  };
}

/** Whoever reads one snapshot after the other gives the same objects again, and so has the same pods. */
const seeds = new WeakMap<StoredObject, Seed>();

function sameSeed(object: StoredObject): Seed {
  let seed = seeds.get(object);
  if (seed === undefined) seeds.set(object, (seed = seedOf(object, new Map())));
  return seed;
}

/** What runs among some objects: the pods of objects that were asked about before are the very same. */
export function rememberedPods(objects: (kind: ListingKind) => Iterable<StoredObject>): readonly PodSpec[] {
  return [...eachPodSpec(objects, sameSeed)];
}

/** What runs among some objects that nobody gives again: to remember hundreds of thousands by them costs more than to read them. */
export function passingPods(objects: (kind: ListingKind) => Iterable<StoredObject>): readonly PodSpec[] {
  return [...eachPodSpec(objects, (object) => seedOf(object, new Map()))];
}

/** Pods first, then the templates. Streams; holds a few texts per controller in memory. */
export function* eachPodSpec(
  objects: (kind: ListingKind) => Iterable<StoredObject>,
  seed: (object: StoredObject) => Seed = (object) => seedOf(object),
): Iterable<PodSpec> {
  const unique = uniqueKeys();
  // Controllers that have a pod.
  const busy = new Set<string>();
  // The kinds that own pods themselves come before those that own them through a ReplicaSet or Job.
  for (const kind of podListings) {
    for (const object of objects(kind)) {
      const { pod, self, owner } = seed(object);
      const runs = kind !== 'k8s.pods/pods' && busy.has(self);
      if (runs || kind === 'k8s.pods/pods') for (const key of owner) busy.add(key);
      if (pod === null || runs) continue;
      const key = unique(pod.key);
      yield key === pod.key ? pod : { ...pod, key, ...(pod.made && { made: new Map() }) };
    }
  }
}

/** The account a pod runs as; `default` when it does not say. */
export function accountOf(spec: JsonObject): string {
  return textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount') || 'default';
}
