/**
 * The ledger: an append-only log of what was planned, collected and judged, and the evidence that its records name. One process writes at
 * a time, on one connection; any number read, each seeing the last commit. Every method throws KubevidenceError for what can be expected to
 * go wrong (exit codes of docs/interface): another writer, a full disk, a damaged file.
 */
import { hash, randomUUID } from 'node:crypto';
import { type Checkpoint, formatVerifierKey, type KeyHistory, keyIdIn, type NoteSigner, verifierKeyFor } from '../log/index.ts';
import {
  canonicalBytes,
  type Clock,
  type ClusterIdentity,
  type EvidenceReader,
  type Instant,
  type ListingKind,
  type RunKind,
  type RunSummary,
} from '../model/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import { openForReading, openForWriting } from './storage/database.ts';
import { guard } from './storage/database-errors.ts';
import { type DiffOptions, diffSnapshots, type KindDifference } from './reading/diff.ts';
import { createErasures, type Erasures, sweep } from './erasure/erase.ts';
import { type Baselines, createBaselines } from './decisions/baselines.ts';
import { createHolds, type Holds } from './erasure/holds.ts';
import { createDefinitions, type Definitions } from './decisions/definitions.ts';
import { createExceptions, type Exceptions } from './decisions/exceptions.ts';
import { createJudgements, type Judgements } from './decisions/judgements.ts';
import { type Accountable, bindDocumentKey, type KeyRevocation, recordRestored, revokeKey, rotateLogKey } from './decisions/key-changes.ts';
import { readCustody, type StoredRecord } from './storage/log-store.ts';
import { createTables } from './storage/migrations.ts';
import { salted } from './storage/payloads.ts';
import { createReviews, type Reviews } from './decisions/reviews.ts';
import { createRebindings, type Rebindings } from './decisions/rebinding.ts';
import { createPublication, type Publication, type PublishedHeads, refusal } from './decisions/publication.ts';
import type { PlannedListing } from './runs/reuse.ts';
import { createRunWriter, type RunWriter } from './runs/run-writer.ts';
import type { ClusterSummary } from './runs/runs.ts';
import { type Exhibit, openRun, readExhibit, readSnapshot, type SnapshotOptions } from './reading/snapshot.ts';
import { openSeries, type SeriesSnapshot, type SnapshotSeries } from './reading/series.ts';
import { createSlots, type Slots } from './runs/slots.ts';
import { type LedgerStatus, readStatus } from './reading/status.ts';
import { createStores, type GapOf, type Stores } from './stores.ts';
import { createTokens, type Tokens } from './decisions/tokens.ts';

export interface NewLedger {
  readonly organization: string;
  /** Name and version of the program. */
  readonly tool: string;
  /** SHA-256 over the document key's SubjectPublicKeyInfo, hex. */
  readonly documentKeyFingerprint: string;
}

export interface LedgerOptions {
  readonly path: string;
  readonly mode: 'read' | 'write';
  readonly clock: Clock;
  /** Of listings of other versions of their collectors, which only those who declare collectors can tell. */
  readonly gapOf?: GapOf;
  /** Signs checkpoints; it must be the ledger's own key. Nothing is written without it. */
  readonly signer?: NoteSigner;
  /** Makes the ledger when there is none; needs `signer`. */
  readonly create?: NewLedger;
  /** What the log is compared with before anything is written, and where each signed checkpoint goes. Without it neither happens. */
  readonly published?: PublishedHeads;
  /** Records that the log goes on without what was published, instead of refusing it; `usage` when it extends it. */
  readonly restored?: Accountable;
  /** For what is no failure; safe to print. */
  readonly warn?: (text: string) => void;
}

export interface PlannedRun {
  readonly cluster: string;
  readonly uuid: string;
  readonly kind: RunKind;
  /** Scheduled slot, when there was one. */
  readonly slot?: Instant | null;
  readonly collectors: readonly { readonly kind: string; readonly version: number }[];
  readonly tool: string;
  /** SHA-256, hex, over what decides what is collected and judged: controls, mappings, parameters, keep-lists, schedule. */
  readonly definitions: string;
}

