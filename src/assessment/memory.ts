/**
 * What judging one snapshot leaves for judging the next one of the same cluster: whatever could not come out otherwise is not asked again.
 * A population whose listings hold the same objects, were read with the same success and gaps, and that looked at neither the time nor
 * earlier runs has the same rows; so has a namespace of one whose rows are of namespaces; and a row equal to that of the last reading has
 * the same verdicts. All else is judged anew, so that results are those of judging without a memory, to the byte
 * (test/assessment/memory.property.test.ts). What two results share is one value.
 */
import type {
  Control,
  ControlResult,
  EvidenceReader,
  Finding,
  Json,
  ListingKind,
  Population,
  StoredListing,
  StoredObject,
} from '../model/index.ts';
import { isComplete } from '../model/index.ts';
import { evidenceOf } from './evaluate.ts';
import type { JudgedInput } from './judged-input.ts';
import { createRowMemory, isSame, type KeptRow, type RowMemory } from './memory-rows.ts';
import type { PopulationReading } from './read-population.ts';
import type { Tally } from './tally.ts';

/** Empty at first; made by {@link createAssessmentMemory}, and filled by judging with it. */
export interface AssessmentMemory {
  basis: Basis | null;
  readonly populations: Map<string, PopulationMemory>;
  /** Facts about listings by their text: numbers compare faster. */
  readonly facts: Map<string, number>;
}

export function createAssessmentMemory(): AssessmentMemory {
  return { basis: null, populations: new Map(), facts: new Map() };
}

/** A memory, and what tells whether two listings of a snapshot hold the same objects. */
export interface Remembering {
  readonly memory: AssessmentMemory;
  /** Equal for listings with equal objects, and only for them. */
  readonly contentOf: (kind: ListingKind) => number | null;
}

/** Everything but the evidence that decides results. */
interface Basis extends Pick<JudgedInput, 'params' | 'namespace' | 'managed' | 'populations' | 'techniques'> {
  readonly controls: readonly Control[];
  readonly exceptions: string;
}

/** A namespace of a population whose rows are of namespaces. */
export interface Part {
  readonly rows: RowMemory;
  /** What its rows followed from beside it, where the population tells. */
  readonly beside: string | undefined;
  /** Of each control of the population. */
  readonly tallies: readonly Tally[];
}

/** Some namespaces that follow one another, and what their tallies add up to. */
export interface Group {
  readonly parts: readonly Part[];
  readonly tallies: readonly Tally[];
  readonly merged: readonly Merged[];
}

export interface PartMemory {
  /** For how many readings more the whole is read. */
  rest: number;
  facts: string;
  /** What every namespace's rows may follow from, as it was. */
  beside: string;
  /** What the namespaces held, by kind. */
  lists: readonly Lists[];
  readonly parts: Map<string, Part>;
  /** Of the parts, in the order of their items. */
  names: readonly string[];
  groups: readonly Group[];
  /** Of each control: all findings in their order, and those of the groups that they were made of. */
  merged: readonly Merged[];
}

/** Of each control: the findings of the parts, and all of them in their order. */
export interface Merged {
  readonly parts: readonly (readonly Finding[])[];
  readonly findings: Finding[];
}

export type Lists = ReadonlyMap<string, readonly StoredObject[]>;

/** What a population reads, told apart by namespaces. */
export interface Parted {
  /** Equal as long as what all namespaces' rows may follow from is the same. */
  readonly beside: string;
  /** By kind; the very same map as long as nothing of the kind changes. */
  readonly lists: readonly Lists[];
  reader(namespace: string): EvidenceReader;
}

/** A population as it was read whole: its rows in their order, and what else results follow from. */
export interface Whole {
  readonly rows: readonly KeptRow[];
  readonly reading: PopulationReading;
}

interface PopulationMemory {
  /** Null when it looked at what differs from run to run. */
  inputs: string | null;
  results: readonly ControlResult[];
  /** Of which they are; null where they are of parts. */
  whole: Whole | null;
  readonly rows: RowMemory;
  readonly parts: PartMemory;
}

/** How one population is judged with a memory. */
export interface Recall {
  /** Results that follow from those of the last reading; then nothing is to be read. */
  readonly results: readonly ControlResult[] | null;
  /** Gives the population its evidence, and sees what it looks at. */
  readonly reader: EvidenceReader;
  readonly rows: RowMemory;
  readonly parts: PartMemory;
  /** What populations can see of listings and of the cluster, but for the objects. */
  readonly facts: string;
  /** Null where namespaces are not told apart. */
  parted(): Parted | null;
  /** Whether it looked at what differs from run to run, which forbids to keep anything of it. */
  hasLooked(): boolean;
  /** Results of the last reading, where this one says the same. */
  resultsOf(whole: Whole): readonly ControlResult[] | null;
  /** Takes the results, and gives them with what they share with the last ones. */
  conclude(results: readonly ControlResult[], whole: Whole | null): readonly ControlResult[];
}

