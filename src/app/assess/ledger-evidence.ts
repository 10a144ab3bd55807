/**
 * Stores with a run what the ledger says of itself: the runs of the schedule since the last one that read anything, this run among them as
 * `running`, the cluster's exceptions, and its access reviews. So they are exhibits like any other, and a pack proves them with the same means. Each scheduled
 * run is thus looked at by those that follow it, up to the next that reads anything.
 */
import { hash } from 'node:crypto';
import {
  collectors,
  exceptionObject,
  ledgerExceptions,
  ledgerReviews,
  ledgerRuns,
  reviewObject,
  runObject,
} from '../../collectors/index.ts';
import { type AccessReview, decisionsInForce, type Ledger, type StoredException } from '../../ledger/index.ts';
import { isSamePerson } from '../../log/index.ts';
import type { Clock, EvidenceSink, ListingKind, RawObject, RunSummary } from '../../model/index.ts';
import { createIngest } from '../../sources/index.ts';
import { defaultTimeToLiveSeconds } from './time-to-live.ts';

export interface LedgerEvidenceOptions {
  readonly ledger: Pick<Ledger, 'run' | 'timesToLive' | 'exceptions' | 'reviews'>;
  readonly cluster: string;
  /** The run that stores it. */
  readonly number: number;
  /** Where it goes. */
  readonly sink: EvidenceSink;
  /** The listings that the run planned: what is turned off is not stored. */
  readonly kinds: readonly ListingKind[];
  readonly clock: Clock;
}

/** Puts and closes the ledger's own listings, those that were planned. Returns their kinds. */
export function storeLedgerEvidence({ ledger, cluster, number, sink, kinds, clock }: LedgerEvidenceOptions): readonly ListingKind[] {
  const ingest = createIngest({ collectors, sink, clock });
  const read: readonly (readonly [ListingKind, string, () => readonly RawObject[]])[] = [
    [ledgerRuns, "the ledger's records of runs", () => describeRuns(ledger, cluster, number)],
    [ledgerExceptions, "the ledger's records of exceptions", () => ledger.exceptions(cluster).map(describeException)],
    [ledgerReviews, "the ledger's records of access reviews", () => describeReviews(ledger.reviews(cluster))],
  ];
  const planned = read.filter(([kind]) => kinds.includes(kind));
  for (const [kind, path, list] of planned) {
    const startedAt = clock().toISOString();
    const objects = list();
    ingest.putRaw(
      kind,
      objects.map((raw) => ({ raw })),
    );
    const endedAt = clock().toISOString();
    const items = objects.length;
    const request = { path, status: null, startedAt, endedAt, pages: 1, items, bytes: 0, attempts: 1, consistency: 'consistent' } as const;
    ingest.close(kind, { requests: [request], gaps: [], observedAt: endedAt });
  }
  return planned.map(([kind]) => kind);
}

function describeRuns(ledger: LedgerEvidenceOptions['ledger'], cluster: string, number: number): RawObject[] {
  const objects: RawObject[] = [];
  for (let each = number; each > 0; each--) {
    const run = ledger.run(cluster, each);
    if (run === undefined || (each < number && run.kind !== 'scheduled')) continue;
    const hasRead = each < number && (run.status === 'succeeded' || run.status === 'partial');
    objects.push(runObject(run, each === number ? 'running' : run.status, hasRead ? holdsSeconds(ledger, run) : null));
    if (hasRead) break;
  }
  return objects;
}

/** The shortest time for which anything that the run read of the cluster holds. */
function holdsSeconds(ledger: LedgerEvidenceOptions['ledger'], { cluster, number }: RunSummary): number {
  const times = Object.entries(ledger.timesToLive(cluster, number)).flatMap(([kind, seconds]) =>
    kind.startsWith('k8s.') ? [seconds] : [],
  );
  return times.length === 0 ? defaultTimeToLiveSeconds : Math.min(...times);
}

function describeException(exception: StoredException): RawObject {
  const { id, control, requested, expires, approved, revoked, requester, approver } = exception;
  return exceptionObject({
    id,
    control,
    requestedAt: requested.at,
    expires,
    approvedAt: approved?.at ?? null,
    approvedByAnother: requester === null || approver === null ? null : !isSamePerson(requester, approver),
    revokedAt: revoked?.at ?? null,
  });
}

/** Reviews that are stored with each run: quarterly ones of years, or many partial imports of one; and those before with a revoke that holds. */
const mostReviews = 40;

function describeReviews(reviews: readonly AccessReview[]): RawObject[] {
  const revokes = [...decisionsInForce(reviews).values()].filter(({ row }) => row.decision === 'revoke');
  const revoking = new Set(revokes.map(({ review }) => review.leaf));
  const told = reviews.filter(({ leaf }, index) => index >= reviews.length - mostReviews || revoking.has(leaf));
  return told.map(({ leaf, at, run, decisions, statement }) => {
    const preparer = statement?.preparer ?? null;
    const reviewers = statement === null ? [] : [statement.reviewer, ...statement.rows.map(({ reviewer }) => reviewer)];
    return reviewObject({
      id: `REV-${leaf}`,
      reviewedAt: at,
      run,
      ...decisions,
      complete: statement?.population.complete ?? null,
      reviewedByAnother: preparer === null ? null : !reviewers.some((name) => isSamePerson(name, preparer)),
      revokes: revokes.filter(({ review }) => review.leaf === leaf).map(({ row }) => hash('sha256', row.item)),
    });
  });
}
