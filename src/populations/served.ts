/** Kinds that an older server does not know. Not served is as good as none there; not asked, or refused, is a gap like any other. */
import type { ListingKind, PopulationInput } from '../model/index.ts';
import { requireListing } from './control-plane/control-plane.ts';

/** Adds the gaps of a listing as a population's `from` would, unless the server answered that it has no such kind. */
export function requireWhereServed(input: PopulationInput, kind: ListingKind): void {
  const listing = input.listing(kind);
  const isServed =
    listing === undefined ||
    listing.requests.length === 0 ||
    listing.requests.some(({ status }) => status !== 404) ||
    listing.gaps.some(({ reason }) => reason !== 'absent');
  if (isServed) requireListing(input, kind);
}
