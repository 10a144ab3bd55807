/** A toy population over two listings, and snapshots of it: the engine is tested without knowing any Kubernetes. */
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { EvidenceReader, Gap, JsonObject, Listing, ListingKind, Population, Row } from '../../src/model/index.ts';

export const toysListing: ListingKind = 'shop.toys/toys';
export const labelsListing: ListingKind = 'shop.toys/labels';

export interface Toy {
  readonly name: string;
  readonly namespace?: string;
  readonly fields?: JsonObject;
  readonly gaps?: readonly Gap[];
}

export interface Shop {
  readonly toys: readonly Toy[];
  readonly gaps?: readonly Gap[];
  readonly inconsistent?: boolean;
  /** Gaps of the optional listing; it is not there at all when undefined. */
  readonly labels?: readonly Gap[];
  /** Leaves the listing of toys out. */
  readonly unread?: boolean;
  readonly scope?: EvidenceReader['scope'];
}

export function snapshot(shop: Shop): EvidenceReader {
  const memory = createMemorySnapshot({
    scope: shop.scope ?? 'cluster',
    cluster: { name: 'shop', uid: null, version: '1.35.1', server: null, caFingerprint: null, actor: null },
    at: '2026-10-01T12:00:00.000Z',
  });
  const close = (kind: ListingKind, items: number, gaps: readonly Gap[]) => {
    const consistency: Listing['requests'][number]['consistency'] = shop.inconsistent === true ? 'inconsistent' : 'consistent';
    const at = '2026-10-01T12:00:00.000Z';
    const requests = [{ path: `/${kind}`, status: 200, startedAt: at, endedAt: at, pages: 1, items, bytes: 1, attempts: 1, consistency }];
    memory.close({ kind, collectorVersion: 1, keepDigest: '', assurance: 'observed', requests, gaps, items, scrubbed: {}, observedAt: at });
  };
  if (shop.unread !== true) {
    memory.put(
      toysListing,
      shop.toys.map(({ name, namespace = '', fields = {}, gaps }) => ({
        apiVersion: 'v1',
        type: 'Toy',
        namespace,
        name,
        uid: name,
        body: { fields, ...(gaps && { gaps: gaps.map((gap) => ({ ...gap })) }) },
      })),
    );
    close(toysListing, shop.toys.length, shop.gaps ?? []);
  }
  if (shop.labels !== undefined) close(labelsListing, 0, shop.labels);
  return memory;
}

export const toys: Population = {
  name: 'toys',
  doc: 'A toy',
  from: [toysListing],
  also: [labelsListing],
  *rows(input) {
    input.listing(labelsListing);
    for (const { id, name, namespace, uid, body } of input.each(toysListing)) {
      const gaps = body['gaps'] as readonly Gap[] | undefined;
      yield {
        ...(body['fields'] as Row),
        item: name,
        name,
        resource: { apiVersion: 'v1', kind: 'Toy', namespace, name, uid },
        evidence: [id],
        ...(gaps && { gaps }),
      };
    }
  },
};
