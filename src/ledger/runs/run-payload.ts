/**
 * The payloads that a run's record names: the run's own (who was asked, as whom, what went wrong, and the ids of its listings) and one
 * for each listing (its IPE and the id of its tree). Ids that follow from what is stored beside them are not stored a second time: they
 * are incompressible, and would be most of what an unchanged run costs.
 */
import type { ClusterIdentity, EvidenceReader, Json, JsonObject, Listing, ListingKind } from '../../model/index.ts';
import { canonicalize, isObject, KubevidenceError, textAt } from '../../model/index.ts';
import type { PayloadStore, SaltedPayload } from '../storage/payloads.ts';
import { drawSalt, saltedId } from '../storage/salted.ts';

/** How much of a listing was taken over by uid and resourceVersion, and what reading a random part of that anew showed. */
export interface ReuseRecord {
  readonly reused: number;
  readonly checked: number;
  readonly differed: number;
}

export interface ListingPayload {
  readonly listing: Listing;
  /** Number of the listing's tree; null when it has no items. */
  readonly tree: number | null;
  readonly reuse: ReuseRecord;
}

export interface RunDetails {
  readonly identity: ClusterIdentity;
  readonly scope: EvidenceReader['scope'];
  readonly error: string | null;
  /** Seconds for which a listing holds, as configured when it was planned. */
  readonly timeToLive?: Readonly<Record<ListingKind, number>>;
}

export interface SaltedBytes {
  /** HMAC-SHA256(salt, bytes), hex. */
  readonly id: string;
  readonly salt: Uint8Array;
  /** RFC 8785. */
  readonly bytes: Uint8Array;
}

export interface StoredRun {
  readonly details: RunDetails;
  readonly snapshot: SaltedBytes;
  readonly listings: readonly (ListingPayload & { readonly payload: SaltedBytes })[];
}

/** Id of a tree, hex. */
export type TreeId = (tree: number) => string;

/** Salts the payloads of a run; `write` stores them once the record's leaf is known. */
export function prepareRun(details: RunDetails, listings: readonly ListingPayload[], treeId: TreeId) {
  const sorted = listings.toSorted((a, b) => (a.listing.kind < b.listing.kind ? -1 : 1));
  const stored: SaltedPayload[] = [details, ...sorted].map((value) => ({ salt: drawSalt(), value: value as unknown as Json }));
  const run = expand(stored, treeId);
  return {
    snapshot: run.snapshot,
    write: (payloads: PayloadStore, leaf: number, like: number | undefined) => payloads.write(leaf, stored, like),
  };
}

export type RunReader = (leaf: number, snapshot: string, treeId: TreeId) => StoredRun;

/** {@link readRun}, with the last one kept: what is read of a run, listing by listing, is mostly read at once. */
export function createRunReader(payloads: PayloadStore): RunReader {
  let last: StoredRun | undefined;
  // The salted id says what it is of, whatever its leaf.
  return (leaf, snapshot, treeId) => (last?.snapshot.id === snapshot ? last : (last = readRun(payloads, leaf, snapshot, treeId)));
}

/** Throws `integrity` when the payloads are not those whose id the record names. */
export function readRun(payloads: PayloadStore, leaf: number, snapshot: string, treeId: TreeId): StoredRun {
  const stored = payloads.read(leaf);
  if (stored === undefined) throw new KubevidenceError('integrity', `the payload of the run in record ${leaf} is missing`);
  // What we stored is in canonical order, where no key looks like a number; whether it is, the id says.
  let run = expand(stored, treeId, JSON.stringify);
  if (run.snapshot.id !== snapshot) run = expand(stored, treeId);
  if (run.snapshot.id !== snapshot)
    throw new KubevidenceError('integrity', `the payload of the run in record ${leaf} is not the one that the record names`);
  return run;
}

function expand([first, ...rest]: readonly SaltedPayload[], treeId: TreeId, write: (value: Json) => string = canonicalize): StoredRun {
  if (first === undefined || !isObject(first.value) || !rest.every(({ value }) => isListingPayload(value))) {
    throw new KubevidenceError('integrity', 'the payload of a run is malformed');
  }
  const listings = rest.map(({ salt, value }) => {
    const stored = value as unknown as ListingPayload;
    const full = { listing: stored.listing, objects: stored.tree === null ? null : treeId(stored.tree), reuse: stored.reuse };
    return { ...stored, payload: seal(salt, write(full as unknown as Json)) };
  });
  const ids = Object.fromEntries(listings.map(({ listing, payload }) => [listing.kind, payload.id]));
  return {
    details: first.value as unknown as RunDetails,
    snapshot: seal(first.salt, canonicalize({ ...first.value, listings: ids })),
    listings,
  };
}

function seal(salt: Uint8Array, text: string): SaltedBytes {
  const bytes = Buffer.from(text, 'utf8');
  return { id: saltedId(salt, bytes).toString('hex'), salt, bytes };
}

/** Only the shape that the code below relies on: the id is what makes the content trustworthy. */
function isListingPayload(value: Json): value is JsonObject {
  return (
    isObject(value) &&
    textAt(value, 'listing', 'kind') !== undefined &&
    (value.tree === null || Number.isSafeInteger(value.tree)) &&
    isObject(value.reuse)
  );
}
