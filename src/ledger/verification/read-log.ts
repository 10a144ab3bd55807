/**
 * Reads the log and its tree from one end to the other, some hundred rows in one answer of the database: a value for each row costs more
 * than hashing it. What the answer cannot say of a damaged file (rows out of order, or without content) is asked row by row.
 */
import type { Db } from '../storage/database.ts';
import type { LogStore, StoredRecord } from '../storage/log-store.ts';

interface Together {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** One after the other. */
  readonly bytes: Buffer;
  readonly lengths: string;
}

const together = 256;

/** Records [0, size) as {@link LogStore.records} gives them. The bytes are good until the next few hundred are read. */
export function* readRecords(db: Db, log: LogStore, size: number): Generator<StoredRecord> {
  const some = db.prepare<[number, number], Together>(
    `SELECT count(*) AS count, min(leaf) AS first, max(leaf) AS last, CAST(group_concat(bytes, '') AS BLOB) AS bytes,
       group_concat(octet_length(bytes)) AS lengths FROM (SELECT leaf, bytes FROM log WHERE leaf >= ? AND leaf < ? ORDER BY leaf)`,
  );
  for (let start = 0; start < size; start += together) {
    const end = Math.min(start + together, size);
    const read = some.get(start, end);
    const lengths = read?.lengths?.split(',').map(Number) ?? [];
    const length = lengths.reduce((sum, each) => sum + each, 0);
    const isWhole = read?.first === start && read.last === end - 1 && read.count === end - start && lengths.length === read.count;
    if (!isWhole || length !== read.bytes.length) {
      yield* log.records(start, end);
      continue;
    }
    let at = 0;
    for (const [place, each] of lengths.entries()) {
      yield { leaf: start + place, bytes: read.bytes.subarray(at, at + each) };
      at += each;
    }
  }
}

interface Ahead {
  readonly first: number;
  /** Null where they are asked one by one. */
  readonly hashes: Buffer | null;
}

const hashLength = 32;

/** Whether the stored node of a place is this one; each level is to be asked in its order. */
export function createNodeCheck(db: Db): (level: number, position: number, hash: Uint8Array) => boolean {
  const some = db.prepare<[number, number, number], Omit<Together, 'lengths'>>(
    `SELECT count(*) AS count, min(position) AS first, max(position) AS last, CAST(group_concat(hash, '') AS BLOB) AS bytes
       FROM (SELECT position, hash FROM node WHERE level = ? AND position >= ? AND position < ? ORDER BY position)`,
  );
  const one = db.prepare<[number, number], Buffer>('SELECT hash FROM node WHERE level = ? AND position = ?').pluck();
  const read = (level: number, first: number): Ahead => {
    const found = some.get(level, first, first + together);
    const isWhole = found?.first === first && found.last - first + 1 === found.count && found.bytes.length === found.count * hashLength;
    return { first, hashes: isWhole ? found.bytes : null };
  };
  const levels: Ahead[] = [];
  return (level, position, hash) => {
    let ahead = levels[level];
    if (ahead === undefined || position >= ahead.first + together) levels[level] = ahead = read(level, position);
    const at = (position - ahead.first) * hashLength;
    const { hashes } = ahead;
    if (hashes !== null && at < hashes.length) return hashes.compare(hash, 0, hashLength, at, at + hashLength) === 0;
    const stored = one.get(level, position);
    return stored !== undefined && Buffer.compare(stored, hash) === 0;
  };
}
