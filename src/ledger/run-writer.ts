/**
 * One run's way into the ledger. Every page of objects is committed before `put` returns, but nobody sees it before the run's record is
 * there: whatever a killed process leaves behind belongs to a run without an end, and is cleared away when the ledger is next opened for
 * writing. An object equal to its predecessor is its predecessor.
 */
import { randomInt } from 'node:crypto';
import type {
  ClusterIdentity,
  EvidenceObject,
  EvidenceReader,
  EvidenceSink,
  Instant,
  Listing,
  ListingKind,
  RunStatus,
  RunSummary,
} from '../model/index.ts';
import { canonicalBytes, isComplete, KubevidenceError } from '../model/index.ts';
import { labelOf } from './identity.ts';
import { blockBytes, blockObjects, type NewObject } from './objects.ts';
import {
  decodeKnown,
  encodeKnown,
  isNotOlder,
  keyOfObject,
  type Known,
  type KnownObjects,
  mayReuse,
  type PlannedListing,
  type ReuseRow,
  reuseDigest,
} from './reuse.ts';
import { type ListingPayload, prepareRun, readRun, type StoredRun } from './run-payload.ts';
import type { Ended, Planned } from './runs.ts';
import { drawSalt, saltedId } from './salted.ts';
import type { Stores } from './stores.ts';
import type { Member, Tree } from './trees.ts';

export interface EndOfRun {
  readonly status: Extract<RunStatus, 'succeeded' | 'partial' | 'failed' | 'interrupted'>;
  readonly error: string | null;
  /** As known at the end of the run; it may have learned more than it knew at the start. */
  readonly identity: ClusterIdentity;
  /** The server's clock minus ours; null when the server named no time. */
  readonly serverClockSkewMs: number | null;
  /** Default: now. */
  readonly endedAt?: Instant;
  /** For a replayed recording: when its evidence was observed. */
  readonly observedAt?: Instant | null;
}

export interface RunWriter extends EvidenceSink {
  readonly number: number;
  /**
   * Says the resourceVersion of a list that is being read, before its objects are reused. Until then `reuse` is false for the listing, and
   * it stays false when the list is older than it was in the last run (etcd was restored). Whether it may be true.
   */
  listedAt(kind: ListingKind, resourceVersion: string | undefined): boolean;
  reuse(kind: ListingKind, object: Pick<EvidenceObject, 'namespace' | 'name' | 'uid'> & { readonly resourceVersion: string }): boolean;
  /** Writes the run's record and signs a checkpoint. Listings that were not closed are dropped. */
  end(end: EndOfRun): RunSummary;
}

export interface RunPlan {
  readonly plan: Planned;
  readonly identity: ClusterIdentity;
  readonly scope: EvidenceReader['scope'];
  readonly listings: readonly PlannedListing[];
  readonly startedAt: Instant;
  readonly now: () => Instant;
  /** After the run's record is committed. */
  readonly ended: () => RunSummary;
}

/** One in so many reusable objects is read anew all the same. */
const sampleEvery = 64;

interface Entry {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly file: string;
  readonly label: string;
  readonly key: string;
  readonly resourceVersion: string | null;
  ref: number;
}

/** What the last run that read this listing left. */
interface Before {
  readonly known: KnownObjects;
  readonly tree: number | null;
  readonly mayReuse: boolean;
  readonly listing: Listing;
}

interface OpenListing {
  readonly before: Before | undefined;
  readonly entries: Entry[];
  readonly sample: Set<string>;
  readonly blocks: number[];
  pending: { readonly object: NewObject; readonly entry: Entry }[];
  pendingBytes: number;
  reusing: boolean;
  reused: number;
  checked: number;
  differed: number;
  broken: boolean;
}

