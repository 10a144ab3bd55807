/**
 * The log in the database: the only code that appends records or signs checkpoints. A record and the tree nodes it completes are written
 * in the caller's transaction, so the stored tree always fits the stored records.
 */
import {
  appendLeaf,
  type Checkpoint,
  consistencyProof,
  createKeyHistory,
  decodeRecord,
  describeCustody,
  describeUnsigned,
  emptyRoot,
  encodeRecord,
  inclusionProof,
  type KeyHistory,
  keyIdIn,
  keyPeriodAt,
  leafHash,
  type LogRecord,
  type NodeReader,
  type NoteSigner,
  openLogCheckpoint,
  parseVerifierKey,
  type RecordOf,
  type RecordType,
  rootHash,
  signCheckpoint,
  signedLater,
  verifierKeyFor,
} from '../../log/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import type { Db } from './database.ts';

export interface StoredRecord {
  readonly leaf: number;
  /** RFC 8785 bytes, as hashed. */
  readonly bytes: Uint8Array;
}

export interface Found<T extends RecordType> {
  readonly leaf: number;
  readonly record: RecordOf<T>;
}

export interface LogStore {
  append(record: LogRecord): number;
  size(): number;
  records(from: number, to: number): Iterable<StoredRecord>;
  /** Records of a type, optionally of one cluster and run, in (cluster, run, leaf) order. */
  find<T extends RecordType>(type: T, cluster?: string, run?: number): Found<T>[];
  /** The one with the highest run number of the cluster. */
  latest<T extends RecordType>(type: T, cluster: string): Found<T> | undefined;
  inclusionProof(leaf: number, size: number): Uint8Array[];
  consistencyProof(from: number, to: number): Uint8Array[];
  rootAt(size: number): Uint8Array;
  checkpoints(): Checkpoint[];
  lastCheckpoint(): Checkpoint | undefined;
  /**
   * What a process that died had announced is ours to end and to sign. Throws `integrity` for any other record behind the last checkpoint:
   * it would have been signed when it was written, so somebody else wrote it.
   */
  takeOver(): void;
  /**
   * Signs the head, unless it is signed, under the log's own name. Refuses (`integrity`) to sign a log that does not extend its last
   * checkpoint, or a record that neither was appended here nor taken over; and (`configuration`) with another key than the one in force.
   */
  sign(signer: NoteSigner): Checkpoint;
  genesis(): RecordOf<'genesis'>;
  /** Verifier keys of the log, from the genesis on. Throws `integrity` when one is not vouched for by the one before. */
  keys(): KeyHistory;
  /** Verifier key in force at a size of the log; default: now. */
  key(size?: number): string;
}

interface Row {
  readonly leaf: number;
  readonly bytes: Buffer;
}

const batch = 512;

