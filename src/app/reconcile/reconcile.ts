/**
 * The ledger and the cluster's own audit log, held against each other both ways. Every request of a run has an Audit-ID that only that run
 * uses, so the server's log tells of runs that this ledger does not know (a second ledger, or runs that were left out), of runs that claim
 * requests the server never saw, and of the collector's credentials in other hands. It judges only the time that the audit log covers, and
 * says what it does not cover.
 */
import { type Instant, KubevidenceError, visible } from '../../model/index.ts';
import { parseAuditId } from '../audit-ids.ts';
import { type Claims, readClaims, type Span } from './audit-claims.ts';
import { type AuditLogSummary, emptySummary, readAuditLog } from './audit-log.ts';
import { createTally, type OtherRequests, type Tally, type UnknownRun, type UnrecordedCheck } from './audit-tally.ts';
import type { AppContext } from '../context.ts';
import { openLedgerForReading } from '../open-ledger.ts';

export interface ReconcileOptions {
  readonly ledgerPath: string;
  /** Parts of one cluster's audit log, in any order. */
  readonly files: readonly string[];
  /** Default: the only one of the ledger. */
  readonly cluster?: string | undefined;
  /** Half-open. Default: from the first to the last request in the log. */
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
}

export interface RunMatch {
  readonly run: number;
  /** Under which its requests stand in the audit log; not the run's own for a replayed recording. */
  readonly uuid: string;
  readonly status: string;
  /** Requests that the run says were answered. */
  readonly claimed: number;
  /** Requests with its Audit-IDs in the log. */
  readonly seen: number;
  /** What does not fit: sentences that are safe to print. */
  readonly problems: readonly string[];
}

export interface Reconciliation {
  readonly schema: 'kubevidence/reconciliation/v1';
  readonly cluster: string;
  readonly verdict: 'matched' | 'incomplete' | 'mismatched';
  /** What was compared. */
  readonly span: { readonly from: Instant; readonly to: Instant };
  readonly auditLog: AuditLogSummary & { readonly files: readonly string[] };
  /** User names that the collector had in the runs of this ledger. */
  readonly collectors: readonly string[];
  readonly runs: readonly RunMatch[];
  /** With Audit-IDs as ours, by the collector's user, of no run of this ledger. */
  readonly unknownRuns: readonly UnknownRun[];
  /** With Audit-IDs as our checks have them, by the collector's user: they leave nothing in a ledger, and only read. */
  readonly checks: readonly UnrecordedCheck[];
  /** By the collector's user, without an Audit-ID of ours. */
  readonly otherRequests: readonly OtherRequests[];
  /** What is wrong, what could not be compared, and what else to know: sentences that are safe to print. */
  readonly problems: readonly string[];
  readonly gaps: readonly string[];
  readonly notes: readonly string[];
}

/** A server that logs is rarely silent for longer. */
const silenceMs = 15 * 60_000;

/** Asked for the UID of kube-system before anything is listed. */
const identityPath = '/api/v1/namespaces';

/** Throws `usage` for a cluster or file that is not there, `input` for a file that is no audit log. */
export async function reconcile(context: Pick<AppContext, 'clock'>, options: ReconcileOptions): Promise<Reconciliation> {
  const { files, from, to } = options;
  if (from !== undefined && to !== undefined && from >= to)
    throw new KubevidenceError('usage', `there is no time between ${from} and ${to}`, { next: 'Give --from before --to.' });
  const now = context.clock().toISOString();
  const ledger = openLedgerForReading(context, options);
  try {
    const names = ledger.clusters().map(({ name }) => name);
    const cluster = pick(names, options.cluster);
    const claims = readClaims(ledger, cluster, { now, from, to });
    const others = new Map(ledger.runs().flatMap((run) => (run.cluster === cluster ? [] : [[run.uuid, run] as const])));
    const collectors = new Set([...claims.values()].flatMap(({ actor }) => actor ?? []));
    const tally = createTally(claims, others, collectors);
    const summary = emptySummary();
    const interest = {
      users: collectors,
      isOurs: (id: string) => parseAuditId(id) !== undefined,
      onEvent: (event: Parameters<Tally['take']>[0]) => {
        if ((from === undefined || event.received >= from) && (to === undefined || event.received < to)) tally.take(event);
      },
    };
    for (const file of files) await readAuditLog(file, interest, summary);
    const span = { from: from ?? summary.first ?? now, to: to ?? summary.last ?? now };
    const compared = compareRuns(claims, tally, span, coveredBy(summary, span));
    const problems = [...compared.matches.flatMap(({ problems: own }) => own), ...findStrangers(tally)];
    const gaps = [...findGaps(summary, { from, to, now }), ...compared.gaps];
    if (collectors.size === 0) gaps.push('no run says as whom it was let in, so other requests of the collector cannot be found');
    if (tally.dropped > 0) gaps.push(`${tally.dropped} events were too many to be listed`);
    return {
      schema: 'kubevidence/reconciliation/v1',
      cluster,
      verdict: problems.length > 0 ? 'mismatched' : gaps.length > 0 ? 'incomplete' : 'matched',
      span,
      auditLog: { files, ...summary },
      collectors: [...collectors].sort(),
      runs: compared.matches,
      unknownRuns: tally.unknownRuns(),
      checks: tally.checks(),
      otherRequests: tally.otherRequests(),
      problems,
      gaps,
      notes: [...compared.notes, ...describeChecks(tally.checks())],
    };
  } finally {
    ledger.close();
  }
}

