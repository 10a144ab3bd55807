/**
 * Makes the bytes of a workbook depend on its content alone: entries in a fixed order, with a fixed time and mode, deflated. It also adds
 * what exceljs cannot write: `quotePrefix` on the styles of text that looks like a formula.
 */
import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';

const epoch = new Date(Date.UTC(1980, 0, 1));

export async function repack(workbook: Uint8Array): Promise<Uint8Array> {
  const parts = await unzip(workbook);
  const styles = parts.get('xl/styles.xml');
  if (styles !== undefined) parts.set('xl/styles.xml', Buffer.from(addQuotePrefix(styles.toString('utf8'))));
  const zip = new ZipFile();
  for (const name of [...parts.keys()].toSorted((a, b) =>
    a === '[Content_Types].xml' ? -1 : b === '[Content_Types].xml' ? 1 : a < b ? -1 : 1,
  )) {
    zip.addBuffer(parts.get(name) ?? Buffer.alloc(0), name, { mtime: epoch, mode: 0o100644, forceDosTimestamp: true });
  }
  zip.end();
  return buffer(zip.outputStream);
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
