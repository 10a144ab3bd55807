/**
 * Reads what one run stored. Everything is checked against its salted id as it is read, from the run's record down to each object, so a
 * changed byte is an error and never evidence. Objects are read block by block; a large cluster is never in memory at once. Erased objects
 * are not given: their listing has a gap that counts them, and their ids stay in it.
 */
import type { EvidenceReader, Gap, ListingKind, RunSummary, StoredListing, StoredObject } from '../../model/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import { erasedIds, type ErasedIds } from '../erasure/erased.ts';
import { identify } from '../identity.ts';
import type { SaltedBytes, StoredRun, TreeId } from '../runs/run-payload.ts';
import { storedRun } from '../runs/run-writer.ts';
import { saltedId } from '../storage/salted.ts';
import type { Stores } from '../stores.ts';
import { type Tree, treeBytes } from '../storage/trees.ts';

export interface SaltedObject extends SaltedBytes {
  readonly object: StoredObject;
}

/** A list of ids with its own id: `bytes` is RFC 8785, see trees.ts. */
export interface ExhibitTree extends SaltedBytes {
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly objects: readonly string[];
}

/** One listing as a pack shows it: with what it takes to check every id down from the run's record. */
export interface Exhibit {
  readonly run: RunSummary;
  readonly listing: StoredListing;
  /** The run's payload; its id stands in the run's record as `snapshot`, and it names the listing's id. */
  readonly snapshot: SaltedBytes;
  /** The listing's payload; it names the id of `tree`. */
  readonly payload: SaltedBytes;
  /** The list of namespaces' trees, or null when there are no items. */
  readonly tree: SaltedBytes | null;
  readonly namespaces: readonly ExhibitTree[];
  /** Of all items, in (namespace, name, uid) order. */
  readonly ids: readonly string[];
  /** Undefined for an id that is not of this exhibit, and for an erased object. */
  objectWithSalt(id: string): SaltedObject | undefined;
}

export interface SnapshotOptions {
  /** Number of the run that {@link EvidenceReader.previous} gives; default: the latest earlier one with a snapshot. */
  readonly before?: number;
}

/** Throws `usage` for a run that does not exist or has not ended. */
export function readSnapshot(stores: Stores, cluster: string, number: number, options: SnapshotOptions = {}): EvidenceReader {
  const { run, stored } = openRun(stores, cluster, number);
  const erased = erasedIds(stores.db);
  const listings = stored?.listings.map((each) => asRead(stores, each, erased)) ?? [];
  const known = new Map<ListingKind, ReadonlyMap<string, number>>();
  /** Lists of objects, by namespace. */
  const listsOf = (kind: ListingKind): ReadonlyMap<string, number> => {
    let lists = known.get(kind);
    if (lists === undefined) {
      const tree = stored?.listings.find(({ listing }) => listing.kind === kind)?.tree ?? null;
      const members = tree === null ? [] : readTree(stores, tree, (ref) => stores.trees.id(ref)).members;
      known.set(kind, (lists = new Map(members.map(({ label, ref }) => [label, ref]))));
    }
    return lists;
  };
  function* readList(ref: number): Iterable<StoredObject> {
    for (const { ref: object, label } of readObjectTree(stores, ref).members) {
      const read = readObject(stores, object, label, erased);
      if (read !== undefined) yield read.object;
    }
  }
  return {
    scope: stored?.details.scope ?? 'cluster',
    cluster: stored?.details.identity ?? { name: cluster, uid: null, version: null, server: null, caFingerprint: null, actor: null },
    at: run.observedAt ?? run.endedAt ?? run.plannedAt,
    run,
    listings: () => listings,
    listing: (kind) => listings.find((listing) => listing.kind === kind),
    *objects(kind) {
      for (const ref of listsOf(kind).values()) yield* readList(ref);
    },
    namespaces(kinds) {
      const counts = new Map<string, number>();
      for (const [namespace, ref] of kinds.flatMap((kind) => [...listsOf(kind)]))
        counts.set(namespace, (counts.get(namespace) ?? 0) + stores.trees.read(ref).members.length);
      return counts;
    },
    *objectsIn(kind, namespace) {
      const ref = listsOf(kind).get(namespace);
      if (ref !== undefined) yield* readList(ref);
    },
    previous() {
      const before = options.before ?? stores.runs.snapshotBefore(cluster, number)?.record.run;
      // A snapshot of the cluster for which the name stood before says nothing of what changed in this one.
      const uids = new Set([before, number].map((run) => stores.runs.ended(cluster, run ?? 0)?.record.clusterUid ?? null));
      uids.delete(null);
      if (before === undefined || uids.size > 1) return null;
      return readSnapshot(stores, cluster, before);
    },
  };
}

