/**
 * A snapshot in memory: what `assess --from` and the examples of controls judge, without a ledger. Ids are made as the ledger makes
 * them, with a salt that is drawn per snapshot and never kept.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type {
  ClusterIdentity,
  EvidenceObject,
  EvidenceReader,
  EvidenceSink,
  Instant,
  Listing,
  ListingKind,
  RunSummary,
  StoredListing,
  StoredObject,
} from '../../model/index.ts';
import { canonicalize } from '../../model/index.ts';

export interface MemorySnapshotOptions {
  readonly scope: EvidenceReader['scope'];
  readonly cluster: ClusterIdentity;
  readonly at: Instant;
  readonly run?: RunSummary;
  readonly previous?: EvidenceReader;
}

/** A sink that can be read afterwards. */
export function createMemorySnapshot(options: MemorySnapshotOptions): EvidenceSink & EvidenceReader {
  const salt = randomBytes(16);
  const idOf = (value: unknown) => createHmac('sha256', salt).update(canonicalize(value)).digest('hex');
  const objects = new Map<ListingKind, StoredObject[]>();
  const listings = new Map<ListingKind, StoredListing>();
  const compare = (a: EvidenceObject, b: EvidenceObject) =>
    order(a.namespace, b.namespace) || order(a.name, b.name) || order(a.uid, b.uid) || order(a.place?.file ?? '', b.place?.file ?? '');

  return {
    scope: options.scope,
    cluster: options.cluster,
    at: options.at,
    run: options.run ?? null,
    put(kind, items) {
      const into = objects.get(kind) ?? [];
      for (const item of items) into.push({ ...item, id: idOf(item.body) });
      objects.set(kind, into);
    },
    restart(kind) {
      objects.delete(kind);
    },
    close(listing: Listing) {
      const items = objects.get(listing.kind) ?? [];
      items.sort(compare);
      listings.set(listing.kind, { ...listing, id: idOf({ listing, items: items.map((item) => item.id) }) });
    },
    listings: () => [...listings.values()].sort((a, b) => order(a.kind, b.kind)),
    listing: (kind) => listings.get(kind),
    objects: (kind) => (listings.has(kind) ? (objects.get(kind) ?? []) : []),
    previous: () => options.previous ?? null,
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
