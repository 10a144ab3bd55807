/**
 * The workbook: the report model as sheets that an auditor filters and sorts. Every row of the model is here, also where the PDF shows
 * only the first ones. Locked without a password, byte-deterministic, unsigned.
 */
import type { Cell, Workbook, Worksheet } from 'exceljs';
import type { ReportModel } from '../../report-model.ts';
import { shownOutcomes } from '../../report-model.ts';
import { harmless, spanText, timeText } from '../wording.ts';
import { font, momentFormat, writeJump, writeText, writeVerdict } from './cells.ts';
import { repack } from './repack.ts';
import type { SheetContent, Value } from './content.ts';
import { heightOf, numberAlignment, widest, widthOf, writeHeader } from './layout.ts';
import { type RowsToWrite, specimenRow, specimens } from './rows.ts';
import { contentOf } from './sheets.ts';

/** ECMA-376 part 1, 18.3.1.63. */
const paperSizes: Readonly<Record<ReportModel['meta']['paper'], number>> = { A4: 9, Letter: 1 };

export interface WorkbookOptions {
  /** After each sheet. */
  readonly onSheet?: () => void;
}

export async function renderWorkbook(model: ReportModel, { onSheet }: WorkbookOptions = {}): Promise<Uint8Array> {
  const { meta } = model;
  // Some 18 MB, which nobody needs until now.
  const { default: exceljs } = await import('exceljs');
  const book = new exceljs.Workbook();
  const time = new Date(meta.generatedAt);
  book.creator = 'Kubevidence';
  book.lastModifiedBy = 'Kubevidence';
  book.created = time;
  book.modified = time;
  book.title = meta.title;
  const contents = new Map(model.sheets.flatMap(({ id }) => (id === 'summary' ? [] : [[id, contentOf(model, id)] as const])));
  const sheets = new Map(model.sheets.map(({ id, title }) => [id, addSheet(book, title, model)]));
  const rows = new Map<number, RowsToWrite>();
  for (const { id } of model.sheets) {
    const sheet = sheets.get(id);
    const content = id === 'summary' ? undefined : contents.get(id);
    if (sheet === undefined) continue;
    if (content === undefined) fillSummary(sheet, model, contents, sheets);
    else {
      const widths = fillSheet(sheet, content);
      rows.set(sheet.id, { content, widths, titleOf: (target) => sheets.get(target)?.name });
    }
    await sheet.protect('', {
      selectLockedCells: true,
      selectUnlockedCells: true,
      autoFilter: true,
      sort: true,
      formatColumns: true,
      formatRows: true,
    });
  }
  return repack(new Uint8Array(await book.xlsx.writeBuffer()), rows, onSheet);
}

function addSheet(book: Workbook, title: string, model: ReportModel): Worksheet {
  const { meta } = model;
  const flags = [meta.demo ? 'DEMO' : '', meta.draft ? 'DRAFT' : ''].filter((flag) => flag !== '').join(' ');
  // `&` starts a code in headers, and digits after a size belong to it; 255 characters are allowed for all three parts.
  const quoted = (text: string): string => Array.from(harmless(text)).slice(0, 36).join('').replaceAll('&', '&&');
  const sheet = book.addWorksheet(title, {
    pageSetup: {
      orientation: 'landscape',
      fitToPage: true,
      fitToWidth: 1,
      fitToHeight: 0,
      margins: { left: 0.5, right: 0.5, top: 0.7, bottom: 0.6, header: 0.3, footer: 0.3 },
    },
    headerFooter: {
      oddHeader: `&L&8 ${quoted(meta.organization)}&C&8 ${quoted(spanText(meta))}, pack ${quoted(meta.pack)}&R&"Arial,Bold"&10${flags}`,
      oddFooter: `&L&8 ${quoted(meta.documentClass)}&C&8checkpoint ${model.checkpoint.root.slice(0, 12)}&R&8&A, page &P of &N`,
    },
    ...(meta.demo ? { properties: { tabColor: { argb: 'FFC8451B' } } } : {}),
  });
  Object.assign(sheet.pageSetup, { paperSize: paperSizes[meta.paper] });
  return sheet;
}

/** Its frame, its header and a row of specimens; says how wide the columns are. */
function fillSheet(sheet: Worksheet, { columns, rows }: SheetContent): readonly number[] {
  sheet.views = [{ state: 'frozen', xSplit: 1, ySplit: 1 }];
  sheet.pageSetup.printTitlesRow = '1:1';
  sheet.autoFilter = { from: { row: 1, column: 1 }, to: { row: 1, column: columns.length } };
  const sample = rows.slice(0, 2000);
  const widths = columns.map(({ title, cap }, column) => {
    // A word of the title and the filter's arrow.
    const least = Math.max(...title.split(' ').map((word) => word.length)) + 4;
    return Math.min(widest, Math.max(least, Math.min(cap, Math.max(least, ...sample.map((row) => widthOf(row[column] ?? null))))));
  });
  writeHeader(sheet, 1, columns);
  sheet.getRow(1).height = heightOf(
    columns.map(({ title }) => title),
    widths.map((width) => width - 3),
  );
  for (const [index, width] of widths.entries()) sheet.getColumn(index + 1).width = width;
  printWide(sheet, widths);
  for (const [index, value] of specimens.entries()) writeSpecimen(sheet.getRow(specimenRow).getCell(index + 1), value);
  return widths;
}

/** Characters that a page in landscape holds, small but still to be read: some 4 points high. */
const pageWidth = 400;

