/**
 * Snapshots of one cluster read one after the other, for whoever looks at many runs: what two of them have in common is read and checked
 * once, and is the very same value in both. It says what {@link readSnapshot} says of each. Only what the last few snapshots hold is kept.
 */
import type { EvidenceReader, ListingKind, RunSummary, StoredListing, StoredObject } from '../../model/index.ts';
import { type ErasedIds, erasedIds } from '../erasure/erased.ts';
import type { StoredRun } from '../runs/run-payload.ts';
import type { Stores } from '../stores.ts';
import type { Member } from '../storage/trees.ts';
import { asRead, openRun, readObject, readObjectTree, readTree } from './snapshot.ts';

export interface SeriesSnapshot extends EvidenceReader {
  readonly run: RunSummary;
  /** Seconds for which each planned listing holds, where the run recorded it. */
  readonly timesToLive: Readonly<Record<ListingKind, number>>;
  objects(kind: ListingKind): readonly StoredObject[];
  /** Equal for listings with the same objects, and only for them; null for one without objects. */
  contentOf(kind: ListingKind): number | null;
  previous(): SeriesSnapshot | null;
}

/** Throws `usage` for a run that does not exist or has not ended. */
export type SnapshotSeries = (number: number) => SeriesSnapshot;

/** Of a namespace: the objects in the order of the tree's members. */
interface Part {
  readonly tree: number;
  readonly members: readonly Member[];
  readonly objects: readonly (StoredObject | undefined)[];
}

interface Held {
  readonly tree: number;
  readonly parts: ReadonlyMap<string, Part>;
  readonly objects: readonly StoredObject[];
}

/** What has been read of one snapshot. */
interface Opened {
  readonly stored: StoredRun | undefined;
  readonly listings: readonly StoredListing[];
  readonly byKind: ReadonlyMap<ListingKind, StoredListing>;
  readonly held: Map<ListingKind, Held>;
}

/** Snapshots whose content is kept: the one that is judged, and those with which it is compared. */
const kept = 3;

export function openSeries(stores: Stores, cluster: string): SnapshotSeries {
  const erased = erasedIds(stores.db);
  const readers = new Map<number, SeriesSnapshot>();
  const opened = new Map<number, Opened>();
  const latest = new Map<ListingKind, Held>();

  const open = (number: number, read?: { readonly stored: StoredRun | undefined }): Opened => {
    const known = opened.get(number);
    if (known !== undefined) {
      opened.delete(number);
      opened.set(number, known);
      return known;
    }
    const { stored } = read ?? openRun(stores, cluster, number);
    const listings = stored?.listings.map((each) => asRead(stores, each, erased)) ?? [];
    const fresh = { stored, listings, byKind: new Map(listings.map((listing) => [listing.kind, listing])), held: new Map() };
    opened.set(number, fresh);
    const [oldest] = opened.keys();
    if (opened.size > kept && oldest !== undefined) opened.delete(oldest);
    return fresh;
  };
  const objectsOf = (number: number, kind: ListingKind): readonly StoredObject[] => {
    const { stored, held } = open(number);
    const tree = stored?.listings.find(({ listing }) => listing.kind === kind)?.tree ?? null;
    if (tree === null) return [];
    let found = held.get(kind);
    if (found === undefined) {
      const last = latest.get(kind);
      found = last?.tree === tree ? last : readHeld(stores, tree, last, erased);
      held.set(kind, found);
      latest.set(kind, found);
    }
    return found.objects;
  };
  const read = (number: number): SeriesSnapshot => {
    const known = readers.get(number);
    if (known !== undefined) return known;
    const { run, stored } = openRun(stores, cluster, number);
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
      objects: (kind) => objectsOf(number, kind),
      contentOf: (kind) => trees.get(kind) ?? null,
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

/** A listing's objects, with those that `last` holds taken from it. */
function readHeld(stores: Stores, tree: number, last: Held | undefined, erased: ErasedIds): Held {
  const parts = new Map<string, Part>();
  for (const { ref, label } of readTree(stores, tree, (each) => stores.trees.id(each)).members) {
    const before = last?.parts.get(label);
    parts.set(label, before?.tree === ref ? before : readPart(stores, ref, before, erased));
  }
  const objects = [...parts.values()].flatMap((part) => part.objects.filter((object) => object !== undefined));
  return { tree, parts, objects };
}

function readPart(stores: Stores, tree: number, before: Part | undefined, erased: ErasedIds): Part {
  const known = new Map(before?.members.map(({ ref, label }, place) => [`${ref} ${label}`, place]));
  const { members } = readObjectTree(stores, tree);
  const objects = members.map(({ ref, label }) => {
    const place = known.get(`${ref} ${label}`);
    return place === undefined ? readObject(stores, ref, label, erased)?.object : before?.objects[place];
  });
  return { tree, members, objects };
}
