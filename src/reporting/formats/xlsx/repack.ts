/**
 * Makes the bytes of a workbook depend on its content alone: entries in a fixed order, with a fixed time and mode, deflated. It also puts
 * in what exceljs does not write: the rows of large sheets (rows.ts), and `quotePrefix` on the styles of text that looks like a formula.
 */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { countStrings, type RowsToWrite, shareStrings, writeSheet, writeStrings } from './rows.ts';

const epoch = new Date(Date.UTC(1980, 0, 1));
const stringsPart = 'xl/sharedStrings.xml';

/** `rowsOf`: of the sheets by their number, from 1; of others exceljs wrote all. `onPart`: after each. */
export async function repack(
  workbook: Uint8Array,
  rowsOf: ReadonlyMap<number, RowsToWrite> = new Map(),
  onPart: () => void = () => undefined,
): Promise<Uint8Array> {
  const parts = await unzip(workbook);
  const text = (name: string): string => parts.get(name)?.toString('utf8') ?? '';
  const strings = shareStrings(countStrings(text(stringsPart))[1]);
  const sheets = new Map([...rowsOf].map(([number, rows]) => [`xl/worksheets/sheet${number}.xml`, rows]));
  function* piecesOf(name: string): Generator<string> {
    const rows = sheets.get(name);
    if (rows !== undefined) yield* writeSheet(text(name), rows, strings);
    else if (name === stringsPart) yield* writeStrings(text(name), strings);
    else yield addQuotePrefix(text(name));
    onPart();
  }
  const zip = new ZipFile();
  const options = { mtime: epoch, mode: 0o100644, forceDosTimestamp: true };
  // Sheets before the texts that they name.
  for (const name of [...parts.keys()].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))) {
    if (!sheets.has(name) && name !== stringsPart && name !== 'xl/styles.xml')
      zip.addBuffer(parts.get(name) ?? Buffer.alloc(0), name, options);
    else zip.addReadStreamLazy(name, options, (give) => give(null, Readable.from(chunks(piecesOf(name)), { objectMode: false })));
  }
  zip.end();
  return buffer(zip.outputStream);
}

function rank(name: string): number {
  return name === '[Content_Types].xml' ? 0 : name === stringsPart ? 2 : 1;
}

const chunkLength = 256 * 1024;

/** Few and large: each costs a turn of the event loop. */
function* chunks(pieces: Iterable<string>): Generator<Buffer> {
  let held = '';
  for (const piece of pieces) {
    held += piece;
    if (held.length < chunkLength) continue;
    yield Buffer.from(held);
    held = '';
  }
  yield Buffer.from(held);
}

async function unzip(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { lazyEntries: true });
  const parts = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    if (!entry.fileName.endsWith('/')) parts.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  }
  return parts;
}

/** A format with `readingOrder="1"` is one that `writeText` marked. */
function addQuotePrefix(styles: string): string {
  return styles.replace(/<xf ([^>]*)>(?=<alignment [^>]*readingOrder="1")/g, '<xf $1 quotePrefix="1">');
}
