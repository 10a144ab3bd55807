/**
 * The log's part of a proof: records contiguous and well-formed, every stored tree node the hash of what it covers, every checkpoint signed
 * over the root that the records give by the key in force at its size, runs numbered without gaps and ended at most once.
 */
import {
  appendLeaf,
  claimedHead,
  createKeyHistory,
  createRecordOrder,
  decodeRecord,
  describeCustody,
  type KeyHistory,
  keyIdIn,
  leafHash,
  type LogRecord,
  type NodeReader,
  openLogCheckpoint,
  rootHash,
  type TreeHead,
} from '../log/index.ts';
import { reasonOf } from '../model/index.ts';
import type { Db } from './database.ts';
import type { Findings } from './findings.ts';
import type { Stores } from './stores.ts';

/** A checkpoint that exists outside the ledger, and whose log this one must extend. */
export interface KeptCheckpoint {
  /** How sentences call it, e.g. `the checkpoint that you kept`. */
  readonly name: string;
  /** Signed note. */
  readonly note: string;
}

export interface LogCheck {
  readonly kept: readonly KeptCheckpoint[];
  /** 32 bytes that the reader knows; one of the log's keys must be it. */
  readonly publicKey: Uint8Array | undefined;
  readonly findings: Findings;
  readonly onRecord: (leaf: number, record: LogRecord) => void;
}

interface StoredNote {
  readonly size: number;
  readonly note: string;
}

interface Kept extends KeptCheckpoint {
  readonly head: TreeHead;
}

type Restored = Extract<LogRecord, { type: 'ledger-restored' }>;

/** Stored nodes, each level read in its order: some hundred at a time, which is several times faster than one by one. */
function readNodes(db: Db): (level: number, position: number) => Buffer | undefined {
  const some = db.prepare<[number, number], { position: number; hash: Buffer }>(
    'SELECT position, hash FROM node WHERE level = ? AND position >= ? ORDER BY position LIMIT 256',
  );
  const ahead: { position: number; hash: Buffer }[][] = [];
  return (level, position) => {
    let left = ahead[level] ?? [];
    if (left.length === 0) ahead[level] = left = some.all(level, position).reverse();
    return left.at(-1)?.position === position ? left.pop()?.hash : undefined;
  };
}

export function checkLog({ db, log }: Stores, { kept: given, publicKey, findings, onRecord }: LogCheck): void {
  const { counts, problem, notice } = findings;
  const storedNode = readNodes(db);
  const notes = db.prepare<[], StoredNote>('SELECT size, note FROM checkpoint ORDER BY size').all();
  const last = db.prepare<[], number | null>('SELECT max(leaf) FROM log').pluck().get() ?? -1;
  const heads = new Map(notes.map((row) => [row.size, row]));
  const kept = given.flatMap((each): Kept[] => {
    try {
      return [{ ...each, head: claimedHead(each.note) }];
    } catch (error) {
      problem(`${each.name}: ${reasonOf(error)}`);
      return [];
    }
  });
  const [order, keys] = [createRecordOrder(), createKeyHistory()];
  const restored: Restored[] = [];
  const differing: Kept[] = [];
  const signed: SignedCheckpoint[] = [];
  // The latest complete subtree of each level is all that appending and any root need.
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  let nodes = 0;
  let size = 0;
  let at = '';
  for (const { leaf, bytes } of log.records(0, last + 1)) {
    if (leaf !== size) return problem(`record ${size} of the log is missing`);
    findings.attempt(`record ${leaf}`, () => {
      const read = decodeRecord(bytes);
      if (!read.known) {
        counts.unknownRecords++;
        return;
      }
      const { record } = read;
      at = record.at;
      for (const each of order.take(leaf, record)) problem(each);
      for (const each of keys.take(leaf, record, () => rootHash(latest, leaf))) problem(each);
      if (record.type === 'ledger-restored') restored.push(record);
      for (const each of describeCustody(leaf, record)) notice(each);
      onRecord(leaf, record);
    });
    for (const { level, index, hash } of appendLeaf(latest, size, leafHash(bytes))) {
      frontier[level] = hash;
      if (level === 0) continue;
      nodes++;
      const stored = storedNode(level, index);
      if (stored === undefined || Buffer.compare(stored, hash) !== 0)
        problem(`the tree node ${level}/${index} is not the hash of its records`);
    }
    size++;
    const head = heads.get(size);
    if (head !== undefined) {
      checkHead(head, rootHash(latest, size), keys, problem);
      signed.push({ size, at, key: keys.periods.at(-1)?.text ?? '' });
    }
    heads.delete(size);
    for (const each of kept)
      if (each.head.size === size && Buffer.compare(each.head.root, rootHash(latest, size)) !== 0) differing.push(each);
  }
  counts.records = size;
  counts.runs = order.runs.values().reduce((sum, last) => sum + last, 0);
  counts.checkpoints = notes.length;
  counts.unsignedRecords = size - (notes.at(-1)?.size ?? 0);
  for (const head of heads.values()) problem(`the checkpoint at size ${head.size} covers more than the ${size} records of the log`);
  for (const each of kept) checkKept(each, size, differing.includes(each), { keys, restored, problem });
  if (publicKey !== undefined && !keys.periods.some(({ key }) => Buffer.compare(key.publicKey, publicKey) === 0))
    problem('the log is signed by other keys than the one that was given');
  for (const each of doubtfulCheckpoints(keys, signed)) notice(each);
  if (notes.length === 0) problem('the log has no checkpoint, and every ledger is made with one');
  const stored = db.prepare<[], number>('SELECT count(*) FROM node').pluck().get() ?? 0;
  if (stored !== nodes) problem(`the tree has ${stored} nodes, and its records make ${nodes}`);
}

