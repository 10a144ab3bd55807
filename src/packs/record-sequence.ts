/**
 * A pack's records: whole, readable, and in an order in which they can have been written ({@link createRecordOrder}). What their dates say
 * of each other is counted, because a clock that was set back is no forgery, but has to be known.
 */
import { appendLeaf, createRecordOrder, decodeRecord, leafHash, type LogRecord, type NodeReader, rootHash } from '../log/index.ts';
import { KubevidenceError } from '../model/index.ts';
import { sentenceOf } from './verification.ts';

/** Splits `ledger/records.jsonl`. Throws `integrity` when it does not end with a newline. */
export function splitRecords(bytes: Uint8Array): Uint8Array[] {
  if (bytes.at(-1) !== 0x0a) throw new KubevidenceError('integrity', 'ledger/records.jsonl does not end with a newline');
  const records: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    records.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return records;
}

/** RFC 6962 root over all records. */
export function rootOf(records: readonly Uint8Array[]): Uint8Array {
  // The latest complete subtree of each level is all that appending and the root need.
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  for (const [size, record] of records.entries()) {
    for (const node of appendLeaf(latest, size, leafHash(record))) frontier[node.level] = node.hash;
  }
  return rootHash(latest, records.length);
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
