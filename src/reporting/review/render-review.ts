/**
 * The workbook that reviewers fill: one row per grant, grouped by who owns the namespace, with four cells to fill and everything else
 * locked, without a password. Names from a cluster are text and nothing else. What it was made of stands on a sheet of its own.
 */
import type { Cell, DataValidation, Workbook, Worksheet } from 'exceljs';
import { font, writeText } from '../formats/xlsx/cells.ts';
import { heightOf, numberAlignment, writeHeader } from '../formats/xlsx/layout.ts';
import { repack } from '../formats/xlsx/repack.ts';
import { harmless, plural, timeText } from '../formats/wording.ts';
import {
  decisions,
  letterOf,
  lockedTexts,
  longest,
  originKeys,
  reviewColumns,
  type ReviewOrigin,
  type ReviewSheetRow,
  sheetNames,
} from './review-sheet.ts';

export interface ReviewWorkbook {
  readonly organization: string;
  readonly cluster: { readonly name: string; readonly version: string | null };
  readonly origin: ReviewOrigin;
  /** In the order in which they shall stand; rows of one owner together. */
  readonly rows: readonly ReviewSheetRow[];
  /** Grants of the control plane itself. */
  readonly builtin: number;
  /** What could not be read, each a line. */
  readonly gaps: readonly string[];
}

/** Rows of the sheet: 12 s and 940 MB were measured. */
export const mostReviewRows = 50_000;

const dayFormat = 'yyyy-mm-dd';
const editable = { type: 'pattern', pattern: 'solid', fgColor: { argb: 'FFFFF8E0' } } as const;
const tints = { high: 'FFF9E0D6', medium: 'FFFCEFE9', low: 'FFFFFFFF' } as const;
const hair = { style: 'hair', color: { argb: 'FFC9CED3' } } as const;
const between = { style: 'thin', color: { argb: 'FFE0D2A0' } } as const;
const line = { style: 'thin', color: { argb: 'FF4A4F55' } } as const;
const widths = reviewColumns.map(({ width }) => width);

export async function renderReview(review: ReviewWorkbook): Promise<Uint8Array> {
  const { default: exceljs } = await import('exceljs');
  const book = new exceljs.Workbook();
  const time = new Date(review.origin.exported);
  book.creator = 'Kubevidence';
  book.lastModifiedBy = 'Kubevidence';
  book.created = time;
  book.modified = time;
  book.title = 'Access review';
  // Whoever opens it sees counts of what is filled in.
  book.calcProperties.fullCalcOnLoad = true;
  const [start, sheet, origin] = [sheetNames.start, sheetNames.review, sheetNames.origin].map((name) => addSheet(book, name, review)) as [
    Worksheet,
    Worksheet,
    Worksheet,
  ];
  fillStart(start, review);
  fillRows(sheet, review);
  fillOrigin(origin, review.origin);
  for (const each of [start, sheet, origin]) {
    await each.protect('', {
      selectLockedCells: true,
      selectUnlockedCells: true,
      autoFilter: true,
      sort: true,
      formatColumns: true,
      formatRows: true,
    });
  }
  return repack(new Uint8Array(await book.xlsx.writeBuffer()));
}

function addSheet(book: Workbook, title: string, { organization, origin }: ReviewWorkbook): Worksheet {
  const quoted = (text: string): string => Array.from(harmless(text)).slice(0, 36).join('').replaceAll('&', '&&');
  const sheet = book.addWorksheet(title, {
    pageSetup: {
      orientation: 'landscape',
      fitToPage: true,
      fitToWidth: 1,
      fitToHeight: 0,
      margins: { left: 0.4, right: 0.4, top: 0.7, bottom: 0.6, header: 0.3, footer: 0.3 },
    },
    headerFooter: {
      oddHeader: `&L&8 ${quoted(organization)}&C&8access review of ${quoted(origin.cluster)}, run ${quoted(origin.run)}`,
      oddFooter: `&C&8population ${quoted(origin.population.slice(0, 12))}&R&8&A, page &P of &N`,
    },
  });
  Object.assign(sheet.pageSetup, { paperSize: 9 });
  return sheet;
}

