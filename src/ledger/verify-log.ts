/**
 * The log's part of a proof: records contiguous and well-formed, every stored tree node the hash of what it covers, every checkpoint signed
 * over the root that the records give, runs numbered without gaps and ended at most once.
 */
import {
  appendLeaf,
  decodeRecord,
  leafHash,
  type LogRecord,
  type NodeReader,
  openCheckpoint,
  rootHash,
  type VerifierKey,
} from '../log/index.ts';
import { reasonOf } from '../model/index.ts';
import type { Findings } from './findings.ts';
import type { Stores } from './stores.ts';

export interface PublishedHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export interface LogCheck {
  readonly key: VerifierKey;
  /** A checkpoint that somebody kept; its signature was checked. */
  readonly published: PublishedHead | undefined;
  readonly findings: Findings;
  readonly onRecord: (leaf: number, record: LogRecord) => void;
}

interface StoredNote {
  readonly size: number;
  readonly note: string;
}

export function checkLog({ db, log }: Stores, { key, published, findings, onRecord }: LogCheck): void {
  const { counts, problem } = findings;
  const storedNode = db.prepare<[number, number], Buffer>('SELECT hash FROM node WHERE level = ? AND position = ?').pluck();
  const notes = db.prepare<[], StoredNote>('SELECT size, note FROM checkpoint ORDER BY size').all();
  const last = db.prepare<[], number | null>('SELECT max(leaf) FROM log').pluck().get() ?? -1;
  const heads = new Map(notes.map((row) => [row.size, row]));
  const checkRun = createRunCheck(problem);
  // The latest complete subtree of each level is all that appending and any root need.
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  let nodes = 0;
  let size = 0;
  for (const { leaf, bytes } of log.records(0, last + 1)) {
    if (leaf !== size) return problem(`record ${size} of the log is missing`);
    for (const { level, index, hash } of appendLeaf(latest, size, leafHash(bytes))) {
      frontier[level] = hash;
      if (level === 0) continue;
      nodes++;
      const stored = storedNode.get(level, index);
      if (stored === undefined || Buffer.compare(stored, hash) !== 0)
        problem(`the tree node ${level}/${index} is not the hash of its records`);
    }
    size++;
    findings.attempt(`record ${leaf}`, () => {
      const read = decodeRecord(bytes);
      if (!read.known) {
        counts.unknownRecords++;
        return;
      }
      checkRun(leaf, read.record);
      onRecord(leaf, read.record);
    });
    const head = heads.get(size);
    if (head !== undefined) checkHead(head, rootHash(latest, size), key, problem);
    heads.delete(size);
    if (published?.size === size && Buffer.compare(published.root, rootHash(latest, size)) !== 0) {
      problem(`the log is not the one of the published checkpoint: their first ${size} records differ`);
    }
  }
  counts.records = size;
  counts.runs = checkRun.count();
  counts.checkpoints = notes.length;
  counts.unsignedRecords = size - (notes.at(-1)?.size ?? 0);
  for (const head of heads.values()) problem(`the checkpoint at size ${head.size} covers more than the ${size} records of the log`);
  if (published !== undefined && published.size > size)
    problem(`the log has ${size} records, and the published checkpoint covers ${published.size}: its tail is gone`);
  if (notes.length === 0) problem('the log has no checkpoint, and every ledger is made with one');
  const stored = db.prepare<[], number>('SELECT count(*) FROM node').pluck().get() ?? 0;
  if (stored !== nodes) problem(`the tree has ${stored} nodes, and its records make ${nodes}`);
}

function checkHead({ size, note }: StoredNote, root: Uint8Array, key: VerifierKey, problem: (message: string) => void): void {
  try {
    const checkpoint = openCheckpoint(note, key);
    if (checkpoint.size !== size) problem(`the checkpoint filed under size ${size} is of size ${checkpoint.size}`);
    else if (Buffer.compare(checkpoint.root, root) !== 0)
      problem(`the records do not give the root that the checkpoint at size ${size} signs: one of the first ${size} was changed`);
  } catch (error) {
    problem(`the checkpoint at size ${size}: ${reasonOf(error)}`);
  }
}

interface ClusterState {
  last: number;
  open: { readonly run: number; readonly uuid: string } | undefined;
  readonly ended: Set<number>;
}

function createRunCheck(problem: (message: string) => void) {
  const clusters = new Map<string, ClusterState>();
  const packs = new Map<string, number>();
  const stateOf = (name: string): ClusterState => {
    const state = clusters.get(name) ?? { last: 0, open: undefined, ended: new Set<number>() };
    clusters.set(name, state);
    return state;
  };
  const take = (leaf: number, cluster: string, run: number): ClusterState => {
    const state = stateOf(cluster);
    if (run !== state.last + 1) problem(`record ${leaf} numbers a run of ${cluster} ${run} after ${state.last}`);
    state.last = run;
    return state;
  };
  const check = (leaf: number, record: LogRecord): void => {
    if ((record.type === 'genesis') !== (leaf === 0))
      problem(`record ${leaf} is a ${record.type} record: the first one, and only that, is the genesis`);
    if (record.type === 'run-planned') {
      const state = take(leaf, record.cluster, record.run);
      if (state.open !== undefined)
        problem(`record ${leaf} plans run ${record.run} of ${record.cluster} while run ${state.open.run} is open`);
      state.open = record;
    } else if (record.type === 'run-missed') {
      take(leaf, record.cluster, record.run);
    } else if (record.type === 'run-ended') {
      const state = stateOf(record.cluster);
      if (state.open?.run !== record.run || state.open.uuid !== record.uuid)
        problem(`record ${leaf} ends run ${record.run} of ${record.cluster}, which is not open`);
      state.open = undefined;
      state.ended.add(record.run);
    } else if (record.type === 'assessed') {
      if (!stateOf(record.cluster).ended.has(record.run))
        problem(`record ${leaf} judges run ${record.run} of ${record.cluster}, which had not ended`);
    } else if (record.type === 'pack-issued') {
      const period = JSON.stringify([record.cluster, record.period.from, record.period.to]);
      const number = (packs.get(period) ?? 0) + 1;
      packs.set(period, number);
      if (record.number !== number || record.checkpoint > leaf)
        problem(`record ${leaf} issues pack ${record.number} of its period, and it is the pack number ${number}`);
    }
  };
  return Object.assign(check, { count: () => clusters.values().reduce((sum, { last }) => sum + last, 0) });
}