export interface StartedRun {
  readonly cluster: string;
  readonly number: number;
  readonly identity: ClusterIdentity;
  /** Whether a cluster answered, or files stand for one. */
  readonly scope: EvidenceReader['scope'];
  readonly listings: readonly PlannedListing[];
}

export interface Ledger extends Judgements, Definitions, Exceptions, Slots, Baselines, Reviews, Rebindings, Holds, Erasures, Tokens {
  readonly path: string;
  /** Writes the record that announces a run, on disk before this returns. Throws `usage` while another run of the cluster is open. */
  planRun(run: PlannedRun): RunSummary;
  /** A scheduled slot that nobody ran: it takes the next number. */
  recordMissed(missed: { readonly cluster: string; readonly slot: Instant }): RunSummary;
  startRun(run: StartedRun): RunWriter;
  /** Throws `integrity` when the name stood for another cluster (kube-system UID) before. */
  checkIdentity(cluster: string, identity: ClusterIdentity): void;
  /** In (cluster, number) order. */
  runs(cluster?: string): RunSummary[];
  run(cluster: string, number: number): RunSummary | undefined;
  /** The latest run that decides the state at `instant`: see Runs. */
  runAt(cluster: string, instant: Instant): RunSummary | undefined;
  clusters(): ClusterSummary[];
  snapshot(cluster: string, number: number, options?: SnapshotOptions): EvidenceReader;
  /** For whoever reads many snapshots of a cluster one after the other. */
  snapshots(cluster: string): SnapshotSeries;
  exhibit(cluster: string, number: number, kind: ListingKind): Exhibit;
  /** Seconds for which each planned listing of an ended run holds, where the run recorded it. */
  timesToLive(cluster: string, number: number): Readonly<Record<ListingKind, number>>;
  /** Net differences between the snapshots of two runs, kind by kind. */
  differences(cluster: string, from: number, to: number, options?: DiffOptions): Iterable<KindDifference>;
  /** The signed head of the log, signed now if need be. Without a signer or in read mode: the last one; `configuration` when there is none. */
  checkpoint(): Checkpoint;
  /** By size; signatures checked. */
  checkpoints(): Checkpoint[];
  /** Records [from, to). */
  records(from?: number, to?: number): Iterable<StoredRecord>;
  inclusionProof(leaf: number, size: number): Uint8Array[];
  consistencyProof(from: number, to: number): Uint8Array[];
  /** RFC 6962 root over the first `size` records. */
  rootAt(size: number): Uint8Array;
  /** c2sp.org/signed-note verifier key in force at a size of the log; default: now. */
  verifierKey(size?: number): string;
  /** From here on `next` signs; the signer of this ledger vouches for it. Throws `usage` for a key that signed this log before. */
  rotateLogKey(next: NoteSigner, who: Accountable): Checkpoint;
  /** From here on packs are signed with another document key. */
  bindDocumentKey(fingerprint: string, who: Accountable): Checkpoint;
  /** A key that is no longer in force, and is not to be believed for what it signed from a moment on. */
  revokeKey(revocation: KeyRevocation): Checkpoint;
  /** Every key of the log and every document key, from the genesis on. */
  keyHistory(): KeyHistory;
  /** Fingerprint of the document key that signs packs now. */
  documentKey(): string | null;
  /** What a reader must know of the ledger's keeping up to a size, in sentences: restored, keys replaced or revoked. */
  custody(size?: number): string[];
  status(): LedgerStatus;
  close(): void;
}

export function openLedger(options: LedgerOptions): Ledger {
  const { path, mode, clock, signer, create } = options;
  if (mode === 'read') {
    const { db, close } = openForReading(path);
    return guardAll(
      path,
      createLedger(
        options,
        guard(path, () => createStores(db, options.gapOf)),
        null,
        close,
      ),
    );
  }
  const { db, empty, close } = openForWriting(path, clock, create !== undefined);
  try {
    const [stores, publication] = guard(path, () => {
      if (empty) db.transaction(() => begin(() => createStores((createTables(db), db)), options)).immediate();
      const stores = createStores(db, options.gapOf);
      if (signer === undefined) throw withoutKey(path);
      requireOwnKey(stores, signer, path);
      const publication = createPublication(stores.log, options.published, options.warn);
      const divergence = publication.divergence();
      if (divergence !== null && options.restored === undefined) throw refusal(divergence);
      stores.log.takeOver();
      const { restored } = options;
      if (divergence !== null && restored !== undefined)
        commitSigned(stores, signer, () => recordRestored(stores, clock().toISOString(), divergence, restored));
      if (divergence === null && options.restored !== undefined) throw nothingRestored();
      clearInterrupted(stores, signer, clock, options.warn);
      sweep(db);
      publication.publish(db.transaction(() => stores.log.sign(signer)).immediate());
      return [stores, publication] as const;
    });
    return guardAll(path, createLedger(options, stores, publication, close));
  } catch (error) {
    close();
    throw error;
  }
}

