/**
 * Whether the log's records can have been written one after the other: the genesis first and only there, runs of each cluster numbered
 * without gaps, ended once and only after they were planned, judged only after they had ended. A run that was left out leaves a gap.
 */
import { appendLeaf, decodeRecord, leafHash, type LogRecord, type NodeReader, rootHash } from '../log/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
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

interface ClusterState {
  last: number;
  open: { readonly run: number; readonly uuid: string } | null;
  readonly ended: Set<number>;
}

/** Takes any bytes; throws nothing. */
export function checkRecords(stored: readonly Uint8Array[]): RecordCheck {
  const problems: string[] = [];
  const clusters = new Map<string, ClusterState>();
  const stateOf = (name: string): ClusterState => {
    const state = clusters.get(name) ?? { last: 0, open: null, ended: new Set<number>() };
    clusters.set(name, state);
    return state;
  };
  let [time, backwards] = ['', 0];
  const records = stored.map((bytes, leaf): LogRecord | null => {
    const record = decode(bytes, leaf, problems);
    if (record === null) return null;
    if (record.at < time) backwards += 1;
    time = record.at;
    if ((record.type === 'genesis') !== (leaf === 0))
      problems.push(`record ${leaf} is a ${record.type} record: the first one, and only that, is the genesis`);
    const problem = 'run' in record ? step(stateOf(record.cluster), record) : undefined;
    if (problem !== undefined) problems.push(`record ${leaf}: ${problem}`);
    return record;
  });
  return { problems, records, runs: new Map([...clusters].map(([name, { last }]) => [name, last])), backwards };
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

function step(state: ClusterState, record: Extract<LogRecord, { run: number }>): string | undefined {
  const { last, open } = state;
  const run = `run ${record.run} of ${visible(record.cluster)}`;
  switch (record.type) {
    case 'run-planned':
      state.last = record.run;
      state.open = record;
      if (record.run !== last + 1) return `${run} follows run ${last}: the runs between are missing, or it is there twice`;
      return open === null ? undefined : `${run} is planned while run ${open.run} has not ended`;
    case 'run-missed':
      state.last = record.run;
      return record.run === last + 1 ? undefined : `${run} follows run ${last}: the runs between are missing, or it is there twice`;
    case 'run-ended':
      state.open = null;
      state.ended.add(record.run);
      return open?.run === record.run && open.uuid === record.uuid ? undefined : `${run} ends, and was not open`;
    case 'assessed':
      return state.ended.has(record.run) ? undefined : `${run} is judged before it ended`;
  }
}
