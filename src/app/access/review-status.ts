/**
 * `access review status`: the reviews of a cluster, and of everything that was to be revoked or changed whether the newest snapshot still
 * has it. It only reads.
 */
import { createFollowUp, type FollowUp, type RevokeCommand, revokeCommands } from '../../access/index.ts';
import { type AccessReview, decisionsInForce, type ReviewedRow } from '../../ledger/index.ts';
import type { Instant } from '../../model/index.ts';
import { observedAt } from '../../model/index.ts';
import { type Config, pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { chooseSnapshot } from './review-export.ts';
import { readPopulation } from './review-sheet.ts';
import { openLedgerForReading } from '../open-ledger.ts';

/** Texts are untrusted. */
export interface FollowedRow
  extends FollowUp,
    Pick<ReviewedRow, 'subject' | 'binding' | 'role' | 'risk' | 'reviewer' | 'date' | 'comment'> {
  readonly decision: 'revoke' | 'change';
  /** Leaf of the record that decided it. */
  readonly record: number;
  readonly decidedAt: Instant;
}

export interface ReviewStatus {
  readonly schema: 'kubevidence/access-review-status/v1';
  readonly cluster: string;
  /** The latest first; names are null where they were erased. */
  readonly reviews: readonly (Omit<AccessReview, 'statement'> & {
    readonly reviewers: readonly string[] | null;
    readonly preparer: string | null;
    readonly complete: boolean | null;
  })[];
  /** The newest snapshot; null when there is none. */
  readonly snapshot: { readonly run: number; readonly at: Instant } | null;
  /** What is not done first. */
  readonly rows: readonly FollowedRow[];
  /** For what is still there. */
  readonly commands: readonly RevokeCommand[];
}

const order: readonly FollowUp['state'][] = ['stillThere', 'elsewhere', 'changed', 'notKnown', 'done'];

export function reviewStatus(context: AppContext, config: Config, cluster: string | undefined): ReviewStatus {
  const picked = pickCluster(config, cluster);
  const ledger = openLedgerForReading(context, config);
  try {
    const reviews = ledger.reviews(picked.name);
    const described = reviews.toReversed().map(({ leaf, at, run, decisions, statement }) => ({
      leaf,
      at,
      cluster: picked.name,
      run,
      decisions,
      reviewers: statement === null ? null : [...new Set([statement.reviewer, ...statement.rows.map(({ reviewer }) => reviewer)])],
      preparer: statement?.preparer ?? null,
      complete: statement?.population.complete ?? null,
    }));
    const nothing = { schema: 'kubevidence/access-review-status/v1', cluster: picked.name, reviews: described } as const;
    if (reviews.length === 0) return { ...nothing, snapshot: null, rows: [], commands: [] };
    const newest = chooseSnapshot(ledger, picked.name, {});
    const followUp = createFollowUp(readPopulation(ledger, { cluster: picked.name, run: newest.number, all: true, ownerKeys: [] }));
    const latest = reviews.at(-1)?.leaf;
    const rows = [...decisionsInForce(reviews).values()].flatMap(({ row, review }): FollowedRow[] => {
      const { decision, subject, binding, role, risk, reviewer, date, comment } = row;
      if (decision === 'keep') return [];
      const state = followUp(row);
      // What an earlier review decided and was done is history.
      if (state.state === 'done' && !isOf(row, reviews.at(-1)) && review.leaf !== latest) return [];
      return [{ ...state, decision, subject, binding, role, risk, reviewer, date, comment, record: review.leaf, decidedAt: review.at }];
    });
    const waiting = rows.filter(({ state, decision }) => decision === 'revoke' && state === 'stillThere');
    return {
      ...nothing,
      snapshot: { run: newest.number, at: observedAt(newest) },
      rows: rows.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.record - b.record),
      commands: revokeCommands(ledger.snapshot(picked.name, newest.number), waiting, picked.context ?? null),
    };
  } finally {
    ledger.close();
  }
}

function isOf({ item }: ReviewedRow, review: AccessReview | undefined): boolean {
  return review?.statement?.rows.some((row) => row.item === item) ?? false;
}
