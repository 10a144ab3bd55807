/**
 * Holds and erasure, as the command line asks for them: parses what is named, opens the ledger, and signs the log afterwards, so that an
 * erasure is under a checkpoint before anybody reads that it was done.
 */
import { type ErasurePlan, type ErasureReport, type ErasureRequest, type Hold, type Ledger, type NewHold } from '../../ledger/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { parseInstant } from '../assess/assess.ts';
import { type Config, pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { retentionOf } from '../keys/keeping.ts';
import { openLedgerForReading, openLedgerForWriting, writeToLedger } from '../open-ledger.ts';

export interface EraseOptions {
  readonly cluster?: string | undefined;
  /** `Kind/namespace/name`, or `Kind/name`. */
  readonly objects: readonly string[];
  readonly ids: readonly string[];
  readonly payloads: readonly number[];
  readonly persons: readonly string[];
  readonly expired: boolean;
  readonly before?: string | undefined;
  readonly assessments: boolean;
  readonly legalBasis?: string | undefined;
  readonly requester?: string | undefined;
  readonly approver?: string | undefined;
  readonly overrideRetention: boolean;
}

export interface HoldOptions {
  readonly cluster?: string | undefined;
  readonly run?: number | undefined;
  /** RFC 3339, or a day. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly reason: string;
  readonly by: string;
}

/** What would go. */
export function planErasure(context: AppContext, config: Config, options: EraseOptions): ErasurePlan {
  return reading(context, config, (ledger) => ledger.planErasure(requestOf(ledger, config, options), retentionOf(config)));
}

export async function erase(context: AppContext, config: Config, options: EraseOptions): Promise<ErasureReport> {
  const { legalBasis = '', requester = '', approver = '', overrideRetention } = options;
  const ledger = await openLedgerForWriting(context, config);
  try {
    const order = { legalBasis, requester, approver, overrideRetention };
    const report = ledger.erase(requestOf(ledger, config, options), retentionOf(config), order);
    ledger.checkpoint();
    return report;
  } finally {
    ledger.close();
  }
}

export async function placeHold(context: AppContext, config: Config, options: HoldOptions): Promise<Hold> {
  const { cluster, run, from, to, reason, by } = options;
  const refuse = (message: string, next: string) => new KubevidenceError('usage', message, { next });
  if (run !== undefined && (from !== undefined || to !== undefined))
    throw refuse('a hold is on a run or on a period, not on both', 'Leave --run or --from and --to out.');
  if (run !== undefined && cluster === undefined) throw refuse('--run needs the cluster whose run it is', 'Name it: --cluster');
  const period = from === undefined && to === undefined ? null : { from: bound(from, '0001-01-01'), to: bound(to, '9999-12-31') };
  if (period !== null && period.from >= period.to) throw refuse('the period ends before it begins', 'Give --from before --to.');
  const runs = run === undefined ? null : { from: run, to: run };
  const hold: NewHold = { scope: { cluster: cluster ?? null, runs, period }, ...requireReason(reason, by) };
  return writeToLedger(context, config, (ledger) => {
    if (cluster !== undefined) requireCluster(ledger, config, cluster);
    if (cluster !== undefined && run !== undefined && ledger.run(cluster, run) === undefined)
      throw refuse(`there is no run ${run} of ${visible(cluster)}`, 'See the runs: kubevidence ledger status');
    return ledger.placeHold(hold);
  });
}

export async function releaseHold(
  context: AppContext,
  config: Config,
  { id, reason, by }: { readonly id: string; readonly reason: string; readonly by: string },
): Promise<Hold> {
  return writeToLedger(context, config, (ledger) => ledger.releaseHold({ id, ...requireReason(reason, by) }));
}

export function listHolds(context: AppContext, config: Config): Hold[] {
  return reading(context, config, (ledger) => ledger.holds());
}

function requestOf(ledger: Ledger, config: Config, options: EraseOptions): ErasureRequest {
  const { objects, ids, payloads, persons, expired, before, assessments } = options;
  if (objects.length + ids.length + payloads.length + persons.length === 0 && !expired) {
    throw new KubevidenceError('usage', 'say what to erase', {
      next: "Name it: --object 'Kind/namespace/name', --id ID, --person NAME, --payload RECORD or --expired",
    });
  }
  const blank = persons.find((name) => name.trim() === '');
  if (blank !== undefined) throw new KubevidenceError('usage', 'a person needs a name', { next: 'Give --person NAME.' });
  for (const id of ids) {
    if (!/^[0-9a-f]{64}$/.test(id))
      throw new KubevidenceError('usage', `${visible(id)} is no id`, {
        next: 'An id has 64 hexadecimal digits; findings and exhibits name them.',
      });
  }
  return {
    cluster: requireCluster(ledger, config, options.cluster),
    objects: objects.map(objectName),
    ids,
    payloads,
    persons,
    expired,
    before: before === undefined ? null : parseInstant(before),
    assessments,
  };
}

/** Of the configuration, or one that only the ledger still knows. */
function requireCluster(ledger: Ledger, config: Config, cluster: string | undefined): string {
  const known = cluster !== undefined && ledger.clusters().some(({ name }) => name === cluster);
  return known ? cluster : pickCluster(config, cluster).name;
}

function objectName(text: string) {
  const parts = text.split('/');
  const [type = '', namespace, name] = parts.length === 2 ? [parts[0], '', parts[1]] : parts;
  if (parts.length > 3 || type === '' || name === undefined || name === '' || namespace === undefined)
    throw new KubevidenceError('usage', `${visible(text)} names no object`, {
      next: "Write it as Kind/namespace/name, e.g. 'RoleBinding/clinic/readers', or Kind/name.",
    });
  return { type, namespace, name };
}

function requireReason(reason: string, by: string): { readonly reason: string; readonly by: string } {
  if (reason.trim() !== '' && by.trim() !== '') return { reason, by };
  throw new KubevidenceError('usage', 'a hold is placed and released by somebody, for a reason', {
    next: 'Give --reason TEXT and --by NAME.',
  });
}

function bound(text: string | undefined, open: string): string {
  return parseInstant(text ?? open);
}

function reading<T>({ clock }: AppContext, { ledgerPath }: Config, act: (ledger: Ledger) => T): T {
  const ledger = openLedgerForReading({ clock }, { ledgerPath });
  try {
    return act(ledger);
  } finally {
    ledger.close();
  }
}
