/**
 * Net differences between two snapshots: what one has and the other has not, never "all changes". Only what differs is walked: a listing,
 * a namespace or an object under the same number is the same on both sides, so an unchanged cluster costs nothing and a changed one what
 * changed. Objects are matched by what they are called, so a re-created one is one difference with two uids. What a side could not read
 * is unknown: nothing counts as added unless the earlier side was read whole, nothing as removed unless the later one was.
 */
import { type Gap, isComplete, type ListingKind, visible } from '../../model/index.ts';
import { type ChangedPaths, changedPaths } from '../runs/changed-paths.ts';
import { type ErasedIds, erasedIds } from '../erasure/erased.ts';
import type { SaltedObject } from './snapshot.ts';
import { asRead, openRun, readObject, readObjectTree, readTree } from './snapshot.ts';
import type { StoredRun } from '../runs/run-payload.ts';
import type { Stores } from '../stores.ts';
import type { Member } from '../storage/trees.ts';

export interface DiffedSide {
  readonly items: number;
  readonly complete: boolean;
  readonly gaps: readonly Gap[];
}

export interface ObjectDifference extends ChangedPaths {
  readonly change: 'added' | 'removed' | 'changed';
  /** Of the later side where there is one. */
  readonly apiVersion: string;
  readonly type: string;
  /** Empty for cluster-scoped. */
  readonly namespace: string;
  readonly name: string;
  /** Set when it came from a file. */
  readonly file: string | null;
  /** `id` is the salted id; uids differ for an object that was re-created. */
  readonly before: { readonly id: string; readonly uid: string } | null;
  readonly after: { readonly id: string; readonly uid: string } | null;
}

export interface KindDifference {
  readonly kind: ListingKind;
  /** Null where the run has no such listing. */
  readonly before: DiffedSide | null;
  readonly after: DiffedSide | null;
  /** The two were read by other collectors or keep-lists: a difference may be one of reading. */
  readonly readDifferently: boolean;
  /** In (namespace, name) order. */
  readonly items: readonly ObjectDifference[];
  /** Objects that one side has, and of which the other, which was not read whole, says nothing. */
  readonly unknown: number;
}

export interface DiffOptions {
  /** Only objects of this namespace; kinds that have none are left out. */
  readonly namespace?: string | undefined;
  readonly isWanted?: (kind: ListingKind) => boolean;
}

type Reading = StoredRun['listings'][number];

/** Kind by kind, in their order, also kinds without a difference. Throws `usage` for a run that does not exist or has not ended. */
export function* diffSnapshots(
  stores: Stores,
  cluster: string,
  from: number,
  to: number,
  { namespace, isWanted = () => true }: DiffOptions = {},
): Generator<KindDifference> {
  const sides = [openRun(stores, cluster, from).stored, openRun(stores, cluster, to).stored] as const;
  const [was, is] = sides.map((run) => new Map(run?.listings.map((each) => [each.listing.kind, each]))) as [
    Map<ListingKind, Reading>,
    Map<ListingKind, Reading>,
  ];
  const erased = erasedIds(stores.db);
  for (const kind of [...new Set([...was.keys(), ...is.keys()])].filter(isWanted).sort()) {
    // One transaction for its hundreds of small reads: one for each would cost more than what they read.
    const difference = stores.db.transaction(() => diffKind(stores, erased, kind, was.get(kind), is.get(kind), namespace))();
    if (difference !== null) yield difference;
  }
}

function diffKind(
  stores: Stores,
  erased: ErasedIds,
  kind: ListingKind,
  was: Reading | undefined,
  is: Reading | undefined,
  namespace: string | undefined,
): KindDifference | null {
  const [before, after] = [sideOf(stores, was, erased), sideOf(stores, is, erased)];
  // Most namespaces stand in both: each id is looked up once.
  const ids = new Map<number, Buffer>();
  const idOf = (tree: number): Buffer => {
    const id = ids.get(tree) ?? stores.trees.id(tree);
    ids.set(tree, id);
    return id;
  };
  const [trees, later] = [treesOf(stores, was, idOf), was?.tree === is?.tree ? null : treesOf(stores, is, idOf)];
  const all = [...new Set([...trees.keys(), ...(later ?? trees).keys()])].sort();
  // What has no namespace, in either snapshot, is not of the one that was asked for.
  if (namespace !== undefined && all.length > 0 && all.every((each) => each === '')) return null;
  const items: ObjectDifference[] = [];
  let unknown = 0;
  for (const each of later === null ? [] : all.filter((label) => namespace === undefined || label === namespace)) {
    const [earlierTree, laterTree] = [trees.get(each), later?.get(each)];
    if (earlierTree === laterTree) continue;
    // What a side has nothing of, and was not read whole, is not worth reading on the other.
    if ((earlierTree === undefined && before?.complete !== true) || (laterTree === undefined && after?.complete !== true)) {
      unknown += stores.trees.read((earlierTree ?? laterTree) as number).members.length;
      continue;
    }
    const [gone, come] = onlyIn(stores, earlierTree, laterTree);
    for (const item of pair(readAll(stores, gone, erased), readAll(stores, come, erased))) {
      const one = item.change === 'added' ? before?.complete : item.change === 'removed' ? after?.complete : true;
      if (one === true) items.push(item);
      else unknown += 1;
    }
  }
  const readDifferently =
    was !== undefined &&
    is !== undefined &&
    (was.listing.keepDigest !== is.listing.keepDigest || was.listing.collectorVersion !== is.listing.collectorVersion);
  return { kind, before, after, readDifferently, items, unknown };
}

