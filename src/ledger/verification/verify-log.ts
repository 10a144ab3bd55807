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
  clockToleranceMs,
  describeCustody,
  describeUnsigned,
  type KeyHistory,
  keyIdIn,
  leafHash,
  type LogRecord,
  type NodeReader,
  openLogCheckpoint,
  problemsOfRestored,
  rootHash,
  signedLater,
  type TreeHead,
} from '../../log/index.ts';
import { reasonOf } from '../../model/index.ts';
import type { Findings } from '../decisions/findings.ts';
import type { Stores } from '../stores.ts';
import { createNodeCheck, readRecords } from './read-log.ts';

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
  /** Fingerprint that one of the bindings must have. */
  readonly documentKey: string | undefined;
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

export function checkLog({ db, log }: Stores, { kept: given, publicKey, documentKey, findings, onRecord }: LogCheck): void {
  const { counts, problem, notice } = findings;
  const isStored = createNodeCheck(db);
  const notes = db.prepare<[], StoredNote>('SELECT size, note FROM checkpoint ORDER BY size').all();
  const stray = db.prepare<[], number>('SELECT count(*) FROM log WHERE leaf < 0').pluck().get() ?? 0;
  if (stray > 0) problem(`the log has ${stray === 1 ? '1 record' : `${stray} records`} before its first one`);
  const last = (db.prepare<[], number>('SELECT count(*) FROM log WHERE leaf >= 0').pluck().get() ?? 0) - 1;
  const unsigned = createUnsignedCheck(notes.at(-1)?.size ?? Infinity, problem);
  const heads = new Map(notes.map((row) => [row.size, row]));
  const kept = given.flatMap((each): Kept[] => {
    try {
      return [{ ...each, head: claimedHead(each.note) }];
    } catch (error) {
      problem(`${each.name}: ${reasonOf(error)}`);
      return [];
    }
  });
  const [order, keys, backwards] = [createRecordOrder(), createKeyHistory(), createBackwardsCheck()];
  const restored: Restored[] = [];
  const differing: Kept[] = [];
  const signed: SignedCheckpoint[] = [];
  // The latest complete subtree of each level is all that appending and any root need.
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  let nodes = 0;
  let size = 0;
  let at = '';
  for (const { leaf, bytes } of readRecords(db, log, last + 1)) {
    if (leaf !== size) return problem(`record ${size} of the log is missing`);
    findings.attempt(`record ${leaf}`, () => {
      const read = decodeRecord(bytes);
      unsigned.take(leaf, read.known ? read.record.type : read.type);
      if (!read.known) {
        counts.unknownRecords++;
        return;
      }
      const { record } = read;
      backwards.take(leaf, record.at);
      at = record.at;
      for (const each of order.take(leaf, record)) problem(each);
      for (const each of keys.take(leaf, record, () => rootHash(latest, leaf))) problem(each);
      if (record.type === 'ledger-restored') {
        restored.push(record);
        for (const each of problemsOfRestored(leaf, record, rootHash(latest, leaf))) problem(each);
      }
      for (const each of describeCustody(leaf, record)) notice(each);
      onRecord(leaf, record);
    });
    for (const { level, index, hash } of appendLeaf(latest, size, leafHash(bytes))) {
      frontier[level] = hash;
      if (level === 0) continue;
      nodes++;
      if (!isStored(level, index, hash)) problem(`the tree node ${level}/${index} is not the hash of its records`);
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
  if (size <= last) return problem(`record ${size} of the log is missing`);
  counts.records = size;
  counts.runs = order.runs.values().reduce((sum, last) => sum + last, 0);
  counts.checkpoints = notes.length;
  counts.unsignedRecords = size - (notes.at(-1)?.size ?? 0);
  for (const head of heads.values())
    problem(
      head.size > 0
        ? `the checkpoint at size ${head.size} covers more than the ${size} records of the log`
        : `the checkpoint filed under size ${head.size} is of no log`,
    );
  for (const each of [...unsigned.sentences(), ...backwards.sentences()]) notice(each);
  if (counts.unknownRecords > 0)
    notice(`${counts.unknownRecords} records are of a type or version that this Kubevidence does not know: signed, but not understood`);
  for (const each of kept) checkKept(each, size, differing.includes(each), { keys, restored, problem });
  if (publicKey !== undefined && !keys.periods.some(({ key }) => Buffer.compare(key.publicKey, publicKey) === 0))
    problem('the log is signed by other keys than the one that was given');
  if (documentKey !== undefined && !keys.bindings.some(({ fingerprint }) => fingerprint === documentKey))
    problem(`the log never bound the document key ${documentKey}, which was given`);
  for (const each of doubtfulCheckpoints(keys, signed)) notice(each);
  if (notes.length === 0) problem('the log has no checkpoint, and every ledger is made with one');
  const stored = db.prepare<[], number>('SELECT count(*) FROM node').pluck().get() ?? 0;
  if (stored !== nodes) problem(`the tree has ${stored} nodes, and its records make ${nodes}`);
}

/** Records that no checkpoint covers: told, and a problem where their type is signed at once. */
function createUnsignedCheck(signed: number, problem: (message: string) => void) {
  const waiting: { readonly leaf: number; readonly type: string }[] = [];
  return {
    take(leaf: number, type: string): void {
      if (leaf < signed) return;
      if (signedLater.has(type)) waiting.push({ leaf, type });
      else problem(describeUnsigned(leaf, type));
    },
    sentences(): string[] {
      const [first] = waiting;
      if (first === undefined) return [];
      return [
        waiting.length === 1
          ? `the last record (${first.leaf}, ${first.type}) is signed by no checkpoint yet: nobody vouches for it so far`
          : `${waiting.length} records, from ${first.leaf} (${first.type}) on, are signed by no checkpoint yet: nobody vouches for them so far`,
      ];
    },
  };
}

/** Records that are dated clearly before the one before them. A clock that was set back is no forgery, but has to be known. */
function createBackwardsCheck() {
  const found: number[] = [];
  let last = '';
  return {
    take(leaf: number, at: string): void {
      if (at < last && Date.parse(at) < Date.parse(last) - clockToleranceMs) found.push(leaf);
      last = at;
    },
    sentences(): string[] {
      const some = `${found.slice(0, 5).join(', ')}${found.length > 5 ? ` and ${found.length - 5} more` : ''}`;
      return found.length === 0
        ? []
        : [
            `${found.length === 1 ? 'record' : 'records'} ${some}: dated more than a minute before the record before (the clock was set back, or was ahead until then)`,
          ];
    },
  };
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
