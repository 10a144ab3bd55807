/**
 * Pods and templates by namespace, and what a namespace's say together. Where a reader tells namespaces apart, as it does when many
 * snapshots are read one after the other, only those that changed are looked into.
 */
import type { EvidenceReader, ListingKind, PopulationInput, StoredObject } from '../../model/index.ts';
import { accountOf, eachPodSpec, passingPods, podListings, type PodSpec, rememberedPods } from './pod-specs.ts';

export interface PodPart {
  readonly namespace: string;
  readonly pods: readonly PodSpec[];
  /** What was made of it: see {@link ofPart}; undefined where the part is of one snapshot only. */
  readonly made?: Map<unknown, unknown>;
}

const makers: ((part: PodPart) => unknown)[] = [];

/**
 * Makes something of a part that depends on nothing else: once, as long as what the namespace holds does not change. It must be small: of a
 * large snapshot it is held for every namespace, in place of the pods.
 */
export function ofPart<T>(make: (part: PodPart) => T): (part: PodPart) => T {
  const ask = (part: PodPart) => {
    const { made } = part;
    if (made === undefined) return make(part);
    let known = made.get(make) as T | undefined;
    if (known === undefined) made.set(make, (known = make(part)));
    return known;
  };
  makers.push(ask);
  return ask;
}

const rememberedPodsOf = new WeakMap<EvidenceReader, readonly PodSpec[]>();
/** Larger clusters stream, once for each population. */
const mostRemembered = 20_000;

/** Whether the pods are too many to be held, and can be read by their namespaces. */
export function isLarge({ reader }: PopulationInput): boolean {
  return countPods(reader) > mostRemembered && reader.namespaces !== undefined && reader.parts === undefined;
}

function countPods(reader: EvidenceReader): number {
  return podListings.reduce((sum, kind) => sum + (reader.listing(kind)?.items ?? 0), 0);
}

/** Pods first, then the templates. Several populations ask, so those of a moderately large snapshot are kept. */
export function readPodSpecs(input: PopulationInput): Iterable<PodSpec> {
  // Each population still says which evidence it stands on.
  for (const kind of podListings) input.listing(kind);
  const each = (kind: ListingKind) => input.each(kind);
  if (countPods(input.reader) > mostRemembered && input.reader.whole === undefined) return eachPodSpec(each);
  let known = rememberedPodsOf.get(input.reader);
  if (known === undefined) {
    const [only, ...others] = partsOfLists(input.reader) ?? [];
    // Of one snapshot alone, nothing that is made of a pod is asked for again.
    if (only !== undefined && others.length === 0) known = only.pods;
    else known = only === undefined ? [...eachPodSpec(each)] : rememberedPods(each);
    rememberedPodsOf.set(input.reader, known);
  }
  return known;
}

const remembered = new WeakMap<EvidenceReader, readonly PodPart[]>();

/** In any order of namespaces; where a large cluster cannot be read by them, it gives a namespace in many parts. */
export function readPodParts(input: PopulationInput): Iterable<PodPart> {
  // Each population still says which evidence it stands on.
  for (const kind of podListings) input.listing(kind);
  if (isLarge(input)) return partsOfLarge(input.reader);
  const known = remembered.get(input.reader) ?? partsOfLists(input.reader) ?? partsOfPods(input);
  if (Array.isArray(known)) remembered.set(input.reader, known as readonly PodPart[]);
  return known;
}

interface Held {
  readonly lists: readonly (readonly StoredObject[])[];
  readonly part: PodPart;
}

/** By the first list of a namespace that holds anything. */
const heldParts = new WeakMap<readonly StoredObject[], Held>();
const nothing: readonly StoredObject[] = [];

const parts = new WeakMap<EvidenceReader, Map<string, PodPart>>();

/** Parts that no longer hold their pods; a namespace that was judged by itself was read then. */
function* partsOfLarge(whole: EvidenceReader): Iterable<PodPart> {
  for (const namespace of whole.namespaces?.(podListings).keys() ?? []) {
    const read = (kind: ListingKind) => whole.objectsIn?.(kind, namespace) ?? [];
    yield parts.get(whole)?.get(namespace) ?? keepMade(whole, { namespace, pods: [...eachPodSpec(read)], made: new Map() });
  }
}

