/**
 * A population whose rows are of namespaces, judged by the namespaces that changed: the tallies of the others are those of the last time.
 * Where that would not be the same as reading the whole (rows with gaps of their own, or a budget that might come to its end), it says so,
 * and the whole is read.
 */
import { stepsPerControl } from '../catalog/index.ts';
import type { EvidenceReader } from '../model/index.ts';
import { type Evaluation, isAmple } from './evaluate.ts';
import { type Group, isSameList, type Lists, type Merged, type Part, type PartMemory, type Recall } from './memory.ts';
import { createRowMemory, type RowMemory } from './memory-rows.ts';
import type { PopulationReading } from './read-population.ts';
import { createTally, joinSorted, mergeTallies, sortedFindings, type Tally } from './tally.ts';

/** Judges rows of a namespace as those of the whole. */
export type JudgeRows = (
  reader: EvidenceReader,
  rows: RowMemory,
  evaluations: readonly Evaluation[],
  tallies: readonly Tally[],
) => PopulationReading;

export interface PartsInput {
  readonly recall: Recall;
  /** What the population says without any rows. */
  readonly reading: PopulationReading;
  /** With whole budgets. */
  readonly evaluations: readonly Evaluation[];
}

/** Namespaces whose tallies are added up together, so that a change of one leaves most sums as they are. */
const groupSize = 16;

/** The tallies of all rows, one for each control; null where the whole must be read, with evaluations anew. */
export function tallyByNamespace({ recall, reading, evaluations }: PartsInput, judgeRows: JudgeRows): readonly Tally[] | null {
  const parted = recall.parted();
  if (parted === null || recall.hasLooked()) return null;
  const memory = recall.parts;
  if (memory.facts !== recall.facts) forget(memory);
  const changed = memory.beside === parted.beside ? changedNames(memory.lists, parted.lists) : allNames(memory, parted.lists);
  [memory.facts, memory.beside, memory.lists] = [recall.facts, parted.beside, parted.lists];
  let [plain, moved] = [true, false];
  for (const name of changed) {
    const before = memory.parts.get(name);
    if (!parted.lists.some((lists) => lists.has(name))) {
      moved = memory.parts.delete(name) || moved;
      continue;
    }
    moved ||= before === undefined;
    const rows = before?.rows ?? createRowMemory();
    const tallies = evaluations.map(() => createTally());
    const own = judgeRows(parted.reader(name), rows, evaluations, tallies);
    plain &&= own.gaps.length === reading.gaps.length && own.listings.length === reading.listings.length;
    for (const [place, tally] of tallies.entries()) {
      plain &&= tally.gaps.size === 0;
      shareFindings(tally, before?.tallies[place]);
    }
    memory.parts.set(name, { rows, tallies });
  }
  if (moved) memory.names = [...memory.parts.keys()].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1));
  const all = addUp(memory, evaluations.length);
  const isSpent = all.some(({ steps }) => !isAmple(stepsPerControl - steps)) || evaluations.some((each) => !each.isAmple());
  if (plain && !isSpent && !recall.hasLooked()) return all;
  // What does not add up now may not the next time either.
  forget(memory);
  return null;
}

function forget(memory: PartMemory): void {
  memory.parts.clear();
  [memory.lists, memory.names, memory.groups, memory.merged] = [[], [], [], []];
}

/** Namespaces of which something is another list than before, or was not there, or is no longer. */
function changedNames(before: readonly Lists[], after: readonly Lists[]): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const [place, lists] of after.entries()) {
    const old = before[place];
    if (old === lists) continue;
    for (const [name, list] of lists) if (old?.get(name) !== list) changed.add(name);
    for (const name of old?.keys() ?? []) if (!lists.has(name)) changed.add(name);
  }
  return changed;
}

function allNames({ parts }: PartMemory, lists: readonly Lists[]): ReadonlySet<string> {
  return new Set([...parts.keys(), ...lists.flatMap((each) => [...each.keys()])]);
}

/** Of all parts, in the order of their names, whichever changed last. */
function addUp(memory: PartMemory, count: number): readonly Tally[] {
  const places = Array.from({ length: count }, (_, place) => place);
  const groups: Group[] = [];
  for (let start = 0; start < memory.names.length; start += groupSize) {
    const parts = memory.names.slice(start, start + groupSize).map((name) => memory.parts.get(name) as Part);
    const last = memory.groups[groups.length];
    groups.push(
      last !== undefined && isSameList(last.parts, parts) ? last : { parts, tallies: places.map((place) => sum(parts, place, last)) },
    );
  }
  memory.groups = groups;
  const all = places.map((place) => mergeTallies(groups.map(({ tallies }) => tallies[place] as Tally)));
  memory.merged = all.map((tally, place) => join(tally, groups, place, memory.merged[place]));
  return all;
}

function sum(parts: readonly Part[], place: number, last: Group | undefined): Tally {
  const tally = mergeTallies(parts.map(({ tallies }) => tallies[place] as Tally));
  join(tally, parts, place, undefined);
  shareFindings(tally, last?.tallies[place]);
  return tally;
}

/** Gives the tally the findings of its parts. */
function join(tally: Tally, parts: readonly Pick<Part, 'tallies'>[], place: number, last: Merged | undefined): Merged {
  const lists = parts.flatMap(({ tallies }) => {
    const found = tallies[place]?.findings ?? [];
    return found.length === 0 ? [] : [found];
  });
  const merged = last !== undefined && isSameList(last.parts, lists) ? last : { parts: lists, findings: joinSorted(lists) };
  [tally.findings, tally.sorted] = [merged.findings, true];
  return merged;
}

/** In their order; the very same list as the last time where they are the same. */
function shareFindings(tally: Tally, before: Tally | undefined): void {
  const findings = sortedFindings(tally);
  tally.findings = before !== undefined && isSameList(before.findings, findings) ? before.findings : findings;
  tally.sorted = true;
}
