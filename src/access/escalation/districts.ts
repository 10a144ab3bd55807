/**
 * What a snapshot shows of the pods and workloads of each namespace, small enough to hold. Where one snapshot is read after the other, a
 * namespace whose pods and workloads did not change is not read again: it is the very same district.
 */
import type { EvidenceReader, JsonObject, ListingKind, StoredObject } from '../../model/index.ts';
import { at, isObject, textAt } from '../../model/index.ts';
import type { PodFacts } from './pod-facts.ts';
import { readPod } from './pod-facts.ts';
import { componentOf } from '../api-servers.ts';

/** Kinds of workloads whose template can be changed, with kubectl's name. */
export const workloadKinds: readonly (readonly [ListingKind, string])[] = [
  ['k8s.workloads/deployments', 'deployments.apps'],
  ['k8s.workloads/statefulsets', 'statefulsets.apps'],
  ['k8s.workloads/daemonsets', 'daemonsets.apps'],
  ['k8s.workloads/replicasets', 'replicasets.apps'],
  ['k8s.workloads/cronjobs', 'cronjobs.batch'],
];
const podKind: ListingKind = 'k8s.pods/pods';
/** The template of a Job cannot be changed, but its pods run as somebody. */
const jobKind: ListingKind = 'k8s.workloads/jobs';
/** All that districts are read from. */
export const districtKinds: readonly ListingKind[] = [podKind, ...workloadKinds.map(([kind]) => kind), jobKind];

export type Workloads = ReadonlyMap<string, ReadonlySet<string>>;

export interface District {
  readonly pods: readonly PodFacts[];
  /** Names by kubectl's name of their kind, e.g. `deployments.apps`. */
  readonly workloads: Workloads;
  /** Accounts that pods or templates run as, `namespace/name`. */
  readonly accounts: ReadonlySet<string>;
  /** On which pods of it run. */
  readonly nodes: ReadonlySet<string>;
  /** Static pods of the control plane, by component. */
  readonly components: readonly (readonly [component: string, pod: StoredObject])[];
}

/** Whether an account mounts its token; undefined when it is not known. */
type Automount = (account: string) => boolean | undefined;

/** What is known of a pod without its account, or the pod itself where its account has a say. */
export type HeldPod = KnownPod | StoredObject;

interface KnownPod {
  readonly pod: PodFacts;
  /** That it runs as, `namespace/name`; empty for a static pod. */
  readonly account: string;
  readonly component: string;
  /** Of a pod of the control plane; of others nothing more is asked. */
  readonly object: StoredObject | null;
}

/** Of objects that are let go. */
export function holdPod(object: StoredObject): HeldPod {
  const { known, asked } = factsOf(object, () => undefined);
  return asked ? object : known;
}

/** By namespace, in their order. `held`: the pods, where somebody has read them already. */
export function readDistricts(reader: EvidenceReader, automount: Automount, held?: Iterable<HeldPod>): ReadonlyMap<string, District> {
  const parts = held === undefined ? partsOf(reader) : null;
  return parts === null ? readAll(reader, automount, held) : readParts(parts, automount);
}

type Lists = ReadonlyMap<string, readonly StoredObject[]>;

/** Null where they are not read by namespace, or an object has none. */
function partsOf(reader: EvidenceReader): readonly Lists[] | null {
  const parts: Lists[] = [];
  for (const kind of districtKinds) {
    const lists = reader.parts?.(kind) ?? null;
    if (lists === null || lists.has('')) return null;
    parts.push(lists);
  }
  return parts;
}

/** By the first of the lists that a district was read from. */
const knownDistricts = new WeakMap<readonly StoredObject[], { readonly lists: readonly unknown[]; readonly district: District }>();

function readParts(parts: readonly Lists[], automount: Automount): ReadonlyMap<string, District> {
  const districts = new Map<string, District>();
  for (const namespace of new Set(parts.flatMap((lists) => [...lists.keys()])).keys()) {
    const lists = parts.map((each) => each.get(namespace));
    const key = lists.find((list) => list !== undefined) ?? [];
    const known = knownDistricts.get(key);
    if (known !== undefined && known.lists.every((list, i) => list === lists[i])) {
      districts.set(namespace, known.district);
      continue;
    }
    const survey = new Survey();
    for (const [i, kind] of districtKinds.entries()) for (const object of lists[i] ?? []) survey.take(kind, object, automount);
    districts.set(namespace, survey);
    // What an account decides can change without the pods.
    if (!survey.asked) knownDistricts.set(key, { lists, district: survey });
  }
  return districts;
}

