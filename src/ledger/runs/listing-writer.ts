/**
 * One listing's way into the ledger. An object equal to its predecessor is its predecessor; a new one goes into a block with its neighbours,
 * and one of few that changed is stored as what differs from its predecessor, or from the object beside it (blocks.ts). Every method that
 * writes does so in the caller's transaction.
 */
import { randomInt } from 'node:crypto';
import { canonicalBytes, type EvidenceObject, type Listing, type ListingKind } from '../../model/index.ts';
import { blockBytes, blockObjects, type NewObject } from '../storage/blocks.ts';
import { createEntries, type Entry } from './entries.ts';
import { labelOf } from '../identity.ts';
import { encodeKnown, isNotOlder, keyOfObject, type KnownObjects } from './reuse.ts';
import type { ReuseRecord } from './run-payload.ts';
import { drawSalt, saltedId } from '../storage/salted.ts';
import type { Stores } from '../stores.ts';
import type { Member, Tree } from '../storage/trees.ts';

/** What the last run that read this listing left. */
export interface Before {
  readonly known: KnownObjects;
  readonly tree: number | null;
  readonly mayReuse: boolean;
  readonly listing: Listing;
}

export interface ListingWriter {
  readonly items: number;
  /** The first numbers of the blocks that were written. */
  readonly blocks: number[];
  /** See RunWriter. */
  listedAt(resourceVersion: string | undefined): boolean;
  reuse(object: Pick<EvidenceObject, 'namespace' | 'name' | 'uid'> & { readonly resourceVersion: string }): boolean;
  put(objects: readonly EvidenceObject[]): void;
  /** Writes what is left and the listing's trees; the number of the tree, null when there is nothing. */
  finish(): number | null;
  reuseCounts(): ReuseRecord;
  /** What the next run may reuse. */
  known(): Buffer;
}

export interface ListingPlan {
  /** Leaf of the run's plan. */
  readonly run: number;
  readonly kind: ListingKind;
  readonly before: Before | undefined;
}

interface Pending extends NewObject {
  /** Index among the listing's entries. */
  readonly index: number;
  /** What the last snapshot holds of it, 0 for nothing. */
  readonly predecessor: number;
}

/** Changed objects of a listing wait for its end, up to so many: by then their neighbours are known. */
const waitingObjects = 2048;
const waitingBytes = 8 * 1024 * 1024;
/** One in so many reusable objects is read anew all the same. */
const sampleEvery = 64;

export function createListingWriter({ objects, trees }: Stores, { run, kind, before }: ListingPlan): ListingWriter {
  const entries = createEntries();
  const sample = new Set<string>();
  const room = createRoom();
  const blocks: number[] = [];
  let pending: Pending[] = [];
  let pendingBytes = 0;
  // More changed than is worth comparing one by one: then their neighbours are at hand.
  let manyChanged = before === undefined;
  let reusing = false;
  let [reused, checked, differed] = [0, 0, 0];

  const take = (object: EvidenceObject): void => {
    const [bytes, key, label] = [canonicalBytes(object.body), keyOfObject(object), labelOf(object)];
    const { namespace, name, uid, place } = object;
    // An identity that is not in the body is not what the API's uid and resourceVersion speak of.
    const resourceVersion = label === '' ? (object.resourceVersion ?? null) : null;
    const known = before?.known.find(key);
    const stored = known === undefined ? undefined : objects.entry(known.ref);
    const unchanged = known !== undefined && stored !== undefined && saltedId(stored.salt, bytes).equals(stored.id);
    const index = entries.add({ namespace, name, uid, file: place?.file ?? '', label, key, resourceVersion }, unchanged ? known.ref : 0);
    if (sample.delete(key)) {
      checked++;
      if (!unchanged) [differed, reusing] = [differed + 1, false];
    }
    if (unchanged) return;
    const salt = drawSalt();
    pending.push({ id: saltedId(salt, bytes), salt, bytes: room.keep(bytes), index, predecessor: known?.ref ?? 0 });
    pendingBytes += bytes.length;
  };
  const placed = (part: readonly Pending[], first: number): void => {
    for (const [position, { index }] of part.entries()) entries.store(index, first + position);
    blocks.push(first);
  };
  /** As neighbours, in the order in which they came. */
  const writeTogether = (): void => {
    for (const part of inBlocks(pending)) placed(part, objects.write(run, kind, part));
    [pending, pendingBytes] = [[], 0];
    room.clear();
  };
  /** The trees of the last snapshot, by namespace. */
  const earlierTrees = (): ReadonlyMap<string, number> => {
    const last = before === undefined || before.tree === null ? [] : trees.read(before.tree).members;
    return new Map(last.map(({ ref, label }) => [label, ref]));
  };
  /** Each as what differs from what is most like it; those for which that is much, as neighbours. */
  const writeChanged = (): void => {
    const alike = new Map<number, number[]>();
    if (pending.some(({ predecessor }) => predecessor === 0)) {
      const earlier = earlierTrees();
      for (const namespace of entries.namespaces()) {
        const tree = earlier.get(namespace);
        noteAlike(entries.inNamespace(namespace), tree === undefined ? [] : trees.read(tree).members, alike);
      }
    }
    const changed = pending.flatMap((each) => {
      const candidates = each.predecessor === 0 ? (alike.get(each.index) ?? []) : [each.predecessor];
      const differences = candidates.flatMap((ref) => objects.differenceFrom(ref, each.bytes) ?? []);
      const [least] = differences.sort((a, b) => a.frame.length - b.frame.length);
      return least === undefined ? [] : [{ ...each, ...least }];
    });
    const told = new Set(changed.map(({ index }) => index));
    for (const part of inBlocks(changed)) placed(part, objects.writeDifferences(run, kind, part));
    pending = pending.filter(({ index }) => !told.has(index));
    writeTogether();
  };
  const writeTrees = (): number | null => {
    if (entries.size === 0) return null;
    const lastOf = earlierTrees();
    const ids = new Map<number, Buffer>();
    const store = (members: readonly Member[], idOf: (ref: number) => Buffer, like: Tree | undefined): Tree => {
      const tree = trees.write(run, members, idOf, like);
      ids.set(tree.ref, tree.id);
      return tree;
    };
    const namespaces = entries.namespaces().map((namespace): Member => {
      const like = lastOf.get(namespace);
      const members = entries.inNamespace(namespace).map(({ ref, label }) => ({ ref, label }));
      return {
        ref: store(members, (ref) => objects.id(ref), like === undefined ? undefined : trees.read(like)).ref,
        label: namespace,
      };
    });
    const last = before === undefined || before.tree === null ? undefined : trees.read(before.tree);
    return store(namespaces, (ref) => ids.get(ref) as Buffer, last).ref;
  };

  return {
    get items() {
      return entries.size;
    },
    blocks,
    listedAt(resourceVersion) {
      reusing = differed === 0 && before !== undefined && before.mayReuse && isNotOlder(resourceVersion, before.listing);
      return reusing;
    },
    reuse(object) {
      const known = reusing && object.uid !== '' ? before?.known.find(keyOfObject(object)) : undefined;
      if (known === undefined || known.resourceVersion !== object.resourceVersion || objects.entry(known.ref).erased) return false;
      if (randomInt(sampleEvery) === 0) {
        sample.add(known.key);
        return false;
      }
      const { namespace, name, uid, resourceVersion } = object;
      entries.add({ namespace, name, uid, file: '', label: '', key: uid, resourceVersion }, known.ref);
      reused++;
      return true;
    },
    put(items) {
      for (const item of items) {
        take(item);
        const [mostObjects, mostBytes] = manyChanged ? [blockObjects, blockBytes] : [waitingObjects, waitingBytes];
        if (pending.length < mostObjects && pendingBytes < mostBytes) continue;
        manyChanged = true;
        writeTogether();
      }
    },
    finish() {
      if (manyChanged) writeTogether();
      else writeChanged();
      return writeTrees();
    },
    reuseCounts: () => ({ reused, checked, differed }),
    known: () => encodeKnown(entries.all()),
  };
}