/** What all makers make of the part, without its pods. */
function keepMade(whole: EvidenceReader, part: PodPart): PodPart {
  for (const make of makers) make(part);
  const { namespace, made } = part;
  const kept: PodPart = {
    namespace,
    get pods() {
      return [...eachPodSpec((kind) => whole.objectsIn?.(kind, namespace) ?? [])];
    },
    ...(made && { made }),
  };
  const known = parts.get(whole) ?? new Map<string, PodPart>();
  parts.set(whole, known.set(namespace, kept));
  return kept;
}

function partsOfLists(reader: EvidenceReader): readonly PodPart[] | null {
  const byKind = podListings.map((kind) => reader.parts?.(kind) ?? null);
  if (byKind.includes(null)) return null;
  const namespaces = new Set(byKind.flatMap((lists) => [...(lists?.keys() ?? [])]));
  return Array.from(namespaces, (namespace): PodPart => {
    const lists = byKind.map((each) => each?.get(namespace) ?? nothing);
    const first = lists.find((list) => list.length > 0) ?? nothing;
    const held = heldParts.get(first);
    if (held?.lists.every((list, place) => list === lists[place])) return held.part;
    const readPods = reader.whole === undefined ? rememberedPods : passingPods;
    const part = { namespace, pods: readPods((kind) => lists[podListings.indexOf(kind)] ?? nothing), made: new Map() };
    if (reader.whole !== undefined) keepMade(reader.whole, part);
    if (first.length > 0) heldParts.set(first, { lists, part });
    return part;
  });
}

function partsOfPods(input: PopulationInput): Iterable<PodPart> {
  const pods = readPodSpecs(input);
  if (!Array.isArray(pods)) return oneByOne(pods);
  return [...Map.groupBy(pods as readonly PodSpec[], ({ namespace }) => namespace)].map(([namespace, own]) => ({ namespace, pods: own }));
}

function* oneByOne(pods: Iterable<PodSpec>): Iterable<PodPart> {
  for (const pod of pods) yield { namespace: pod.namespace, pods: [pod] };
}

interface WorkloadSummary {
  /** How many pods and templates a namespace has. */
  readonly countIn: (namespace: string) => number;
  /** The workloads that run as an account; the same list as long as nothing changes in the namespace. */
  readonly usersOf: (namespace: string, account: string) => readonly string[];
}

const usersIn = ofPart(({ pods }): Map<string, readonly string[]> => {
  const users = new Map<string, Set<string>>();
  for (const { mirror, spec, workload } of pods) {
    if (mirror) continue;
    const account = accountOf(spec);
    users.set(account, (users.get(account) ?? new Set()).add(workload));
  }
  return new Map([...users].map(([account, workloads]) => [account, [...workloads]]));
});

const countOf = ofPart(({ pods }) => pods.length);

const nobody: readonly string[] = [];

const summaries = new WeakMap<EvidenceReader, WorkloadSummary>();

/** Where workloads are and which accounts they use. Several populations ask, so one snapshot's pods are read once for all of them. */
export function summarizeWorkloads(input: PopulationInput): WorkloadSummary {
  for (const kind of podListings) input.listing(kind);
  const known = summaries.get(input.reader);
  if (known !== undefined) return known;
  const counts = new Map<string, number>();
  const users = new Map<string, Map<string, readonly string[]>>();
  for (const part of readPodParts(input)) {
    const { namespace } = part;
    counts.set(namespace, (counts.get(namespace) ?? 0) + countOf(part));
    const before = users.get(namespace);
    if (before === undefined) users.set(namespace, usersIn(part));
    // Only parts of one pod each come several times, and nobody keeps what was made of them.
    else
      for (const [account, workloads] of usersIn(part)) before.set(account, [...new Set([...(before.get(account) ?? []), ...workloads])]);
  }
  const summary: WorkloadSummary = {
    countIn: (namespace) => counts.get(namespace) ?? 0,
    usersOf: (namespace, account) => users.get(namespace)?.get(account) ?? nobody,
  };
  summaries.set(input.reader, summary);
  return summary;
}
