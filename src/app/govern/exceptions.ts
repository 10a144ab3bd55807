/**
 * The exceptions that management decided: requested, approved by another person, revoked, listed. Each step is one signed record. What an
 * exception is for need not exist now; then it is said, because it would label nothing.
 */
import { countLabelled, type ExceptionStatus, exceptionStatus } from '../../assessment/index.ts';
import { type Ledger, type StoredException } from '../../ledger/index.ts';
import { type Instant, KubevidenceError, visible } from '../../model/index.ts';
import { parseInstant } from '../assess/assess.ts';
import { type Config, pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { openLedgerForReading, writeToLedger } from '../open-ledger.ts';
import { parsePeriod } from '../period.ts';

export interface ExceptionOrder {
  readonly cluster?: string | undefined;
  readonly control: string;
  readonly item: string;
  /** RFC 3339, or a date: the last day on which it holds, in the organization's timezone. */
  readonly expires: string;
  readonly reason: string;
  readonly compensatingControl?: string | undefined;
  readonly ticket?: string | undefined;
  readonly requester: string;
}

export interface ListedException extends StoredException {
  readonly status: ExceptionStatus;
  /** Findings of the latest assessment that it labels; null where nothing was assessed since it was approved. */
  readonly labelled: number | null;
}

/** Longest text of each kind; what is longer belongs into the ticket. */
const longestText = 4000;

export async function addException(
  context: AppContext,
  config: Config,
  order: ExceptionOrder,
): Promise<{ readonly exception: StoredException; readonly warning: string | null }> {
  const cluster = pickCluster(config, order.cluster).name;
  const expires = expiryOf(order.expires, config.timezone);
  const { control, item } = order;
  return writeToLedger(context, config, (ledger) => {
    const exception = ledger.requestException({
      cluster,
      control: requireText('a control', control, 200),
      item: requireText('an item', item),
      expires,
      justification: requireText('--reason', order.reason),
      compensatingControl:
        order.compensatingControl === undefined ? null : requireText('--compensating-control', order.compensatingControl),
      ticket: order.ticket === undefined ? null : requireText('--ticket', order.ticket, 200),
      requester: requireText('--requester', order.requester, 200),
    });
    return { exception, warning: warningOf(ledger, cluster, control, item) };
  });
}

export function approveException(context: AppContext, config: Config, id: string, approver: string): Promise<StoredException> {
  const name = requireText('--approver', approver, 200);
  return writeToLedger(context, config, (ledger) => ledger.approveException({ id, approver: name }));
}

export function revokeException(
  context: AppContext,
  config: Config,
  id: string,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<StoredException> {
  const said = { id, reason: requireText('--reason', reason), by: requireText('--by', by, 200) };
  return writeToLedger(context, config, (ledger) => ledger.revokeException(said));
}

/** Of the named cluster, or of all, with their state now. */
export function listExceptions(context: AppContext, config: Config, cluster: string | undefined): readonly ListedException[] {
  const clusters = cluster === undefined ? config.clusters : [pickCluster(config, cluster)];
  const ledger = openLedgerForReading(context, config);
  try {
    const now = context.clock().toISOString();
    return clusters.flatMap(({ name }) => {
      const latest = latestAssessment(ledger, name);
      const labelled = latest === undefined ? new Map<string, number>() : countLabelled(latest.assessment);
      return Array.from(ledger.exceptions(name), (exception): ListedException => {
        const isJudged = latest !== undefined && exception.approved !== null && exception.approved.leaf < latest.leaf;
        return { ...exception, status: exceptionStatus(exception, now), labelled: isJudged ? (labelled.get(exception.id) ?? 0) : null };
      });
    });
  } finally {
    ledger.close();
  }
}

/** The latest assessment of the cluster's latest assessed run. */
function latestAssessment(ledger: Ledger, cluster: string) {
  for (const { number, status } of ledger.runs(cluster).toReversed()) {
    const assessment = status === 'succeeded' || status === 'partial' ? ledger.assessments(cluster, number).at(-1) : undefined;
    if (assessment !== undefined) return assessment;
  }
  return undefined;
}

function warningOf(ledger: Ledger, cluster: string, control: string, item: string): string | null {
  const latest = latestAssessment(ledger, cluster);
  if (latest === undefined) return 'nothing was assessed yet, so nobody knows whether there is such an item';
  const result = latest.assessment.controls.find(({ id }) => id === control);
  if (result === undefined) return `for a control that is gone: run ${latest.run} was assessed without ${visible(control)}`;
  if (result.findings.some((finding) => finding.item === item)) return null;
  return `for an item that is gone, or passes: ${control} of run ${latest.run} has no finding for ${visible(item)}`;
}

function expiryOf(text: string, timezone: string): Instant {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return parseInstant(text);
  const first = Date.parse(`${text}T00:00:00Z`);
  const next = Number.isNaN(first) ? text : new Date(first + 86_400_000).toISOString().slice(0, 10);
  try {
    return parsePeriod(`${text}/${next}`, timezone).end;
  } catch {
    throw new KubevidenceError('usage', `${visible(text)} is not a day`, {
      next: 'Write the last day on which it holds, like 2026-12-31.',
    });
  }
}

/** Trimmed; throws `usage` for text that is empty or too long. */
export function requireText(what: string, text: string, longest = longestText): string {
  const trimmed = text.trim();
  if (trimmed === '') throw new KubevidenceError('usage', `${what} is empty`);
  if (trimmed.length > longest) throw new KubevidenceError('usage', `${what} has ${trimmed.length} characters; ${longest} is the most`);
  return trimmed.toWellFormed();
}