/** Where bytes wait until they are written: buffers of their own would each grow old in the heap. */
function createRoom() {
  let buffer = Buffer.allocUnsafeSlow(2 * blockBytes);
  let end = 0;
  return {
    keep(bytes: Buffer): Buffer {
      if (end + bytes.length > buffer.length) [buffer, end] = [Buffer.allocUnsafeSlow(Math.max(buffer.length, bytes.length)), 0];
      end += bytes.copy(buffer, end);
      return buffer.subarray(end - bytes.length, end);
    },
    /** Nothing that was kept is needed any more. */
    clear(): void {
      end = 0;
    },
  };
}

function inBlocks<T extends Pending>(pending: readonly T[]): T[][] {
  const parts: T[][] = [];
  let bytes = 0;
  for (const each of pending) {
    const part = parts.at(-1);
    if (part === undefined || part.length >= blockObjects || bytes >= blockBytes) {
      parts.push([each]);
      bytes = 0;
    } else part.push(each);
    bytes += each.bytes.length;
  }
  return parts;
}

/**
 * For each entry that is not stored yet, what may be like it: of the two stored ones beside it the one whose name is more like its own; and
 * of those that stood between these two in the last snapshot (`earlier`, in the same order) and are gone, the one in the same place: when a
 * workload is rolled out, all of its pods are replaced at once.
 */
function noteAlike(sorted: readonly Entry[], earlier: readonly Member[], alike: Map<number, number[]>): void {
  if (sorted.every(({ ref }) => ref !== 0)) return;
  const places = new Map(earlier.map(({ ref }, place) => [ref, place]));
  let previous: Entry | undefined;
  let waiting: Entry[] = [];
  const settle = (next: Entry | undefined): void => {
    const start = previous === undefined ? 0 : (places.get(previous.ref) ?? earlier.length) + 1;
    const gone = earlier.slice(start, next === undefined ? earlier.length : (places.get(next.ref) ?? 0));
    for (const [place, { index, name }] of waiting.entries()) {
      const likeness = (other: Entry | undefined) => (other === undefined ? -1 : commonStart(name, other.name));
      const beside = likeness(next) > likeness(previous) ? next : previous;
      const replaced = gone[Math.floor((place * gone.length) / waiting.length)];
      alike.set(
        index,
        [beside, replaced].flatMap((each) => each?.ref ?? []),
      );
    }
    waiting = [];
  };
  for (const entry of sorted) {
    if (entry.ref === 0) waiting.push(entry);
    else {
      settle(entry);
      previous = entry;
    }
  }
  settle(undefined);
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
