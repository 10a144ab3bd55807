/**
 * Cells that cannot do harm: text is always text, whatever it starts with; control characters are visible; nothing is cut without saying
 * so; a formula is only ever a jump inside this workbook, made of our own words.
 */
import type { Cell, Worksheet } from 'exceljs';
import type { ShownOutcome, Verdict } from '../../report-model.ts';
import { glyphs, harmless } from '../wording.ts';

/** Excel's limit for a cell, in UTF-16 units. */
export const cellLimit = 32_767;
export const font = { name: 'Arial', size: 10 } as const;
export const momentFormat = 'yyyy-mm-dd hh:mm:ss';

const tints: Readonly<Record<ShownOutcome, string>> = {
  pass: 'FFDDEBF6',
  fail: 'FFF9E0D6',
  exception: 'FFFCEFE9',
  notAssessed: 'FFE9EBED',
  manual: 'FFF6F6F7',
  providerResponsibility: 'FFEDF1F4',
  notApplicable: 'FFFAFAFA',
};

/** Excel reads `_x0041_` in a string as the character 41 (ECMA-376 part 1, 22.9.2.19), so its underscore is escaped. */
export function cellText(value: string): string {
  const safe = harmless(value).replace(/_(?=x[0-9a-f]{4}_)/gi, '_x005F_');
  if (safe.length <= cellLimit) return safe;
  const cut = safe.slice(0, cellLimit - 80).replace(/\\u(\{[0-9a-f]*)?$/, '');
  return `${cut.toWellFormed()} [cut here: ${safe.length - cut.length} more characters; the exhibit has them]`;
}

/** True for text that other programs would take for a formula when the sheet is saved as CSV. */
export function looksLikeFormula(text: string): boolean {
  return /^[\s]*[=+\-@\t\r]/.test(text);
}

export function writeText(cell: Cell, value: string): void {
  const text = cellText(value);
  cell.value = text;
  cell.numFmt = '@';
  // exceljs cannot write quotePrefix; `repack` gives it to every style that reads left to right.
  cell.alignment = { vertical: 'top', wrapText: true, ...(looksLikeFormula(text) ? { readingOrder: 'ltr' as const } : {}) };
}

export function writeVerdict(cell: Cell, verdict: Verdict): void {
  writeText(cell, `${glyphs[verdict.shown]} ${verdict.word}`);
  cell.fill = { type: 'pattern', pattern: 'solid', fgColor: { argb: tints[verdict.shown] } };
}

/** A jump to another sheet. `shown` and `title` are words of the report, never of a cluster; null for anything else, which is text. */
export function jumpFormula(title: string, row: number, shown: string): string | null {
  const safe = /^[A-Za-z0-9 :_-]+$/;
  return safe.test(shown) && safe.test(title) ? `HYPERLINK("#'${title}'!A${row}","${shown}")` : null;
}

export function writeJump(cell: Cell, sheet: Worksheet, row: number, shown: string): void {
  const formula = jumpFormula(sheet.name, row, shown);
  if (formula === null) {
    writeText(cell, shown);
    return;
  }
  cell.value = { formula, result: shown };
  cell.font = { ...font, underline: true, color: { argb: 'FF1D3F66' } };
  cell.alignment = { vertical: 'top', wrapText: true };
}