function createLedger(options: LedgerOptions, stores: Stores, publication: Publication | null, close: () => void): Ledger {
  const { path, mode, clock } = options;
  let { signer } = options;
  const { db, log, runs } = stores;
  const now = () => clock().toISOString();
  const requireWriter = () => {
    if (mode !== 'write') throw new KubevidenceError('defect', 'the ledger was opened for reading');
  };
  const signWith = (own: NoteSigner): Checkpoint => {
    const checkpoint = db.transaction(() => log.sign(own)).immediate();
    publication?.publish(checkpoint);
    return checkpoint;
  };
  const sign = () => (signer === undefined ? undefined : signWith(signer));
  /** What is recorded is signed in the same transaction: see LogStore.takeOver. */
  const commit = <T>(act: () => T): T => {
    const result = commitSigned(stores, mode === 'write' ? signer : undefined, act);
    if (mode === 'write') sign();
    return result;
  };
  const signing = <T extends object>(part: T, names: readonly (keyof T & string)[]): T => {
    const signed = names.map((name) => {
      const method = part[name] as (...args: unknown[]) => unknown;
      return [name, (...args: unknown[]) => commit(() => method(...args))];
    });
    return { ...part, ...Object.fromEntries(signed) };
  };
  const requireSigner = (): NoteSigner => {
    requireWriter();
    if (signer === undefined) throw new KubevidenceError('defect', 'the ledger was opened without its key');
    return signer;
  };
  const summary = (cluster: string, number: number): RunSummary => {
    const found = runs.get(cluster, number);
    if (found === undefined) throw new KubevidenceError('usage', `there is no run ${number} of ${cluster}`);
    return found;
  };
  return {
    ...signing(createJudgements(stores, now), ['recordAssessment', 'recordPack', 'closePeriod']),
    ...signing(createDefinitions(stores, now), ['recordDefinitions', 'approveDefinitions']),
    ...signing(createExceptions(stores, now), ['requestException', 'approveException', 'revokeException']),
    ...signing(createSlots(stores, now), ['recordMissedSlots']),
    ...signing(createHolds(stores, now), ['placeHold', 'releaseHold']),
    ...signing(createBaselines(stores, now), ['acceptBaseline']),
    ...signing(createReviews(stores, now), ['recordReview']),
    ...signing(createRebindings(stores, now), ['rebindCluster']),
    ...createErasures(stores, now, commit),
    ...createTokens(stores),
    path,
    planRun({ cluster, uuid, kind, slot = null, collectors, tool, definitions }) {
      requireWriter();
      const number = db
        .transaction(() => {
          const open = runs.open().find(({ record }) => record.cluster === cluster);
          if (open !== undefined) throw new KubevidenceError('usage', `run ${open.record.run} of ${cluster} has not ended`);
          const number = runs.next(cluster);
          const digest = hash('sha256', canonicalBytes(collectors));
          log.append({
            type: 'run-planned',
            v: 1,
            at: now(),
            cluster,
            run: number,
            uuid,
            kind,
            slot,
            tool,
            collectors: { count: collectors.length, digest },
            definitions,
          });
          return number;
        })
        .immediate();
      return summary(cluster, number);
    },
    recordMissed({ cluster, slot }) {
      requireWriter();
      const number = commit(() => {
        const next = runs.next(cluster);
        log.append({ type: 'run-missed', v: 1, at: now(), cluster, run: next, uuid: randomUUID(), slot });
        return next;
      });
      return summary(cluster, number);
    },
    startRun({ cluster, number, identity, scope, listings }) {
      requireWriter();
      const plan = runs.planned(cluster, number);
      if (plan === undefined || runs.ended(cluster, number) !== undefined)
        throw new KubevidenceError('defect', `run ${number} of ${cluster} is not planned, or over`);
      const end = (record: () => void) => {
        commit(record);
        return summary(cluster, number);
      };
      return guardAll(path, createRunWriter(stores, { plan, identity, scope, listings, startedAt: now(), now, end }));
    },
    checkIdentity(cluster, identity) {
      const bound = runs.binding(cluster);
      if (bound === undefined || identity.uid === null || identity.uid === bound.uid) return;
      throw new KubevidenceError(
        'integrity',
        `${visible(cluster)} is another cluster than before: its kube-system UID is ${visible(identity.uid)}, not ${visible(bound.uid)}`,
        {
          means: 'Evidence of two clusters under one name would prove nothing about either.',
          next: 'Give the new cluster a name of its own in kubevidence.yaml, or say why it is another one: `kubevidence cluster rebind --reason TEXT --by NAME`.',
        },
      );
    },
    runs: (cluster) => runs.all(cluster),
    run: (cluster, number) => runs.get(cluster, number),
    runAt: (cluster, instant) => runs.at(cluster, instant),
    clusters: () => runs.clusters(),
    snapshot: (cluster, number, options) => {
      const guarded = (reader: EvidenceReader): EvidenceReader => guardAll(path, { ...reader, previous: () => wrap(reader.previous()) });
      const wrap = (reader: EvidenceReader | null) => (reader === null ? null : guarded(reader));
      return guarded(readSnapshot(stores, cluster, number, options));
    },
    snapshots: (cluster) => {
      const series = openSeries(stores, cluster);
      const guarded = new Map<SeriesSnapshot, SeriesSnapshot>();
      const wrap = (reader: SeriesSnapshot): SeriesSnapshot => {
        let known = guarded.get(reader);
        if (known === undefined) {
          const before = () => {
            const earlier = reader.previous();
            return earlier === null ? null : wrap(earlier);
          };
          guarded.set(reader, (known = guardAll(path, { ...reader, previous: before })));
        }
        return known;
      };
      return (number) => guard(path, () => wrap(series(number)));
    },
    exhibit: (cluster, number, kind) => readExhibit(stores, cluster, number, kind),
    timesToLive: (cluster, number) => openRun(stores, cluster, number).stored?.details.timeToLive ?? {},
    differences: (cluster, from, to, options) => diffSnapshots(stores, cluster, from, to, options),
    checkpoint() {
      const checkpoint = (mode === 'write' ? sign() : undefined) ?? log.lastCheckpoint();
      if (checkpoint === undefined) {
        throw new KubevidenceError('configuration', 'the log has no signed checkpoint', {
          next: 'Name the log key in kubevidence.yaml (`signing`).',
        });
      }
      return checkpoint;
    },
    checkpoints: () => log.checkpoints(),
    records: (from = 0, to = log.size()) => log.records(from, Math.min(to, log.size())),
    inclusionProof: (leaf, size) => log.inclusionProof(leaf, size),
    consistencyProof: (from, to) => log.consistencyProof(from, to),
    rootAt: (size) => log.rootAt(size),
    verifierKey: (size) => log.key(size),
    rotateLogKey(next, who) {
      const checkpoint = rotateLogKey(stores, now(), requireSigner(), next, who);
      signer = next;
      publication?.publish(checkpoint);
      return checkpoint;
    },
    bindDocumentKey(fingerprint, who) {
      const own = requireSigner();
      commit(() => bindDocumentKey(stores, now(), fingerprint, who));
      return signWith(own);
    },
    revokeKey(revocation) {
      const own = requireSigner();
      commit(() => revokeKey(stores, now(), revocation));
      return signWith(own);
    },
    keyHistory: () => log.keys(),
    documentKey: () => log.keys().bindings.at(-1)?.fingerprint ?? null,
    custody: (size = log.size()) => readCustody(log, size),
    // Sizes and counts of one moment, whatever a writer does meanwhile.
    status: () => db.transaction(() => readStatus(stores))(),
    close,
  };
}

