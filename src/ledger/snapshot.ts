/**
 * Reads what one run stored. Everything is checked against its salted id as it is read, from the run's record down to each object, so a
 * changed byte is an error and never evidence. Objects are read block by block; a large cluster is never in memory at once.
 */
import type { EvidenceReader, ListingKind, RunSummary, StoredListing, StoredObject } from '../model/index.ts';
import { KubevidenceError } from '../model/index.ts';
import { identify } from './identity.ts';
import type { SaltedBytes, StoredRun } from './run-payload.ts';
import { storedRun } from './run-writer.ts';
import { saltedId } from './salted.ts';
import type { Stores } from './stores.ts';
import { type Tree, treeText } from './trees.ts';

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
  objectWithSalt(id: string): SaltedObject | undefined;
}

export interface SnapshotOptions {
  /** Number of the run that {@link EvidenceReader.previous} gives; default: the latest earlier one with a snapshot. */
  readonly before?: number;
}

/** Throws `usage` for a run that does not exist or has not ended. */
export function readSnapshot(stores: Stores, cluster: string, number: number, options: SnapshotOptions = {}): EvidenceReader {
  const { run, stored } = open(stores, cluster, number);
  const listings = stored?.listings.map(({ listing, payload }): StoredListing => ({ ...listing, id: payload.id })) ?? [];
  return {
    scope: stored?.details.scope ?? 'cluster',
    cluster: stored?.details.identity ?? { name: cluster, uid: null, version: null, server: null, caFingerprint: null, actor: null },
    at: run.observedAt ?? run.endedAt ?? run.plannedAt,
    run,
    listings: () => listings,
    listing: (kind) => listings.find((listing) => listing.kind === kind),
    *objects(kind) {
      const tree = stored?.listings.find(({ listing }) => listing.kind === kind)?.tree ?? null;
      if (tree === null) return;
      for (const { ref } of readTree(stores, tree, (ref) => stores.trees.read(ref).id).members) {
        for (const { ref: object, label } of readObjectTree(stores, ref).members) yield readObject(stores, object, label).object;
      }
    },
    previous() {
      const before = options.before ?? stores.runs.snapshotBefore(cluster, number)?.record.run;
      return before === undefined ? null : readSnapshot(stores, cluster, before);
    },
  };
}

/** Throws `usage` when the run has no such listing. */
export function readExhibit(stores: Stores, cluster: string, number: number, kind: ListingKind): Exhibit {
  const { run, stored } = open(stores, cluster, number);
  const listing = stored?.listings.find((candidate) => candidate.listing.kind === kind);
  if (stored === undefined || listing === undefined)
    throw new KubevidenceError('usage', `run ${number} of ${cluster} has no listing ${kind}`);
  const idOfTree = (ref: number) => stores.trees.read(ref).id;
  const root = listing.tree === null ? undefined : readTree(stores, listing.tree, idOfTree);
  const places = new Map<string, { readonly ref: number; readonly label: string }>();
  const idOfObject = (ref: number) => stores.objects.entry(ref).id;
  const namespaces = root?.members.map((member): ExhibitTree => {
    const tree = readObjectTree(stores, member.ref);
    const objects = tree.members.map((place) => {
      const id = idOfObject(place.ref).toString('hex');
      places.set(id, place);
      return id;
    });
    return { namespace: member.label, objects, ...sealed(tree, idOfObject) };
  });
  return {
    run,
    listing: { ...listing.listing, id: listing.payload.id },
    snapshot: stored.snapshot,
    payload: listing.payload,
    tree: root === undefined ? null : sealed(root, idOfTree),
    namespaces: namespaces ?? [],
    ids: namespaces?.flatMap(({ objects }) => objects) ?? [],
    objectWithSalt(id) {
      const place = places.get(id);
      return place === undefined ? undefined : readObject(stores, place.ref, place.label);
    },
  };
}

function open(stores: Stores, cluster: string, number: number): { run: RunSummary; stored: StoredRun | undefined } {
  const run = stores.runs.get(cluster, number);
  if (run === undefined || run.endedAt === null) {
    throw new KubevidenceError(
      'usage',
      run === undefined ? `there is no run ${number} of ${cluster}` : `run ${number} of ${cluster} has not ended`,
      {
        next: 'See the runs: `kubevidence ledger status`.',
      },
    );
  }
  return { run, stored: storedRun(stores, stores.runs.ended(cluster, number)) };
}

function readObjectTree(stores: Stores, ref: number): Tree {
  return readTree(stores, ref, (object) => stores.objects.entry(object).id);
}

function readTree(stores: Stores, ref: number, idOf: (ref: number) => Buffer): Tree {
  const tree = stores.trees.read(ref);
  if (!saltedId(tree.salt, treeText(tree.members, idOf)).equals(tree.id))
    throw new KubevidenceError('integrity', `tree ${ref} is not what its id says`);
  return tree;
}

function readObject(stores: Stores, ref: number, label: string): SaltedObject {
  const [{ id, salt }, bytes] = [stores.objects.entry(ref), stores.objects.bytes(ref)];
  if (!saltedId(salt, bytes).equals(id)) throw new KubevidenceError('integrity', `object ${id.toString('hex')} is not what its id says`);
  const hex = id.toString('hex');
  return { id: hex, salt, bytes, object: { ...identify(bytes, label), id: hex } };
}

function sealed(tree: Tree, idOf: (ref: number) => Buffer): SaltedBytes {
  return { id: tree.id.toString('hex'), salt: tree.salt, bytes: Buffer.from(treeText(tree.members, idOf), 'utf8') };
}
