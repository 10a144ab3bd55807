/**
 * How long what was read holds: `timeToLive` of kubevidence.yaml, by kind of listing (`k8s.pods/pods`), by collector (`k8s.pods`, `pods`)
 * or `default`; 26 hours where nothing is said, so that a daily run may be two hours late. Recorded with each run, so that a later change
 * of the configuration changes nothing about the past. {@link asOf} is a snapshot as it holds at a later moment.
 */
import { collectors } from '../../collectors/index.ts';
import type { EvidenceReader, Instant, ListingKind, StoredListing } from '../../model/index.ts';
import { findNearest, KubevidenceError, visible } from '../../model/index.ts';
import type { Config } from '../config.ts';
import { durationForm, formatDuration, parseDuration } from '../duration.ts';

/** Of a listing of which nothing was configured or recorded. */
export const defaultTimeToLiveSeconds = 26 * 3600;

/** Seconds by kind. Errors: `configuration`, for a kind that does not exist or a value that is no length of time. */
export function timesToLive({ file, timeToLive }: Pick<Config, 'file' | 'timeToLive'>): (kind: ListingKind) => number {
  const listings = collectors.flatMap((collector) => collector.listings.map(({ kind }): string => kind));
  const known = new Set(['default', ...listings, ...collectors.flatMap(({ kind }) => [kind, shortOf(kind)])]);
  const seconds = new Map<string, number>();
  for (const [name, text] of Object.entries(timeToLive)) {
    const place = { ...(file !== null && { file }), key: `timeToLive.${visible(name)}` };
    const value = parseDuration(text);
    if (value === null) throw new KubevidenceError('configuration', `${visible(text)} is no length of time`, { place, next: durationForm });
    if (!known.has(name)) {
      const near = findNearest(name, known);
      throw new KubevidenceError('configuration', `nothing that is collected is called ${visible(name)}`, {
        place,
        next: near === undefined ? 'Name a listing, a collector, or default.' : `Did you mean ${near}?`,
      });
    }
    seconds.set(name, value);
  }
  return (kind) => {
    const collector = kind.slice(0, kind.indexOf('/'));
    const named = [kind, collector, shortOf(collector), 'default'].find((name) => seconds.has(name));
    return named === undefined ? defaultTimeToLiveSeconds : (seconds.get(named) as number);
  };
}

function shortOf(collector: string): string {
  return collector.slice(collector.indexOf('.') + 1);
}

/** The snapshot without what no longer held at `instant`: such a listing is a gap, `stale`, and has no objects. */
export function asOf(reader: EvidenceReader, instant: Instant, recorded: Readonly<Partial<Record<ListingKind, number>>>): EvidenceReader {
  const stale = new Map<ListingKind, StoredListing>();
  for (const listing of reader.listings()) {
    const seconds = recorded[listing.kind] ?? defaultTimeToLiveSeconds;
    const end = Date.parse(reader.at) + seconds * 1000;
    if (Date.parse(instant) < end) continue;
    const gap = {
      reason: 'stale',
      what: listing.kind.slice(listing.kind.indexOf('/') + 1),
      detail: `read at ${reader.at}, and its time to live of ${formatDuration(seconds)} ended at ${new Date(end).toISOString()}`,
      closedBy: 'nothing for the past; for what comes, collect more often or set a longer timeToLive',
    } as const;
    stale.set(listing.kind, { ...listing, items: 0, gaps: [gap] });
  }
  if (stale.size === 0) return reader;
  const listings = reader.listings().map((listing) => stale.get(listing.kind) ?? listing);
  return {
    ...reader,
    listings: () => listings,
    listing: (kind) => stale.get(kind) ?? reader.listing(kind),
    objects: (kind) => (stale.has(kind) ? [] : reader.objects(kind)),
    ...(reader.namespaces && { namespaces: (kinds) => reader.namespaces?.(kinds.filter((kind) => !stale.has(kind))) ?? new Map() }),
    ...(reader.objectsIn && { objectsIn: (kind, name) => (stale.has(kind) ? [] : (reader.objectsIn?.(kind, name) ?? [])) }),
  };
}
