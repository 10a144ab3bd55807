/**
 * What people decided, as a pack shows it: exceptions with both their people, access reviews, and every change of definitions with who answers for it. All
 * of it as the log told it at the pack's checkpoint.
 */
import { countLabelled, exceptionStatus } from '../../assessment/index.ts';
import type { DefinitionDifference, Ledger } from '../../ledger/index.ts';
import { type Assessment, clip, type Instant } from '../../model/index.ts';
import type { ReportDefinitionChange, ReportException, ReportReview } from '../../reporting/index.ts';
import type { Period } from '../period.ts';

/** Exceptions that could have had an effect in the period, or were asked for in it. `moment`: at which their state is told. */
export function readExceptions(
  ledger: Ledger,
  cluster: string,
  period: Period,
  at: { readonly moment: Instant; readonly size: number },
  assessment: Assessment,
): ReportException[] {
  const labelled = countLabelled(assessment);
  const over = (instant: Instant | undefined) => instant !== undefined && instant <= period.start;
  return ledger
    .exceptions(cluster, at.size)
    .filter((each) => each.requested.at < period.end && !over(each.expires) && !over(each.revoked?.at) && !over(each.rebound?.at))
    .map((each): ReportException => {
      const { id, control, item, expires, requester, requested, approver, approved, revoked, revocation } = each;
      const { justification, compensatingControl, ticket } = each;
      const status = exceptionStatus(each, at.moment);
      const findings = labelled.get(id) ?? 0;
      return {
        id,
        control,
        item,
        status: status === 'inForce' && findings === 0 ? 'unused' : status,
        expires,
        requester,
        requestedAt: requested.at,
        approver,
        approvedAt: approved?.at ?? null,
        revokedBy: revocation?.by ?? null,
        revokedAt: revoked?.at ?? null,
        justification,
        compensatingControl,
        ticket,
        findings,
      };
    });
}

/** Those of the period, up to the checkpoint. */
export function readReviews(ledger: Ledger, cluster: string, period: Period, size: number): ReportReview[] {
  return ledger
    .reviews(cluster, size)
    .filter(({ at }) => at >= period.start && at < period.end)
    .map(({ leaf, at, run, decisions, statement }): ReportReview => {
      const names = statement === null ? null : [statement.reviewer, ...statement.rows.map(({ reviewer }) => reviewer)];
      return {
        leaf,
        at,
        run,
        keep: decisions.keep,
        revoke: decisions.revoke,
        change: decisions.change,
        open: decisions.open,
        reviewer: names === null ? null : [...new Set(names)],
        preparer: statement?.preparer ?? null,
        complete: statement?.population.complete ?? null,
      };
    });
}

/** One row for each definition that changed since the period began, up to the checkpoint. */
export function readDefinitionChanges(ledger: Ledger, period: Period, size: number): ReportDefinitionChange[] {
  return ledger
    .definitionChanges()
    .filter(({ leaf, at, first }) => !first && leaf < size && at >= period.start)
    .flatMap(({ leaf, at, differences, explanation, approval }) => {
      const late = approval !== null && approval.leaf < size ? approval : null;
      const said = explanation ?? late;
      const told = (text: string | undefined) => (text === '' ? 'erased' : (text ?? null));
      const answer = { reason: told(said?.reason), requester: told(said?.requester), approver: told(said?.approver) };
      return differences.map((each): ReportDefinitionChange => {
        const before = sideOf(each.oldDigest, each.oldValue);
        const after = sideOf(each.newDigest, each.newValue);
        return { leaf, at, what: each.what, before, after, ...answer, approvedLaterAt: explanation === null ? (late?.at ?? null) : null };
      });
    });
}

/** A small value as it is, else the digest of the text; null where there was none. */
function sideOf(digest: string | null, value: DefinitionDifference['oldValue']): string | null {
  if (digest === null) return null;
  return value === null ? `SHA-256 ${digest}` : clip(JSON.stringify(value), 500);
}
