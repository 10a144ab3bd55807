/**
 * A filled workbook, read back: where it came from, and its rows by the hidden id, whatever order, filter or program they went through.
 * What does not fit is a problem with its sheet, row and column. Whether the locked cells still say what was exported is decided by
 * check-review.ts, with the population at hand.
 */
import { KubevidenceError, visible } from '../../model/index.ts';
import { letterOf, originKeys, type ReviewColumnKey, reviewColumns, type ReviewOrigin, reviewSchema, sheetNames } from './review-sheet.ts';
import { type CellContent, readWorkbook, type SheetRow } from './workbook-parts.ts';

export interface ReviewProblem {
  /** `tampered`: a locked cell says something else than was exported, or a row is missing or was added. */
  readonly kind: 'unreadable' | 'tampered';
  readonly sheet: string;
  /** As the program shows it; null where it is no row's. */
  readonly row: number | null;
  /** `L (Decision)`; null where it is no column's. */
  readonly column: string | null;
  /** A clause. Untrusted text. */
  readonly text: string;
}

export interface ReadReviewRow {
  readonly row: number;
  readonly cells: ReadonlyMap<ReviewColumnKey, CellContent>;
}

export interface ReadReview {
  readonly origin: ReviewOrigin;
  readonly from1904: boolean;
  /** Letters of the columns, as they stand in the file. */
  readonly columns: ReadonlyMap<ReviewColumnKey, string>;
  readonly rows: readonly ReadReviewRow[];
  readonly problems: readonly ReviewProblem[];
}

/** Throws `input` for what is no workbook, or none that was exported here. */
export async function readReviewFile(bytes: Uint8Array): Promise<ReadReview> {
  const { sheets, from1904 } = await readWorkbook(bytes, [sheetNames.review, sheetNames.origin]);
  const [review, origin] = [sheets.get(sheetNames.review), sheets.get(sheetNames.origin)];
  if (review === undefined || origin === undefined)
    throw new KubevidenceError('input', `it has no sheet named ${review === undefined ? sheetNames.review : sheetNames.origin}`, {
      next: 'Import the workbook that `kubevidence access review export` wrote, with all its sheets.',
    });
  const problems: ReviewProblem[] = [];
  const found = readOrigin(origin);
  const [header, ...rows] = review;
  const positions = readHeader(header, problems);
  const columns = new Map([...positions].map(([position, key]) => [key, letterOf(position)]));
  return { origin: found, from1904, columns, rows: rows.map((row) => readRow(row, positions, problems)), problems };
}

function readOrigin(rows: readonly SheetRow[]): ReviewOrigin {
  const values = new Map<string, string>();
  for (const { row, cells } of rows) {
    const [key, value] = [textOf(cells.get(1)), textOf(cells.get(2))];
    if (key === null || value === null) throw notOurs(`row ${row} of its sheet ${sheetNames.origin} is no text`);
    if (values.has(key)) throw notOurs(`its sheet ${sheetNames.origin} says twice what ${visible(key)} is`);
    values.set(key, value);
  }
  const missing = originKeys.find((key) => !values.has(key));
  if (missing !== undefined) throw notOurs(`its sheet ${sheetNames.origin} does not say ${missing}`);
  const origin = Object.fromEntries(originKeys.map((key) => [key, values.get(key) ?? ''])) as Record<(typeof originKeys)[number], string>;
  if (origin.schema !== reviewSchema) throw notOurs(`it is of the form ${visible(origin.schema).slice(0, 80)}, not ${reviewSchema}`);
  return origin;
}

function notOurs(why: string): KubevidenceError {
  return new KubevidenceError('input', why, { next: 'Export again: kubevidence access review export --out review.xlsx' });
}

/** What a person sees in the cell; null for a formula, a truth value or an error. */
export function textOf(cell: CellContent | undefined): string | null {
  if (cell === undefined) return '';
  if (cell.kind === 'text') return cell.text;
  return cell.kind === 'number' ? String(cell.number) : null;
}

function readHeader(header: SheetRow | undefined, problems: ReviewProblem[]): ReadonlyMap<number, ReviewColumnKey> {
  const positions = new Map<number, ReviewColumnKey>();
  const problem = (column: string | null, text: string) =>
    problems.push({ kind: 'tampered', sheet: sheetNames.review, row: header?.row ?? null, column, text });
  for (const [position, cell] of header?.cells ?? []) {
    const title = textOf(cell)?.replace(/\s+/g, ' ').trim() ?? '';
    const column = reviewColumns.find((each) => each.title === title);
    if (column === undefined) problem(letterOf(position), `the export had no column ${visible(title).slice(0, 80)}`);
    else if ([...positions.values()].includes(column.key)) problem(letterOf(position), `there are two columns ${title}`);
    else positions.set(position, column.key);
  }
  for (const { key, title } of reviewColumns) if (![...positions.values()].includes(key)) problem(null, `the column ${title} is missing`);
  return positions;
}

function readRow({ row, cells }: SheetRow, positions: ReadonlyMap<number, ReviewColumnKey>, problems: ReviewProblem[]): ReadReviewRow {
  const read = new Map<ReviewColumnKey, CellContent>();
  for (const [position, cell] of cells) {
    const key = positions.get(position);
    if (key !== undefined) read.set(key, cell);
    else if (textOf(cell)?.trim() !== '')
      problems.push({
        kind: 'tampered',
        sheet: sheetNames.review,
        row,
        column: letterOf(position),
        text: 'something stands outside of the columns of the export',
      });
  }
  return { row, cells: read };
}
