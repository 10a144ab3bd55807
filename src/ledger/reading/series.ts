/**
 * Snapshots of one cluster read one after the other, for whoever looks at many runs: what two of them have in common is read and checked
 * once, and is the very same value in both. It says what {@link readSnapshot} says of each. Only what the last few snapshots hold is kept.
 */
import {
  type EvidenceReader,
  KubevidenceError,
  type ListingKind,
  type RunSummary,
  type StoredListing,
  type StoredObject,
} from '../../model/index.ts';
import { type ErasedIds, erasedIds } from '../erasure/erased.ts';
import type { StoredRun } from '../runs/run-payload.ts';
import type { Stores } from '../stores.ts';
import { saltedId } from '../storage/salted.ts';
import { type Member, treeText } from '../storage/trees.ts';
import { asRead, openRun, readObject, readSnapshot } from './snapshot.ts';

export interface SeriesSnapshot extends EvidenceReader {
  readonly run: RunSummary;
  /** Seconds for which each planned listing holds, where the run recorded it. */
  readonly timesToLive: Readonly<Record<ListingKind, number>>;
  parts(kind: ListingKind): ReadonlyMap<string, readonly StoredObject[]> | null;
  /** Equal for listings with the same objects, and only for them; null for one without objects. */
  contentOf(kind: ListingKind): number | null;
  readonly series: object;
  previous(): SeriesSnapshot | null;
}

/** Throws `usage` for a run that does not exist or has not ended. */
export type SnapshotSeries = (number: number) => SeriesSnapshot;

/** Of a namespace: the objects in the order of the tree's members. */
interface Part {
  readonly tree: number;
  readonly members: readonly Member[];
  readonly places: readonly (StoredObject | undefined)[];
  /** Without those that were erased. */
  readonly objects: readonly StoredObject[];
}

interface Held {
  readonly tree: number;
  readonly members: readonly Member[];
  readonly parts: ReadonlyMap<string, Part>;
  readonly lists: ReadonlyMap<string, readonly StoredObject[]>;
  readonly objects: () => readonly StoredObject[];
}

/** What has been read of one snapshot. */
interface Opened {
  readonly stored: StoredRun | undefined;
  readonly listings: readonly StoredListing[];
  readonly byKind: ReadonlyMap<ListingKind, StoredListing>;
  readonly held: Map<ListingKind, Held>;
}

/** Items of a listing that is kept; a larger one is read anew each time. */
const mostHeld = 50_000;
const none: ReadonlyMap<string, readonly StoredObject[]> = new Map();

/** Snapshots whose content is kept: the one that is judged, and those with which it is compared. */
const kept = 3;

export function openSeries(stores: Stores, cluster: string): SnapshotSeries {
  const erased = erasedIds(stores.db);
  const readers = new Map<number, SeriesSnapshot>();
  const opened = new Map<number, Opened>();
  /** Asked for last: nearly always the one that is asked for. */
  let lately: { readonly number: number; readonly opened: Opened } | undefined;
  const latest = new Map<ListingKind, Held>();
  const shelf = openShelf(stores);
  const series = {};

  const open = (number: number, read?: { readonly stored: StoredRun | undefined }): Opened => {
    if (number === lately?.number) return lately.opened;
    const known = opened.get(number);
    if (known !== undefined) {
      opened.delete(number);
      opened.set(number, known);
      lately = { number, opened: known };
      return known;
    }
    const { stored } = read ?? openRun(stores, cluster, number, shelf.treeId);
    const listings = stored?.listings.map((each) => asRead(stores, each, erased)) ?? [];
    const fresh = { stored, listings, byKind: new Map(listings.map((listing) => [listing.kind, listing])), held: new Map() };
    opened.set(number, fresh);
    const [oldest] = opened.keys();
    if (opened.size > kept && oldest !== undefined) opened.delete(oldest);
    lately = { number, opened: fresh };
    return fresh;
  };
  /** Null for a listing without objects, and for one that is too large to be held. */
  const holdOf = (number: number, kind: ListingKind): Held | null => {
    const { stored, held } = open(number);
    const listing = stored?.listings.find((each) => each.listing.kind === kind);
    const tree = listing?.tree ?? null;
    if (listing === undefined || tree === null || listing.listing.items > mostHeld) return null;
    let found = held.get(kind);
    if (found === undefined) {
      const last = latest.get(kind);
      found = last?.tree === tree ? last : readHeld(shelf, tree, last);
      held.set(kind, found);
      latest.set(kind, found);
    }
    return found;
  };
  const read = (number: number): SeriesSnapshot => {
    const known = readers.get(number);
    if (known !== undefined) return known;
    const { run, stored } = openRun(stores, cluster, number, shelf.treeId);
    const { details } = open(number, { stored }).stored ?? {};
    const trees = new Map(stored?.listings.map(({ listing, tree }) => [listing.kind, tree]));
    let before: SeriesSnapshot | null | undefined;
    const reader: SeriesSnapshot = {
      scope: details?.scope ?? 'cluster',
      cluster: details?.identity ?? { name: cluster, uid: null, version: null, server: null, caFingerprint: null, actor: null },
      at: run.observedAt ?? run.endedAt ?? run.plannedAt,
      run,
      timesToLive: details?.timeToLive ?? {},
      listings: () => open(number).listings,
      listing: (kind) => open(number).byKind.get(kind),
      objects(kind) {
        if ((trees.get(kind) ?? null) === null) return [];
        return holdOf(number, kind)?.objects() ?? readSnapshot(stores, cluster, number).objects(kind);
      },
      parts: (kind) => ((trees.get(kind) ?? null) === null ? none : (holdOf(number, kind)?.lists ?? null)),
      contentOf: (kind) => trees.get(kind) ?? null,
      series,
      previous() {
        if (before === undefined) {
          const earlier = stores.runs.snapshotBefore(cluster, number)?.record.run;
          before = earlier === undefined ? null : read(earlier);
        }
        return before;
      },
    };
    readers.set(number, reader);
    return reader;
  };
  return read;
}