/** What is wider than a page goes on several side by side, each with the first column, which says what the rest is about. */
function printWide({ pageSetup }: Worksheet, widths: readonly number[]): void {
  const [first = 0, ...others] = widths;
  const pages = Math.ceil(others.reduce((sum, width) => sum + width, 0) / (pageWidth - first));
  if (pages < 2) return;
  pageSetup.fitToWidth = pages;
  pageSetup.printTitlesColumn = 'A:A';
}

function writeSpecimen(cell: Cell, value: Value): void {
  cell.font = font;
  cell.border = { bottom: { style: 'hair', color: { argb: 'FFC9CED3' } } };
  if (value === null) return;
  if (typeof value === 'string') writeText(cell, value);
  else if (typeof value === 'number') {
    cell.value = value;
    cell.alignment = { vertical: 'top', ...numberAlignment };
  } else if ('verdict' in value) writeVerdict(cell, value.verdict);
  else if ('moment' in value) {
    cell.value = new Date(value.moment ?? 0);
    cell.numFmt = momentFormat;
    cell.alignment = { vertical: 'top', horizontal: 'left' };
  } else writeJump(cell, cell.worksheet, value.row, value.shown);
}

const summaryWidths = [40, 60, 16, 46] as const;

/** The first sheet: whose report this is, what each sheet holds and from where, and the counts per framework. */
function fillSummary(
  sheet: Worksheet,
  model: ReportModel,
  contents: ReadonlyMap<string, SheetContent>,
  sheets: ReadonlyMap<string, Worksheet>,
): void {
  const { meta, cluster, checkpoint, signer } = model;
  for (const [index, width] of summaryWidths.entries()) sheet.getColumn(index + 1).width = width;
  const title = sheet.getCell(1, 1);
  writeText(title, `${meta.demo ? 'DEMO · ' : ''}${meta.draft ? 'DRAFT · ' : ''}${meta.title}`);
  title.font = { ...font, size: 16, bold: true };
  title.alignment = { wrapText: false };
  sheet.getRow(1).height = 24;
  let row = 3;
  const facts: readonly (readonly [string, string])[] = [
    ['Organization', meta.organization],
    ['Result', model.result],
    meta.period === null
      ? ['As of', timeText(meta.asOf)]
      : [
          'Period',
          `${meta.period.name}: ${timeText(meta.period.start)} up to, not including, ${timeText(meta.period.end)}${meta.period.over ? '' : '; not over yet'}`,
        ],
    ['Times', `UTC; the organization's timezone is ${meta.timezone}`],
    ['Cluster', `${cluster.name}, Kubernetes ${cluster.version ?? 'version not recorded'}`],
    ['kube-system UID', cluster.uid ?? 'not recorded'],
    ['Checkpoint', `${checkpoint.origin}, size ${checkpoint.size}, ${timeText(checkpoint.time)}`],
    ['Root hash', checkpoint.root],
    ['Signed by', signer.subject],
    ['Document key, SHA-256', signer.fingerprint],
    ['Pack', `${meta.pack}, made by Kubevidence ${meta.toolVersion}`],
    ['Locked', 'All cells are locked without a password, so that nothing changes by accident. Filters work.'],
  ];
  for (const [label, value] of facts) {
    const [left, right] = [sheet.getCell(row, 1), sheet.getCell(row, 2)];
    left.font = { ...font, bold: true };
    right.font = font;
    writeText(left, label);
    writeText(right, value);
    sheet.getRow(row).height = heightOf([label, value], summaryWidths);
    row += 1;
  }
  row += 1;
  writeHeader(sheet, row, [{ title: 'Sheet' }, { title: 'What it holds' }, { title: 'Rows', kind: 'number' }, { title: 'Source' }]);
  for (const { id, title: name, about, source } of model.sheets) {
    row += 1;
    const target = sheets.get(id);
    const cells = [1, 2, 3, 4].map((column) => sheet.getCell(row, column));
    for (const cell of cells) cell.font = font;
    const [first, second, third, fourth] = cells;
    if (first === undefined || second === undefined || third === undefined || fourth === undefined) continue;
    if (target === undefined) writeText(first, name);
    else writeJump(first, target, 1, name);
    writeText(second, about);
    sheet.getRow(row).height = heightOf([name, about, null, source], summaryWidths);
    const content = contents.get(id);
    if (content !== undefined) third.value = content.rows.length;
    third.alignment = { vertical: 'top', ...numberAlignment };
    writeText(fourth, source);
  }
  row += 2;
  fillCounts(sheet, model, row);
  sheet.views = [{ state: 'frozen', ySplit: 1 }];
}

function fillCounts(sheet: Worksheet, model: ReportModel, start: number): void {
  let row = start;
  writeHeader(sheet, row, [
    { title: 'Framework' },
    { title: 'Outcome' },
    { title: 'Requirements', kind: 'number' },
    { title: 'What it means' },
  ]);
  for (const framework of model.frameworks) {
    for (const shown of shownOutcomes) {
      if (framework.counts[shown] === 0) continue;
      row += 1;
      const verdict = framework.verdicts[shown];
      for (const column of [1, 2, 3, 4]) sheet.getCell(row, column).font = font;
      writeText(sheet.getCell(row, 1), `${framework.title} ${framework.versionLabel}`);
      writeVerdict(sheet.getCell(row, 2), verdict);
      sheet.getCell(row, 3).value = framework.counts[shown];
      sheet.getCell(row, 3).alignment = { vertical: 'top', ...numberAlignment };
      writeText(sheet.getCell(row, 4), verdict.sentence);
      sheet.getRow(row).height = heightOf([`${framework.title} ${framework.versionLabel}`, null, null, verdict.sentence], summaryWidths);
    }
  }
}