function readAll(reader: EvidenceReader, automount: Automount, held: Iterable<HeldPod> | undefined): ReadonlyMap<string, District> {
  const districts = new Map<string, Survey>();
  const survey = (namespace: string) => {
    let found = districts.get(namespace);
    if (found === undefined) districts.set(namespace, (found = new Survey()));
    return found;
  };
  if (held !== undefined) for (const each of held) survey('pod' in each ? each.pod.namespace : namespaceOf(each)).hold(each, automount);
  for (const kind of held === undefined ? districtKinds : districtKinds.filter((each) => each !== podKind))
    for (const object of reader.objects(kind)) survey(namespaceOf(object)).take(kind, object, automount);
  return districts;
}

/** Keeps nothing of the accounts that it is asked with: it may outlive them. */
class Survey implements District {
  readonly pods: PodFacts[] = [];
  readonly workloads = new Map<string, Set<string>>();
  readonly accounts = new Set<string>();
  readonly nodes = new Set<string>();
  readonly components: [string, StoredObject][] = [];
  /** An account had a say. */
  asked = false;

  take(kind: ListingKind, object: StoredObject, automount: Automount): void {
    if (kind === podKind) this.hold(object, automount);
    else this.#takeWorkload(kind, object);
  }

  hold(each: HeldPod, automount: Automount): void {
    const { known, asked } = 'pod' in each ? { known: each, asked: false } : factsOf(each, automount);
    this.asked ||= asked;
    this.pods.push(known.pod);
    if (known.pod.node !== '') this.nodes.add(known.pod.node);
    if (known.account !== '') this.accounts.add(known.account);
    if (known.object !== null) this.components.push([known.component, known.object]);
  }

  #takeWorkload(kind: ListingKind, object: StoredObject): void {
    const account = accountOf(object);
    if (account !== '') this.accounts.add(account);
    const resource = resources.get(kind);
    if (resource === undefined) return;
    const names = this.workloads.get(resource);
    if (names === undefined) this.workloads.set(resource, new Set([object.name]));
    else names.add(object.name);
  }
}

const resources: ReadonlyMap<ListingKind, string> = new Map(workloadKinds);

function namespaceOf({ namespace }: StoredObject): string {
  return namespace === '' ? 'default' : namespace;
}

interface Facts {
  readonly known: KnownPod;
  /** An account had a say. */
  readonly asked: boolean;
}

/** Of pods whose accounts have no say. */
const knownFacts = new WeakMap<StoredObject, Facts>();

function factsOf(object: StoredObject, automount: Automount): Facts {
  const before = knownFacts.get(object);
  if (before !== undefined) return before;
  const facts = readFacts(object, automount);
  if (!facts.asked) knownFacts.set(object, facts);
  return facts;
}

function readFacts(object: StoredObject, automount: Automount): Facts {
  let asked = false;
  const pod = readPod(object, (account) => {
    asked = true;
    return automount(account);
  });
  const account = pod.account === '' ? '' : `${pod.namespace}/${pod.account}`;
  const component = componentOf(object);
  return { known: { account, pod, component, object: component === '' ? null : object }, asked };
}

/** That the pods of a workload run as, `namespace/name`; empty without a template. */
function accountOf(object: StoredObject): string {
  const template = templateOf(object);
  if (template === undefined) return '';
  const name = textAt(template, 'serviceAccountName') || textAt(template, 'serviceAccount') || 'default';
  return `${namespaceOf(object)}/${name}`;
}

function templateOf({ type, body }: StoredObject): JsonObject | undefined {
  const template = type === 'CronJob' ? at(body, 'spec', 'jobTemplate', 'spec', 'template') : at(body, 'spec', 'template');
  const spec = at(template, 'spec');
  return isObject(spec) ? spec : undefined;
}