/** Reads trees and objects, each checked against its id. */
interface Shelf {
  readonly treeId: (ref: number) => string;
  /** `before`: what stood in its place, on which it may stand. */
  tree(
    ref: number,
    of: 'trees' | 'objects',
    before: { readonly tree: number; readonly members: readonly Member[] } | undefined,
  ): readonly Member[];
  object(member: Member): StoredObject | undefined;
}

/** Ids that are looked up once. */
const mostIds = 200_000;

function openShelf(stores: Stores): Shelf {
  const erased: ErasedIds = erasedIds(stores.db);
  const remember = (idOf: (ref: number) => Buffer) => {
    const ids = new Map<number, string>();
    return (ref: number): string => {
      let id = ids.get(ref);
      if (id === undefined) {
        if (ids.size >= mostIds) ids.clear();
        ids.set(ref, (id = idOf(ref).toString('hex')));
      }
      return id;
    };
  };
  const idOf = { trees: remember((ref) => stores.trees.id(ref)), objects: remember((ref) => stores.objects.id(ref)) };
  return {
    treeId: idOf.trees,
    tree(ref, of, before) {
      const { id, salt, members } = stores.trees.readOn(ref, (base) => (base === before?.tree ? before.members : undefined));
      const text = treeText(members, (member) => idOf[of](member.ref));
      if (!saltedId(salt, Buffer.from(text, 'utf8')).equals(id))
        throw new KubevidenceError('integrity', `tree ${ref} is not what its id says`);
      return members;
    },
    object: ({ ref, label }) => readObject(stores, ref, label, erased)?.object,
  };
}

/** A listing's objects, with those that `last` holds taken from it. */
function readHeld(shelf: Shelf, tree: number, last: Held | undefined): Held {
  const parts = new Map<string, Part>();
  const members = shelf.tree(tree, 'trees', last);
  for (const { ref, label } of members) {
    const before = last?.parts.get(label);
    parts.set(label, before?.tree === ref ? before : readPart(shelf, ref, before));
  }
  const lists = new Map([...parts].map(([label, { objects }]) => [label, objects]));
  let objects: readonly StoredObject[] | undefined;
  return { tree, members, parts, lists, objects: () => (objects ??= [...lists.values()].flat()) };
}

function readPart(shelf: Shelf, tree: number, before: Part | undefined): Part {
  const known = new Map(before?.members.map((member, place) => [keyOf(member), place]));
  const members = shelf.tree(tree, 'objects', before);
  const places = members.map((member) => {
    const place = known.get(keyOf(member));
    return place === undefined ? shelf.object(member) : before?.places[place];
  });
  return { tree, members, places, objects: places.filter((object) => object !== undefined) };
}

function keyOf({ ref, label }: Member): number | string {
  return label === '' ? ref : `${ref} ${label}`;
}
