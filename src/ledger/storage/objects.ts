/**
 * Objects, addressed one by one and stored in blocks (blocks.ts). An object's place is its number: block `first` holds objects first,
 * first + 1, …, and its `entries` say for each the salted id, the salt and the length. Numbers only grow; they are internal and appear in no
 * id. Of an erased object the id stays, so that trees and proofs hold: its length is 0, its salt zeros, and every row that held its bytes,
 * or stood on them, was written anew.
 */
import { KubevidenceError } from '../../model/index.ts';
import {
  type Block,
  compressOn,
  compressTogether,
  decodeBases,
  type Difference,
  encodeBases,
  encodeEntries,
  entryAt,
  entryLength,
  type NewObject,
  objectCount,
  type ObjectEntry,
  unpackOn,
  unpackTogether,
} from './blocks.ts';
import type { Db } from './database.ts';
import { idLength } from './salted.ts';

export interface ObjectStore {
  /** Writes one block of neighbours in the caller's transaction and returns the number of its first object; by default the one after the last. */
  write(run: number, kind: string, objects: readonly NewObject[], at?: number): number;
  /** The same for objects that each stand on another; see `differenceFrom`. */
  writeDifferences(run: number, kind: string, objects: readonly (NewObject & Difference)[]): number;
  /** How `bytes` differ from a stored object, or from what that one stands on; undefined when that is not small. */
  differenceFrom(ref: number, bytes: Buffer): Difference | undefined;
  entry(ref: number): ObjectEntry;
  /** The id of its entry. */
  id(ref: number): Buffer;
  /** Undefined for an erased object. */
  bytes(ref: number): Buffer | undefined;
  /** Every block, by number. */
  blocks(): Iterable<Block>;
  /** The same, the latest first. */
  latestBlocks(): Iterable<Block>;
  /** The bytes of every object of a block, none for an erased one; throws `integrity` when they are not exactly what its entries promise. */
  unpack(block: Block): Buffer[];
  /** The bytes that a difference stands on. */
  baseOf(difference: Difference): Buffer | undefined;
  /** Numbers under which an object is stored. Reads every id: for what is rare. */
  refsOf(id: Uint8Array): number[];
  /**
   * Destroys bytes and salts: every row that held them is written anew, in the caller's transaction. That the file's free pages and its
   * journal hold them no longer is the caller's to see to (secure_delete, VACUUM, a truncated WAL).
   */
  erase(refs: readonly number[]): void;
  dropBlock(first: number): void;
  dropRun(run: number): void;
  /** Drops what was read so far: after a rolled-back transaction a number may come to mean another object. */
  forget(): void;
}

const keptEntries = 1024;
const keptBytes = 8 * 1024 * 1024;
/** What a difference takes beside its bytes. */
const differenceBytes = 300;
// Among neighbours an object takes about a fifteenth of its length.
const smallDifference = 1 / 12;

type Entries = Pick<Block, 'first' | 'entries'>;

/** A block as it is kept in memory. */
type Unpacked =
  | { readonly block: Block; readonly objects: readonly Buffer[] }
  | { readonly block: Block; readonly differences: readonly Difference[] };

