/** Widths, heights and headers that all sheets share, so that they look the same on paper and on a screen. */
import type { Worksheet } from 'exceljs';
import { font, writeText } from './cells.ts';
import type { Value } from './content.ts';

/** Widest that a column may be, in characters. */
export const widest = 60;
const headerFill = { type: 'pattern', pattern: 'solid', fgColor: { argb: 'FFEDEFF1' } } as const;

/** Programs do not fit the height of rows when they open a file. Excel allows 409 points; what is below can be read in the cell. */
export function heightOf(values: readonly Value[], widths: readonly number[]): number {
  const lines = values.map((value, column) => {
    const [length, width] = [widthOf(value) - 2, widths[column] ?? widest];
    // Letters are narrower than the digit that a width counts; lines end early where words break.
    return Math.ceil(length / (width * 1.15)) + (length > width * 3 ? 1 : 0);
  });
  return Math.min(409, Math.max(1, ...lines) * 13 + 3);
}

/** The indent keeps a number apart from the text in the next column. */
export const numberAlignment = { horizontal: 'right', indent: 1 } as const;

export function writeHeader(sheet: Worksheet, row: number, columns: readonly { readonly title: string; readonly kind?: string }[]): void {
  for (const [index, { title, kind }] of columns.entries()) {
    const cell = sheet.getRow(row).getCell(index + 1);
    writeText(cell, title);
    cell.font = { ...font, bold: true };
    cell.fill = headerFill;
    cell.border = { bottom: { style: 'thin', color: { argb: 'FF8A9097' } } };
    cell.alignment = { vertical: 'bottom', wrapText: true, ...(kind === 'number' ? numberAlignment : {}) };
  }
}

/** In characters of the default font, roughly. */
export function widthOf(value: Value): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number') return String(value).length + 3;
  if (value === null) return 0;
  if ('moment' in value) return 20;
  return ('verdict' in value ? value.verdict.word.length + 2 : value.shown.length) + 2;
}
