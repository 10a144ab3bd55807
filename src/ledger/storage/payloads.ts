/**
 * Salted payloads: what records must not say themselves (people, reasons, URLs, errors, IPE, assessments). All payloads of one record are
 * compressed together; when the record's predecessor says nearly the same, its bytes serve as the dictionary. That predecessor is always
 * one without a dictionary of its own, so reading needs two rows at most.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { canonicalBytes, canonicalPieces, type Json, KubevidenceError } from '../../model/index.ts';
import type { Db } from './database.ts';
import { drawSalt, saltedId, saltLength } from './salted.ts';

export interface SaltedPayload {
  readonly salt: Uint8Array;
  readonly value: Json;
  /** Canonical, where they are known already: an assessment of a large cluster is many MB. */
  readonly bytes?: Buffer;
}

export interface PayloadStore {
  /** Stores the payloads that the record at `leaf` names; `like` is the leaf of an earlier, similar record. */
  write(leaf: number, payloads: readonly SaltedPayload[], like?: number): void;
  /** Undefined when there is none, or it was erased. */
  read(leaf: number): SaltedPayload[] | undefined;
  erased(leaf: number): boolean;
  /** Destroys the payloads of a record and their salts, also where others stand on them as their dictionary; in the caller's transaction. */
  erase(leaf: number): void;
}

/** From here on level 1: assessments of large clusters take half the time, and no more room (8.8 MB: 1.24 MB; level 3: 1.43 MB). */
const long = 1024 * 1024;
const fast = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Longest that one record's payloads may be; also bounds what a damaged length makes us allocate. */
const largest = 256 * 1024 * 1024;

export function salted(value: Json): SaltedPayload & { readonly id: string } {
  const [salt, bytes] = [drawSalt(), canonicalPieces(value)];
  return { salt, value, bytes, id: saltedId(salt, bytes).toString('hex') };
}

export function payloadId({ salt, value, bytes = canonicalBytes(value) }: SaltedPayload): string {
  return saltedId(salt, bytes).toString('hex');
}

interface Row {
  readonly base: number | null;
  readonly salts: Buffer;
  readonly bytes: Buffer;
}

export function createPayloadStore(db: Db): PayloadStore {
  const insert = db.prepare<[number, number | null, Uint8Array, Uint8Array]>(
    'INSERT INTO payload (leaf, base, salts, bytes) VALUES (?, ?, ?, ?)',
  );
  const select = db.prepare<[number], Row>('SELECT base, salts, bytes FROM payload WHERE leaf = ?');

  const standingOn = db.prepare<[number], number>('SELECT leaf FROM payload WHERE base = ? ORDER BY leaf').pluck();
  const rewrite = db.prepare<[number | null, Uint8Array | null, Uint8Array, number]>(
    'UPDATE payload SET base = ?, salts = coalesce(?, salts), bytes = ? WHERE leaf = ?',
  );

  /** What the last one that was read stands on, as most of its neighbours do; unless it is large. */
  let last: { readonly stored: Buffer; readonly bytes: Buffer } | undefined;
  /** The bytes of a payload that has no dictionary. */
  const plain = (leaf: number): Buffer => {
    const row = select.get(leaf);
    if (row === undefined || row.base !== null)
      throw new KubevidenceError('integrity', `the payload of record ${leaf}, on which others stand, is missing`);
    if (last?.stored.equals(row.bytes) === true) return last.bytes;
    const bytes = inflate(leaf, row.bytes);
    last = bytes.length < long ? { stored: row.bytes, bytes } : undefined;
    return bytes;
  };
  const raw = (leaf: number, row: Row): Buffer =>
    row.base === null ? inflate(leaf, row.bytes) : inflate(leaf, row.bytes, plain(row.base));
  return {
    write(leaf, payloads, like) {
      const bytes = canonicalList(payloads);
      const alone = zstdCompressSync(bytes, bytes.length < long ? {} : { params: fast });
      const base = like === undefined ? undefined : (select.get(like)?.base ?? like);
      const usable = base !== undefined && (select.get(base)?.bytes.length ?? 0) > 0;
      const joined = usable ? zstdCompressSync(bytes, { dictionary: plain(base) }) : undefined;
      const salts = Buffer.concat(payloads.map(({ salt }) => salt));
      // Below half, or the next ones had better stand on this one.
      if (base !== undefined && joined !== undefined && joined.length < alone.length / 2) insert.run(leaf, base, salts, joined);
      else insert.run(leaf, null, salts, alone);
    },
    erased: (leaf) => select.get(leaf)?.bytes.length === 0,
    erase(leaf) {
      const row = select.get(leaf);
      if (row === undefined) throw new KubevidenceError('integrity', `the payload of record ${leaf} is missing`);
      // The first of those that stood on it becomes what the others stand on. One at a time: an assessment may be many MB.
      let heir: { readonly leaf: number; readonly bytes: Buffer } | undefined;
      for (const each of standingOn.all(leaf)) {
        const bytes = raw(each, select.get(each) as Row);
        if (heir === undefined) rewrite.run(null, null, zstdCompressSync(bytes), each);
        else rewrite.run(heir.leaf, null, zstdCompressSync(bytes, { dictionary: heir.bytes }), each);
        heir ??= { leaf: each, bytes };
      }
      rewrite.run(null, Buffer.alloc(row.salts.length), Buffer.alloc(0), leaf);
    },
    read(leaf) {
      const row = select.get(leaf);
      if (row === undefined || row.bytes.length === 0) return undefined;
      const bytes = raw(leaf, row);
      const values = parse(leaf, bytes);
      if (row.salts.length !== values.length * saltLength)
        throw new KubevidenceError('integrity', `the payloads of record ${leaf} and their salts differ in number`);
      const saltOf = (index: number) => row.salts.subarray(index * saltLength, (index + 1) * saltLength);
      // Of the only one, what is stored between the brackets is what its id must cover.
      const [only] = values;
      if (values.length === 1 && only !== undefined) return [{ value: only, salt: saltOf(0), bytes: bytes.subarray(1, -1) }];
      return values.map((value, index) => ({ value, salt: saltOf(index) }));
    },
  };
}

/** The canonical bytes of the list of all values. */
function canonicalList(payloads: readonly SaltedPayload[]): Buffer {
  const parts = payloads.flatMap(({ value, bytes }, index) => [Buffer.from(index === 0 ? '' : ','), bytes ?? canonicalBytes(value)]);
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
}

function inflate(leaf: number, bytes: Uint8Array, dictionary?: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: largest, ...(dictionary === undefined ? {} : { dictionary }) });
  } catch (cause) {
    throw new KubevidenceError('integrity', `the payload of record ${leaf} cannot be decompressed`, { cause });
  }
}

function parse(leaf: number, bytes: Buffer): Json[] {
  try {
    const values = JSON.parse(bytes.toString('utf8')) as unknown;
    if (Array.isArray(values)) return values as Json[];
  } catch (cause) {
    throw new KubevidenceError('integrity', `the payload of record ${leaf} is no JSON`, { cause });
  }
  throw new KubevidenceError('integrity', `the payload of record ${leaf} is no list`);
}