export function createObjectStore(db: Db): ObjectStore {
  const insert = db.prepare<[number, number, string, Uint8Array, Uint8Array]>(
    'INSERT INTO block (first, run, kind, entries, bytes) VALUES (?, ?, ?, ?, ?)',
  );
  const insertBases = db.prepare<[number, Uint8Array]>('INSERT INTO difference (first, bases) VALUES (?, ?)');
  const holding = db.prepare<[number], Entries>('SELECT first, entries FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1');
  const columns = 'SELECT first, run, kind, entries, block.bytes, bases FROM block LEFT JOIN difference USING (first)';
  const content = db.prepare<[number], Block>(`${columns} WHERE first = ?`);
  const next = db.prepare<[number], Block>(`${columns} WHERE first > ? ORDER BY first LIMIT 1`);
  const previous = db.prepare<[number], Block>(`${columns} WHERE first < ? ORDER BY first DESC LIMIT 1`);
  const remove = db.prepare<[number]>('DELETE FROM block WHERE first = ?');
  const removeBases = db.prepare<[number]>('DELETE FROM difference WHERE first = ?');
  const ofRun = db.prepare<[number], number>('SELECT first FROM block WHERE run = ?').pluck();
  const every = db.prepare<[], Entries>('SELECT first, entries FROM block ORDER BY first');
  const everyBases = db.prepare<[], { first: number; bases: Buffer }>('SELECT first, bases FROM difference ORDER BY first');
  const rewrite = db.prepare<[Uint8Array, Uint8Array, number]>('UPDATE block SET entries = ?, bytes = ? WHERE first = ?');
  const rewriteBases = db.prepare<[Uint8Array, number]>('UPDATE difference SET bases = ? WHERE first = ?');
  const entries = createShelves(keptEntries);
  const blocks = createRecent<Unpacked>(keptBytes, sizeOf);
  let hint: Entries | undefined;

  const locate = (ref: number): Entries => {
    if (hint !== undefined && covers(hint, ref)) return hint;
    // What is read in order mostly goes on at the beginning of the next block.
    const known = entries.covering(ref);
    const found = known ?? holding.get(ref);
    if (found === undefined || !covers(found, ref)) throw new KubevidenceError('integrity', `the ledger lacks object ${ref}`);
    if (known === undefined) entries.keep(found);
    hint = found;
    return found;
  };
  const blockAt = (first: number): Block => {
    const block = content.get(first);
    if (block === undefined) throw new KubevidenceError('integrity', `the ledger lacks the block of object ${first}`);
    return block;
  };
  const unpacked = (first: number): Unpacked => {
    let found = blocks.get(first);
    if (found === undefined) {
      const block = blockAt(first);
      found = block.bases === null ? { block, objects: unpackTogether(block) } : { block, differences: decodeBases(block.bases, block) };
      blocks.keep(first, found);
    }
    return found;
  };
  /** Of an object that is stored whole, which is all that others stand on: so reading follows one step at most. */
  const whole = (ref: number): Buffer => {
    const { first } = locate(ref);
    const found = unpacked(first);
    const bytes = 'objects' in found ? found.objects[ref - first] : undefined;
    if (bytes === undefined || bytes.length === 0)
      throw new KubevidenceError('integrity', `object ${ref}, on which others stand, is not stored whole`);
    return bytes;
  };
  const baseOf = ({ base }: Difference): Buffer | undefined => (base === 0 ? undefined : whole(base));
  const unpack = (block: Block): Buffer[] =>
    block.bases === null
      ? unpackTogether(block)
      : decodeBases(block.bases, block).map((each, position) => unpackOn(block, position, each.frame, baseOf(each)));
  const nextNumber = (): number => {
    const last = holding.get(Number.MAX_SAFE_INTEGER);
    return last === undefined ? 1 : last.first + objectCount(last);
  };
  const drop = (first: number): void => {
    removeBases.run(first);
    remove.run(first);
  };
  const forget = (): void => {
    entries.clear();
    blocks.clear();
    hint = undefined;
  };

  return {
    write(run, kind, objects, at) {
      const first = at ?? nextNumber();
      insert.run(first, run, kind, encodeEntries(objects), compressTogether(objects.map(({ bytes }) => bytes)));
      return first;
    },
    writeDifferences(run, kind, objects) {
      const first = nextNumber();
      insert.run(first, run, kind, encodeEntries(objects), Buffer.concat(objects.map(({ frame }) => frame)));
      insertBases.run(first, encodeBases(objects));
      return first;
    },
    differenceFrom(ref, bytes) {
      const { first } = locate(ref);
      const found = unpacked(first);
      const base = 'objects' in found ? ref : (found.differences[ref - first]?.base ?? 0);
      if (base === 0 || this.entry(base).erased) return undefined;
      const frame = compressOn(whole(base), bytes);
      return frame.length <= bytes.length * smallDifference ? { base, frame } : undefined;
    },
    entry(ref) {
      const { first, entries } = locate(ref);
      return entryAt(entries, ref - first);
    },
    id(ref) {
      const { first, entries } = locate(ref);
      const at = (ref - first) * entryLength;
      return entries.subarray(at, at + idLength);
    },
    bytes(ref) {
      const { first } = locate(ref);
      const found = unpacked(first);
      if ('objects' in found) return found.objects[ref - first]?.length === 0 ? undefined : found.objects[ref - first];
      const difference = found.differences[ref - first] as Difference;
      const bytes = unpackOn(found.block, ref - first, difference.frame, baseOf(difference));
      return bytes.length === 0 ? undefined : bytes;
    },
    *blocks() {
      // From the least number that can be stored on: what somebody files under one that we never give is found, too.
      let last = Number.MIN_SAFE_INTEGER;
      for (let block = next.get(last); block !== undefined; block = next.get(last)) {
        // In a damaged file the one that follows may be one that came before, and so without an end.
        if (block.first <= last) throw new KubevidenceError('integrity', `the objects after ${last} are not stored in order`);
        last = block.first;
        yield block;
      }
    },
    *latestBlocks() {
      let last = Number.MAX_SAFE_INTEGER;
      for (let block = previous.get(last); block !== undefined; block = previous.get(last)) {
        if (block.first >= last) throw new KubevidenceError('integrity', `the objects before ${last} are not stored in order`);
        last = block.first;
        yield block;
      }
    },
    unpack,
    baseOf,
    refsOf(id) {
      const refs: number[] = [];
      for (const { first, entries } of every.iterate()) {
        for (let at = entries.indexOf(id); at >= 0; at = entries.indexOf(id, at + 1))
          if (at % entryLength === 0) refs.push(first + at / entryLength);
      }
      return refs;
    },
    erase(refs) {
      const gone = new Set(refs);
      const touched = new Set(refs.map((ref) => locate(ref).first));
      const standing = everyBases.all().flatMap(({ first, bases }) => {
        const differences = decodeBases(bases, blockAt(first));
        return touched.has(first) || differences.some(({ base }) => gone.has(base)) ? [first] : [];
      });
      // What stands on others first: it is read by what is still there.
      for (const first of standing) {
        const block = blockAt(first);
        const differences = decodeBases(block.bases ?? Buffer.alloc(0), block).map((each, position) => {
          if (gone.has(first + position)) return { base: 0, frame: Buffer.alloc(0) };
          return gone.has(each.base)
            ? { base: 0, frame: compressOn(undefined, unpackOn(block, position, each.frame, baseOf(each))) }
            : each;
        });
        rewrite.run(withoutSalts(block, gone), Buffer.concat(differences.map(({ frame }) => frame)), first);
        rewriteBases.run(encodeBases(differences), first);
        touched.delete(first);
      }
      for (const first of touched) {
        const block = blockAt(first);
        const objects = unpackTogether(block).map((bytes, position) => (gone.has(first + position) ? Buffer.alloc(0) : bytes));
        rewrite.run(withoutSalts(block, gone), compressTogether(objects), first);
      }
      forget();
    },
    dropBlock(first) {
      drop(first);
      forget();
    },
    dropRun(run) {
      for (const first of ofRun.all(run)) drop(first);
      forget();
    },
    forget,
  };
}