export function createRunWriter(stores: Stores, { plan, identity, scope, listings, startedAt, now, ended }: RunPlan): RunWriter {
  const { db, log, objects, trees, payloads, reuse } = stores;
  const { cluster, run: number, uuid } = plan.record;
  const open = new Map<ListingKind, OpenListing>();
  const closed = new Map<ListingKind, ListingPayload>();
  const fresh = new Map<ListingKind, ReuseRow>();
  const treeIds = new Map<number, Buffer>();
  let over = false;
  const transaction = <T>(act: () => T): T => db.transaction(act).immediate();
  /** A listing whose write was rolled back has lost objects: nothing but the end of the run may follow for it. */
  const write = <T>(state: OpenListing, act: () => T): T => {
    const written = state.blocks.length;
    try {
      return transaction(act);
    } catch (error) {
      state.blocks.length = written;
      state.broken = true;
      objects.forget();
      throw error;
    }
  };

  const rows = new Map(trustedRows(stores, cluster).map((row) => [row.kind, row]));
  const earlierRuns = new Map<number, StoredRun | undefined>();
  const earlier = (run: number): StoredRun | undefined => {
    if (!earlierRuns.has(run)) earlierRuns.set(run, storedRun(stores, stores.runs.ended(cluster, run)));
    return earlierRuns.get(run);
  };
  const beforeOf = (kind: ListingKind): Before | undefined => {
    const row = rows.get(kind);
    const run = row === undefined ? undefined : earlier(row.run);
    const payload = run?.listings.find(({ listing }) => listing.kind === kind);
    if (row === undefined || run === undefined || payload === undefined) return undefined;
    const planned = listings.find((listing) => listing.kind === kind);
    const same = mayReuse({ identity, planned }, { ...payload, identity: run.details.identity });
    return { known: decodeKnown(kind, row.bytes), tree: payload.tree, mayReuse: same, listing: payload.listing };
  };
  const stateOf = (kind: ListingKind): OpenListing => {
    requireOpen(!over && !closed.has(kind), kind);
    let state = open.get(kind);
    if (state === undefined) {
      state = {
        before: beforeOf(kind),
        entries: [],
        sample: new Set(),
        blocks: [],
        pending: [],
        pendingBytes: 0,
        reusing: false,
        reused: 0,
        checked: 0,
        differed: 0,
        broken: false,
      };
      open.set(kind, state);
    }
    requireOpen(!state.broken, kind);
    return state;
  };
  const writeBlock = (kind: ListingKind, state: OpenListing): void => {
    if (state.pending.length === 0) return;
    const first = objects.write(
      plan.leaf,
      kind,
      state.pending.map(({ object }) => object),
    );
    for (const [position, { entry }] of state.pending.entries()) entry.ref = first + position;
    state.blocks.push(first);
    state.pending = [];
    state.pendingBytes = 0;
  };
  const take = (state: OpenListing, object: EvidenceObject): void => {
    const [bytes, key, label] = [canonicalBytes(object.body), keyOfObject(object), labelOf(object)];
    // An identity that is not in the body is not what the API's uid and resourceVersion speak of.
    const resourceVersion = label === '' ? (object.resourceVersion ?? null) : null;
    const entry: Entry = {
      namespace: object.namespace,
      name: object.name,
      uid: object.uid,
      file: object.place?.file ?? '',
      label,
      key,
      resourceVersion,
      ref: 0,
    };
    state.entries.push(entry);
    const known = state.before?.known.get(key);
    const stored = known === undefined ? undefined : objects.entry(known.ref);
    const unchanged = known !== undefined && stored !== undefined && saltedId(stored.salt, bytes).equals(stored.id);
    if (state.sample.delete(key)) {
      state.checked++;
      if (!unchanged) [state.differed, state.reusing] = [state.differed + 1, false];
    }
    if (unchanged) {
      entry.ref = known.ref;
      return;
    }
    const salt = drawSalt();
    state.pending.push({ object: { id: saltedId(salt, bytes), salt, bytes }, entry });
    state.pendingBytes += bytes.length;
  };
  const writeTrees = (state: OpenListing): number | null => {
    if (state.entries.length === 0) return null;
    const last = state.before?.tree === null || state.before === undefined ? undefined : trees.read(state.before.tree);
    const lastOf = new Map(last?.members.map(({ ref, label }) => [label, ref]));
    const store = (members: readonly Member[], idOf: (ref: number) => Buffer, before: Tree | undefined): Tree => {
      const tree = trees.write(plan.leaf, members, idOf, before);
      treeIds.set(tree.ref, tree.id);
      return tree;
    };
    const namespaces: Member[] = [];
    for (const [namespace, entries] of byNamespace(state.entries)) {
      const before = lastOf.get(namespace);
      const tree = store(entries, (ref) => objects.entry(ref).id, before === undefined ? undefined : trees.read(before));
      namespaces.push({ ref: tree.ref, label: namespace });
    }
    return store(namespaces, (ref) => treeIds.get(ref) as Buffer, last).ref;
  };

  return {
    number,
    listedAt(kind, resourceVersion) {
      const state = stateOf(kind);
      const { before } = state;
      state.reusing = state.differed === 0 && before !== undefined && before.mayReuse && isNotOlder(resourceVersion, before.listing);
      return state.reusing;
    },
    reuse(kind, object) {
      const state = stateOf(kind);
      const key = keyOfObject(object);
      const known: Known | undefined = state.reusing && object.uid !== '' ? state.before?.known.get(key) : undefined;
      if (known === undefined || known.resourceVersion !== object.resourceVersion) return false;
      if (randomInt(sampleEvery) === 0) {
        state.sample.add(key);
        return false;
      }
      const { namespace, name, uid, resourceVersion } = object;
      state.entries.push({ namespace, name, uid, file: '', label: '', key, resourceVersion, ref: known.ref });
      state.reused++;
      return true;
    },
    put(kind, items) {
      const state = stateOf(kind);
      const full = () => state.pending.length >= blockObjects || state.pendingBytes >= blockBytes;
      write(state, () => {
        for (const item of items) {
          take(state, item);
          if (full()) writeBlock(kind, state);
        }
      });
    },
    restart(kind) {
      const state = stateOf(kind);
      transaction(() => {
        for (const first of state.blocks) objects.dropBlock(first);
      });
      open.delete(kind);
    },
    close(listing) {
      const { kind } = listing;
      const state = stateOf(kind);
      if (listing.items !== state.entries.length) {
        throw new KubevidenceError('defect', `the listing ${kind} says ${listing.items} items, and ${state.entries.length} were given`);
      }
      const tree = write(state, () => {
        writeBlock(kind, state);
        return writeTrees(state);
      });
      const { reused, checked, differed } = state;
      closed.set(kind, { listing: differed === 0 ? listing : withDoubt(listing, differed), tree, reuse: { reused, checked, differed } });
      if (state.entries.length > 0 || isComplete(listing)) {
        const known = new Map(state.entries.map(({ key, ref, resourceVersion }) => [key, { ref, resourceVersion }]));
        fresh.set(kind, { kind, run: number, bytes: encodeKnown(known) });
      }
      open.delete(kind);
    },
    end({ status, error, identity, serverClockSkewMs, endedAt, observedAt }) {
      requireOpen(!over, `run ${number}`);
      const missing = listings.filter(({ kind }) => !closed.has(kind)).map(({ kind }) => kind);
      if (status === 'succeeded' && missing.length > 0) {
        throw new KubevidenceError('defect', `run ${number} cannot have succeeded: ${missing.join(', ')} was never closed`);
      }
      const payloadsOfListings = [...closed.values()];
      const kept = payloadsOfListings.map(({ listing }) => listing);
      transaction(() => {
        for (const { blocks } of open.values()) for (const first of blocks) objects.dropBlock(first);
        const prepared = prepareRun({ identity, scope, error }, payloadsOfListings, (tree) =>
          (treeIds.get(tree) ?? trees.read(tree).id).toString('hex'),
        );
        for (const row of fresh.values()) reuse.write(cluster, row);
        const leaf = log.append({
          type: 'run-ended',
          v: 1,
          at: now(),
          cluster,
          run: number,
          uuid,
          status,
          startedAt,
          endedAt: endedAt ?? now(),
          observedAt: observedAt ?? null,
          clusterUid: identity.uid,
          caFingerprint: identity.caFingerprint,
          listings: kept.length,
          complete: kept.filter(isComplete).length,
          items: kept.reduce((sum, { items }) => sum + items, 0),
          gaps: kept.reduce((sum, { gaps }) => sum + gaps.length, 0),
          serverClockSkewMs: serverClockSkewMs === null ? null : Math.round(serverClockSkewMs),
          snapshot: prepared.snapshot.id,
          reusable: reuseDigest(prepared.snapshot.salt, reuse.rows(cluster)),
        });
        prepared.write(payloads, leaf, stores.runs.snapshotBefore(cluster, number)?.leaf);
      });
      over = true;
      return ended();
    },
  };
}

