/**
 * What several populations read of one snapshot in the same way: read once, and said again to each of them, with the evidence that it stands
 * on and what is missing.
 */
import type { EvidenceReader, Gap, Instant, ListingKind, PopulationInput, StoredListing } from '../model/index.ts';

interface Reading<T> {
  readonly now: Instant;
  readonly value: T;
  readonly kinds: ReadonlySet<ListingKind>;
  readonly cited: readonly StoredListing[];
  readonly gaps: readonly Gap[];
}

/** `read` may look at the time, but at no earlier run; it gives what nobody changes. */
export function readOnce<T>(read: (input: PopulationInput) => T): (input: PopulationInput) => T {
  const readings = new WeakMap<EvidenceReader, Reading<T>>();
  return (input) => {
    // Also where it is known: whoever remembers results must see that these stand on the time.
    const now = input.reader.at;
    let known = readings.get(input.reader);
    if (known?.now !== now) readings.set(input.reader, (known = listen(read, input, now)));
    for (const kind of known.kinds) input.listing(kind);
    for (const listing of known.cited) input.cite(listing);
    for (const gap of known.gaps) input.gap(gap);
    return known.value;
  };
}

function listen<T>(read: (input: PopulationInput) => T, input: PopulationInput, now: Instant): Reading<T> {
  const kinds = new Set<ListingKind>();
  const cited: StoredListing[] = [];
  const gaps: Gap[] = [];
  const value = read({
    ...input,
    each(...asked) {
      for (const kind of asked) kinds.add(kind);
      return input.each(...asked);
    },
    listing(kind) {
      kinds.add(kind);
      return input.listing(kind);
    },
    cite: (listing) => {
      cited.push(listing);
    },
    gap: (gap) => {
      gaps.push(gap);
    },
  });
  return { now, value, kinds, cited, gaps };
}
