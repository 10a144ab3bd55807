/**
 * A large snapshot is read a namespace at a time: what it holds is inflated and parsed once for all populations whose rows are of
 * namespaces, and let go before the next. What follows from the whole is judged as ever.
 */
import type { EvidenceReader, ListingKind, StoredObject } from '../model/index.ts';

/** Snapshots of fewer items are held whole by those who read them often. */
const fewestItems = 20_000;
/** A namespace of more is not held. */
const mostItems = 100_000;

/** One reader for each namespace that holds anything of these listings; null where reading by namespaces gains nothing, or cannot be. */
export function namespaceReaders(reader: EvidenceReader, kinds: readonly ListingKind[]): Iterable<EvidenceReader> | null {
  const total = kinds.reduce((sum, kind) => sum + (reader.listing(kind)?.items ?? 0), 0);
  if (total < fewestItems || reader.objectsIn === undefined || reader.parts !== undefined) return null;
  const counts = reader.namespaces?.(kinds) ?? new Map<string, number>();
  if (counts.size === 0 || Math.max(...counts.values()) > mostItems) return null;
  return [...counts.keys()]
    .sort()
    .values()
    .map((namespace) => readerOf(reader, namespace));
}

function readerOf(whole: EvidenceReader, namespace: string): EvidenceReader {
  const lists = new Map<ListingKind, readonly StoredObject[]>();
  const objects = (kind: ListingKind) => {
    let list = lists.get(kind);
    if (list === undefined) lists.set(kind, (list = [...(whole.objectsIn?.(kind, namespace) ?? [])]));
    return list;
  };
  return { ...whole, objects, parts: (kind) => new Map([[namespace, objects(kind)]]), whole };
}
