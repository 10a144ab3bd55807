/** The ledger's own listings: only a run that was collected into a ledger has them, and no file can bring them. */
import type { ListingKind, PopulationInput } from '../../model/index.ts';
import { isComplete } from '../../model/index.ts';

/** Whether the listing is there, whole; else says what is missing. */
export function requireOwnListing(input: PopulationInput, kind: ListingKind, what: string): boolean {
  const listing = input.listing(kind);
  if (listing !== undefined && isComplete(listing)) return true;
  input.gap({
    reason: 'absent',
    what: kind.slice(kind.indexOf('/') + 1),
    detail: `this evidence was not collected into a ledger, or by a version that did not store ${what} with it`,
    closedBy: 'kubevidence collect, then assess without --from',
  });
  return false;
}
