/**
 * Reads a population once, and knows how complete it was: gaps of the listings that it reads become its gaps here, so that no author of
 * a population can forget them. Rows stream through; nothing but their keys is kept.
 */
import {
  canonicalize,
  type EvidenceReader,
  type Gap,
  isComplete,
  type ListingKind,
  type Population,
  type PopulationInput,
  type Row,
  type StoredListing,
  type Technique,
} from '../model/index.ts';

export interface PopulationReading {
  readonly gaps: readonly Gap[];
  /** What rows stand on: all of `from` that are there, those of `also` that the population looked into, and what it cited of earlier runs. */
  readonly listings: readonly { readonly listing: StoredListing; readonly optional: boolean }[];
}

/**
 * Calls `visit` for every row. Throws for two rows with one key, and for a population that reads what it has not declared: our defects.
 * `isRepeated`: where the caller knows the keys that it has visited.
 */
export function readPopulation(
  population: Population,
  reader: EvidenceReader,
  visit: (row: Row) => void,
  techniques: readonly Technique[] = [],
  isRepeated: (item: string) => boolean = createRepeats(),
): PopulationReading {
  const { from, also = [] } = population;
  const looked = new Set<ListingKind>(from);
  const earlier = new Map<string, StoredListing>();
  const gaps: Gap[] = from.flatMap((kind) => gapsOf(kind, reader.listing(kind), reader.scope));
  const open = (kind: ListingKind) => {
    if (!from.includes(kind) && !also.includes(kind))
      throw new Error(`population ${population.name} reads ${kind}, which it does not declare`);
    looked.add(kind);
  };
  const input: PopulationInput = {
    reader,
    techniques,
    *each(...kinds) {
      for (const kind of kinds) {
        open(kind);
        yield* reader.objects(kind);
      }
    },
    listing(kind) {
      open(kind);
      return reader.listing(kind);
    },
    cite: (listing) => {
      earlier.set(listing.id, listing);
    },
    gap: (gap) => {
      gaps.push(gap);
    },
  };

  for (const row of population.rows(input)) {
    if (isRepeated(row.item)) throw new Error(`population ${population.name} has two rows with the key ${JSON.stringify(row.item)}`);
    visit(row);
  }
  // As declared, in whichever order they were looked into.
  const listings = [...new Set([...from, ...also])].flatMap((kind) => {
    const listing = looked.has(kind) ? reader.listing(kind) : undefined;
    return listing === undefined ? [] : [{ listing, optional: !from.includes(kind) }];
  });
  return { gaps, listings: [...listings, ...[...earlier.values()].map((listing) => ({ listing, optional: true }))] };
}

function createRepeats(): (item: string) => boolean {
  const seen = new Set<string>();
  return (item) => seen.size === seen.add(item).size;
}

/** Of parts of one population, as if it had been read whole. */
export function mergeReadings(readings: readonly PopulationReading[]): PopulationReading {
  const gaps = new Map(readings.flatMap((reading) => reading.gaps.map((gap) => [canonicalize(gap), gap])));
  const listings = new Map(readings.flatMap((reading) => reading.listings.map((each) => [each.listing.id, each])));
  return { gaps: [...gaps.values()], listings: [...listings.values()] };
}

function gapsOf(kind: ListingKind, listing: StoredListing | undefined, scope: EvidenceReader['scope']): readonly Gap[] {
  const what = kind.slice(kind.indexOf('/') + 1);
  if (listing === undefined) {
    const closedBy =
      scope === 'files' ? `add ${what} to the files` : `collect ${what}; "kubevidence doctor" says which right or option is missing`;
    return [{ reason: 'absent', what, detail: scope === 'files' ? 'not among the files' : 'not collected in this run', closedBy }];
  }
  if (isComplete(listing) || listing.gaps.length > 0) return listing.gaps;
  return [
    {
      reason: 'stale',
      what,
      detail: 'the list expired while it was read, so its pages are not from one moment',
      closedBy: 'collect again',
    },
  ];
}
