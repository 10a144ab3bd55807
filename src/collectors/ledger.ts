/**
 * What the ledger says of itself, stored with each run as one more exhibit: the runs of the schedule since the last one that read
 * anything, the exceptions, and the access reviews. Without names and reasons, which stand in the ledger alone. The composition root makes the objects.
 */
import type { Collector, ListingKind, RawObject, RunSummary } from '../model/index.ts';
import { decodeNothing } from './decode.ts';
import { ownApiVersion } from './listing.ts';

export const ledgerRuns: ListingKind = 'kubevidence.ledger/runs';
export const ledgerExceptions: ListingKind = 'kubevidence.ledger/exceptions';
export const ledgerReviews: ListingKind = 'kubevidence.ledger/reviews';

/** `holdsSeconds`: how long what the run read holds, at least; null where it read nothing, and for the run that stores this. */
export function runObject(run: RunSummary, status: RunSummary['status'], holdsSeconds: number | null): RawObject {
  const { number, uuid, kind: trigger, slot, startedAt, endedAt, observedAt, error } = run;
  return {
    apiVersion: ownApiVersion,
    kind: 'Run',
    metadata: { name: String(number), uid: uuid },
    number,
    trigger,
    status,
    slot,
    startedAt,
    endedAt,
    observedAt,
    holdsSeconds,
    // Of a missed slot our own words; of other runs it may be anybody's.
    note: status === 'missed' ? error : null,
  };
}

export interface ExceptionFacts {
  readonly id: string;
  readonly control: string;
  readonly requestedAt: string;
  readonly expires: string;
  readonly approvedAt: string | null;
  /** Null while it is not approved, or where a name was erased. */
  readonly approvedByAnother: boolean | null;
  readonly revokedAt: string | null;
}

export function exceptionObject({ id, ...facts }: ExceptionFacts): RawObject {
  return { apiVersion: ownApiVersion, kind: 'Exception', metadata: { name: id }, ...facts };
}

export interface ReviewFacts {
  /** `REV-<leaf of its record>`. */
  readonly id: string;
  readonly reviewedAt: string;
  /** The run whose snapshot was reviewed. */
  readonly run: number;
  readonly keep: number;
  readonly revoke: number;
  readonly change: number;
  readonly open: number;
  /** Everything could be read that grants stand on; null where that was erased. */
  readonly complete: boolean | null;
  /** Null where nobody is named as its preparer, or a name was erased. */
  readonly reviewedByAnother: boolean | null;
  /** SHA-256, hex, over the item (`subject|binding|role`) of each grant that was to be revoked, and that no later review decided about. */
  readonly revokes: readonly string[];
}

export function reviewObject({ id, ...facts }: ReviewFacts): RawObject {
  return { apiVersion: ownApiVersion, kind: 'AccessReview', metadata: { name: id }, ...facts };
}

export const ledger: Collector = {
  kind: 'kubevidence.ledger',
  version: 1,
  title: 'Runs, exceptions and access reviews in the ledger',
  listings: [
    {
      kind: ledgerRuns,
      needs: [],
      withoutIt: 'whether the scheduled runs succeeded is unknown',
      requests: () => [],
      decode: decodeNothing,
      keep: ['number', 'trigger', 'status', 'slot', 'startedAt', 'endedAt', 'observedAt', 'holdsSeconds', 'note'],
      assurance: 'observed',
    },
    {
      kind: ledgerExceptions,
      needs: [],
      withoutIt: 'whether the exceptions are approved by another person is unknown',
      requests: () => [],
      decode: decodeNothing,
      keep: ['control', 'requestedAt', 'expires', 'approvedAt', 'approvedByAnother', 'revokedAt'],
      assurance: 'observed',
    },
    {
      kind: ledgerReviews,
      needs: [],
      withoutIt: 'whether access was reviewed, and what was to be revoked is gone, is unknown',
      requests: () => [],
      decode: decodeNothing,
      keep: ['reviewedAt', 'run', 'keep', 'revoke', 'change', 'open', 'complete', 'reviewedByAnother', 'revokes'],
      assurance: 'observed',
    },
  ],
};