function fillRows(sheet: Worksheet, { rows, origin }: ReviewWorkbook): void {
  sheet.views = [{ state: 'frozen', xSplit: 3, ySplit: 1 }];
  sheet.pageSetup.printTitlesRow = '1:1';
  sheet.autoFilter = { from: { row: 1, column: 1 }, to: { row: 1, column: reviewColumns.length - 1 } };
  sheet.pageSetup.printArea = `A1:${letterOf(reviewColumns.length - 1)}${rows.length + 1}`;
  writeHeader(sheet, 1, reviewColumns);
  sheet.getRow(1).height = heightOf(
    reviewColumns.map(({ title }) => title),
    widths.map((width) => width - 4),
  );
  for (const [index, { kind, width }] of reviewColumns.entries()) {
    const column = sheet.getColumn(index + 1);
    column.width = width;
    if (kind === 'id') column.hidden = true;
    if (kind === 'filled') sheet.getRow(1).getCell(index + 1).fill = editable;
  }
  const validations = validationsOf(origin);
  let owner: string | null = null;
  for (const [index, entry] of rows.entries()) {
    const row = sheet.getRow(index + 2);
    const texts = lockedTexts(entry);
    const begins = owner !== null && owner !== entry.owner;
    owner = entry.owner;
    row.height = heightOf(
      reviewColumns.map(({ key, kind }) => (kind === 'text' ? texts[key] : null)),
      widths,
    );
    for (const [position, column] of reviewColumns.entries()) {
      const cell = row.getCell(position + 1);
      cell.font = font;
      cell.border = { bottom: hair, ...(begins ? { top: line } : {}) };
      if (column.kind === 'text') {
        if (texts[column.key] !== '') writeText(cell, texts[column.key]);
      } else if (column.kind === 'day') writeDay(cell, entry, column.key);
      else if (column.kind === 'id') writeText(cell, entry.id);
      else writeFilled(cell, entry, column.key, validations[column.key]);
    }
    row.getCell(reviewColumns.findIndex(({ key }) => key === 'risk') + 1).fill = {
      type: 'pattern',
      pattern: 'solid',
      fgColor: { argb: tints[entry.risk] },
    };
  }
}

/** `by` a day: it was there already when the ledger first looked. */
function writeDay(cell: Cell, { firstSeen, lastChange }: ReviewSheetRow, key: 'firstSeen' | 'lastChange'): void {
  const at = key === 'firstSeen' ? (firstSeen?.at ?? null) : lastChange;
  if (at === null) return;
  cell.value = new Date(at);
  cell.numFmt = key === 'firstSeen' && firstSeen?.exact === false ? `"by "${dayFormat}` : dayFormat;
  cell.alignment = { vertical: 'top', horizontal: 'left' };
}

type FilledKey = Extract<(typeof reviewColumns)[number], { kind: 'filled' }>['key'];

function writeFilled(cell: Cell, { filled }: ReviewSheetRow, key: FilledKey, validation: DataValidation): void {
  cell.fill = editable;
  cell.border = { ...cell.border, bottom: between, left: between };
  cell.protection = { locked: false };
  cell.dataValidation = validation;
  cell.alignment = { vertical: 'top', wrapText: true };
  if (key === 'date') {
    cell.numFmt = dayFormat;
    if (filled !== null && filled.date !== '') cell.value = new Date(`${filled.date}T00:00:00Z`);
  } else if (filled !== null && filled[key] !== '') writeText(cell, filled[key]);
}

function validationsOf({ observed }: ReviewOrigin): Readonly<Record<FilledKey, DataValidation>> {
  const shared = { allowBlank: true, showErrorMessage: true, errorStyle: 'stop' } as const;
  const upTo = (length: number): DataValidation => ({
    ...shared,
    type: 'textLength',
    operator: 'lessThanOrEqual',
    formulae: [length],
    errorTitle: 'Too long',
    error: `At most ${length} characters.`,
  });
  return {
    decision: {
      ...shared,
      type: 'list',
      formulae: [`"${decisions.join(',')}"`],
      errorTitle: 'Decision',
      error: 'keep, revoke or change; empty while it is open.',
    },
    reviewer: upTo(longest.reviewer),
    date: {
      ...shared,
      type: 'date',
      operator: 'greaterThanOrEqual',
      formulae: [new Date(`${observed.slice(0, 10)}T00:00:00Z`)],
      errorTitle: 'Date',
      error: `A day like 2026-10-02, from ${observed.slice(0, 10)} on.`,
    },
    comment: upTo(longest.comment),
  };
}

const startWidths = [26, 74, 12, 12, 12] as const;

