/**
 * Writes the zip of a pack: the same files give the same bytes on every machine (sorted names, one fixed DOS time, one mode), and no bit
 * of it can change unnoticed. For both reasons nothing is compressed: deflate has many encodings of the same content, so that a flipped
 * bit can inflate to what it was (9 of 7,272 did in a trial), and its output differs between versions of zlib.
 */
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

// DOS times are local, so this one is the same everywhere.
const dosEpoch = new Date(1980, 0, 1);

/** Files by path. */
export async function writeZip(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await buffer(streamZip(files)));
}

/** The same, piece by piece. */
export function streamZip(files: ReadonlyMap<string, Uint8Array>): Readable {
  const zip = new ZipFile();
  for (const [name, { buffer: all, byteOffset, length }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = Buffer.from(all, byteOffset, length);
    zip.addBuffer(content, name, { mtime: dosEpoch, forceDosTimestamp: true, mode: 0o100644, compress: false });
  }
  zip.end();
  return zip.outputStream as Readable;
}
