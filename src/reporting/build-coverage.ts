/** Runs, how well they cover the time of the report, and what changed between the first and the last. */
import { type Instant, isComplete, type StoredListing, observedAt } from '../model/index.ts';
import { buildCatchUps } from './build-catch-ups.ts';
import type { ReadInput, ReportInputs, RunInput } from './report-inputs.ts';
import type { ReportChanges, ReportCoverage, ReportRun } from './report-model.ts';
import { isExcepted, shownOf, verdictsOf } from './verdict.ts';

export function describeRun({ summary, read, recordHash, slots = 1 }: RunInput, period: ReportInputs['period']): ReportRun {
  const started = summary.status !== 'planned' && summary.status !== 'missed';
  return {
    number: summary.number,
    kind: summary.kind,
    status: summary.status,
    plannedAt: summary.plannedAt,
    startedAt: started ? summary.startedAt : null,
    endedAt: summary.endedAt,
    slot: summary.slot,
    slots,
    observedAt: summary.observedAt,
    listings: { complete: read.complete, total: read.total },
    items: read.items,
    error: summary.error,
    auditIdPrefix: summary.uuid,
    clockSkewSeconds: read.clockSkewSeconds,
    leaf: summary.leaf,
    recordHash,
    place: placeOf(summary, period),
  };
}

export function describeRead(listings: readonly StoredListing[]): ReadInput {
  return {
    complete: listings.filter(isComplete).length,
    total: listings.length,
    items: listings.reduce((total, listing) => total + listing.items, 0),
    clockSkewSeconds: clockSkew(listings),
  };
}

/** By when its evidence was observed; a missed run by its slot. */
export function placeOf(run: RunInput['summary'], period: ReportInputs['period']): ReportRun['place'] {
  const at = observedAt(run);
  if (period === null || (at >= period.start && at < period.end)) return 'inside';
  return at < period.start ? 'before' : 'after';
}

/** A Date header has whole seconds and is written some time after the request arrived, so smaller differences say nothing. */
function clockSkew(listings: readonly StoredListing[]): number | null {
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
  if (inputs.judged !== null) {
    const { open, unrecorded: _unrecorded, ...coverage } = inputs.judged.timeline.coverage;
    return { ...coverage, failed: coverage.failed + open, catchUps: buildCatchUps(inputs.judged.timeline, runs) };
  }
  const slots = bestOfSlots(runs);
  const count = (...statuses: readonly string[]): number =>
    slots.reduce((sum, run) => sum + (statuses.includes(run.status) ? run.slots : 0), 0);
  const [succeeded, partial] = [count('succeeded'), count('partial')];
  const expected = slots.reduce((sum, run) => sum + run.slots, 0);
  return {
    expected,
    succeeded,
    partial,
    failed: count('failed', 'interrupted', 'planned', 'running'),
    missed: count('missed'),
    manual: runs.filter(({ kind }) => kind === 'manual').length,
    percent: expected === 0 ? null : Math.floor(((succeeded + partial) * 100) / expected),
    longestGap: longestGap(inputs, runs),
    catchUps: [],
  };
}

/** A slot that was tried again counts once, by its best run. A run of the schedule that came too late for its slot has none, and does not count. */
function bestOfSlots(runs: readonly ReportRun[]): readonly ReportRun[] {
  const rank = (run: ReportRun) => ['succeeded', 'partial'].indexOf(run.status) + 1 || 3;
  const slots = new Map<string, ReportRun>();
  for (const run of runs) {
    if (run.kind !== 'scheduled' || run.slot === null) continue;
    const best = slots.get(run.slot);
    if (best === undefined || rank(run) < rank(best)) slots.set(run.slot, run);
  }
  return [...slots.values()];
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