/** One transaction: neither what is recorded nor its signature is ever there without the other. A reader has no signer, and cannot write. */
function commitSigned<T>({ db, log }: Stores, signer: NoteSigner | undefined, act: () => T): T {
  return db
    .transaction(() => {
      const result = act();
      if (signer !== undefined) log.sign(signer);
      return result;
    })
    .immediate();
}

/** The ledger's birth: who it is, and which two keys belong together. */
function begin(makeStores: () => Stores, { path, clock, signer, create }: LedgerOptions): void {
  if (signer === undefined || create === undefined) throw withoutKey(path);
  const { log, payloads } = makeStores();
  const [at, logKey] = [clock().toISOString(), formatVerifierKey(signer)];
  const details = salted({ organization: create.organization });
  const leaf = log.append({
    type: 'genesis',
    v: 1,
    at,
    ledger: randomUUID(),
    origin: signer.name,
    logKey,
    tool: create.tool,
    details: details.id,
  });
  payloads.write(leaf, [details]);
  log.append({ type: 'key-bound', v: 1, at, logKey, documentKeyFingerprint: create.documentKeyFingerprint });
  // In the same transaction: there is no moment at which a ledger has no checkpoint.
  log.sign(signer);
}

function withoutKey(path: string): KubevidenceError {
  return new KubevidenceError('configuration', `the ledger ${visible(path)} needs a log key: nothing is written unsigned`, {
    next: '`kubevidence init` makes one for a new ledger.',
  });
}