function pick(names: readonly string[], wanted: string | undefined): string {
  const found = wanted === undefined && names.length === 1 ? names[0] : names.find((name) => name === wanted);
  if (found !== undefined) return found;
  const message = wanted === undefined ? `the ledger has runs of ${names.length} clusters` : `the ledger has no run of ${visible(wanted)}`;
  throw new KubevidenceError('usage', message, {
    next: names.length === 0 ? 'Collect first: kubevidence collect' : `Name one: --cluster ${visible(names.join('|'))}`,
  });
}

/** The time in which a run's requests must be in the log. */
function coveredBy({ first, last }: AuditLogSummary, span: Reconciliation['span']): Span {
  const later = (a: string, b: string | null) => Math.max(Date.parse(a), b === null ? Number.POSITIVE_INFINITY : Date.parse(b));
  const earlier = (a: string, b: string | null) => Math.min(Date.parse(a), b === null ? Number.NEGATIVE_INFINITY : Date.parse(b));
  return { from: later(span.from, first), to: earlier(span.to, last) };
}

function compareRuns(claims: ReadonlyMap<string, Claims>, tally: Tally, span: Reconciliation['span'], covered: Span) {
  const matches: RunMatch[] = [];
  const [notes, gaps]: [string[], string[]] = [[], []];
  const unlogged = new Set<string>();
  const asked = { from: Date.parse(span.from), to: Date.parse(span.to) };
  let [judged, uncovered, partly] = [0, 0, 0];
  for (const [uuid, claim] of claims) {
    const { run, paths, core } = claim;
    const { requests } = tally.seen(uuid);
    const claimed = [...paths.values()].reduce((sum, { count }) => sum + count, 0);
    const whole = claimed > 0 && core.from >= covered.from && core.to <= covered.to;
    if (whole) judged++;
    else if (claimed > 0 && core.from >= asked.from && core.to < asked.to) uncovered++;
    else if (requests.size > 0) partly++;
    if (requests.size === 0 && !whole) continue;
    const problems = [...wrongOf(claim, uuid, tally), ...(whole ? missingOf(claim, uuid, claimed, tally, unlogged) : [])];
    matches.push({ run: run.number, uuid, status: run.status, claimed, seen: requests.size, problems });
  }
  if (unlogged.size > 0)
    notes.push(`the log shows no request of any run for ${some([...unlogged])}: its policy leaves them out, or somebody did`);
  if (partly > 0)
    notes.push(`${count(partly, 'run')} cannot be searched for missing requests: cut short, or only partly in the time compared`);
  if (uncovered > 0) gaps.push(`${count(uncovered, 'run')} of the time asked for outside of what the log covers`);
  if (judged === 0) gaps.push('no run of this ledger lies wholly in the time compared, so none is confirmed');
  return { matches, notes, gaps };
}

/** What the log says under the run's Audit-IDs and the run does not. */
function wrongOf({ run, paths }: Claims, uuid: string, tally: Tally): string[] {
  const { requests, wrong } = tally.seen(uuid);
  const name = `run ${run.number}`;
  const problems = [...wrong].map(([what, events]) => `${count(events, 'event')} with the Audit-IDs of ${name}: ${what}`);
  for (const [path, { numbers }] of paths) {
    for (const number of numbers) {
      const seen = requests.get(number);
      if (seen !== undefined && seen.path !== path)
        problems.push(`request ${number} of ${name} asked for ${visible(path)}, and the log says for ${visible(seen.path)}`);
    }
  }
  // A run that was cut short cannot tell of all that it asked.
  if (run.status !== 'succeeded' && run.status !== 'partial') return problems;
  const unclaimed = [...requests.values()].filter(
    ({ path, verb }) => /^\/apis?\//.test(path) && verb !== 'create' && path !== identityPath && !paths.has(path),
  );
  if (unclaimed.length > 0 && paths.size > 0)
    problems.push(
      `${name} does not tell of ${count(unclaimed.length, 'request')} that the log has: ${some(unclaimed.map(({ path }) => path))}`,
    );
  return problems;
}

