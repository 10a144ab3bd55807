/**
 * The cells of a workbook as Excel, LibreOffice, Google and others save them (ECMA-376, transitional and strict): shared, rich or inline
 * strings, numbers, ISO dates, any prefix. Everything is bounded before it is inflated; formulas are told apart, and never computed.
 * Throws `input` for what is no such workbook.
 */
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import { readXml } from './xml.ts';

export type CellContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  /** A truth value or an error such as #REF!. */
  | { readonly kind: 'other'; readonly text: string }
  | { readonly kind: 'formula' };

export interface SheetRow {
  /** As the program shows it, from 1. */
  readonly row: number;
  /** By column, from 1; empty cells are not here. */
  readonly cells: ReadonlyMap<number, CellContent>;
}

export interface WorkbookParts {
  /** Dates count from 1904. */
  readonly from1904: boolean;
  /** Rows that have anything in them, of the sheets that were asked for and are there. */
  readonly sheets: ReadonlyMap<string, readonly SheetRow[]>;
}

const limits = {
  file: 64 * 1024 * 1024,
  entries: 2000,
  /** One part, inflated. */
  part: 160 * 1024 * 1024,
  /** All parts, inflated. */
  all: 320 * 1024 * 1024,
  cells: 3_000_000,
} as const;

/** Names of columns and rows end here: XFD1048576. */
const [lastColumn, lastRow] = [16_384, 1_048_576];

export async function readWorkbook(bytes: Uint8Array, wanted: readonly string[]): Promise<WorkbookParts> {
  if (bytes.length > limits.file) throw unreadable(`it has ${bytes.length} bytes; ${limits.file} is the most`);
  const open = await opened(bytes);
  try {
    const parts = await entriesOf(open);
    const read = async (name: string) => {
      const entry = parts.get(name.toLowerCase());
      if (entry === undefined) throw new Error(`it has no part ${visible(name)}`);
      return inflate(open, entry);
    };
    const book = await readBook(read);
    const strings = book.strings === null ? [] : readStrings(await read(book.strings));
    const budget = { cells: limits.cells };
    const sheets = new Map<string, readonly SheetRow[]>();
    for (const { name, part } of book.sheets) {
      if (!wanted.includes(name)) continue;
      if (sheets.has(name)) throw new Error(`it has two sheets named ${visible(name)}`);
      sheets.set(name, readSheet(await read(part), strings, budget));
    }
    return { from1904: book.from1904, sheets };
  } catch (cause) {
    throw cause instanceof KubevidenceError ? cause : unreadable(visible(reasonOf(cause)).slice(0, 200), cause);
  } finally {
    open.close();
  }
}

