/**
 * Kinds that an extension brings, read by collectors that are off unless switched on. Of an extension that is not there nothing is missing,
 * so what decides is the list of API groups: where the group is offered, its objects must have been read.
 */
import type { Gap, ListingKind, PopulationInput } from '../../model/index.ts';
import { isComplete, listAt } from '../../model/index.ts';

export const groupListing: ListingKind = 'k8s.cluster/groups';

export interface Extension {
  readonly group: string;
  /** The one that the collector asks for. */
  readonly version: string;
  /** As in `collectors` of kubevidence.yaml. */
  readonly collector: string;
  readonly listings: readonly ListingKind[];
}

/** What of the extension should have been read and was not. */
export function unreadOf(input: PopulationInput, { group, version, collector, listings }: Extension): readonly Gap[] {
  const offered = [...input.each(groupListing)].find(({ name }) => name === group);
  const isKnown = input.reader.scope === 'files' || isRead(input, groupListing);
  if (offered === undefined && isKnown) return [];
  const isOld = offered !== undefined && !listAt(offered.body, 'versions').includes(version);
  return listings.flatMap((kind): readonly Gap[] => {
    if (isRead(input, kind)) return [];
    const what = kind.slice(kind.indexOf('/') + 1);
    const listing = input.listing(kind);
    if (isOld) return [{ reason: 'absent', what, detail: `${group} is offered, but not as ${version}` }];
    if (listing === undefined)
      return [{ reason: 'absent', what, detail: 'not collected in this run', closedBy: `switch on collectors.${collector}` }];
    return listing.gaps.length > 0 ? listing.gaps : [{ reason: 'stale', what, detail: 'not from one moment', closedBy: 'collect again' }];
  });
}

/** The same, as gaps of the population. */
export function requireExtension(input: PopulationInput, extension: Extension): void {
  for (const gap of unreadOf(input, extension)) input.gap(gap);
}

/** Whether all of it was read. */
function isRead(input: PopulationInput, kind: ListingKind): boolean {
  const listing = input.listing(kind);
  return listing !== undefined && isComplete(listing);
}