/** What the run says and the log does not. A path that the log has of no run at all is not logged by its policy. */
function missingOf({ run, paths }: Claims, uuid: string, claimed: number, tally: Tally, unlogged: Set<string>): string[] {
  const { requests } = tally.seen(uuid);
  const seen = Map.groupBy(requests.values(), ({ path }) => path);
  if (requests.size === 0)
    return [
      `run ${run.number} (${run.startedAt}) says that the server answered ${count(claimed, 'request')}, and the log has none of them`,
    ];
  return [...paths].flatMap(([path, { count: answers }]) => {
    const found = seen.get(path)?.length ?? 0;
    if (found >= answers) return [];
    if (tally.paths.has(path))
      return [`run ${run.number} says that ${visible(path)} was answered ${count(answers, 'time')}, and the log has ${found}`];
    unlogged.add(path);
    return [];
  });
}

/** What no run of the cluster explains. */
function findStrangers(tally: Tally): string[] {
  const unknown = tally
    .unknownRuns()
    .map(
      ({ uuid, user, requests, first, last }) =>
        `${count(requests, 'request')} by ${visible(user)} from ${first} to ${last} with Audit-IDs of the run ${uuid}, which this ledger does not have: another ledger, or a run that was left out`,
    );
  const other = tally.otherRequests();
  const sum = other.reduce((total, { requests }) => total + requests, 0);
  const named = [...new Set(other.map(({ user }) => user))];
  const stray = [...tally.strayRuns].map((run) => `run ${run.number} of ${visible(run.cluster)} has its requests in this cluster's log`);
  if (sum > 0)
    unknown.push(
      `${count(sum, 'request')} by ${some(named)} without an Audit-ID of a run: somebody used the collector's credentials for other things`,
    );
  return [...unknown, ...stray];
}

/** One for each user. */
function describeChecks(checks: readonly UnrecordedCheck[]): string[] {
  return [...Map.groupBy(checks, ({ user }) => user)].map(([user, own]) => {
    const requests = own.reduce((sum, each) => sum + each.requests, 0);
    const [first] = own.map((each) => each.first).toSorted();
    const last = own
      .map((each) => each.last)
      .toSorted()
      .at(-1);
    const distinct = new Set(own.map(({ uuid }) => uuid)).size;
    return `${count(distinct, 'check')} (\`doctor\`, \`collect --dry-run\`) with ${count(requests, 'request')} by ${visible(user)} from ${first} to ${last}: no ledger has them, and whoever has these credentials can give requests this name, so somebody should answer for each`;
  });
}

function findGaps(
  { first, last, unreadable, firstUnreadable }: AuditLogSummary,
  { from, to, now }: { readonly from: Instant | undefined; readonly to: Instant | undefined; readonly now: Instant },
): string[] {
  const gaps: string[] = [];
  const at = firstUnreadable === null ? '' : `, the first in line ${firstUnreadable.line} of ${visible(firstUnreadable.file)}`;
  if (unreadable > 0) gaps.push(`${count(unreadable, 'line')} cannot be read as audit events${at}`);
  const end = to === undefined || to < now ? to : now;
  if (from !== undefined && first !== null && Date.parse(first) > Date.parse(from) + silenceMs)
    gaps.push(`the log begins at ${first}, after ${from}`);
  if (end !== undefined && last !== null && Date.parse(last) < Date.parse(end) - silenceMs)
    gaps.push(`the log ends at ${last}, before ${end}`);
  return gaps;
}

function count(many: number, noun: string): string {
  return `${many} ${noun}${many === 1 ? '' : 's'}`;
}

/** Three of them, and how many more. */
function some(names: readonly string[]): string {
  const distinct = [...new Set(names)];
  const more = distinct.length > 3 ? ` and ${distinct.length - 3} more` : '';
  return `${distinct.slice(0, 3).map(visible).join(', ')}${more}`;
}