/** The entries of a block, with those of erased objects reduced to their ids. */
function withoutSalts({ first, entries }: Entries, erased: ReadonlySet<number>): Buffer {
  const left = Buffer.from(entries);
  for (let position = 0; position < objectCount({ entries }); position++)
    if (erased.has(first + position)) left.fill(0, position * entryLength + idLength, (position + 1) * entryLength);
  return left;
}

function covers({ first, entries }: Entries, ref: number): boolean {
  return ref >= first && ref < first + objectCount({ entries });
}

function sizeOf(unpacked: Unpacked): number {
  const own = unpacked.block.bytes.length + unpacked.block.entries.length;
  return 'objects' in unpacked
    ? unpacked.objects.reduce((sum, { length }) => sum + length, own)
    : own + unpacked.differences.length * differenceBytes;
}

/** Blocks in the order of their objects, so that the one that covers an object is found in a few steps. Holds at most so many. */
function createShelves(limit: number) {
  const kept: Entries[] = [];
  /** Of the first block that begins after the object. */
  const placeAfter = (ref: number): number => {
    let [low, high] = [0, kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((kept[middle] as Entries).first <= ref) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    covering(ref: number): Entries | undefined {
      const candidate = kept[placeAfter(ref) - 1];
      return candidate !== undefined && covers(candidate, ref) ? candidate : undefined;
    },
    keep(entries: Entries): void {
      if (kept.length >= limit) kept.length = 0;
      kept.splice(placeAfter(entries.first), 0, entries);
    },
    clear(): void {
      kept.length = 0;
    },
  };
}

/** Keeps what was used last, up to `limit` in all. */
function createRecent<T>(limit: number, sizeOf: (value: T) => number) {
  const kept = new Map<number, T>();
  let size = 0;
  const keep = (key: number, value: T): void => {
    const before = kept.get(key);
    if (before !== undefined) kept.delete(key);
    else size += sizeOf(value);
    kept.set(key, value);
    for (const [oldest, least] of kept) {
      if (size <= limit || oldest === key) break;
      kept.delete(oldest);
      size -= sizeOf(least);
    }
  };
  return {
    keep,
    get(key: number): T | undefined {
      const value = kept.get(key);
      if (value !== undefined) keep(key, value);
      return value;
    },
    clear: () => {
      kept.clear();
      size = 0;
    },
  };
}