function checkHead({ size, note }: StoredNote, root: Uint8Array, keys: KeyHistory, problem: (message: string) => void): void {
  try {
    const checkpoint = openLogCheckpoint(note, keys);
    if (checkpoint.size !== size) problem(`the checkpoint filed under size ${size} is of size ${checkpoint.size}`);
    else if (Buffer.compare(checkpoint.root, root) !== 0)
      problem(`the records do not give the root that the checkpoint at size ${size} signs: one of the first ${size} was changed`);
  } catch (error) {
    problem(`the checkpoint at size ${size}: ${reasonOf(error)}`);
  }
}

/** A log that was cut off and one that was forked are told apart; both fail, also where the log itself admits it. */
function checkKept(
  { name, note, head }: Kept,
  size: number,
  differs: boolean,
  { keys, restored, problem }: { keys: KeyHistory; restored: readonly Restored[]; problem: (message: string) => void },
): void {
  const declared = restored.find(({ published }) => published.size === head.size && published.root === encode(head.root));
  const admitted = declared === undefined ? '' : `; the log admits it: it was declared restored at ${declared.at}`;
  if (differs) problem(`the log is not the one of ${name}: their first ${head.size} records differ${admitted}`);
  else if (head.size > size)
    problem(`the log has ${size} records, and ${name} covers ${head.size}: the last ${head.size - size} are gone${admitted}`);
  try {
    openLogCheckpoint(note, keys);
  } catch (error) {
    problem(`${name}: ${reasonOf(error)}`);
  }
}

interface SignedCheckpoint {
  readonly size: number;
  /** When the last record that it covers was written. */
  readonly at: string;
  /** Verifier key. */
  readonly key: string;
}

/** Checkpoints of a key that was revoked with effect from before its last signature. */
function doubtfulCheckpoints({ revocations }: KeyHistory, signed: readonly SignedCheckpoint[]): string[] {
  return revocations.flatMap(({ what, key, from }) => {
    const doubtful = what === 'log' ? signed.filter((each) => each.key === key && each.at >= from) : [];
    const sizes = [doubtful.at(0)?.size, doubtful.at(-1)?.size].join(' to ');
    return doubtful.length === 0
      ? []
      : [
          `the ${doubtful.length} checkpoints of sizes ${sizes} were signed with the key ${keyIdIn(key)} after ${from}, from when it is revoked: only the keys after it vouch for those records`,
        ];
  });
}

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
