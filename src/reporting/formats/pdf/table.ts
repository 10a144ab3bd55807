/**
 * Tables without vertical rules: a header that repeats on every page, hairlines between rows, rows never cut across pages. A cell whose
 * text would not fit a page is shortened and says by how much.
 */
import type { ShownOutcome } from '../../report-model.ts';
import { drawMark } from './marks.ts';
import type { Element, Paper } from './paper.ts';
import { hairline, lineHeight, quiet, rule, sizes } from './style.ts';
import { type Line, type Span, text } from './typeset.ts';

export interface Column {
  readonly title: string;
  /** Share of the table's width. */
  readonly share: number;
  readonly align?: 'right';
}

export interface Cell {
  readonly spans: readonly Span[];
  /** Drawn before the first line. */
  readonly mark?: ShownOutcome;
}

export interface TableRow {
  readonly cells: readonly (Cell | readonly Span[] | string)[];
  /** Place that links to this row lead to. */
  readonly key?: string;
  /** Its entry in the outline. */
  readonly bookmark?: string;
}

/** Titles the rows that follow it, and stays with them. */
export interface Group {
  readonly group: string;
  /** Below the title, over the full width. */
  readonly about?: readonly Span[];
  /** Place that links to this group lead to. */
  readonly key?: string;
  /** Level in the outline; null for none. Default: 3. */
  readonly bookmark?: 2 | 3 | null;
}

/** Points. */
interface Style {
  readonly size: number;
  readonly leading: number;
  readonly padding: number;
}

const gap = 10;
const normal: Style = { size: sizes.table, leading: sizes.table * lineHeight, padding: 3 };
/** For long lists that are looked up, not read. */
const dense: Style = { size: sizes.small, leading: sizes.small * lineHeight, padding: 2 };
/** More lines than this would not fit a page with its header. */
const longest = 44;

export function drawTable(
  paper: Paper,
  columns: readonly Column[],
  rows: Iterable<TableRow | Group>,
  options: { readonly dense?: boolean } = {},
): void {
  const style = options.dense === true ? dense : normal;
  const { leading, padding } = style;
  const boxes = placeColumns(paper, columns);
  const table = paper.element('Table');
  let header = false;
  const drawHeader = (): void => {
    drawColumnTitles(paper, columns, boxes, header ? null : table);
    header = true;
  };
  /** The header stays with the first row, and each page has it. */
  const makeRoom = (height: number): void => {
    if (!header) paper.ensure(height + leading * 3);
    else if (paper.room < height) paper.newPage();
    else return;
    drawHeader();
  };
  for (const row of rows) {
    if ('group' in row) {
      const about = row.about === undefined ? [] : paper.set(row.about, style.size, paper.width);
      makeRoom(leading * (about.length + 5));
      drawGroup(paper, row, about, columns.length, table, style);
      continue;
    }
    const cells = row.cells.map((cell, index) => setCell(paper, cell, boxes[index]?.width ?? 0, style));
    const height = Math.max(1, ...cells.map(({ lines }) => lines.length)) * leading + 2 * padding;
    makeRoom(height);
    if (row.bookmark !== undefined) paper.bookmark(row.bookmark, 2);
    if (row.key !== undefined) paper.place(row.key);
    drawRow(paper, cells, columns, boxes, table, style);
    paper.y += height;
    paper.hairline(paper.y, hairline);
  }
  if (!header) makeRoom(0);
  table.end();
  paper.space(10);
}

function drawGroup(
  paper: Paper,
  { group, key, bookmark = 3 }: Group,
  about: readonly Line[],
  columns: number,
  table: Element,
  { size, leading }: Style,
): void {
  paper.space(6);
  if (bookmark !== null) paper.bookmark(group, bookmark);
  if (key !== undefined) paper.place(key);
  const row = paper.element('TR', {}, table);
  const element = paper.element('TH', { scope: 'Row', columns }, row);
  for (const line of [...paper.set([text(group, { face: 'medium' })], size, paper.width), ...about]) {
    paper.drawLine(line, paper.left, paper.y, size, element);
    paper.y += leading;
  }
  element.end();
  row.end();
  paper.space(1);
  paper.hairline(paper.y, rule, 0.4);
}

/** A label and what a reader looks up under it. */
export type Fact = readonly [string, Cell | readonly Span[] | string];

/** Facts one below the other, a hairline between them. */
export function drawFacts(paper: Paper, facts: readonly Fact[], labelShare = 0.22): void {
  const boxes = factBoxes(paper, labelShare);
  const table = paper.element('Table');
  for (const { cells, height } of setFacts(paper, facts, boxes)) {
    paper.ensure(height);
    drawRow(paper, cells, [], boxes, table, { ...normal, padding: factPadding }, true);
    paper.y += height;
    paper.hairline(paper.y, hairline, 0.3);
  }
  table.end();
  paper.space(8);
}

function factBoxes(paper: Paper, labelShare: number): readonly Box[] {
  return placeColumns(paper, [
    { title: '', share: labelShare },
    { title: '', share: 1 - labelShare },
  ]);
}

