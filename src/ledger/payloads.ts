/**
 * Salted payloads: what records must not say themselves (people, reasons, URLs, errors, IPE, assessments). All payloads of one record are
 * compressed together; when the record's predecessor says nearly the same, its bytes serve as the dictionary. That predecessor is always
 * one without a dictionary of its own, so reading needs two rows at most.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { canonicalBytes, type Json, KubevidenceError } from '../model/index.ts';
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
  read(leaf: number): SaltedPayload[] | undefined;
}

/** Longest that one record's payloads may be; also bounds what a damaged length makes us allocate. */
const largest = 256 * 1024 * 1024;

export function salted(value: Json): SaltedPayload & { readonly id: string } {
  const [salt, bytes] = [drawSalt(), canonicalBytes(value)];
  return { salt, value, bytes, id: saltedId(salt, bytes).toString('hex') };
}

export function payloadId({ salt, value }: SaltedPayload): string {
  return saltedId(salt, canonicalBytes(value)).toString('hex');
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

  /** The bytes of a payload that has no dictionary. */
  const plain = (leaf: number): Buffer => {
    const row = select.get(leaf);
    if (row === undefined || row.base !== null)
      throw new KubevidenceError('integrity', `the payload of record ${leaf}, on which others stand, is missing`);
    return inflate(leaf, row.bytes);
  };
  return {
    write(leaf, payloads, like) {
      const raw = canonicalList(payloads);
      const alone = zstdCompressSync(raw);
      const base = like === undefined ? undefined : (select.get(like)?.base ?? like);
      const dictionary = base === undefined || select.get(base) === undefined ? undefined : plain(base);
      const joined = dictionary === undefined ? undefined : zstdCompressSync(raw, { dictionary });
      const salts = Buffer.concat(payloads.map(({ salt }) => salt));
      // Below half, or the next ones had better stand on this one.
      if (base !== undefined && joined !== undefined && joined.length < alone.length / 2) insert.run(leaf, base, salts, joined);
      else insert.run(leaf, null, salts, alone);
    },
    read(leaf) {
      const row = select.get(leaf);
      if (row === undefined) return undefined;
      const values = parse(leaf, row.base === null ? inflate(leaf, row.bytes) : inflate(leaf, row.bytes, plain(row.base)));
      if (row.salts.length !== values.length * saltLength)
        throw new KubevidenceError('integrity', `the payloads of record ${leaf} and their salts differ in number`);
      return values.map((value, index) => ({ value, salt: row.salts.subarray(index * saltLength, (index + 1) * saltLength) }));
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
