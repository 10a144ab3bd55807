/** Whose a namespace is, as it says itself: by the first of some labels or annotations that has a value. */
import type { EvidenceReader, JsonObject, ListingKind } from '../model/index.ts';
import { at, isComplete, isMarker } from '../model/index.ts';

export interface NamespaceOwners {
  /** Null where it names none. Untrusted text. */
  of(namespace: string): string | null;
  /** Whether all namespaces were read, so that one which is not seen names nobody. */
  readonly read: boolean;
}

export function readNamespaceOwners(reader: EvidenceReader, keys: readonly string[]): NamespaceOwners {
  const kind: ListingKind = 'k8s.namespaces/namespaces';
  const owners = new Map<string, string | null>();
  for (const { name, body } of reader.objects(kind)) owners.set(name, ownerIn(body, keys));
  const listing = reader.listing(kind);
  return { of: (namespace) => owners.get(namespace) ?? null, read: listing !== undefined && isComplete(listing) };
}

function ownerIn(namespace: JsonObject, keys: readonly string[]): string | null {
  for (const key of keys) {
    for (const where of ['labels', 'annotations']) {
      const value = at(namespace, 'metadata', where, key);
      if (typeof value === 'string' && value !== '') return value;
      if (isMarker(value)) return `(annotation ${key}, whose value is not kept)`;
    }
  }
  return null;
}