function setFacts(paper: Paper, facts: readonly Fact[], boxes: readonly Box[]): { cells: readonly SetCell[]; height: number }[] {
  return facts.map(([label, value]) => {
    const cells = [
      setCell(paper, [text(label, { colour: quiet })], boxes[0]?.width ?? 0, normal),
      setCell(paper, value, boxes[1]?.width ?? 0, normal),
    ];
    return { cells, height: Math.max(...cells.map(({ lines }) => lines.length)) * normal.leading + 2 * factPadding };
  });
}

const factPadding = 2.2;

interface Box {
  readonly x: number;
  readonly width: number;
}

function placeColumns(paper: Paper, columns: readonly Column[]): readonly Box[] {
  const total = columns.reduce((sum, column) => sum + column.share, 0);
  const usable = paper.width - gap * (columns.length - 1);
  let x = paper.left;
  return columns.map((column) => {
    const width = (usable * column.share) / total;
    const box = { x, width };
    x += width + gap;
    return box;
  });
}

function drawColumnTitles(paper: Paper, columns: readonly Column[], boxes: readonly Box[], table: Element | null): void {
  const titles = columns.map((column, index) =>
    paper.set([text(column.title, { face: 'medium', colour: quiet })], sizes.small, boxes[index]?.width ?? 0),
  );
  const lines = Math.max(...titles.map((title) => title.length));
  const leadingOfTitle = sizes.small * lineHeight;
  const draw = (into: (index: number, drawTitle: (element: Element) => void) => void): void => {
    for (const [index, title] of titles.entries()) {
      into(index, (element) => {
        for (const [row, line] of title.entries()) {
          const y = paper.y + (lines - title.length + row) * leadingOfTitle;
          paper.drawLine(line, startOf(line, columns[index], boxes[index]), y, sizes.small, element);
        }
      });
    }
  };
  if (table === null) drawRepeated(paper, columns, titles, boxes, lines, leadingOfTitle);
  else {
    const row = paper.element('TR', {}, table);
    draw((_, drawTitle) => {
      const element = paper.element('TH', { scope: 'Column' }, row);
      drawTitle(element);
      element.end();
    });
    row.end();
  }
  paper.y += lines * leadingOfTitle + 2;
  paper.hairline(paper.y, rule, 0.7);
}

/** On the next pages the header is an artifact: it is no second header of the same table. */
function drawRepeated(
  paper: Paper,
  columns: readonly Column[],
  titles: readonly (readonly Line[])[],
  boxes: readonly Box[],
  lines: number,
  leadingOfTitle: number,
): void {
  paper.artifact(() => {
    for (const [index, title] of titles.entries()) {
      for (const [row, line] of title.entries()) {
        const baseline = paper.y + (lines - title.length + row) * leadingOfTitle + sizes.small * (lineHeight / 2 + 0.36);
        const shown = line.pieces.map((piece) => piece.text).join('');
        paper.label(shown, startOf(line, columns[index], boxes[index]), baseline, sizes.small, 'medium', quiet);
      }
    }
  }, 'Pagination');
}

interface SetCell {
  readonly lines: readonly Line[];
  readonly mark: ShownOutcome | undefined;
}

function setCell(paper: Paper, cell: Cell | readonly Span[] | string, width: number, { size }: Style): SetCell {
  const { spans, mark } =
    typeof cell === 'string' ? { spans: [text(cell)], mark: undefined } : 'spans' in cell ? cell : { spans: cell, mark: undefined };
  const inset = mark === undefined ? 0 : markSizeOf(size) + markGap;
  const lines = paper.set(spans, size, width - inset);
  if (lines.length <= longest) return { lines, mark };
  const note = paper.set(
    [text(`… ${lines.length - longest + 1} more lines; whole in the workbook`, { colour: quiet })],
    size,
    width - inset,
  );
  return { lines: [...lines.slice(0, longest - note.length), ...note], mark };
}

const markSizeOf = (size: number): number => size * 0.86;
const markGap = 4;

function drawRow(
  paper: Paper,
  cells: readonly SetCell[],
  columns: readonly Column[],
  boxes: readonly Box[],
  table: Element,
  { size, leading, padding }: Style,
  titled = false,
): void {
  const row = paper.element('TR', {}, table);
  const top = paper.y + padding;
  const markSize = markSizeOf(size);
  for (const [index, { lines, mark }] of cells.entries()) {
    const box = boxes[index];
    if (box === undefined) continue;
    if (mark !== undefined) paper.artifact(() => drawMark(paper.doc, mark, box.x + markSize / 2, top + leading / 2, markSize));
    const element = titled && index === 0 ? paper.element('TH', { scope: 'Row' }, row) : paper.element('TD', {}, row);
    for (const [number, line] of lines.entries()) {
      const x = startOf(line, columns[index], box) + (mark === undefined ? 0 : markSize + markGap);
      paper.drawLine(line, x, top + number * leading, size, element);
    }
    element.end();
  }
  row.end();
}

function startOf(line: Line, column: Column | undefined, box: Box | undefined): number {
  const x = box?.x ?? 0;
  return column?.align === 'right' ? x + (box?.width ?? 0) - line.width : x;
}
