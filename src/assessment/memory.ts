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
  Row,
  StoredListing,
  StoredObject,
} from '../model/index.ts';
import type { JudgedInput } from './judged-input.ts';
import type { Tally, Verdict } from './tally.ts';

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

/** A row of the last reading, and what each control of its population said of it. */
export interface KeptRow {
  readonly row: Row;
  readonly verdicts: (Verdict | undefined)[];
  reading: number;
}

/** Rows by their keys. */
export interface RowMemory {
  readonly rows: Map<string, KeptRow>;
  reading: number;
}

/** A namespace of a population whose rows are of namespaces. */
export interface Part {
  /** What the namespace held when it was read, by kind. */
  readonly lists: readonly (readonly StoredObject[])[];
  readonly rows: RowMemory;
  /** Of each control of the population. */
  readonly tallies: readonly Tally[];
}

/** Of each control: the findings of the parts, and all of them in their order. */
export interface Merged {
  readonly parts: readonly (readonly Finding[])[];
  readonly findings: Finding[];
}

export interface PartMemory {
  facts: string;
  readonly parts: Map<string, Part>;
  merged: readonly Merged[];
}

interface PopulationMemory {
  /** Null when it looked at what differs from run to run. */
  inputs: string | null;
  results: readonly ControlResult[];
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
  /** The same reader with the objects of one namespace; null where they are not told apart. */
  namespaces(): ReadonlyMap<string, EvidenceReader> | null;
  /** Takes the results, and gives them with what they share with the last ones. */
  conclude(results: readonly ControlResult[]): readonly ControlResult[];
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
  const split = splitter(reader, watched);
  return (population) => {
    const kinds = [...population.from, ...(population.also ?? [])];
    const facts = [world, ...kinds.map(factsOf)].join(' ');
    const inputs = `${facts} ${kinds.map(contentOf).join(' ')}`;
    const held = memory.populations.get(population.name) ?? forget();
    memory.populations.set(population.name, held);
    looked.clear();
    return {
      results: held.inputs === inputs ? held.results.map((result) => withEvidenceOf(reader, result)) : null,
      reader: watched,
      rows: held.rows,
      parts: held.parts,
      facts,
      namespaces: () => (namespace === undefined && population.byNamespace === true && looked.size === 0 ? split(population.from) : null),
      conclude(results) {
        held.results = results.map((result, index) => sharing(result, held.results[index]));
        held.inputs = looked.size > 0 ? null : inputs;
        return held.results;
      },
    };
  };
}

function forget(): PopulationMemory {
  return { inputs: null, results: [], rows: createRowMemory(), parts: { facts: '', parts: new Map(), merged: [] } };
}

export function createRowMemory(): RowMemory {
  return { rows: new Map(), reading: 0 };
}

/** The rows of one reading, each as the equal one of the last reading where there is one. `end` drops those that are gone. */
export function keepRows(memory: RowMemory): { keep(row: Row): KeptRow; end(): void } {
  memory.reading += 1;
  let count = 0;
  return {
    keep(row) {
      count += 1;
      let kept = memory.rows.get(row.item);
      if (kept === undefined || !isSame(kept.row, row)) memory.rows.set(row.item, (kept = { row, verdicts: [], reading: 0 }));
      kept.reading = memory.reading;
      return kept;
    },
    end() {
      if (count === memory.rows.size) return;
      for (const [item, { reading }] of memory.rows) if (reading !== memory.reading) memory.rows.delete(item);
    },
  };
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
      previous: () => noting('previous', () => reader.previous()),
    },
  };
}

const nothing: readonly StoredObject[] = [];

/** One reader for each namespace of some kinds; the same for all populations that ask for the same kinds. */
function splitter(reader: EvidenceReader, watched: EvidenceReader) {
  const known = new Map<string, EvidenceReader>();
  return (kinds: readonly ListingKind[]): ReadonlyMap<string, EvidenceReader> | null => {
    const namespaces = new Set<string>();
    for (const kind of kinds) {
      const parts = reader.parts?.(kind) ?? null;
      if (parts === null) return null;
      for (const name of parts.keys()) namespaces.add(name);
    }
    const readers = new Map<string, EvidenceReader>();
    for (const name of namespaces) {
      const objects = (kind: ListingKind) => reader.parts?.(kind)?.get(name) ?? nothing;
      const parts = (kind: ListingKind) => new Map([[name, objects(kind)]]);
      const own = known.get(name) ?? Object.create(watched, { objects: { value: objects }, parts: { value: parts } });
      known.set(name, own as EvidenceReader);
      readers.set(name, own as EvidenceReader);
    }
    return readers;
  };
}

/** The same result of another snapshot: only the ids of its listings are others. */
function withEvidenceOf(reader: EvidenceReader, result: ControlResult): ControlResult {
  const evidence = result.evidence.map((each) => ({ ...each, id: reader.listing(each.kind as ListingKind)?.id ?? each.id }));
  return { ...result, evidence };
}

function sharing(result: ControlResult, last: ControlResult | undefined): ControlResult {
  if (last === undefined) return result;
  const findings = isSameList(result.findings, last.findings) ? last.findings : result.findings;
  const gaps = isSame(result.gaps, last.gaps) ? last.gaps : result.gaps;
  return { ...result, findings, gaps };
}

/** Equal as JSON, with members in the same order. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!isSame(a[index], b[index])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const [left, right] = [Object.keys(a), Object.keys(b)];
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    const key = left[index] as string;
    if (key !== right[index] || !isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return true;
}