/** Throws `usage` when the run has no such listing. */
export function readExhibit(stores: Stores, cluster: string, number: number, kind: ListingKind): Exhibit {
  const { run, stored } = openRun(stores, cluster, number);
  const listing = stored?.listings.find((candidate) => candidate.listing.kind === kind);
  if (stored === undefined || listing === undefined)
    throw new KubevidenceError('usage', `run ${number} of ${cluster} has no listing ${kind}`);
  const erased = erasedIds(stores.db);
  const idOfTree = (ref: number) => stores.trees.id(ref);
  const root = listing.tree === null ? undefined : readTree(stores, listing.tree, idOfTree);
  const places = new Map<string, { readonly ref: number; readonly label: string }>();
  const namespaces = root?.members.map((member): ExhibitTree => {
    const tree = readObjectTree(stores, member.ref);
    const objects = tree.members.map((place) => {
      const id = stores.objects.id(place.ref).toString('hex');
      places.set(id, place);
      return id;
    });
    return { namespace: member.label, objects, ...sealed(tree) };
  });
  return {
    run,
    listing: asRead(stores, listing, erased),
    snapshot: stored.snapshot,
    payload: listing.payload,
    tree: root === undefined ? null : sealed(root),
    namespaces: namespaces ?? [],
    ids: namespaces?.flatMap(({ objects }) => objects) ?? [],
    objectWithSalt(id) {
      const place = places.get(id);
      return place === undefined ? undefined : readObject(stores, place.ref, place.label, erased);
    },
  };
}

/** `idOf`: see {@link storedRun}. */
export function openRun(
  stores: Stores,
  cluster: string,
  number: number,
  idOf?: TreeId,
): { run: RunSummary; stored: StoredRun | undefined } {
  const { run, end } = stores.runs.find(cluster, number) ?? {};
  if (run === undefined || run.endedAt === null) {
    throw new KubevidenceError(
      'usage',
      run === undefined ? `there is no run ${number} of ${cluster}` : `run ${number} of ${cluster} has not ended`,
      {
        next: 'See the runs: `kubevidence ledger status`.',
      },
    );
  }
  return { run, stored: storedRun(stores, end, idOf) };
}

/** A tree with what its id covers. */
interface ReadTree extends Tree {
  readonly bytes: Uint8Array;
}

export function readObjectTree(stores: Stores, ref: number): ReadTree {
  return readTree(stores, ref, (object) => stores.objects.id(object));
}

export function readTree(stores: Stores, ref: number, idOf: (ref: number) => Buffer): ReadTree {
  const tree = stores.trees.read(ref);
  const bytes = treeBytes(tree.members, idOf);
  if (!saltedId(tree.salt, bytes).equals(tree.id)) throw new KubevidenceError('integrity', `tree ${ref} is not what its id says`);
  return { ...tree, bytes };
}

/** A listing with gaps for what was erased of it since, and for what its collector did not keep then. */
export function asRead(stores: Stores, { listing, tree, payload }: StoredRun['listings'][number], erased: ErasedIds): StoredListing {
  const gone = tree === null || !erased.kinds.has(listing.kind) ? 0 : countErased(stores, tree, erased.refsOf(listing.kind));
  const old = stores.gapOf(listing);
  const gaps: Gap[] = [];
  if (gone > 0) gaps.push({ reason: 'redacted', what: listing.kind, detail: `${gone} of ${listing.items} objects were erased on request` });
  // A recording that was old when it was imported says so itself.
  if (old !== null && !listing.gaps.some(({ detail }) => detail === old.detail)) gaps.push(old);
  return { ...listing, id: payload.id, gaps: gaps.length === 0 ? listing.gaps : [...listing.gaps, ...gaps] };
}

function countErased({ trees }: Stores, tree: number, erased: ReadonlySet<number>): number {
  const inNamespace = (ref: number) => trees.read(ref).members.reduce((sum, { ref: object }) => sum + Number(erased.has(object)), 0);
  return trees.read(tree).members.reduce((sum, { ref }) => sum + inNamespace(ref), 0);
}

/** Undefined for an object that was erased, as a record says; any other that has no bytes is an error. */
export function readObject(stores: Stores, ref: number, label: string, erased: ReadonlySet<string>): SaltedObject | undefined {
  const [{ id, salt }, bytes] = [stores.objects.entry(ref), stores.objects.bytes(ref)];
  const hex = id.toString('hex');
  if (bytes === undefined && erased.has(hex)) return undefined;
  if (bytes === undefined || !saltedId(salt, bytes).equals(id))
    throw new KubevidenceError('integrity', `object ${hex} is not what its id says`);
  return { id: hex, salt, bytes, object: { ...identify(bytes, label), id: hex } };
}

function sealed({ id, salt, bytes }: ReadTree): SaltedBytes {
  return { id: id.toString('hex'), salt, bytes };
}
