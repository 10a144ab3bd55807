/**
 * The files of a pack, whether unpacked or zipped, read with suspicion: names are plain relative paths, nothing is a link, and for a zip
 * every header says the same thing twice, with no byte before, between or after, and nothing is compressed (see zip.ts). Whatever else it
 * is, it is no pack of ours.
 */
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { attributes, dosTime, stored, utf8Names, versionMadeBy, versionNeeded } from './zip-format.ts';

export interface PackFiles {
  /** Relative paths with `/`, sorted. */
  readonly names: readonly string[];
  /** Throws KubevidenceError('integrity') when the bytes are not what the container declares. */
  readonly read: (name: string) => Uint8Array;
  readonly close: () => void;
}

/** A file of a pack is at most this large (bytes), and a pack has at most this many files. */
const largestFile = 1 << 30;
const mostFiles = 100_000;

/** Opens a directory or a zip. Missing: `usage`. Not a pack by its form: `integrity`. */
export function openPackFiles(path: string): PackFiles {
  let stat: ReturnType<typeof lstatSync>;
  try {
    stat = lstatSync(path);
  } catch (cause) {
    throw new KubevidenceError('usage', `there is no ${visible(path)}`, { cause, next: 'Name the directory or the zip of a pack.' });
  }
  if (stat.isDirectory()) return openDirectory(path);
  if (stat.isFile()) return openZip(path);
  throw new KubevidenceError('usage', `${visible(path)} is neither a directory nor a file`, {
    next: 'Name the directory or the zip of a pack.',
  });
}

function broken(message: string): KubevidenceError {
  return new KubevidenceError('integrity', message);
}

/**
 * Refuses names that could leave the pack or be taken for another, on whatever system it is unpacked: absolute, `..`, backslash, control
 * characters, case or form twins, and what Windows drops (a last dot or space) or reads as something else than a name.
 */
function checkNames(names: readonly string[]): void {
  if (names.length > mostFiles) throw broken(`the pack has ${names.length} files; ${mostFiles} is the most`);
  const seen = new Map<string, string>();
  for (const name of names) {
    const parts = name.split('/');
    if (
      name.length > 512 ||
      name.includes('\\') ||
      visible(name) !== name ||
      /[<>:"|?*]/.test(name) ||
      parts.some((part) => part === '' || /[. ]$/.test(part))
    )
      throw broken(`the pack has a file with an unusable name: ${visible(name)}`);
    const twin = name.normalize('NFKC').toLowerCase();
    const other = seen.get(twin);
    if (other !== undefined) throw broken(`the pack has two files of one name: ${visible(other)} and ${visible(name)}`);
    seen.set(twin, name);
  }
}

function openDirectory(root: string): PackFiles {
  const names: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else if (entry.isFile()) names.push(name);
      else throw broken(`${visible(name)} is neither a file nor a directory`);
      if (names.length > mostFiles) throw broken(`the pack has more than ${mostFiles} files`);
    }
  };
  walk('');
  checkNames(names);
  names.sort();
  return {
    names,
    read(name) {
      const path = join(root, name);
      if (lstatSync(path).size > largestFile) throw broken(`${visible(name)} is larger than 1 GiB`);
      return readFileSync(path);
    },
    close() {},
  };
}

interface Entry {
  readonly name: string;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
  /** General purpose flags: only UTF-8 names (bit 11) are allowed. */
  readonly flags: number;
}

const end = 22;
const central = 46;
const local = 30;