/** The payloads of an ended run that stored any. */
export function storedRun({ payloads, trees }: Stores, end: Ended | undefined): StoredRun | undefined {
  if (end === undefined || end.record.snapshot === null) return undefined;
  return readRun(payloads, end.leaf, end.record.snapshot, (tree) => trees.read(tree).id.toString('hex'));
}

/** The last record of the cluster that speaks of reuse. */
export function lastReusable({ runs }: Pick<Stores, 'runs'>, cluster: string): Ended | undefined {
  for (let number = runs.next(cluster) - 1; number > 0; number--) {
    const end = runs.ended(cluster, number);
    if (end !== undefined && end.record.reusable !== null) return end;
  }
  return undefined;
}

/** What may be reused, unless it is not what the last run's record says: then nothing is, and everything is stored anew. */
function trustedRows(stores: Stores, cluster: string): ReuseRow[] {
  const last = lastReusable(stores, cluster);
  const run = storedRun(stores, last);
  const rows = stores.reuse.rows(cluster);
  return run !== undefined && reuseDigest(run.snapshot.salt, rows) === last?.record.reusable ? rows : [];
}

/** Objects that changed under an unchanged resourceVersion: then what was reused may be stale as well. */
function withDoubt(listing: Listing, differed: number): Listing {
  const detail = `${differed} of the objects that were read anew had changed without a new resourceVersion`;
  const gap = { reason: 'stale', what: listing.kind, detail, closedBy: 'run the collection again: it then reads every object' } as const;
  return { ...listing, gaps: [...listing.gaps, gap] };
}

function byNamespace(entries: readonly Entry[]): Map<string, Entry[]> {
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = entries.toSorted(
    (a, b) => order(a.namespace, b.namespace) || order(a.name, b.name) || order(a.uid, b.uid) || order(a.file, b.file),
  );
  return Map.groupBy(sorted, ({ namespace }) => namespace);
}

function requireOpen(holds: boolean, what: string): void {
  if (!holds) throw new KubevidenceError('defect', `${what} is closed already`);
}
