/**
 * One run's way into the ledger. Every page of objects is committed before `put` returns, but nobody sees it before the run's record is
 * there: whatever a killed process leaves behind belongs to a run without an end, and is cleared away when the ledger is next opened for
 * writing.
 */
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
} from '../../model/index.ts';
import { isComplete, KubevidenceError } from '../../model/index.ts';
import { erasedIds } from '../erasure/erased.ts';
import { type Before, createListingWriter, type ListingWriter } from './listing-writer.ts';
import { indexKnown, mayReuse, type PlannedListing, type ReuseRow, reuseDigest } from './reuse.ts';
import { type ListingPayload, prepareRun, type RunDetails, type StoredRun, type TreeId } from './run-payload.ts';
import type { Ended, Planned } from './runs.ts';
import type { Stores } from '../stores.ts';

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
  /**
   * Writes the run's record and signs a checkpoint, both or neither: after a failure the run is still open, and may be ended again. Listings
   * that were not closed are dropped.
   */
  end(end: EndOfRun): RunSummary;
}

export interface RunPlan {
  readonly plan: Planned;
  readonly identity: ClusterIdentity;
  readonly scope: EvidenceReader['scope'];
  readonly listings: readonly PlannedListing[];
  readonly startedAt: Instant;
  readonly now: () => Instant;
  /** Commits the run's record together with a checkpoint over it. */
  readonly end: (record: () => void) => RunSummary;
}

interface OpenListing {
  readonly writer: ListingWriter;
  /** A write was rolled back, and objects were lost with it. */
  broken: boolean;
}

export function createRunWriter(stores: Stores, { plan, identity, scope, listings, startedAt, now, end: endWith }: RunPlan): RunWriter {
  const { db, log, objects, trees, payloads, reuse } = stores;
  const { cluster, run: number, uuid } = plan.record;
  const open = new Map<ListingKind, OpenListing>();
  const closed = new Map<ListingKind, ListingPayload>();
  const fresh = new Map<ListingKind, ReuseRow>();
  let over = false;
  const transaction = <T>(act: () => T): T => db.transaction(act).immediate();
  /** A listing whose write was rolled back has lost objects: nothing but the end of the run may follow for it. */
  const write = <T>(state: OpenListing, act: () => T): T => {
    const { blocks } = state.writer;
    const written = blocks.length;
    try {
      return transaction(act);
    } catch (error) {
      blocks.length = written;
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
    return { known: indexKnown(kind, row.bytes), tree: payload.tree, mayReuse: same, listing: payload.listing };
  };
  const stateOf = (kind: ListingKind): OpenListing => {
    requireOpen(!over && !closed.has(kind), kind);
    let state = open.get(kind);
    if (state === undefined) {
      state = { writer: createListingWriter(stores, { run: plan.leaf, kind, before: beforeOf(kind) }), broken: false };
      open.set(kind, state);
    }
    requireOpen(!state.broken, kind);
    return state;
  };
  return {
    number,
    listedAt: (kind, resourceVersion) => stateOf(kind).writer.listedAt(resourceVersion),
    reuse: (kind, object) => stateOf(kind).writer.reuse(object),
    put(kind, items) {
      const state = stateOf(kind);
      write(state, () => state.writer.put(items));
    },
    restart(kind) {
      const { writer } = stateOf(kind);
      transaction(() => {
        for (const first of writer.blocks) objects.dropBlock(first);
      });
      open.delete(kind);
    },
    close(listing) {
      const { kind } = listing;
      const state = stateOf(kind);
      const { writer } = state;
      if (listing.items !== writer.items)
        throw new KubevidenceError('defect', `the listing ${kind} says ${listing.items} items, and ${writer.items} were given`);
      const tree = write(state, () => writer.finish());
      const counts = writer.reuseCounts();
      closed.set(kind, { listing: counts.differed === 0 ? listing : withDoubt(listing, counts.differed), tree, reuse: counts });
      if (writer.items > 0 || isComplete(listing)) fresh.set(kind, { kind, run: number, bytes: writer.known() });
      open.delete(kind);
    },
    end({ status, error, identity, serverClockSkewMs, endedAt, observedAt }) {
      // The log decides: a failure may have come after the commit.
      requireOpen(!over && stores.runs.ended(cluster, number) === undefined, `run ${number}`);
      const missing = listings.filter(({ kind }) => !closed.has(kind)).map(({ kind }) => kind);
      if (status === 'succeeded' && missing.length > 0) {
        throw new KubevidenceError('defect', `run ${number} cannot have succeeded: ${missing.join(', ')} was never closed`);
      }
      const payloadsOfListings = [...closed.values()];
      const kept = payloadsOfListings.map(({ listing }) => listing);
      const summary = endWith(() => {
        for (const { writer } of open.values()) for (const first of writer.blocks) objects.dropBlock(first);
        const prepared = prepareRun({ identity, scope, error, ...timesToLive(listings) }, payloadsOfListings, (tree) =>
          trees.id(tree).toString('hex'),
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
      return summary;
    },
  };
}

/** The payloads of an ended run that stored any, and that were not erased. `idOf`: for whoever knows ids of trees already. */
export function storedRun(
  { db, payloads, trees, readRun }: Stores,
  end: Ended | undefined,
  idOf: TreeId = (tree) => trees.id(tree).toString('hex'),
): StoredRun | undefined {
  if (end === undefined || end.record.snapshot === null) return undefined;
  if (payloads.erased(end.leaf) && erasedIds(db).has(end.record.snapshot)) return undefined;
  return readRun(end.leaf, end.record.snapshot, idOf);
}

/** What the log says of all that may be reused since then: the run's record, or that of an erasure after it. */
export function reusableDigest({ log }: Pick<Stores, 'log'>, { leaf, record }: Ended): string | null {
  const erasure = log.find('payload-erased', record.cluster).findLast((each) => each.leaf > leaf);
  return erasure === undefined ? record.reusable : erasure.record.reusable;
}

/** What may be reused, unless it is not what the last run's record says: then nothing is, and everything is stored anew. */
function trustedRows(stores: Stores, cluster: string): ReuseRow[] {
  const last = stores.runs.lastReusable(cluster);
  const run = storedRun(stores, last);
  const rows = stores.reuse.rows(cluster);
  return run !== undefined && last !== undefined && reuseDigest(run.snapshot.salt, rows) === reusableDigest(stores, last) ? rows : [];
}

/** Nothing where no listing says how long it holds. */
function timesToLive(listings: readonly PlannedListing[]): Pick<RunDetails, 'timeToLive'> {
  const said = listings.flatMap(({ kind, timeToLiveSeconds }) => (timeToLiveSeconds === undefined ? [] : [[kind, timeToLiveSeconds]]));
  return said.length === 0 ? {} : { timeToLive: Object.fromEntries(said) as Record<ListingKind, number> };
}

/** Objects that changed under an unchanged resourceVersion: then what was reused may be stale as well. */
function withDoubt(listing: Listing, differed: number): Listing {
  const detail = `${differed} of the objects that were read anew had changed without a new resourceVersion`;
  const gap = { reason: 'stale', what: listing.kind, detail, closedBy: 'run the collection again: it then reads every object' } as const;
  return { ...listing, gaps: [...listing.gaps, gap] };
}

function requireOpen(holds: boolean, what: string): void {
  if (!holds) throw new KubevidenceError('defect', `${what} is closed already`);
}
