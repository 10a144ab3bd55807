/**
 * Writes the zip of a pack: the same files give the same bytes on every machine (sorted names, one fixed DOS time, one mode), and no bit
 * of it can change unnoticed. For both reasons nothing is compressed: deflate has many encodings of the same content, so that a flipped
 * bit can inflate to what it was (9 of 7,272 did in a trial), and its output differs between versions of zlib. One file is in memory at
 * a time. APPNOTE.TXT 4.3, without zip64: what {@link openPackFiles} reads.
 */
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { KubevidenceError } from '../model/index.ts';
import { attributes, dosTime, mostFiles, stored, utf8Names, versionMadeBy, versionNeeded } from './zip-format.ts';

/** Files by path. */
export async function writeZip(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const pieces = zipPieces([...files.keys()], (name) => files.get(name) ?? new Uint8Array());
  return new Uint8Array(Buffer.concat([...pieces]));
}

/** Each file is read when its turn comes. Throws `input` for a pack that is too large for the format: 4 GiB, or 65,535 files. */
export function streamZip(names: readonly string[], read: (name: string) => Uint8Array): Readable {
  return Readable.from(zipPieces(names, read), { objectMode: false });
}

function* zipPieces(names: readonly string[], read: (name: string) => Uint8Array): Generator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const name of [...names].sort()) {
    const content = read(name);
    const bytes = Buffer.from(name, 'utf8');
    const common = commonHeader(content, bytes.length);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, bytes]);
    yield local;
    yield content;
    directory.push(centralHeader(common, offset), bytes);
    offset += local.length + content.length;
  }
  const central = Buffer.concat(directory);
  if (offset + central.length > 0xffff_ffff || names.length > mostFiles)
    throw new KubevidenceError('input', `a pack of ${names.length} files and ${offset} bytes is too large for a zip`, {
      next: 'Leave the zip out with --no-zip, and hand over the directory.',
    });
  yield central;
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  yield end;
}

/** What both headers of a file say. */
function commonHeader(content: Uint8Array, nameLength: number): Buffer {
  const header = Buffer.alloc(26);
  header.writeUInt16LE(versionNeeded, 0);
  header.writeUInt16LE(utf8Names, 2);
  header.writeUInt16LE(stored, 4);
  header.writeUInt32LE(dosTime, 6);
  header.writeUInt32LE(crc32(content), 10);
  header.writeUInt32LE(content.length, 14);
  header.writeUInt32LE(content.length, 18);
  header.writeUInt16LE(nameLength, 22);
  return header;
}

function centralHeader(common: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(46);
  header.write('PK\x01\x02', 'latin1');
  header.writeUInt16LE(versionMadeBy, 4);
  common.copy(header, 6);
  header.writeUInt32LE(attributes, 38);
  header.writeUInt32LE(offset, 42);
  return header;
}
