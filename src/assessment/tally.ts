/**
 * What a control's verdicts about rows add up to. The order of rows does not matter, but for that of the gaps that rows have themselves;
 * so the tallies of parts of a population add up to that of the whole.
 */
import { canonicalize, type ExactTime, type Finding, type Gap, type Row } from '../model/index.ts';

/** What the expressions of a control say of a row. */
export interface Answer {
  /** Left by `where`, or not known to be left out. */
  readonly tested: boolean;
  /** Undecided by what was read. */
  readonly open: boolean;
  readonly fails: boolean;
  /** Why an expression had no answer. */
  readonly problems: readonly string[];
  /** Taken from the control's budget. */
  readonly steps: number;
}

/** What the controls of a population say of one row, held until the row is another. */
export interface Verdicts {
  /** By control. */
  readonly answers: readonly Answer[];
  /** Of the controls that it fails, in their order. */
  readonly findings: readonly Finding[];
}

/** Rows that have something in common, by their number and the first of their keys. */
export interface Several {
  first: string;
  rows: number;
}

export interface Tally {
  size: number;
  tested: number;
  findings: Finding[];
  /** Whether findings are in the order of their items. */
  sorted: boolean;
  /** Of rows. */
  readonly gaps: Map<string, Gap>;
  readonly open: Several;
  /** By the problem. */
  readonly unanswered: Map<string, Several>;
  /** Since when all rows have been as they are: no longer told as soon as one does not say. */
  latest: ExactTime | null;
  silent: boolean;
  steps: number;
}

export function createTally(): Tally {
  return {
    size: 0,
    tested: 0,
    findings: [],
    sorted: false,
    gaps: new Map(),
    open: { first: '', rows: 0 },
    unanswered: new Map(),
    latest: null,
    silent: false,
    steps: 0,
  };
}

/** `finding`: where it fails. */
export function addRow(tally: Tally, row: Row, answer: Answer, finding: Finding | null): void {
  tally.size += 1;
  tally.steps += answer.steps;
  if (answer.tested) {
    tally.tested += 1;
    if (row.since === undefined) tally.silent = true;
    else if (row.since !== null) tally.latest = later(tally.latest, row.since);
  }
  noteRow(tally, row, answer, finding);
}

/** Counts rows that have neither a time nor gaps of their own; what is to be said of each is for {@link noteRow}. */
export function addAlike(tally: Tally, { tested, steps }: Answer, rows: number): void {
  tally.size += rows;
  tally.steps += steps * rows;
  if (!tested || rows === 0) return;
  tally.tested += rows;
  tally.silent = true;
}

/** All but the counting. */
export function noteRow(tally: Tally, row: Row, { open, problems }: Answer, finding: Finding | null): void {
  // What the population already said about the row explains more than the expression that stumbled over it.
  if (problems.length > 0 && (row.gaps === undefined || row.gaps.length === 0))
    for (const problem of problems) count(severalOf(tally, problem), row.item, 1);
  if (open) count(tally.open, row.item, 1);
  if (finding !== null) tally.findings.push(finding);
  // Also for a row that `where` leaves out: it may do so only because of what is unknown.
  else if (row.gaps !== undefined) for (const gap of row.gaps) tally.gaps.set(canonicalize(gap), gap);
}

/** Without findings. Gaps are in the order of the parts. */
export function mergeTallies(parts: readonly Tally[]): Tally {
  const all = createTally();
  for (const part of parts) {
    all.size += part.size;
    all.tested += part.tested;
    all.steps += part.steps;
    all.silent ||= part.silent;
    if (part.latest !== null) all.latest = later(all.latest, part.latest);
    if (part.open.rows > 0) count(all.open, part.open.first, part.open.rows);
    for (const [text, gap] of part.gaps) all.gaps.set(text, gap);
    for (const [problem, { first, rows }] of part.unanswered) count(severalOf(all, problem), first, rows);
  }
  return all;
}

/** By item, which is unique. */
export function sortedFindings({ findings, sorted }: Pick<Tally, 'findings' | 'sorted'>): Finding[] {
  return sorted ? findings : findings.toSorted((a, b) => (a.item < b.item ? -1 : 1));
}

/** Lists that are in order each, as one. Most follow one another as they are. */
export function joinSorted(lists: readonly (readonly Finding[])[]): Finding[] {
  const follow = lists.every((list, place) => place === 0 || (lists[place - 1]?.at(-1)?.item ?? '') < (list[0]?.item ?? ''));
  return sortedFindings({ findings: ([] as Finding[]).concat(...lists), sorted: follow });
}

function severalOf({ unanswered }: Tally, problem: string): Several {
  const known = unanswered.get(problem) ?? { first: '', rows: 0 };
  unanswered.set(problem, known);
  return known;
}

function count(several: Several, first: string, rows: number): void {
  if (several.rows === 0 || first < several.first) several.first = first;
  several.rows += rows;
}

function later(one: ExactTime | null, other: ExactTime): ExactTime {
  if (one === null || other.at > one.at) return other;
  return other.at === one.at && other.source < one.source ? other : one;
}