function unreadable(why: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('input', `it is no workbook that can be read: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    next: 'Save it as .xlsx: Excel workbook, or in LibreOffice "Excel 2007-365".',
  });
}

async function opened(bytes: Uint8Array): Promise<ZipFile> {
  if (Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0])))
    throw unreadable('it is encrypted, or of the format before 2007');
  try {
    return await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
      lazyEntries: true,
      strictFileNames: true,
      autoClose: false,
    });
  } catch (cause) {
    throw unreadable('it is no zip', cause);
  }
}

/** By name in lower case, as office programs look them up. */
async function entriesOf(zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > limits.entries) throw new Error(`it has more than ${limits.entries} parts`);
  const entries = new Map<string, Entry>();
  let size = 0;
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.toLowerCase();
    if (entries.has(name)) throw new Error(`it has two parts named ${visible(entry.fileName)}`);
    entries.set(name, entry);
    size += entry.uncompressedSize;
    if (entry.uncompressedSize > limits.part || size > limits.all) throw new Error('it inflates to more than is allowed');
  }
  return entries;
}

/** yauzl ends with an error as soon as a part inflates to more than it declares. */
async function inflate(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const content = await buffer(await zip.openReadStreamPromise(entry));
  if (crc32(content) !== entry.crc32) throw new Error(`the checksum of ${visible(entry.fileName)} is wrong`);
  return content;
}

interface Book {
  readonly from1904: boolean;
  readonly sheets: readonly { readonly name: string; readonly part: string }[];
  readonly strings: string | null;
}

async function readBook(read: (name: string) => Promise<Buffer>): Promise<Book> {
  const root = readRelations(await read('_rels/.rels'), '');
  const main = [...root.values()].find(({ type }) => type === 'officeDocument')?.target;
  if (main === undefined) throw new Error('it names no workbook');
  const folder = main.slice(0, main.lastIndexOf('/') + 1);
  const relations = readRelations(await read(`${folder}_rels/${main.slice(folder.length)}.rels`), folder);
  let from1904 = false;
  const sheets: { readonly name: string; readonly part: string }[] = [];
  readXml(await read(main), {
    open(name, attributes) {
      if (name === 'workbookPr') from1904 = /^(?:1|true)$/.test(attributes.get('date1904') ?? '');
      if (name !== 'sheet') return;
      // `r:id`; the sheet's own number is `sheetId`.
      const part = relations.get(attributes.get('id') ?? '')?.target;
      if (part !== undefined) sheets.push({ name: attributes.get('name') ?? '', part });
    },
    close() {},
    text() {},
  });
  const strings = [...relations.values()].find(({ type }) => type === 'sharedStrings')?.target ?? null;
  return { from1904, sheets, strings };
}

/** ECMA-376 part 2, 8.3: targets are relative to the part's folder, or absolute. */
function readRelations(bytes: Uint8Array, folder: string): Map<string, { readonly type: string; readonly target: string }> {
  const relations = new Map<string, { readonly type: string; readonly target: string }>();
  readXml(bytes, {
    open(name, attributes) {
      const [id, target] = [attributes.get('Id'), attributes.get('Target')];
      if (name !== 'Relationship' || id === undefined || target === undefined || attributes.get('TargetMode') === 'External') return;
      const type = attributes.get('Type') ?? '';
      const segments: string[] = [];
      for (const segment of (target.startsWith('/') ? target.slice(1) : `${folder}${target}`).split('/')) {
        if (segment === '..') segments.pop();
        else if (segment !== '.' && segment !== '') segments.push(segment);
      }
      relations.set(id, { type: type.slice(type.lastIndexOf('/') + 1), target: segments.join('/') });
    },
    close() {},
    text() {},
  });
  return relations;
}

/** Collects the text of `t` elements, without that of phonetic guides. */
function textCollector() {
  let [text, inside, phonetic] = ['', 0, 0];
  return {
    open(name: string) {
      if (name === 'rPh') phonetic += 1;
      if (name === 't') inside += 1;
    },
    close(name: string) {
      if (name === 'rPh') phonetic -= 1;
      if (name === 't') inside -= 1;
    },
    text(piece: string) {
      if (inside > 0 && phonetic === 0) text += piece;
    },
    take() {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

function readStrings(bytes: Uint8Array): readonly string[] {
  const strings: string[] = [];
  const collector = textCollector();
  readXml(bytes, {
    open(name) {
      if (name === 'si') collector.take();
      collector.open(name);
    },
    close(name) {
      collector.close(name);
      if (name === 'si') strings.push(unescapeText(collector.take()));
    },
    text: (text) => collector.text(text),
  });
  return strings;
}

/** ECMA-376 part 1, 22.9.2.19: `_x0041_` is the character 41. */
function unescapeText(text: string): string {
  if (!text.includes('_x')) return text;
  return text.replace(/_x([0-9a-fA-F]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function readSheet(bytes: Uint8Array, strings: readonly string[], budget: { cells: number }): readonly SheetRow[] {
  const rows: SheetRow[] = [];
  const seen = new Set<number>();
  const collector = textCollector();
  let cells = new Map<number, CellContent>();
  let [row, column] = [0, 0];
  let [type, value, inValue, isFormula] = ['n', '', false, false];
  readXml(bytes, {
    open(name, attributes) {
      if (name === 'row') {
        row = attributes.has('r') ? wholeNumber(attributes.get('r') ?? '', lastRow) : row + 1;
        if (seen.has(row)) throw new Error(`it has row ${row} twice`);
        seen.add(row);
        [cells, column] = [new Map(), 0];
      } else if (name === 'c') {
        column = attributes.has('r') ? columnOf(attributes.get('r') ?? '', row) : column + 1;
        if (column > lastColumn || cells.has(column)) throw new Error(`row ${row} has a cell twice, or too many`);
        [type, value, isFormula] = [attributes.get('t') ?? 'n', '', false];
        collector.take();
      } else if (name === 'v') inValue = true;
      else if (name === 'f') isFormula = true;
      collector.open(name);
    },
    text(text) {
      if (inValue) value += text;
      collector.text(text);
    },
    close(name) {
      collector.close(name);
      if (name === 'v') inValue = false;
      else if (name === 'c') {
        const content = isFormula ? ({ kind: 'formula' } as const) : contentOf(type, value, unescapeText(collector.take()), strings);
        if (content !== null) {
          cells.set(column, content);
          budget.cells -= 1;
          if (budget.cells < 0) throw new Error(`it has more than ${limits.cells} cells`);
        }
      } else if (name === 'row' && cells.size > 0) rows.push({ row, cells });
    },
  });
  return rows;
}

/** Null for an empty cell. */
function contentOf(type: string, value: string, inline: string, strings: readonly string[]): CellContent | null {
  const textCell = (text: string): CellContent | null => (text === '' ? null : { kind: 'text', text });
  if (type === 'inlineStr') return textCell(inline);
  if (value === '') return null;
  if (type === 's') {
    const text = strings[wholeNumber(value, strings.length, 0)];
    if (text === undefined) throw new Error('a cell names a text that is not there');
    return textCell(text);
  }
  if (type === 'str') return textCell(unescapeText(value));
  // ISO 8601, in strict workbooks.
  if (type === 'd') return textCell(value);
  if (type !== 'n') return { kind: 'other', text: value };
  const number = Number(value);
  return Number.isFinite(number) ? { kind: 'number', number } : { kind: 'other', text: value };
}

function wholeNumber(text: string, most: number, least = 1): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (number < least || number > most) throw new Error(`${visible(text).slice(0, 40)} is no number of a row or a text`);
  return number;
}

/** `AB12`, which must be in the row that it is in. */
function columnOf(reference: string, row: number): number {
  const [, letters = '', number] = /^([A-Z]{1,3})(\d{1,7})$/.exec(reference) ?? [];
  if (letters === '' || Number(number) !== row) throw new Error(`the cell ${visible(reference).slice(0, 40)} stands in row ${row}`);
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column;
}
