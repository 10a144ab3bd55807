/**
 * The rows of a sheet as the file holds them. exceljs makes an object of every cell and a text of the whole sheet, which for a quarter's
 * timeline is gigabytes; so it writes each sheet with one row of specimens, a cell of each look, and the rows are written here in its
 * place, in pieces, with the styles that it gave the specimens.
 */
import { type ShownOutcome, shownOutcomes } from '../../report-model.ts';
import { glyphs } from '../wording.ts';
import { cellText, jumpFormula, looksLikeFormula } from './cells.ts';
import type { SheetContent, Value } from './content.ts';
import { heightOf } from './layout.ts';

/** Rows of a sheet, header apart. Excel holds 1,048,576. */
export const rowLimit = 250_000;
/** The row below the header. */
export const specimenRow = 2;

type Look = 'empty' | 'text' | 'formulaLike' | 'number' | 'moment' | 'jump' | `verdict ${ShownOutcome}`;

/** One value of each look, in the order of the cells. */
export const specimens: readonly Value[] = [
  null,
  'text',
  '=text',
  1,
  { moment: '2026-01-01T00:00:00.000Z' },
  { jump: 'summary', row: 1, shown: 'jump' },
  ...shownOutcomes.map((shown): Value => ({ verdict: { outcome: 'pass', shown, word: shown, sentence: '' } })),
];
const looks: readonly Look[] = [
  'empty',
  'text',
  'formulaLike',
  'number',
  'moment',
  'jump',
  ...shownOutcomes.map((shown): Look => `verdict ${shown}`),
];

/** Texts that cells name by number, each once; `before`: how many there are already. */
export interface SharedStrings {
  add(text: string): number;
  /** How often any was added. */
  readonly uses: number;
  readonly texts: ReadonlyMap<string, number>;
}

export function shareStrings(before: number): SharedStrings {
  const texts = new Map<string, number>();
  let uses = 0;
  return {
    add(text) {
      uses += 1;
      let place = texts.get(text);
      if (place === undefined) texts.set(text, (place = before + texts.size));
      return place;
    },
    get uses() {
      return uses;
    },
    texts,
  };
}

export interface RowsToWrite {
  readonly content: SheetContent;
  readonly widths: readonly number[];
  /** Of the sheet that a jump leads to. */
  readonly titleOf: (jump: Extract<Value, { jump: unknown }>['jump']) => string | undefined;
}

/** `sheet`: what exceljs wrote, with the specimens; their styles are taken from it. */
export function* writeSheet(sheet: string, rows: RowsToWrite, strings: SharedStrings): Generator<string> {
  const start = sheet.indexOf(`<row r="${specimenRow}"`);
  const end = sheet.indexOf('</row>', start) + '</row>'.length;
  const styles = new Map<Look, string>();
  for (const [place, [, style = '']] of [...sheet.slice(start, end).matchAll(/<c [^>]*?s="(\d+)"/g)].entries())
    styles.set(looks[place] ?? 'empty', style);
  const { columns, rows: values } = rows.content;
  const last = Math.min(values.length, rowLimit + 1) + 1;
  const area = `<dimension ref="A1:${letters(columns.length - 1)}${last}"/>`;
  yield sheet.slice(0, start).replace(/<dimension [^>]*>/, area);
  for (let index = 0; index < values.length && index < rowLimit; index++)
    yield rowText(index + specimenRow, values[index] ?? [], rows, styles, strings);
  if (values.length > rowLimit)
    yield rowText(rowLimit + specimenRow, [`${values.length - rowLimit} more rows are in the exhibits only.`], rows, styles, strings);
  yield sheet.slice(end);
}

function rowText(
  number: number,
  values: readonly Value[],
  { widths, titleOf }: RowsToWrite,
  styles: ReadonlyMap<Look, string>,
  strings: SharedStrings,
): string {
  let cells = '';
  for (let column = 0; column < values.length; column++) {
    const [look, content] = cellOf(values[column] ?? null, titleOf, strings);
    cells += `<c r="${letters(column)}${number}" s="${styles.get(look) ?? '0'}"${content}`;
  }
  return `<row r="${number}" ht="${heightOf(values, widths)}" customHeight="1">${cells}</row>`;
}

/** The look of a cell, and its text from the attribute of its type on. */
function cellOf(value: Value, titleOf: RowsToWrite['titleOf'], strings: SharedStrings): readonly [Look, string] {
  const text = (said: string, look: Look): readonly [Look, string] => [look, ` t="s"><v>${strings.add(said)}</v></c>`];
  const plain = (said: string) => text(cellText(said), looksLikeFormula(said) ? 'formulaLike' : 'text');
  if (value === null || value === '') return ['empty', '/>'];
  if (typeof value === 'string') return plain(value);
  if (typeof value === 'number') return ['number', `><v>${value}</v></c>`];
  if ('verdict' in value) {
    const { shown, word } = value.verdict;
    return text(cellText(`${glyphs[shown]} ${word}`), `verdict ${shown}`);
  }
  // Days since 1900, as ECMA-376 part 1, 18.17.4.1 counts them.
  if ('moment' in value)
    return value.moment === null ? ['empty', '/>'] : ['moment', `><v>${25_569 + Date.parse(value.moment) / 86_400_000}</v></c>`];
  const title = titleOf(value.jump);
  const formula = title === undefined ? null : jumpFormula(title, value.row + 1, value.shown);
  if (formula === null) return plain(value.shown);
  return ['jump', ` t="str"><f>${escapeXml(formula)}</f><v>${escapeXml(value.shown)}</v></c>`];
}

/** The file's texts, those of exceljs first; `xml` is what it wrote. */
export function* writeStrings(xml: string, strings: SharedStrings): Generator<string> {
  const [count, unique] = countStrings(xml);
  const end = xml.lastIndexOf('</sst>');
  yield xml
    .slice(0, end)
    .replace(/ count="\d+" uniqueCount="\d+"/, ` count="${count + strings.uses}" uniqueCount="${unique + strings.texts.size}"`);
  for (const text of strings.texts.keys()) {
    const space = text !== text.trim() ? ' xml:space="preserve"' : '';
    yield `<si><t${space}>${escapeXml(text)}</t></si>`;
  }
  yield xml.slice(end);
}

/** How often texts are named, and how many there are. */
export function countStrings(xml: string): readonly [number, number] {
  const [, count = '0', unique = '0'] = / count="(\d+)" uniqueCount="(\d+)"/.exec(xml) ?? [];
  return [Number(count), Number(unique)];
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Of text without control characters (`cellText`). */
function escapeXml(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (character) => escapes[character] ?? '') : text;
}

/** A, B, … Z, AA, AB, … */
function letters(column: number): string {
  const last = String.fromCharCode(65 + (column % 26));
  return column < 26 ? last : letters(Math.floor(column / 26) - 1) + last;
}
