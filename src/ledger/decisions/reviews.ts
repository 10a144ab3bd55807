/**
 * Access reviews: what people decided about each grant of one snapshot. Each import of a reviewed workbook is one record, which says whole
 * what is decided so far; who reviewed what, and the decisions themselves, are a salted payload. Names are as they were typed: asserted,
 * not authenticated.
 */
import type { RecordOf } from '../../log/index.ts';
import { isSamePerson } from '../../log/index.ts';
import { canonicalize, type Instant, type Json, KubevidenceError, visible } from '../../model/index.ts';
import { isSnapshot } from '../runs/runs.ts';
import { salted } from '../storage/payloads.ts';
import type { Stores } from '../stores.ts';

export interface ReviewedRow {
  /** SHA-256, hex, over the row as it was reviewed. */
  readonly id: string;
  /** `subject|binding|role`. */
  readonly item: string;
  readonly subject: string;
  readonly binding: string;
  readonly role: string;
  /** Empty: cluster-wide. */
  readonly namespace: string;
  readonly risk: string;
  readonly decision: 'keep' | 'revoke' | 'change';
  readonly reviewer: string;
  /** `2026-10-02`. */
  readonly date: string;
  readonly comment: string;
}

export interface ReviewStatement {
  readonly reviewer: string;
  /** Null where nobody was named. */
  readonly preparer: string | null;
  readonly population: {
    /** SHA-256, hex, over all rows that there were to review. */
    readonly digest: string;
    readonly rows: number;
    /** Also the grants that every API server makes for itself. */
    readonly builtinIncluded: boolean;
    /** Everything could be read that grants stand on. */
    readonly complete: boolean;
  };
  /** Head of the log on which the workbook stood. */
  readonly checkpoint: { readonly size: number; readonly root: string };
  readonly tool: string;
  /** The decided rows. */
  readonly rows: readonly ReviewedRow[];
}

export interface AccessReview {
  readonly leaf: number;
  readonly at: Instant;
  readonly cluster: string;
  readonly run: number;
  readonly decisions: RecordOf<'access-reviewed'>['decisions'];
  /** Null where it was erased. */
  readonly statement: ReviewStatement | null;
}

export interface Reviews {
  /** Throws `usage` for a run without a snapshot, and where somebody reviewed what they had prepared. */
  recordReview(review: { readonly cluster: string; readonly run: number; readonly statement: ReviewStatement }): AccessReview;
  /** In the order of the log, as the log of a size tells them. */
  reviews(cluster: string, size?: number): AccessReview[];
}

export function createReviews({ db, log, payloads, runs }: Stores, now: () => Instant): Reviews {
  const reviews = (cluster: string, size = log.size()): AccessReview[] =>
    log
      .find('access-reviewed', cluster)
      .filter(({ leaf }) => leaf < size)
      .toSorted((a, b) => a.leaf - b.leaf)
      .map(({ leaf, record: { at, run, decisions } }) => ({
        leaf,
        at,
        cluster,
        run,
        decisions,
        statement: (payloads.read(leaf)?.[0]?.value as ReviewStatement | undefined) ?? null,
      }));
  return {
    reviews,
    recordReview({ cluster, run, statement }) {
      const { preparer, population, rows } = statement;
      const end = runs.ended(cluster, run);
      if (end === undefined || !isSnapshot(end.record))
        throw new KubevidenceError('usage', `run ${run} of ${visible(cluster)} has no snapshot that could be reviewed`, {
          next: 'See the runs: kubevidence ledger status',
        });
      const own = [statement.reviewer, ...rows.map(({ reviewer }) => reviewer)].find(
        (name) => preparer !== null && isSamePerson(name, preparer),
      );
      if (own !== undefined)
        throw new KubevidenceError('usage', `${visible(own)} prepared this review, and cannot be its reviewer`, {
          next: 'Another person reviews: --reviewer NAME, and the column Reviewer.',
        });
      const count = (decision: ReviewedRow['decision']) => rows.filter((row) => row.decision === decision).length;
      const decisions = {
        keep: count('keep'),
        revoke: count('revoke'),
        change: count('change'),
        open: population.rows - rows.length,
      };
      const details = salted({ ...statement } as unknown as Json);
      db.transaction(() => {
        const leaf = log.append({ type: 'access-reviewed', v: 1, at: now(), cluster, run, decisions, details: details.id });
        payloads.write(leaf, [details]);
      }).immediate();
      return reviews(cluster).at(-1) as AccessReview;
    },
  };
}

export interface DecisionInForce {
  readonly row: ReviewedRow;
  readonly review: AccessReview;
}

/** By item, what was decided last: a later review takes the place of an earlier one only where it decided. */
export function decisionsInForce(reviews: readonly AccessReview[]): ReadonlyMap<string, DecisionInForce> {
  const decided = new Map<string, DecisionInForce>();
  for (const review of reviews) {
    for (const row of review.statement?.rows ?? []) {
      const before = decided.get(row.item);
      // A later import of the same workbook repeats what was decided before: it keeps its time.
      const repeated = before !== undefined && canonicalize(before.row) === canonicalize(row);
      if (!repeated) decided.set(row.item, { row, review });
    }
  }
  return decided;
}
