/**
 * What became of a review: how one population of grants differs from another, and whether what reviewers decided was done by the time of a
 * later snapshot. What was not read is not known, and never done.
 */
import type { ReviewPopulation, ReviewRow } from './review-rows.ts';

export interface ReviewDifference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly item: string;
  /** What it is about, and what differs. Untrusted text. */
  readonly text: string;
}

/** In the order of the rows: changed and removed ones, then those that were added. */
export function compareReviews(before: ReviewPopulation, after: ReviewPopulation): readonly ReviewDifference[] {
  const now = byItem(after.rows);
  const then = byItem(before.rows);
  const differences: ReviewDifference[] = [];
  for (const row of before.rows) {
    const found = now.get(row.item);
    if (found?.id === row.id) continue;
    const text = `${describe(row)}: ${found === undefined ? 'is gone' : differenceOf(row, found)}`;
    differences.push({ change: found === undefined ? 'removed' : 'changed', item: row.item, text });
  }
  for (const row of after.rows)
    if (!then.has(row.item))
      differences.push({ change: 'added', item: row.item, text: `${describe(row)}: is new (${row.risk}: ${row.because})` });
  return differences;
}

function byItem(rows: readonly ReviewRow[]): ReadonlyMap<string, ReviewRow> {
  return new Map(rows.map((row) => [row.item, row]));
}

function describe({ subject, binding, role }: ReviewRow): string {
  return `${subject} through ${binding} → ${role}`;
}

function differenceOf(before: ReviewRow, after: ReviewRow): string {
  if (before.right !== after.right) return `gave ${before.right}; gives ${after.right}`;
  return 'the rules of its role differ';
}

/** What somebody decided about a row, as the ledger keeps it. */
export interface DecidedRow {
  readonly item: string;
  /** Id of the row as it was reviewed. */
  readonly id: string;
  readonly subject: string;
  readonly binding: string;
  readonly role: string;
  readonly namespace: string;
}

/**
 * `done`: the grant is gone. `stillThere`: nothing changed. `changed`: binding or role give something else now. `elsewhere`: it is gone, and
 * the subject holds the role there through another binding. `notKnown`: the bindings were not all read.
 */
export type FollowUpState = 'done' | 'stillThere' | 'changed' | 'elsewhere' | 'notKnown';

export interface FollowUp {
  readonly state: FollowUpState;
  /** What is there instead; null where the state says it all. Untrusted text. */
  readonly detail: string | null;
}

export function createFollowUp({ rows, read }: ReviewPopulation): (decided: DecidedRow) => FollowUp {
  const now = byItem(rows);
  const bySubject = Map.groupBy(rows, ({ subject }) => subject);
  return ({ item, id, subject, binding, role, namespace }) => {
    const found = now.get(item);
    if (found?.id === id) return { state: 'stillThere', detail: null };
    if (found !== undefined) return { state: 'changed', detail: `${found.role} now gives ${found.right}` };
    const held = bySubject.get(subject) ?? [];
    const other = held.find((row) => row.binding === binding);
    if (other !== undefined) return { state: 'changed', detail: `${binding} now gives ${other.role}: ${other.right}` };
    const elsewhere = held.find((row) => row.role === role && (row.namespace === '' || row.namespace === namespace));
    if (elsewhere !== undefined) return { state: 'elsewhere', detail: `still held through ${elsewhere.binding}` };
    return read.bindings ? { state: 'done', detail: null } : { state: 'notKnown', detail: 'the bindings were not all read' };
  };
}
