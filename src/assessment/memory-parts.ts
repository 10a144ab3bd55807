/**
 * A population whose rows are of namespaces, judged by the namespaces that changed: the tallies of the others are those of the last time.
 * Where that would not be the same as reading the whole (rows with gaps of their own, or a budget that might come to its end), it says so,
 * and the whole is read.
 */
import { stepsPerControl } from '../catalog/index.ts';
import type { EvidenceReader, ListingKind, StoredObject } from '../model/index.ts';
import { type Evaluation, isAmple } from './evaluate.ts';
import { createRowMemory, isSameList, type Merged, type Part, type Recall, type RowMemory } from './memory.ts';
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
  readonly kinds: readonly ListingKind[];
  readonly recall: Recall;
  /** What the population says without any rows. */
  readonly reading: PopulationReading;
  /** With whole budgets. */
  readonly evaluations: readonly Evaluation[];
}

/** The tallies of all rows, one for each control; null where the whole must be read, with evaluations anew. */
export function tallyByNamespace({ kinds, recall, reading, evaluations }: PartsInput, judgeRows: JudgeRows): readonly Tally[] | null {
  const readers = recall.namespaces();
  if (readers === null) return null;
  const memory = recall.parts;
  if (memory.facts !== recall.facts) memory.parts.clear();
  memory.facts = recall.facts;
  for (const name of memory.parts.keys()) if (!readers.has(name)) memory.parts.delete(name);
  let plain = true;
  for (const [name, reader] of readers) {
    const lists = kinds.map((kind) => reader.objects(kind) as readonly StoredObject[]);
    const before = memory.parts.get(name);
    if (before !== undefined && isSameList(before.lists, lists)) continue;
    const rows = before?.rows ?? createRowMemory();
    const tallies = evaluations.map(() => createTally());
    const own = judgeRows(reader, rows, evaluations, tallies);
    plain &&= own.gaps.length === reading.gaps.length && own.listings.length === reading.listings.length;
    for (const [place, tally] of tallies.entries()) shareFindings(tally, before?.tallies[place]);
    memory.parts.set(name, { lists, rows, tallies });
  }
  // In the order of the namespaces, whichever changed last.
  const parts = [...readers.keys()].sort().map((name) => memory.parts.get(name) as Part);
  const all = evaluations.map((_, place) => mergeTallies(parts.map(({ tallies }) => tallies[place] as Tally)));
  const isSpent = all.some(({ steps }) => !isAmple(stepsPerControl - steps)) || evaluations.some((each) => !each.isAmple());
  if (!plain || isSpent || parts.some(({ tallies }) => tallies.some(({ gaps }) => gaps.size > 0))) {
    // What does not add up now may not the next time either.
    memory.parts.clear();
    return null;
  }
  memory.merged = all.map((tally, place): Merged => {
    const findings = parts.flatMap(({ tallies }) => {
      const found = tallies[place]?.findings ?? [];
      return found.length === 0 ? [] : [found];
    });
    const last = memory.merged[place];
    const merged = last !== undefined && isSameList(last.parts, findings) ? last : { parts: findings, findings: joinSorted(findings) };
    [tally.findings, tally.sorted] = [merged.findings, true];
    return merged;
  });
  return all;
}

/** In their order; the very same list as the last time where they are the same. */
function shareFindings(tally: Tally, before: Tally | undefined): void {
  const findings = sortedFindings(tally);
  tally.findings = before !== undefined && isSameList(before.findings, findings) ? before.findings : findings;
  tally.sorted = true;
}