function sideOf(stores: Stores, reading: Reading | undefined, erased: ErasedIds): DiffedSide | null {
  if (reading === undefined) return null;
  const listing = asRead(stores, reading, erased);
  return { items: listing.items, complete: isComplete(listing), gaps: listing.gaps };
}

/** Namespace → number of its tree. */
function treesOf(stores: Stores, reading: Reading | undefined, idOf: (tree: number) => Buffer): ReadonlyMap<string, number> {
  if (reading === undefined || reading.tree === null) return new Map();
  const { members } = readTree(stores, reading.tree, idOf);
  return new Map(members.map(({ ref, label }) => [label, ref]));
}

/** Members of one namespace's tree that the other has not, each as often as it has it more. */
function onlyIn(stores: Stores, before: number | undefined, after: number | undefined): readonly [Member[], Member[]] {
  const [was, is] = [before, after].map((ref) => (ref === undefined ? [] : readObjectTree(stores, ref).members)) as [Member[], Member[]];
  // Both are in one order: what stands before the first difference, or after the last one, is in both.
  const least = Math.min(was.length, is.length);
  let start = 0;
  while (start < least && was[start]?.ref === is[start]?.ref) start++;
  let end = 0;
  while (end < least - start && was[was.length - 1 - end]?.ref === is[is.length - 1 - end]?.ref) end++;
  const [gone, come] = [was.slice(start, was.length - end), is.slice(start, is.length - end)];
  return [without(gone, come), without(come, gone)];
}

function without(members: readonly Member[], others: readonly Member[]): Member[] {
  const left = new Map<number, number>();
  for (const { ref } of others) left.set(ref, (left.get(ref) ?? 0) + 1);
  return members.filter(({ ref }) => {
    const count = left.get(ref) ?? 0;
    if (count > 0) left.set(ref, count - 1);
    return count === 0;
  });
}

/** Without what was erased since: its listing has a gap, so nothing is said of what stands alone. */
function readAll(stores: Stores, members: readonly Member[], erased: ReadonlySet<string>): SaltedObject[] {
  return members.flatMap(({ ref, label }) => readObject(stores, ref, label, erased) ?? []);
}

/** By natural key, then by uid, then in their order; bytes that are the same under two salts are no difference. */
function pair(gone: readonly SaltedObject[], come: readonly SaltedObject[]): ObjectDifference[] {
  const keyed = Map.groupBy(come, keyOf);
  const pairs: (readonly [SaltedObject | undefined, SaltedObject | undefined])[] = [];
  const alone: SaltedObject[] = [];
  const take = (before: SaltedObject, fits: (after: SaltedObject) => boolean): boolean => {
    const candidates = keyed.get(keyOf(before)) ?? [];
    const place = candidates.findIndex(fits);
    if (place < 0) return false;
    pairs.push([before, ...(candidates.splice(place, 1) as [SaltedObject])]);
    return true;
  };
  for (const before of gone) if (!take(before, ({ object }) => object.uid === before.object.uid)) alone.push(before);
  for (const before of alone) if (!take(before, () => true)) pairs.push([before, undefined]);
  for (const after of [...keyed.values()].flat()) pairs.push([undefined, after]);
  return pairs.flatMap(([before, after]) => describe(before, after) ?? []).sort(inOrder);
}

function keyOf({ object: { type, namespace, name, place } }: SaltedObject): string {
  return JSON.stringify([type, namespace, name, place?.file ?? null]);
}

function describe(before: SaltedObject | undefined, after: SaltedObject | undefined): ObjectDifference | null {
  if (before !== undefined && after !== undefined && Buffer.compare(before.bytes, after.bytes) === 0) return null;
  const shown = after ?? before;
  if (shown === undefined) return null;
  const { apiVersion, type, namespace, name, place } = shown.object;
  return {
    change: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
    apiVersion: visible(apiVersion),
    type: visible(type),
    namespace: visible(namespace),
    name: visible(name),
    file: place === undefined ? null : visible(place.file),
    before: before === undefined ? null : { id: before.id, uid: visible(before.object.uid) },
    after: after === undefined ? null : { id: after.id, uid: visible(after.object.uid) },
    ...(before === undefined || after === undefined ? { paths: [], more: 0 } : changedPaths(before.object.body, after.object.body)),
  };
}

function inOrder(a: ObjectDifference, b: ObjectDifference): number {
  const [left, right] = [a, b].map(({ name, type, file }) => [name, type, file ?? '']) as [string[], string[]];
  for (const [index, text] of left.entries()) {
    const other = right[index] as string;
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}