/** APPNOTE.TXT 4.3, the part that we write: no zip64, no data descriptors, no encryption, no extra fields that change a meaning. */
function openZip(path: string): PackFiles {
  const file = openSync(path, 'r');
  const piece = (offset: number, length: number) => {
    const into = Buffer.allocUnsafe(length);
    if (length > 0 && readSync(file, into, 0, length, offset) !== length) throw broken('the zip ends early');
    return into;
  };
  try {
    const { size } = fstatSync(file);
    if (size < end) throw broken(`${visible(path)} is no zip: it is too short`);
    const tail = piece(size - end, end);
    if (tail.readUInt32LE(0) !== 0x06054b50 || tail.readUInt16LE(20) !== 0)
      throw broken(`${visible(path)} is no zip as a pack has it: it does not end with its directory`);
    const count = tail.readUInt16LE(10);
    const length = tail.readUInt32LE(12);
    const start = tail.readUInt32LE(16);
    if (tail.readUInt32LE(4) !== 0 || tail.readUInt16LE(8) !== count || start + length !== size - end)
      throw broken('the zip directory does not fill the end of the file');
    const entries = readDirectory(piece(start, length), count);
    checkNames(entries.map((entry) => entry.name));
    let expected = 0;
    const data = new Map<string, { entry: Entry; offset: number }>();
    for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
      if (entry.offset !== expected) throw broken(`there are bytes in the zip before ${visible(entry.name)} that belong to no file`);
      const header = piece(entry.offset, local);
      const nameLength = header.readUInt16LE(26);
      const extra = header.readUInt16LE(28);
      const same =
        header.readUInt32LE(0) === 0x04034b50 &&
        header.readUInt16LE(4) === versionNeeded &&
        header.readUInt32LE(10) === dosTime &&
        header.readUInt16LE(6) === entry.flags &&
        header.readUInt16LE(8) === stored &&
        header.readUInt32LE(14) === entry.crc &&
        header.readUInt32LE(18) === entry.size &&
        header.readUInt32LE(22) === entry.size &&
        extra === 0 &&
        nameOf(piece(entry.offset + local, nameLength)) === entry.name;
      if (!same) throw broken(`the two headers of ${visible(entry.name)} in the zip disagree`);
      const offset = entry.offset + local + nameLength;
      expected = offset + entry.size;
      data.set(entry.name, { entry, offset });
    }
    if (expected !== start) throw broken('there are bytes in the zip after its last file');
    return {
      names: [...data.keys()].sort(),
      read(name) {
        const found = data.get(name);
        if (!found) throw broken(`the zip has no ${visible(name)}`);
        const bytes = piece(found.offset, found.entry.size);
        if (crc32(bytes) !== found.entry.crc) throw broken(`${visible(name)} in the zip is not what its header says`);
        return bytes;
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error instanceof KubevidenceError ? error : broken(`the zip cannot be read: ${reasonOf(error)}`);
  }
}

function nameOf(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function readDirectory(bytes: Buffer, count: number): Entry[] {
  const entries: Entry[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < central || bytes.readUInt32LE(at) !== 0x02014b50) throw broken('the zip directory is damaged');
    const flags = bytes.readUInt16LE(at + 8);
    const method = bytes.readUInt16LE(at + 10);
    const nameLength = bytes.readUInt16LE(at + 28);
    const next = at + central + nameLength;
    if (next > bytes.length) throw broken('the zip directory is damaged');
    const name = nameOf(bytes.subarray(at + central, next));
    if (bytes.readUInt16LE(at + 30) !== 0 || bytes.readUInt16LE(at + 32) !== 0 || bytes.readUInt16LE(at + 34) !== 0)
      throw broken(`${visible(name)} in the zip has extra fields or comments`);
    if (method !== stored || (flags & ~utf8Names) !== 0)
      throw broken(`${visible(name)} in the zip is stored in a form that packs do not use`);
    // The high half of the external attributes is the Unix mode; anything but a plain file could be a link.
    if (bytes.readUInt32LE(at + 38) !== attributes) throw broken(`${visible(name)} in the zip is no plain file`);
    const rest = [bytes.readUInt16LE(at + 6), bytes.readUInt32LE(at + 12), bytes.readUInt16LE(at + 36)];
    if (rest[0] !== versionNeeded || rest[1] !== dosTime || rest[2] !== 0 || bytes.readUInt16LE(at + 4) !== versionMadeBy)
      throw broken(`the header of ${visible(name)} in the zip was changed`);
    const entry: Entry = {
      name,
      flags,
      crc: bytes.readUInt32LE(at + 16),
      size: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    };
    if (entry.size > largestFile || bytes.readUInt32LE(at + 20) !== entry.size)
      throw broken(`${visible(name)} in the zip declares impossible sizes`);
    entries.push(entry);
    at = next;
  }
  if (entries.length !== count) throw broken(`the zip directory lists ${entries.length} files and says ${count}`);
  return entries;
}