function fillStart(sheet: Worksheet, review: ReviewWorkbook): void {
  const { origin, rows, builtin, gaps } = review;
  for (const [index, width] of startWidths.entries()) sheet.getColumn(index + 1).width = width;
  const title = sheet.getCell(1, 1);
  writeText(title, 'Access review');
  title.font = { ...font, size: 16, bold: true };
  title.alignment = { wrapText: false };
  sheet.getRow(1).height = 24;
  const version = review.cluster.version === null ? '' : `, Kubernetes ${review.cluster.version}`;
  const builtinText =
    origin.builtinIncluded === 'yes'
      ? `${plural(builtin, 'grant')} that every API server makes for itself: among the rows`
      : `${plural(builtin, 'grant')} that every API server makes for itself: not among the rows, which people and programs added`;
  const facts: readonly (readonly [string, string])[] = [
    ['Organization', review.organization],
    ['Cluster', `${review.cluster.name}${version}`],
    ['As of', `${timeText(origin.observed)}, run ${origin.run}`],
    ['Prepared by', origin.preparer === '' ? 'not named' : `${origin.preparer} (asserted, not authenticated)`],
    ['Population', `${plural(rows.length, 'grant')}; SHA-256 ${origin.population}`],
    ['Built-in grants', builtinText],
    [
      'Complete',
      gaps.length === 0 ? 'yes: roles and bindings of the whole cluster were read' : `NO. Not read: ${gaps.slice(0, 20).join('; ')}`,
    ],
    [
      'What to do',
      `For each row of "${sheetNames.review}" choose keep, revoke or change, and write who decided and when. Say with change what shall change. Only the tinted cells are open; filters work. Whoever prepared the review does not review.`,
    ],
    [
      'What it shows',
      'What roles and bindings give. Who is in a group, only the identity provider knows. A grant shows what someone could do, never what they did.',
    ],
    ['Then', 'Save it, and: kubevidence access review import FILE --reviewer NAME. Nothing in the cluster is changed by that.'],
  ];
  let row = 3;
  for (const [label, value] of facts) {
    const [left, right] = [sheet.getCell(row, 1), sheet.getCell(row, 2)];
    writeText(left, label);
    writeText(right, value);
    left.font = { ...font, bold: true };
    right.font = font;
    sheet.getRow(row).height = heightOf([label, value], startWidths);
    row += 1;
  }
  row = fillProgress(sheet, review, row + 1);
  fillOwners(sheet, review, row + 1);
  sheet.views = [{ state: 'frozen', ySplit: 1 }];
}

/** Counts that follow what people fill in. */
function fillProgress(sheet: Worksheet, { rows }: ReviewWorkbook, start: number): number {
  writeHeader(sheet, start, [{ title: 'Decision' }, { title: 'What it means' }, { title: 'Rows', kind: 'number' }]);
  const column = letterOf(reviewColumns.findIndex(({ key }) => key === 'decision') + 1);
  const cells = `'${sheetNames.review}'!$${column}$2:$${column}$${rows.length + 1}`;
  const meanings = {
    keep: 'It is needed, and stays.',
    revoke: 'It goes: the import prints the commands, a person runs them, and the next snapshot shows whether it is gone.',
    change: 'It stays in another form; the comment says in which.',
  } as const;
  let row = start;
  const writeCount = (label: string, meaning: string, formula: string, result: number): void => {
    row += 1;
    const [first, second, third] = [sheet.getCell(row, 1), sheet.getCell(row, 2), sheet.getCell(row, 3)];
    for (const cell of [first, second, third]) cell.font = font;
    writeText(first, label);
    writeText(second, meaning);
    third.value = rows.length === 0 ? 0 : { formula, result };
    third.alignment = { vertical: 'top', ...numberAlignment };
    sheet.getRow(row).height = heightOf([label, meaning], startWidths);
  };
  const filled = (decision: string) => rows.filter((each) => each.filled?.decision === decision).length;
  for (const decision of decisions) writeCount(decision, meanings[decision], `COUNTIF(${cells},"${decision}")`, filled(decision));
  const open = rows.filter((each) => each.filled === null).length;
  writeCount('open', 'Nobody decided yet. Such a review is imported only with --partial.', `COUNTBLANK(${cells})`, open);
  return row + 1;
}

function fillOwners(sheet: Worksheet, { rows }: ReviewWorkbook, start: number): void {
  const numbers = ['Rows', 'High', 'Medium'].map((title) => ({ title, kind: 'number' }));
  writeHeader(sheet, start, [{ title: 'Owner' }, { title: 'Where' }, ...numbers]);
  let row = start;
  for (const [owner, own] of Map.groupBy(rows, (each) => each.owner)) {
    row += 1;
    const where = [...new Set(own.map((each) => each.where))];
    const shown = `${where.slice(0, 8).join(', ')}${where.length > 8 ? ` and ${where.length - 8} more` : ''}`;
    const counts = [own.length, ...(['high', 'medium'] as const).map((risk) => own.filter((each) => each.risk === risk).length)];
    for (const [index, value] of [owner, shown, ...counts].entries()) {
      const cell = sheet.getCell(row, index + 1);
      cell.font = font;
      if (typeof value === 'string') writeText(cell, value);
      else {
        cell.value = value;
        cell.alignment = { vertical: 'top', ...numberAlignment };
      }
    }
    sheet.getRow(row).height = heightOf([owner, shown], startWidths);
  }
}

function fillOrigin(sheet: Worksheet, origin: ReviewOrigin): void {
  sheet.getColumn(1).width = 24;
  sheet.getColumn(2).width = 84;
  writeHeader(sheet, 1, [{ title: 'Origin' }, { title: 'Value' }]);
  for (const [index, key] of originKeys.entries()) {
    const [left, right] = [sheet.getCell(index + 2, 1), sheet.getCell(index + 2, 2)];
    writeText(left, key);
    writeText(right, origin[key]);
    left.font = font;
    right.font = font;
  }
}
