/**
 * What makes an unchanged cluster cheap: per listing, which object each uid stood for and at which resourceVersion. By Kubernetes' own
 * contract the same uid and resourceVersion mean the same object, as long as it is the same cluster, read and kept in the same way, and
 * etcd was not set back. Everything here can be lost without loss of evidence; a digest in the run's record notices when it was edited.
 */
import { createHmac } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { ClusterIdentity, EvidenceObject, Listing, ListingKind } from '../../model/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import type { Db } from '../storage/database.ts';

export interface Known {
  /** See {@link keyOfObject}. */
  readonly key: string;
  readonly ref: number;
  /** Null where it identifies nothing, such as for objects from files. */
  readonly resourceVersion: string | null;
}

export interface KnownObjects {
  find(key: string): Known | undefined;
}

export interface ReuseRow {
  readonly kind: ListingKind;
  /** The run in which the listing read this. */
  readonly run: number;
  readonly bytes: Buffer;
}

export interface ReuseStore {
  rows(cluster: string): ReuseRow[];
  write(cluster: string, row: ReuseRow): void;
  /** Takes these objects out of a cluster's rows, and the rows that these runs left: a row names objects, where there is no uid by their name. */
  forget(cluster: string, refs: ReadonlySet<number>, runs: ReadonlySet<number>): void;
  drop(cluster: string): void;
}

/** A listing that the run may close, and what decides whether earlier objects of it can be reused. */
export interface PlannedListing {
  readonly kind: ListingKind;
  readonly collectorVersion: number;
  readonly keepDigest: string;
  readonly reusable?: boolean | undefined;
  /** How long what is read holds; recorded with the run. */
  readonly timeToLiveSeconds?: number | undefined;
}

const largest = 1024 * 1024 * 1024;

export function createReuseStore(db: Db): ReuseStore {
  const all = db.prepare<[string], ReuseRow>('SELECT kind, run, bytes FROM reuse WHERE cluster = ? ORDER BY kind');
  const insert = db.prepare<[string, string, number, Uint8Array]>('INSERT INTO reuse (cluster, kind, run, bytes) VALUES (?, ?, ?, ?)');
  const remove = db.prepare<[string, string]>('DELETE FROM reuse WHERE cluster = ? AND kind = ?');
  const removeAll = db.prepare<[string]>('DELETE FROM reuse WHERE cluster = ?');
  /** SQLite writes the new row of an UPDATE before it frees the old one's pages: the file would grow by a row that is as long as before. */
  const replace = (cluster: string, { kind, run, bytes }: ReuseRow): void => {
    remove.run(cluster, kind);
    insert.run(cluster, kind, run, bytes);
  };
  return {
    rows: (cluster) => all.all(cluster),
    forget(cluster, refs, runs) {
      for (const { kind, run, bytes } of all.all(cluster)) {
        const known = decodeKnown(kind, bytes);
        const left = known.filter(({ ref }) => !refs.has(ref));
        if (runs.has(run)) remove.run(cluster, kind);
        else if (left.length < known.length) replace(cluster, { kind, run, bytes: encodeKnown(left) });
      }
    },
    drop(cluster) {
      removeAll.run(cluster);
    },
    write: replace,
  };
}

/** The uid; for what has none, its natural key. */
export function keyOfObject(
  object: Pick<EvidenceObject, 'namespace' | 'name' | 'uid'> & Partial<Pick<EvidenceObject, 'type' | 'place'>>,
): string {
  return object.uid === '' ? `\n${object.type ?? ''}\n${object.namespace}\n${object.name}\n${object.place?.file ?? ''}` : object.uid;
}

export function encodeKnown(known: Iterable<Known>): Buffer {
  // By columns: each is of one nature, which compresses to about half of a list of rows.
  const sorted = [...known].sort((a, b) => a.ref - b.ref);
  const steps = sorted.map(({ ref }, index) => ref - (sorted[index - 1]?.ref ?? 0));
  return zstdCompressSync(JSON.stringify([sorted.map(({ key }) => key), sorted.map(({ resourceVersion }) => resourceVersion), steps]));
}

export function decodeKnown(kind: string, bytes: Uint8Array): Known[] {
  const { keys, versions, refs } = columnsOf(kind, bytes);
  return keys.map((key, index) => ({ key, ref: refs[index] as number, resourceVersion: versions[index] ?? null }));
}

/** To be asked for one object after the other: a fraction of the memory that a list of them takes. */
export function indexKnown(kind: string, bytes: Uint8Array): KnownObjects {
  const { keys, versions, refs } = columnsOf(kind, bytes);
  const places = new Map(keys.map((key, index) => [key, index]));
  return {
    find(key) {
      const index = places.get(key);
      return index === undefined ? undefined : { key, ref: refs[index] as number, resourceVersion: versions[index] ?? null };
    },
  };
}

function columnsOf(kind: string, bytes: Uint8Array) {
  try {
    const text = zstdDecompressSync(bytes, { maxOutputLength: largest }).toString('utf8');
    const [keys, versions, steps] = JSON.parse(text) as [string[], (string | null)[], number[]];
    const refs = new Float64Array(keys.length);
    let ref = 0;
    for (const index of keys.keys()) {
      ref += steps[index] as number;
      if (!Number.isSafeInteger(ref)) throw new Error('a number is missing');
      refs[index] = ref;
    }
    return { keys, versions, refs };
  } catch (cause) {
    throw new KubevidenceError('integrity', `what may be reused of ${kind} cannot be read`, { cause });
  }
}

/** What a run's record says of all rows of its cluster, salted as its payload is. */
export function reuseDigest(salt: Uint8Array, rows: readonly ReuseRow[]): string {
  const hmac = createHmac('sha256', salt);
  for (const { kind, run, bytes } of rows) hmac.update(JSON.stringify([kind, run, bytes.length])).update(bytes);
  return hmac.digest('hex');
}

/** Whether the same uid and resourceVersion mean the same stored object, going by everything but the list's own resourceVersion. */
export function mayReuse(
  now: { readonly identity: ClusterIdentity; readonly planned: PlannedListing | undefined },
  then: { readonly identity: ClusterIdentity; readonly listing: Listing; readonly reuse: { readonly differed: number } },
): boolean {
  const { identity, planned } = now;
  return (
    planned?.reusable === true &&
    then.reuse.differed === 0 &&
    identity.uid !== null &&
    identity.uid === then.identity.uid &&
    identity.version !== null &&
    identity.version === then.identity.version &&
    planned.collectorVersion === then.listing.collectorVersion &&
    planned.keepDigest === then.listing.keepDigest
  );
}

/** False when the list is older than it was (etcd was set back), or when nobody can tell. */
export function isNotOlder(now: string | undefined, then: Listing): boolean {
  const before = then.requests.map((request) => request.resourceVersion);
  if (now === undefined || !decimal.test(now) || before.length === 0) return false;
  return before.every((version) => version !== undefined && decimal.test(version) && BigInt(version) <= BigInt(now));
}

const decimal = /^[0-9]{1,32}$/;
