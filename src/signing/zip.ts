/**
 * Zip archives for office documents. Reading holds names, sizes and checksums against each other and is bounded before it inflates; of a
 * part of a hundred MB it keeps the digest. Writing gives the same bytes for the same parts. Errors are plain Errors with a clause that fits
 * after a colon.
 */
import { createHash, hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Entry, fromBufferPromise, type LocalFileHeader } from 'yauzl';
import { ZipFile } from 'yazl';
import { visible } from '../model/index.ts';

export interface Part {
  /** SHA-256, base64. */
  readonly digest: string;
  /** Null for one that was not asked for. */
  readonly held: Uint8Array | null;
  /** Inflates it, if need be again. */
  read(): Promise<Uint8Array>;
}

/** Parts by name, in the archive's order. */
export type Parts = ReadonlyMap<string, Part>;

export interface Archive {
  readonly parts: Parts;
  /** Nothing but the entries: no byte before, between or behind them, no extra fields, and both headers of each entry agree. */
  readonly tight: boolean;
}

const limits = { entries: 10_000, bytes: 512 * 1024 * 1024 } as const;

/** Office part names as office programs write them. Everything else (links, `..`, empty segments, other scripts) is refused, not interpreted. */
const partName = /^(?:[A-Za-z0-9_\-[\]]+(?:\.[A-Za-z0-9_\-[\]]+)*|\.rels)(?:\/(?:[A-Za-z0-9_\-[\]]+(?:\.[A-Za-z0-9_\-[\]]+)*|\.rels))*$/;

/** Time and mode of every entry; DOS times are local, so this one is the same everywhere. */
const entryOptions = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true, compressionLevel: 6 } as const;

/** A part that is made here. */
export function partOf(content: Uint8Array): Part {
  return { digest: hash('sha256', content, 'base64'), held: content, read: () => Promise.resolve(content) };
}

/** `isHeld`: which parts are looked into. */
export async function readZip(bytes: Uint8Array, isHeld: (name: string) => boolean): Promise<Archive> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zip = await fromBufferPromise(archive, { lazyEntries: true, strictFileNames: true, autoClose: false });
  if (zip.entryCount > limits.entries) throw new Error(`it has more than ${limits.entries} entries`);
  const parts = new Map<string, Part>();
  const seen = new Set<string>();
  let size = 0;
  let end = 0;
  let tight = true;
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName;
    if (name.endsWith('/') && entry.uncompressedSize === 0) {
      tight = false;
      continue;
    }
    if (!partName.test(name)) throw new Error(`the entry name ${visible(name)} is not allowed`);
    if (seen.has(name.toLowerCase())) throw new Error(`it has two entries named ${name}`);
    seen.add(name.toLowerCase());
    size += entry.uncompressedSize;
    if (size > limits.bytes) throw new Error(`it inflates to more than ${limits.bytes} bytes`);
    const header = await zip.readLocalFileHeaderPromise(entry);
    if (!header.fileName.equals(entry.fileNameRaw)) throw new Error(`the entry ${name} has two names`);
    tight &&= entry.relativeOffsetOfLocalHeader === end && agree(entry, header);
    end = header.fileDataStart + entry.compressedSize;
    const read = async () => inflated(await zip.openReadStreamPromise(entry), entry.uncompressedSize);
    const held = isHeld(name) ? await read() : null;
    const { digest, crc } = await summed(held === null ? await zip.openReadStreamPromise(entry) : [held]);
    if (crc !== entry.crc32) throw new Error(`the checksum of ${name} is wrong`);
    parts.set(name, { digest, held, read });
  }
  return { parts, tight: tight && endsAt(archive, end, zip.entryCount) };
}

/** `[Content_Types].xml` first, as programs that read a stream expect; then by name. */
export async function writeZip(parts: ReadonlyMap<string, Uint8Array | Pick<Part, 'read'>>): Promise<Uint8Array> {
  const zip = new ZipFile();
  const names = [...parts.keys()].sort((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1));
  for (const name of names) {
    const part = parts.get(name) ?? new Uint8Array();
    const { buffer: all, byteOffset, byteLength } = 'read' in part ? await part.read() : part;
    zip.addBuffer(Buffer.from(all, byteOffset, byteLength), name, entryOptions);
  }
  zip.end();
  const pieces: Buffer[] = [];
  for await (const piece of zip.outputStream) pieces.push(piece as Buffer);
  return new Uint8Array(Buffer.concat(pieces));
}

/** Held once: a part may be as large as all the others together. yauzl gives exactly as many bytes as the entry says, or throws. */
async function inflated(stream: AsyncIterable<unknown>, size: number): Promise<Buffer> {
  const content = Buffer.alloc(size);
  let end = 0;
  for await (const piece of stream) end += (piece as Buffer).copy(content, end);
  return content;
}

async function summed(pieces: AsyncIterable<unknown> | Iterable<unknown>): Promise<{ readonly digest: string; readonly crc: number }> {
  const sum = createHash('sha256');
  let crc = 0;
  for await (const piece of pieces) {
    sum.update(piece as Uint8Array);
    crc = crc32(piece as Uint8Array, crc);
  }
  return { digest: sum.digest('base64'), crc };
}

function rank(name: string): number {
  return name === '[Content_Types].xml' ? 0 : 1;
}

function agree(entry: Entry, header: LocalFileHeader): boolean {
  return (
    header.crc32 === entry.crc32 &&
    header.compressedSize === entry.compressedSize &&
    header.uncompressedSize === entry.uncompressedSize &&
    header.compressionMethod === entry.compressionMethod &&
    header.generalPurposeBitFlag === entry.generalPurposeBitFlag &&
    header.extraFieldLength + entry.extraFieldLength + entry.fileCommentLength === 0
  );
}

/** APPNOTE 4.3.16: the last 22 bytes are the end record; the directory lies between the last entry and it. */
function endsAt(archive: Buffer, directory: number, count: number): boolean {
  const record = archive.length - 22;
  return (
    archive.readUInt32LE(record) === 0x06054b50 &&
    archive.readUInt16LE(record + 10) === count &&
    archive.readUInt32LE(record + 16) === directory &&
    archive.readUInt32LE(record + 12) === record - directory
  );
}
