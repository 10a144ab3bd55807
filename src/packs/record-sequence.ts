/**
 * A pack's records: whole, readable, and in an order in which they can have been written ({@link createRecordOrder}). What their dates say
 * of each other is counted, because a clock that was set back is no forgery, but has to be known.
 */
import { appendLeaf, createRecordOrder, decodeRecord, leafHash, type LogRecord, type NodeReader, rootHash } from '../log/index.ts';
import { KubevidenceError } from '../model/index.ts';
import { sentenceOf } from './verification.ts';

/** More than any ledger has in a lifetime, and what memory holds of them. */
const mostRecords = 5_000_000;

/** Splits `ledger/records.jsonl`. Throws `integrity` when it does not end with a newline, or holds what cannot be records. */
export function splitRecords(bytes: Uint8Array): Uint8Array[] {
  if (bytes.at(-1) !== 0x0a) throw new KubevidenceError('integrity', 'ledger/records.jsonl does not end with a newline');
  const records: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    if (end === start)
      throw new KubevidenceError('integrity', `ledger/records.jsonl has an empty line in place of record ${records.length}`);
    if (records.length >= mostRecords) throw new KubevidenceError('integrity', `ledger/records.jsonl has more than ${mostRecords} lines`);
    records.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return records;
}

/** RFC 6962 root over all records. */
export function rootOf(records: readonly Uint8Array[]): Uint8Array {
  return createGrowingRoot(records).at(records.length);
}

/** RFC 6962 roots over the first so many records, asked for in ascending order: each record is hashed once. */
export function createGrowingRoot(records: readonly Uint8Array[]) {
  // The latest complete subtree of each level is all that appending and the root need.
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  let size = 0;
  return {
    at(wanted: number): Uint8Array {
      for (; size < wanted; size += 1)
        for (const node of appendLeaf(latest, size, leafHash(records[size] as Uint8Array))) frontier[node.level] = node.hash;
      return rootHash(latest, size);
    },
  };
}

export interface RecordCheck {
  readonly problems: readonly string[];
  /** By leaf; null for a type or version that a newer kubevidence writes. */
  readonly records: readonly (LogRecord | null)[];
  /** Cluster → how many runs. */
  readonly runs: ReadonlyMap<string, number>;
  /** Records that are dated before their predecessor: somebody set the clock back. */
  readonly backwards: number;
}

/** Takes any bytes; throws nothing. */
export function checkRecords(stored: readonly Uint8Array[]): RecordCheck {
  const problems: string[] = [];
  const order = createRecordOrder();
  let [time, backwards] = ['', 0];
  const records = stored.map((bytes, leaf): LogRecord | null => {
    const record = decode(bytes, leaf, problems);
    if (record === null) return null;
    if (record.at < time) backwards += 1;
    time = record.at;
    problems.push(...order.take(leaf, record));
    return record;
  });
  return { problems, records, runs: order.runs, backwards };
}

function decode(bytes: Uint8Array, leaf: number, problems: string[]): LogRecord | null {
  try {
    const read = decodeRecord(bytes);
    return read.known ? read.record : null;
  } catch (error) {
    problems.push(`record ${leaf}: ${sentenceOf(error)}`);
    return null;
  }
}
