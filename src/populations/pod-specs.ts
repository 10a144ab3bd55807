/**
 * Every pod, and every workload template that has no pod at the moment: together they are what runs or can start to run, each once. A
 * template counts through the pods that its controller owns, so a ReplicaSet of a Deployment and a Job of a CronJob count with their owner.
 */
import type { EvidenceReader, Json, JsonObject, ListingKind, PopulationInput, StoredObject } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';
import { nameOf, segment, uniqueKeys } from './identity.ts';

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

const remembered = new WeakMap<EvidenceReader, readonly PodSpec[]>();
/** Larger clusters stream, once for each population. */
const mostRemembered = 20_000;

/** Pods first, then the templates. Several populations ask, so those of a moderately large snapshot are kept. */
export function readPodSpecs(input: PopulationInput): Iterable<PodSpec> {
  // Each population still says which evidence it stands on.
  const items = podListings.reduce((sum, kind) => sum + (input.listing(kind)?.items ?? 0), 0);
  if (items > mostRemembered) return eachPodSpec(input);
  const known = remembered.get(input.reader) ?? [...eachPodSpec(input)];
  remembered.set(input.reader, known);
  return known;
}

/** Streams; holds one entry per controller in memory. */
function* eachPodSpec(input: PopulationInput): Iterable<PodSpec> {
  const unique = uniqueKeys();
  // Controllers that have a pod, by uid, or by name for those whose uid is not known (manifests).
  const busy = new Set<string>();
  const nameKey = (kind: string, namespace: string, name: string) => `${kind}/${segment(namespace)}/${segment(name)}`;
  const markOwner = (object: StoredObject) => {
    const owner = controllerOf(object);
    // Pods of one ReplicaSet are neighbours more often than not.
    if (owner === undefined || (owner.uid !== '' && busy.has(owner.uid))) return owner;
    busy.add(owner.uid);
    busy.add(nameKey(owner.kind, object.namespace, owner.name));
    return owner;
  };
  const isBusy = (object: StoredObject) =>
    object.uid === '' ? busy.has(nameKey(object.type, object.namespace, object.name)) : busy.has(object.uid);

  for (const pod of input.each('k8s.pods/pods')) {
    const owner = markOwner(pod);
    yield {
      object: pod,
      key: unique(`${segment(pod.namespace)}/${segment(pod.name)}`),
      namespace: pod.namespace,
      workload: owner === undefined || owner.kind === 'Node' ? `Pod/${pod.name}` : `${owner.kind}/${owner.name}`,
      template: false,
      mirror: isMirrorPod(pod),
      spec: objectAt(pod.body, 'spec'),
      metadata: objectAt(pod.body, 'metadata'),
    };
  }
  // The kinds that own pods themselves come before those that own them through a ReplicaSet or Job.
  for (const kind of podListings.slice(1)) {
    for (const object of input.each(kind)) {
      const has = isBusy(object);
      if (has) markOwner(object);
      const owner = controllerOf(object);
      const template = templateOf(object);
      if (has || !isObject(template?.['spec']) || (owner !== undefined && (owner.kind === 'Deployment' || owner.kind === 'CronJob')))
        continue;
      yield {
        object,
        key: unique(nameOf(object.type, object.namespace, object.name).replace(/^([^/]+)\/([^/]+)\//, '$2/$1/')),
        namespace: object.namespace,
        workload: `${object.type}/${object.name}`,
        template: true,
        mirror: false,
        spec: objectAt(template, 'spec'),
        metadata: objectAt(template, 'metadata'),
      };
    }
  }
}

/** The account a pod runs as; `default` when it does not say. */
export function accountOf(spec: JsonObject): string {
  return textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount') || 'default';
}

interface WorkloadSummary {
  /** Namespace → how many pods and templates. */
  readonly countIn: ReadonlyMap<string, number>;
  /** `namespace/account` → the workloads that run as it. */
  readonly usersOf: ReadonlyMap<string, ReadonlySet<string>>;
}

const summaries = new WeakMap<EvidenceReader, WorkloadSummary>();

/** Where workloads are and which accounts they use. Several populations ask, so one snapshot's pods are read once for all of them. */
export function summarizeWorkloads(input: PopulationInput): WorkloadSummary {
  for (const kind of podListings) input.listing(kind);
  const known = summaries.get(input.reader);
  if (known !== undefined) return known;
  const countIn = new Map<string, number>();
  const usersOf = new Map<string, Set<string>>();
  for (const { namespace, mirror, spec, workload } of readPodSpecs(input)) {
    countIn.set(namespace, (countIn.get(namespace) ?? 0) + 1);
    if (mirror) continue;
    const account = `${namespace}/${accountOf(spec)}`;
    const users = usersOf.get(account) ?? new Set();
    usersOf.set(account, users.add(workload));
  }
  const summary = { countIn, usersOf };
  summaries.set(input.reader, summary);
  return summary;
}
