/** Runs, how well they cover the time of the report, and what changed between the first and the last. */
import { type Instant, isComplete } from '../model/index.ts';
import type { ReportInputs, RunInput } from './report-inputs.ts';
import type { ReportChanges, ReportCoverage, ReportRun } from './report-model.ts';
import { isExcepted, shownOf, verdictsOf } from './verdict.ts';

export function describeRun({ summary, listings, recordHash }: RunInput): ReportRun {
  const started = summary.status !== 'planned' && summary.status !== 'missed';
  return {
    number: summary.number,
    kind: summary.kind,
    status: summary.status,
    plannedAt: summary.plannedAt,
    startedAt: started ? summary.startedAt : null,
    endedAt: summary.endedAt,
    slot: summary.slot,
    observedAt: summary.observedAt,
    listings: { complete: listings.filter(isComplete).length, total: listings.length },
    items: listings.reduce((total, listing) => total + listing.items, 0),
    error: summary.error,
    auditIdPrefix: summary.uuid,
    clockSkewSeconds: clockSkew(listings),
    leaf: summary.leaf,
    recordHash,
  };
}

/** A Date header has whole seconds and is written some time after the request arrived, so smaller differences say nothing. */
function clockSkew(listings: RunInput['listings']): number | null {
  const differences = listings.flatMap((listing) =>
    listing.requests.flatMap(({ serverDate, startedAt, endedAt }) => {
      const server = serverDate === undefined ? Number.NaN : Date.parse(serverDate);
      if (Number.isNaN(server)) return [];
      const [from, to] = [Date.parse(startedAt), Date.parse(endedAt)];
      const difference = server > to ? server - to : Math.min(0, server + 999 - from);
      return [Math.trunc(difference / 1000)];
    }),
  );
  return differences.length === 0 ? null : differences.reduce((worst, next) => (Math.abs(next) > Math.abs(worst) ? next : worst));
}

export function buildCoverage(inputs: ReportInputs, runs: readonly ReportRun[]): ReportCoverage {
  const scheduled = runs.filter((run) => run.kind === 'scheduled');
  const count = (...statuses: readonly string[]): number => scheduled.filter((run) => statuses.includes(run.status)).length;
  const [succeeded, partial] = [count('succeeded'), count('partial')];
  const expected = scheduled.length;
  return {
    expected,
    succeeded,
    partial,
    failed: count('failed', 'interrupted', 'planned', 'running'),
    missed: count('missed'),
    manual: runs.length - scheduled.length,
    percent: expected === 0 ? null : Math.floor(((succeeded + partial) * 100) / expected),
    longestGap: longestGap(inputs, runs),
  };
}

/** Between the ends of runs that read something; in a period also before the first and after the last, up to the checkpoint. */
function longestGap(inputs: ReportInputs, runs: readonly ReportRun[]): ReportCoverage['longestGap'] {
  const read = runs
    .filter((run) => run.endedAt !== null && (run.status === 'succeeded' || run.status === 'partial'))
    .map((run): Instant => run.observedAt ?? run.endedAt ?? run.plannedAt)
    .toSorted();
  const { period, checkpoint } = inputs;
  const marks =
    period === null
      ? read
      : [period.start, ...read.filter((time) => time >= period.start), period.end < checkpoint.time ? period.end : checkpoint.time];
  let longest: { from: Instant; to: Instant } | null = null;
  for (const [index, to] of marks.entries()) {
    const from = marks[index - 1];
    if (from === undefined || to <= from) continue;
    if (longest === null || Date.parse(to) - Date.parse(from) > Date.parse(longest.to) - Date.parse(longest.from)) longest = { from, to };
  }
  return longest;
}

export function buildChanges(inputs: ReportInputs): ReportChanges | null {
  const { first, assessment: last, definition } = inputs;
  if (first === null || first.assessment.run === null || last.run === null) return null;
  const verdicts = verdictsOf(definition, 'benchmark');
  const before = new Map(first.assessment.controls.map((control) => [control.id, control]));
  const after = new Map(last.controls.map((control) => [control.id, control]));
  const outcomes = [...new Set([...before.keys(), ...after.keys()])].toSorted().flatMap((id) => {
    const [was, is] = [before.get(id), after.get(id)];
    const [wasVerdict, isVerdict] = [was, is].map((control) =>
      control === undefined ? null : verdicts[shownOf(control.outcome, isExcepted(control))],
    );
    if (wasVerdict?.shown === isVerdict?.shown) return [];
    return [{ control: id, title: (is ?? was)?.title ?? '', before: wasVerdict ?? null, after: isVerdict ?? null }];
  });
  return { fromRun: first.assessment.run.number, toRun: last.run.number, outcomes, objects: first.objects };
}
