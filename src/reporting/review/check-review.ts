/**
 * Holds a filled workbook against the rows that were exported: every row once, every locked cell as it was, and in the cells of the
 * reviewers a decision with a name and a day that can be. Whatever does not fit is named by sheet, row and column; nothing is guessed.
 */
import type { CellContent } from './workbook-parts.ts';
import type { ReadReview, ReadReviewRow, ReviewProblem } from './read-review.ts';
import { textOf } from './read-review.ts';
import {
  decisions,
  type FilledCells,
  lockedTexts,
  longest,
  type ReviewColumnKey,
  reviewColumns,
  type ReviewSheetRow,
  sheetNames,
} from './review-sheet.ts';

export interface CheckedReview {
  /** By id: what was decided; `reviewer` and `date` are empty where the cells are. Open rows are not here. */
  readonly filled: ReadonlyMap<string, FilledCells & { readonly row: number }>;
  /** Those of the reading, too. */
  readonly problems: readonly ReviewProblem[];
}

const dayMs = 86_400_000;
/** Whatever their zone, people's days differ from UTC's by one at most. */
const tolerance = dayMs;

/** `first` and `last`: the days between which somebody can have reviewed; RFC 3339. */
export function checkReview(
  read: ReadReview,
  exported: readonly ReviewSheetRow[],
  { first, last }: { readonly first: string; readonly last: string },
): CheckedReview {
  const problems: ReviewProblem[] = [...read.problems];
  const filled = new Map<string, FilledCells & { readonly row: number }>();
  const expected = new Map(exported.map((row) => [row.id, row]));
  const rows = new Map<string, number>();
  const problem = (kind: ReviewProblem['kind'], row: number | null, key: ReviewColumnKey | null, text: string) =>
    problems.push({ kind, sheet: sheetNames.review, row, column: key === null ? null : columnName(read, key), text });
  for (const { row, cells } of read.rows) {
    if ([...cells.values()].every((cell) => textOf(cell)?.trim() === '')) continue;
    const id = textOf(cells.get('id'))?.trim() ?? '';
    const was = expected.get(id);
    const before = rows.get(id);
    if (id === '') problem('tampered', row, 'id', 'the row has lost its id');
    else if (was === undefined) problem('tampered', row, 'id', 'the export had no row with this id');
    else if (before !== undefined) problem('tampered', row, 'id', `the row is there twice: also as row ${before}`);
    else {
      rows.set(id, row);
      for (const key of changedCells(read, cells, was))
        problem('tampered', row, key, `it is locked, and does not say any more what was exported for ${was.subject}`);
      const found = readFilled(cells, read.from1904, { first, last }, (key, text) => problem('unreadable', row, key, text));
      if (found !== null) filled.set(id, { ...found, row });
    }
  }
  for (const { id, subject, via } of exported)
    if (!rows.has(id)) problem('tampered', null, null, `the row of ${subject} through ${via} is missing`);
  return { filled, problems };
}

function columnName({ columns }: ReadReview, key: ReviewColumnKey): string {
  const title = reviewColumns.find((column) => column.key === key)?.title ?? key;
  return `${columns.get(key) ?? ''} (${title})`.trim();
}

/** Programs differ in how they keep white space, compositions and what `_x0041_` escapes. */
function plain(text: string): string {
  let plainer = text;
  for (let before = ''; before !== plainer; ) {
    before = plainer;
    plainer = plainer.replace(/_x([0-9a-fA-F]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return plainer.normalize('NFC').replace(/\s+/g, ' ').trim();
}

function* changedCells(read: ReadReview, cells: ReadReviewRow['cells'], was: ReviewSheetRow): Iterable<ReviewColumnKey> {
  const texts = lockedTexts(was);
  const moments = { firstSeen: was.firstSeen?.at ?? null, lastChange: was.lastChange };
  for (const { key, kind } of reviewColumns) {
    const cell = cells.get(key);
    if (kind === 'text') {
      const text = textOf(cell);
      if (text === null || plain(text) !== plain(texts[key])) yield key;
    } else if (kind === 'day') {
      const at = moments[key];
      const found = timeOf(cell, read.from1904);
      // Some keep the day alone.
      const same = at === null ? textOf(cell)?.trim() === '' : found !== null && Math.abs(found - Date.parse(at)) < dayMs;
      if (!same) yield key;
    }
  }
}

const isoDay = /^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?Z?)?$/;
/** 1 January 2000 and 2200, as days since 1899-12-30 (ECMA-376 part 1, 18.17.4.1). */
const serials = { first: 36_526, last: 109_575 } as const;

/** Milliseconds since 1970 of a date, as a serial number or as ISO text; null for anything else. */
function timeOf(cell: CellContent | undefined, from1904: boolean): number | null {
  if (cell?.kind === 'number') {
    const serial = cell.number + (from1904 ? 1462 : 0);
    return serial >= serials.first && serial < serials.last ? Date.UTC(1899, 11, 30) + Math.round(serial * dayMs) : null;
  }
  const text = cell?.kind === 'text' ? cell.text.trim() : '';
  const day = isoDay.exec(text)?.[1];
  if (day === undefined) return null;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // There is no 30 February, whatever Date makes of it.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return null;
  const rest = text.slice(day.length + 1).replace(/Z$/, '');
  return rest === '' ? midnight : Date.parse(`${day}T${rest}Z`);
}

function readFilled(
  cells: ReadReviewRow['cells'],
  from1904: boolean,
  days: { readonly first: string; readonly last: string },
  problem: (key: ReviewColumnKey, text: string) => void,
): FilledCells | null {
  const textAt = (key: 'decision' | 'reviewer' | 'comment'): string => {
    const text = textOf(cells.get(key));
    if (text === null) problem(key, 'a formula or an error stands there, not text');
    return text?.trim().toWellFormed() ?? '';
  };
  const [said, reviewer, comment] = [textAt('decision'), textAt('reviewer'), textAt('comment')];
  for (const [key, text] of Object.entries({ reviewer, comment }) as ['reviewer' | 'comment', string][])
    if (text.length > longest[key]) problem(key, `it has ${text.length} characters; ${longest[key]} is the most`);
  const date = cells.get('date');
  let day = '';
  if (textOf(date)?.trim() !== '') {
    const time = timeOf(date, from1904);
    if (time === null || Number.isNaN(time)) problem('date', 'it is no day; write it like 2026-10-02');
    else if (time < Date.parse(days.first) - tolerance) problem('date', `it is before ${days.first.slice(0, 10)}, when this was observed`);
    else if (time > Date.parse(days.last) + tolerance) problem('date', 'it is in the future');
    else day = new Date(time).toISOString().slice(0, 10);
  }
  if (said === '') return null;
  const decision = decisions.find((each) => each === said.toLowerCase());
  if (decision === undefined) {
    problem('decision', `${said.slice(0, 60)} is none of ${decisions.join(', ')}`);
    return null;
  }
  return { decision, reviewer, date: day, comment };
}
