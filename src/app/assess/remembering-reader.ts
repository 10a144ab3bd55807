/**
 * A reader that keeps what it has read of moderately large listings: several populations read the same pods, and inflating and parsing
 * them each time costs more than judging them. Larger listings stream as before, so that memory stays bounded.
 */
import type { EvidenceReader, ListingKind, StoredObject } from '../../model/index.ts';

/** Listings of at most this many items are kept: some 100 MB of pods. Other objects are a fifth of a pod. */
const mostItems = (kind: ListingKind) => (/^k8s\.(pods|workloads)\//.test(kind) ? 20_000 : 100_000);

export function rememberObjects(reader: EvidenceReader): EvidenceReader {
  const kept = new Map<ListingKind, readonly StoredObject[]>();
  let before: EvidenceReader | null | undefined;
  return {
    ...reader,
    objects(kind) {
      const known = kept.get(kind);
      if (known !== undefined) return known;
      if ((reader.listing(kind)?.items ?? 0) > mostItems(kind)) return reader.objects(kind);
      const objects = [...reader.objects(kind)];
      kept.set(kind, objects);
      return objects;
    },
    ...(reader.objectsIn && {
      objectsIn(kind, namespace) {
        const known = kept.get(kind);
        return known?.filter((object) => object.namespace === namespace) ?? reader.objectsIn?.(kind, namespace) ?? [];
      },
    }),
    previous() {
      if (before === undefined) {
        const earlier = reader.previous();
        before = earlier === null ? null : rememberObjects(earlier);
      }
      return before;
    },
  };
}