function requireOwnKey({ log }: Stores, signer: NoteSigner, path: string): void {
  const { origin } = log.genesis();
  const key = log.key();
  if (verifierKeyFor(origin, signer.publicKey) === key) return;
  throw new KubevidenceError('configuration', `the log key is not the one of the ledger ${visible(path)}, which is ${keyIdIn(key)}`, {
    next: 'Name the key that was made with this ledger, or that it was rotated to (`signing`). Was a rotation cut short? `kubevidence keys rotate` finishes it.',
  });
}

function nothingRestored(): KubevidenceError {
  return new KubevidenceError('usage', 'the log extends its last published checkpoint: there is nothing to declare', {
    next: 'Compare it with a checkpoint that somebody else kept: `kubevidence ledger verify --against FILE`.',
  });
}

/** Nobody else writes: a run without an end is one whose process died. What it left is nobody's evidence. */
function clearInterrupted(stores: Stores, signer: NoteSigner, clock: Clock, warn: (text: string) => void = () => {}): void {
  const { log, objects, trees, runs } = stores;
  for (const { leaf, record } of runs.open()) {
    const at = clock().toISOString();
    const { cluster, run, uuid } = record;
    warn(`run ${run} of ${visible(cluster)} was planned at ${record.at} and never ended: it is recorded as interrupted`);
    const nothing = {
      listings: 0,
      complete: 0,
      items: 0,
      gaps: 0,
      serverClockSkewMs: null,
      clusterUid: null,
      caFingerprint: null,
      snapshot: null,
      reusable: null,
    };
    commitSigned(stores, signer, () => {
      trees.dropRun(leaf);
      objects.dropRun(leaf);
      log.append({
        type: 'run-ended',
        v: 1,
        at,
        cluster,
        run,
        uuid,
        status: 'interrupted',
        startedAt: record.at,
        endedAt: at,
        observedAt: null,
        ...nothing,
      });
    });
  }
}

/** Every method of `target` with {@link guard} around it, and around each step of what it iterates. */
function guardAll<T extends object>(path: string, target: T): T {
  const wrapped = Object.entries(target).map(([name, member]: [string, unknown]) => {
    if (typeof member !== 'function') return [name, member];
    return [
      name,
      (...args: unknown[]) =>
        guardSteps(
          path,
          guard(path, () => (member as (...args: unknown[]) => unknown)(...args)),
        ),
    ];
  });
  return Object.fromEntries(wrapped) as T;
}

function guardSteps(path: string, result: unknown): unknown {
  const isGenerator = typeof result === 'object' && result !== null && Symbol.iterator in result && 'next' in result;
  if (!isGenerator) return result;
  const steps = result as Iterator<unknown>;
  return (function* () {
    for (;;) {
      const { done, value } = guard(path, () => steps.next());
      if (done === true) return;
      yield value;
    }
  })();
}