/** Of one assessment: gives each population its recall. */
export function openMemory(
  { memory, contentOf }: Remembering,
  controls: readonly Control[],
  input: JudgedInput,
): (population: Population) => Recall {
  const { params, namespace, managed, populations, techniques, reader } = input;
  const basis = { controls, params, namespace, managed, populations, techniques, exceptions: JSON.stringify(input.exceptions ?? []) };
  if (memory.basis === null || !sameBasis(memory.basis, basis)) memory.populations.clear();
  memory.basis = basis;
  const { watched, looked } = watch(reader);
  const world = String(numberOf(memory.facts, JSON.stringify([reader.scope, reader.cluster])));
  const told = new Map<ListingKind, number>();
  const factsOf = (kind: ListingKind): number => {
    const fact = told.get(kind) ?? numberOf(memory.facts, JSON.stringify(factsAbout(reader.listing(kind))));
    told.set(kind, fact);
    return fact;
  };
  const split = splitter(reader, watched, contentOf);
  return (population) => {
    const kinds = [...population.from, ...(population.also ?? [])];
    const facts = [world, ...kinds.map(factsOf)].join(' ');
    const inputs = `${facts} ${kinds.map(contentOf).join(' ')}`;
    const held = memory.populations.get(population.name) ?? forget();
    memory.populations.set(population.name, held);
    looked.clear();
    return {
      results: held.inputs === inputs ? withEvidenceOf(reader, held.results) : null,
      reader: watched,
      rows: held.rows,
      parts: held.parts,
      facts,
      parted: () => (namespace === undefined && isParted(population) ? split(population) : null),
      hasLooked: () => looked.size > 0,
      resultsOf: (whole) => (held.whole !== null && saysSame(held.whole, whole) ? withEvidence(held.results, whole) : null),
      conclude(results, whole) {
        held.whole = whole;
        held.results = results.map((result, index) => sharing(result, held.results[index]));
        held.inputs = looked.size > 0 ? null : inputs;
        return held.results;
      },
    };
  };
}

function forget(): PopulationMemory {
  return { inputs: null, results: [], whole: null, rows: createRowMemory(), parts: createPartMemory() };
}

export function isParted({ byNamespace, besideNamespace }: Population): boolean {
  return byNamespace === true || besideNamespace !== undefined;
}

function createPartMemory(): PartMemory {
  return { rest: 0, facts: '', beside: '', lists: [], parts: new Map(), names: [], groups: [], merged: [] };
}

function sameBasis(a: Basis, b: Basis): boolean {
  const same = a.params === b.params && a.namespace === b.namespace && a.managed === b.managed && a.exceptions === b.exceptions;
  return same && a.populations === b.populations && a.techniques === b.techniques && isSameList(a.controls, b.controls);
}

export function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function numberOf(known: Map<string, number>, text: string): number {
  let number = known.get(text);
  if (number === undefined) known.set(text, (number = known.size));
  return number;
}

/**
 * All of a listing that populations and outcomes go by, but for its objects and their number: what was asked, whether it was answered
 * whole, and what is missing. Times, ids and sizes are of one run, and nothing follows from them (the property test gives populations listings that have none).
 */
function factsAbout(listing: StoredListing | undefined): Json {
  if (listing === undefined) return null;
  const { collectorVersion, keepDigest, assurance, requests, gaps } = listing;
  const asked = requests.map(({ path, status, consistency }) => [path, status, consistency]);
  return [collectorVersion, keepDigest, assurance, asked, gaps as unknown as Json];
}

/** A reader that notes when somebody looks at what differs from run to run. */
function watch(reader: EvidenceReader): { readonly watched: EvidenceReader; readonly looked: Set<string> } {
  const looked = new Set<string>();
  const noting = <T>(name: string, read: () => T): T => {
    looked.add(name);
    return read();
  };
  return {
    looked,
    watched: {
      scope: reader.scope,
      cluster: reader.cluster,
      get at() {
        return noting('at', () => reader.at);
      },
      get run() {
        return noting('run', () => reader.run);
      },
      listings: () => noting('listings', () => reader.listings()),
      listing: (kind) => reader.listing(kind),
      objects: (kind) => reader.objects(kind),
      ...(reader.parts && { parts: (kind: ListingKind) => reader.parts?.(kind) ?? null }),
      ...(reader.series && { series: reader.series }),
      previous: () => noting('previous', () => reader.previous()),
    },
  };
}

