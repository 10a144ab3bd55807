/**
 * A population whose rows are of namespaces, judged by the namespaces that changed: the tallies of the others are those of the last time.
 * Where that would not be the same as reading the whole (rows with several gaps of their own, whose order matters, or a budget that might
 * come to its end), it says so, and the whole is read.
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
  readonly besideIn: ((namespace: string) => string) | undefined;
  /** With whole budgets. */
  readonly evaluations: readonly Evaluation[];
}

/** Namespaces whose tallies are added up together, so that a change of one leaves most sums as they are. */
const groupSize = 16;
/** How often the whole is read at once after it had to be. */
const rest = 15;

/** The tallies of all rows, one for each control; null where the whole must be read, with evaluations anew. */
export function tallyByNamespace({ recall, reading, besideIn, evaluations }: PartsInput, judgeRows: JudgeRows): readonly Tally[] | null {
  const parted = recall.parted();
  if (parted === null || recall.hasLooked()) return null;
  const memory = recall.parts;
  if (memory.rest > 0) {
    memory.rest -= 1;
    return null;
  }
  if (memory.facts !== recall.facts) forget(memory);
  const changed = changedNames(memory.lists, parted.lists);
  if (memory.beside !== parted.beside)
    for (const [name, { beside }] of memory.parts) if (besideIn === undefined || beside !== besideIn(name)) changed.add(name);
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
    for (const [place, tally] of tallies.entries()) shareFindings(tally, before?.tallies[place]);
    memory.parts.set(name, { rows, beside: besideIn?.(name), tallies });
  }
  if (moved) memory.names = [...memory.parts.keys()].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1));
  const all = addUp(memory, evaluations.length);
  const isSpent = all.some(({ steps }) => !isAmple(stepsPerControl - steps)) || evaluations.some((each) => !each.isAmple());
  plain &&= all.every(({ gaps }) => gaps.size <= 1);
  if (plain && !isSpent && !recall.hasLooked()) return all;
  // What does not add up now may not the next time either.
  forget(memory);
  memory.rest = rest;
  return null;
}

function forget(memory: PartMemory): void {
  memory.parts.clear();
  [memory.lists, memory.names, memory.groups, memory.merged] = [[], [], [], []];
}

/** Namespaces of which something is another list than before, or was not there, or is no longer. */
function changedNames(before: readonly Lists[], after: readonly Lists[]): Set<string> {
  const changed = new Set<string>();
  for (const [place, lists] of after.entries()) {
    const old = before[place];
    if (old === lists) continue;
    for (const [name, list] of lists) if (old?.get(name) !== list) changed.add(name);
    for (const name of old?.keys() ?? []) if (!lists.has(name)) changed.add(name);
  }
  return changed;
}

/** Of all parts, in the order of their names, whichever changed last. */
function addUp(memory: PartMemory, count: number): readonly Tally[] {
  const groups: Group[] = [];
  for (let start = 0; start < memory.names.length; start += groupSize) {
    const parts = memory.names.slice(start, start + groupSize).map((name) => memory.parts.get(name) as Part);
    const last = memory.groups[groups.length];
    groups.push(last !== undefined && isSameList(last.parts, parts) ? last : { parts, ...sum(parts, count, last?.merged) });
  }
  memory.groups = groups;
  const { tallies, merged } = sum(groups, count, memory.merged);
  memory.merged = merged;
  return tallies;
}

/** By control. `last`: how findings were joined the last time. */
function sum(parts: readonly Pick<Part, 'tallies'>[], count: number, last: readonly Merged[] = []): Pick<Group, 'tallies' | 'merged'> {
  const [tallies, merged]: [Tally[], Merged[]] = [[], []];
  for (let place = 0; place < count; place++) {
    const own = parts.map((part) => part.tallies[place] as Tally);
    const joined = join(own, last[place]);
    merged.push(joined);
    tallies.push(Object.assign(mergeTallies(own), { findings: joined.findings, sorted: true }));
  }
  return { tallies, merged };
}

function join(tallies: readonly Tally[], last: Merged | undefined): Merged {
  const parts = tallies.map(({ findings }) => findings).filter(({ length }) => length > 0);
  return last !== undefined && isSameList(last.parts, parts) ? last : { parts, findings: joinSorted(parts) };
}

/** In their order; the very same list as the last time where they are the same. */
function shareFindings(tally: Tally, before: Tally | undefined): void {
  const findings = sortedFindings(tally);
  tally.findings = before !== undefined && isSameList(before.findings, findings) ? before.findings : findings;
  tally.sorted = true;
}
