/**
 * Turns answers into evidence: decodes a page, scrubs its items, hands them to the sink, and at the end says how complete the listing
 * is. Raw items live only inside one call. A listing that nothing was asked for is closed with a gap, never as complete and empty.
 */
import type { ObservedRequest } from '../collectors/index.ts';
import type {
  Assurance,
  Clock,
  Collector,
  EvidenceObject,
  EvidenceSink,
  Gap,
  Instant,
  Listing,
  ListingDeclaration,
  ListingKind,
  RawObject,
  RequestRecord,
  RequestSpec,
} from '../model/index.ts';
import { KubevidenceError, textAt } from '../model/index.ts';
import { peekHead } from './live/live-head.ts';
import type { PageResult } from './live/live-listing.ts';
import type { Scrubber } from './scrub/scrub.ts';
import { createScrubber } from './scrub/scrub.ts';
import { skimList } from './live/skim.ts';

export interface IngestOptions {
  readonly collectors: readonly Collector[];
  readonly sink: EvidenceSink;
  readonly keepAnnotations?: readonly string[];
  readonly clock: Clock;
}

/** How a listing ended, as its source saw it. */
export interface ListingEnd {
  readonly requests: readonly RequestRecord[];
  readonly gaps: readonly Gap[];
  readonly observedAt: Instant;
  /** Replaces the declared one, for evidence of another origin. */
  readonly assurance?: Assurance;
}

export interface RawItem {
  readonly raw: RawObject;
  /** Where in a file it stands. */
  readonly place?: EvidenceObject['place'];
}

export interface Ingest {
  /** Decodes, scrubs and stores one page. Throws KubevidenceError('input') for what is not the answer; nothing of the page is stored then. */
  page(kind: ListingKind, requestIndex: number, request: RequestSpec, body: Uint8Array): PageResult;
  /** Scrubs and stores objects that did not come as a page: from files, or made by the composition root. */
  putRaw(kind: ListingKind, items: readonly RawItem[]): void;
  /** Forgets what a listing has brought so far, by all its requests: one of them expired, and all start again. */
  restart(kind: ListingKind): void;
  /** Ends the listing; each planned listing exactly once. */
  close(kind: ListingKind, end: ListingEnd): Listing;
}

/** A listing that is being read. */
interface Open {
  readonly declaration: ListingDeclaration;
  readonly collectorVersion: number;
  readonly scrubber: Scrubber;
  items: number;
  /** Of them, how many the last snapshot holds unchanged. */
  unchanged: number;
}

export function createIngest({ collectors, sink, keepAnnotations = [], clock }: IngestOptions): Ingest {
  const known = new Map(
    collectors.flatMap(({ listings, version }) => listings.map((declaration) => [declaration.kind, { declaration, version }])),
  );
  const open = new Map<ListingKind, Open>();

  function listing(kind: ListingKind): Open {
    let entry = open.get(kind);
    if (entry === undefined) {
      const found = known.get(kind);
      if (found === undefined) throw new KubevidenceError('input', `evidence of the kind ${kind} is not known to this version`);
      const scrubber = createScrubber(found.declaration, { keepAnnotations });
      open.set(kind, (entry = { declaration: found.declaration, collectorVersion: found.version, scrubber, items: 0, unchanged: 0 }));
    }
    return entry;
  }

  function isUnchanged({ declaration }: Open, raw: RawObject): boolean {
    if (declaration.reusable !== true || sink.reuse === undefined) return false;
    const metadata = (key: string) => textAt(raw, 'metadata', key) ?? '';
    const resourceVersion = metadata('resourceVersion');
    const uid = metadata('uid');
    if (resourceVersion === '' || uid === '') return false;
    return sink.reuse(declaration.kind, { namespace: metadata('namespace'), name: metadata('name'), uid, resourceVersion });
  }

  /** The page without the items that the last snapshot holds unchanged, which then are never parsed; the same bytes where nobody can tell. */
  function withoutUnchanged({ declaration }: Open, body: Uint8Array): { rest: Uint8Array; reused: number } {
    const { kind } = declaration;
    const head = declaration.reusable === true && sink.reuse !== undefined ? peekHead(body) : null;
    const skimmed = head !== null && sink.listedAt?.(kind, head.resourceVersion) === true ? skimList(body) : null;
    if (skimmed === null) return { rest: body, reused: 0 };
    const others = skimmed.items.filter(({ identity }) => identity === null || sink.reuse?.(kind, identity) !== true);
    return { rest: skimmed.only(others), reused: skimmed.items.length - others.length };
  }

  return {
    page(kind, _requestIndex, request, body) {
      const entry = listing(kind);
      const asked: ObservedRequest = { observedAt: clock().toISOString(), ...request };
      const { rest, reused } = withoutUnchanged(entry, body);
      // Counted before the rest is parsed: they are in the snapshot, whatever becomes of it.
      entry.items += reused;
      entry.unchanged += reused;
      const { items, resourceVersion, continue: next } = entry.declaration.decode(rest, asked);
      if (entry.declaration.reusable === true && rest === body) sink.listedAt?.(kind, resourceVersion);
      const scrubbed: EvidenceObject[] = [];
      for (const raw of items) {
        if (rest !== body || !isUnchanged(entry, raw)) scrubbed.push(entry.scrubber.scrub(raw));
      }
      if (scrubbed.length > 0) sink.put(kind, scrubbed);
      entry.items += items.length;
      entry.unchanged += items.length - scrubbed.length;
      return {
        items: reused + items.length,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(next === undefined ? {} : { continue: next }),
      };
    },
    putRaw(kind, items) {
      const entry = listing(kind);
      const scrubbed = items.map(({ raw, place }) => entry.scrubber.scrub(raw, place));
      if (scrubbed.length > 0) sink.put(kind, scrubbed);
      entry.items += scrubbed.length;
    },
    restart(kind) {
      sink.restart(kind);
      open.delete(kind);
    },
    close(kind, { requests, gaps, observedAt, assurance }) {
      const { declaration, collectorVersion, scrubber, items, unchanged } = listing(kind);
      const nothingAsked = requests.length === 0 && gaps.length === 0 && items === 0;
      const closed: Listing = {
        kind,
        collectorVersion,
        keepDigest: scrubber.keepDigest,
        assurance: assurance ?? declaration.assurance,
        requests,
        gaps: nothingAsked ? [{ reason: 'absent', what: kind, detail: 'nothing was asked for' }] : gaps,
        items,
        // What is unchanged since the last snapshot was scrubbed then, and its values were counted there.
        scrubbed: unchanged === 0 ? scrubber.counts() : { ...scrubber.counts(), 'unchanged-objects': unchanged },
        observedAt,
      };
      sink.close(closed);
      open.delete(kind);
      return closed;
    },
  };
}