export function createLogStore(db: Db): LogStore {
  const insertRecord = db.prepare<[number, Uint8Array]>('INSERT INTO log (leaf, bytes) VALUES (?, ?)');
  const insertNode = db.prepare<[number, number, Uint8Array]>('INSERT INTO node (level, position, hash) VALUES (?, ?, ?)');
  const insertCheckpoint = db.prepare<[number, string]>('INSERT INTO checkpoint (size, note) VALUES (?, ?)');
  const oneNode = db.prepare<[number, number], Buffer>('SELECT hash FROM node WHERE level = ? AND position = ?').pluck();
  const oneRecord = db.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck();
  const someRecords = db.prepare<[number, number], Row>('SELECT leaf, bytes FROM log WHERE leaf >= ? AND leaf < ? ORDER BY leaf');
  const nextLeaf = db.prepare<[], number>('SELECT coalesce(max(leaf) + 1, 0) FROM log').pluck();
  const byType = db.prepare<[string], Row>('SELECT leaf, bytes FROM log WHERE type = ? ORDER BY cluster, run, leaf');
  const byCluster = db.prepare<[string, string], Row>('SELECT leaf, bytes FROM log WHERE type = ? AND cluster = ? ORDER BY run, leaf');
  const byRun = db.prepare<[string, string, number], Row>(
    'SELECT leaf, bytes FROM log WHERE type = ? AND cluster = ? AND run = ? ORDER BY leaf',
  );
  const last = db.prepare<[string, string], Row>(
    'SELECT leaf, bytes FROM log WHERE type = ? AND cluster = ? ORDER BY run DESC, leaf DESC LIMIT 1',
  );
  const allCheckpoints = db.prepare<[], string>('SELECT note FROM checkpoint ORDER BY size').pluck();
  const unsigned = db.prepare<[], Row & { readonly type: string | null }>(
    'SELECT leaf, bytes, type FROM log WHERE leaf >= coalesce((SELECT max(size) FROM checkpoint), 0) ORDER BY leaf',
  );
  /** Records behind the last checkpoint that may be signed: leaf → its hash. A number alone may come to mean another record. */
  const own = new Map<number, string>();
  const nameOf = (bytes: Uint8Array) => Buffer.from(leafHash(bytes)).toString('hex');
  const lastNote = db.prepare<[], string>('SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1').pluck();

  const nodes: NodeReader = (level, index) => {
    const found = level === 0 ? oneRecord.get(index) : oneNode.get(level, index);
    if (found === undefined)
      throw new KubevidenceError('integrity', `the log lacks ${level === 0 ? `record ${index}` : `the tree node ${level}/${index}`}`);
    return level === 0 ? leafHash(found) : found;
  };
  const size = () => nextLeaf.get() ?? 0;
  const decode = <T extends RecordType>(type: T, row: Row): Found<T> => {
    const read = decodeRecord(row.bytes);
    if (!read.known || read.record.type !== type)
      throw new KubevidenceError('integrity', `record ${row.leaf} is no ${type} record that this version reads`);
    return { leaf: row.leaf, record: read.record as RecordOf<T> };
  };
  const store: LogStore = {
    append(record) {
      const bytes = encodeRecord(record);
      const leaf = size();
      insertRecord.run(leaf, bytes);
      own.set(leaf, nameOf(bytes));
      for (const node of appendLeaf(nodes, leaf, leafHash(bytes))) if (node.level > 0) insertNode.run(node.level, node.index, node.hash);
      return leaf;
    },
    size,
    *records(from, to) {
      for (let start = from; start < to; start += batch) {
        const rows = someRecords.all(start, Math.min(start + batch, to));
        // A number that somebody wrote behind a wide gap must not make us look for all between.
        if (rows.length === 0) throw new KubevidenceError('integrity', `record ${start} of the log is missing`);
        yield* rows;
      }
    },
    find(type, cluster, run) {
      const rows =
        cluster === undefined ? byType.all(type) : run === undefined ? byCluster.all(type, cluster) : byRun.all(type, cluster, run);
      return rows.map((row) => decode(type, row));
    },
    latest(type, cluster) {
      const row = last.get(type, cluster);
      return row === undefined ? undefined : decode(type, row);
    },
    inclusionProof: (leaf, of) => inclusionProof(nodes, leaf, requireSize(of, size())),
    consistencyProof: (from, to) => consistencyProof(nodes, from, requireSize(to, size())),
    rootAt: (of) => rootHash(nodes, requireSize(of, size())),
    checkpoints: () => {
      const keys = store.keys();
      return allCheckpoints.all().map((note) => openLogCheckpoint(note, keys));
    },
    lastCheckpoint() {
      const note = lastNote.get();
      return note === undefined ? undefined : openLogCheckpoint(note, store.keys());
    },
    takeOver() {
      for (const { leaf, bytes, type } of unsigned.iterate()) {
        if (!signedLater.has(type ?? '')) throw foreign(leaf, type);
        own.set(leaf, nameOf(bytes));
      }
    },
    sign(signer) {
      const head = size();
      const before = store.lastCheckpoint();
      if (before !== undefined && (before.size > head || Buffer.compare(before.root, rootHash(nodes, before.size)) !== 0)) {
        throw new KubevidenceError(
          'integrity',
          `the log does not extend its checkpoint at size ${before.size}; it was changed, and is not signed`,
          {
            next: 'See what changed: `kubevidence ledger verify`.',
          },
        );
      }
      if (before?.size === head) return before;
      const { origin } = store.genesis();
      requireInForce(signer, store.key());
      for (const { leaf, bytes, type } of unsigned.iterate()) if (own.get(leaf) !== nameOf(bytes)) throw foreign(leaf, type);
      const checkpoint = signCheckpoint({ origin, size: head, root: rootHash(nodes, head) }, underName(signer, origin));
      insertCheckpoint.run(head, checkpoint.note);
      own.clear();
      return checkpoint;
    },
    genesis() {
      const bytes = oneRecord.get(0);
      if (bytes === undefined) throw new KubevidenceError('integrity', 'the log is empty: it has no genesis record');
      return decode('genesis', { leaf: 0, bytes }).record;
    },
    keys() {
      const history = createKeyHistory();
      history.take(0, store.genesis(), () => emptyRoot);
      const found = [...store.find('key-rotated'), ...store.find('key-revoked'), ...store.find('key-bound')];
      for (const { leaf, record } of found.toSorted((a, b) => a.leaf - b.leaf)) {
        const [problem] = history.take(leaf, record, () => rootHash(nodes, leaf));
        if (problem !== undefined) throw new KubevidenceError('integrity', problem, { next: 'See all: `kubevidence ledger verify`.' });
      }
      return history;
    },
    key: (of = size()) => keyPeriodAt(store.keys().periods, of)?.text ?? store.genesis().logKey,
  };
  return store;
}

/** The same key under the log's name, by which checkpoints carry it whatever the key file is called. */
export function underName(signer: NoteSigner, name: string): NoteSigner {
  return { name, publicKey: signer.publicKey, sign: (data) => signer.sign(data) };
}

function foreign(leaf: number, type: string | null): KubevidenceError {
  return new KubevidenceError('integrity', describeUnsigned(leaf, type ?? ''), {
    means: 'Nothing was signed: a signature would make it true.',
    next: 'See all: `kubevidence ledger verify`. Then put the newest backup in its place; what it lacks is declared with `kubevidence ledger restored`.',
  });
}

/** What a reader must know of the log's keeping up to a size, in its order. */
export function readCustody(log: LogStore, size = log.size()): string[] {
  return (['ledger-restored', 'key-rotated', 'key-revoked', 'cluster-rebound'] as const)
    .flatMap((type) => log.find(type))
    .filter(({ leaf }) => leaf < size)
    .toSorted((a, b) => a.leaf - b.leaf)
    .flatMap(({ leaf, record }) => describeCustody(leaf, record));
}

function requireInForce(signer: NoteSigner, key: string): void {
  const { name } = parseVerifierKey(key);
  if (verifierKeyFor(name, signer.publicKey) === key) return;
  throw new KubevidenceError('configuration', `the log key is not the one that is in force in this ledger (${keyIdIn(key)})`, {
    next: 'Name the key that was made with this ledger, or that it was rotated to (`signing` in kubevidence.yaml).',
  });
}

function requireSize(wanted: number, size: number): number {
  if (wanted <= size) return wanted;
  throw new KubevidenceError('usage', `the log has ${size} records, not ${wanted}`);
}