const nothing: readonly StoredObject[] = [];
const namespaceKind: ListingKind = 'k8s.namespaces/namespaces';

/** Tells namespaces apart. A reader of one is the same for all populations that read the same listings whole. */
function splitter(reader: EvidenceReader, watched: EvidenceReader, contentOf: Remembering['contentOf']) {
  const known = new Map<string, EvidenceReader>();
  const listsOf = (kind: ListingKind): Lists | null => {
    const lists = reader.parts?.(kind) ?? null;
    return lists === null || kind !== namespaceKind ? lists : byName(lists);
  };
  return ({ from, besideNamespace: whole = [] }: Population): Parted | null => {
    const kinds = from.filter((kind) => !whole.includes(kind));
    const lists = kinds.map(listsOf);
    if (lists.includes(null)) return null;
    const beside = whole.map(contentOf).join(' ');
    const who = whole.join(' ');
    return {
      beside,
      lists: lists as readonly Lists[],
      reader(namespace) {
        const name = `${namespace} ${who}`;
        let own = known.get(name);
        if (own === undefined) {
          const listOf = (kind: ListingKind) => listsOf(kind)?.get(namespace);
          const objects = (kind: ListingKind) => (whole.includes(kind) ? watched.objects(kind) : (listOf(kind) ?? nothing));
          const parts = (kind: ListingKind): Lists | null => {
            if (whole.includes(kind)) return watched.parts?.(kind) ?? null;
            const list = listOf(kind);
            // As the whole tells it, so that what was made of a namespace is found by either.
            return new Map(list === undefined ? [] : [[namespace, list]]);
          };
          own = Object.create(watched, { objects: { value: objects }, parts: { value: parts } }) as EvidenceReader;
          known.set(name, own);
        }
        return own;
      },
    };
  };
}

const alone = new WeakMap<StoredObject, readonly StoredObject[]>();
const named = new WeakMap<Lists, Lists>();

/** The object of a namespace belongs to it. */
function byName(lists: Lists): Lists {
  let byNames = named.get(lists);
  if (byNames === undefined) {
    const all = new Map<string, readonly StoredObject[]>();
    for (const list of lists.values())
      for (const object of list) {
        const own = alone.get(object) ?? [object];
        alone.set(object, own);
        const before = all.get(object.name);
        // Two of one name can only come from files.
        all.set(object.name, before === undefined ? own : [...before, object]);
      }
    named.set(lists, (byNames = all));
  }
  return byNames;
}

/** Results follow from nothing else than this and the rules. */
function saysSame(a: Whole, b: Whole): boolean {
  const [before, after] = [a.reading, b.reading];
  const isSameListing = ({ listing, optional }: PopulationReading['listings'][number], place: number) => {
    const last = before.listings[place];
    return last !== undefined && last.optional === optional && isComplete(last.listing) === isComplete(listing);
  };
  if (!isSameList(a.rows, b.rows) || before.listings.length !== after.listings.length) return false;
  return after.listings.every(isSameListing) && isSame(before.gaps, after.gaps);
}

/** The same results of another reading. */
function withEvidence(results: readonly ControlResult[], { reading }: Whole): readonly ControlResult[] {
  return results.map((result) => ({ ...result, evidence: evidenceOf(reading, result.outcome) }));
}

/** The same results of another snapshot: only the ids of its listings are others. */
function withEvidenceOf(reader: EvidenceReader, results: readonly ControlResult[]): readonly ControlResult[] {
  const known = new Map<ControlResult['evidence'], ControlResult['evidence']>();
  return results.map((result) => {
    let evidence = known.get(result.evidence);
    if (evidence === undefined) {
      evidence = result.evidence.map((each) => ({ ...each, id: reader.listing(each.kind as ListingKind)?.id ?? each.id }));
      known.set(result.evidence, evidence);
    }
    return { ...result, evidence };
  });
}

function sharing(result: ControlResult, last: ControlResult | undefined): ControlResult {
  if (last === undefined || (last.findings === result.findings && last.gaps === result.gaps)) return result;
  const findings = isSameList(result.findings, last.findings) ? last.findings : result.findings;
  const gaps = isSame(result.gaps, last.gaps) ? last.gaps : result.gaps;
  return { ...result, findings, gaps };
}
