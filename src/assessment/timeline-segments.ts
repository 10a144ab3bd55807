/** Segments as a reader sees them: neighbouring stretches of one state joined, exceptions beside them, and what the time adds up to. */
import type { Instant } from '../model/index.ts';
import type { Window } from './timeline-coverage.ts';
import type { PeriodVerdict, TimelineException, TimelineSegment, TimelineState } from './timeline-model.ts';
import type { Stretch } from './timeline-states.ts';

export interface MissedRun {
  readonly run: number;
  readonly slots: readonly number[];
}

interface Draft extends Omit<TimelineSegment, 'from' | 'to' | 'lastRun'> {
  readonly from: number;
  to: number;
  lastRun: number | null;
}

/** Without gaps over the window. */
export function segmentsOf(
  stretches: readonly Stretch[],
  exceptions: readonly TimelineException[],
  missed: readonly MissedRun[],
  { from, until }: Window,
): TimelineSegment[] {
  const drafts: Draft[] = [];
  for (const stretch of stretches) {
    const [begin, end] = [Math.max(stretch.from, from), Math.min(stretch.to, until)];
    if (begin >= end) continue;
    for (const next of split(stretch, begin, end, exceptions)) {
      const last = drafts.at(-1);
      if (last === undefined || !joins(last, next)) drafts.push(next);
      else {
        last.to = next.to;
        last.lastRun = next.lastRun ?? last.lastRun;
      }
    }
  }
  return drafts.map((draft): TimelineSegment => {
    const missedSince = draft.state === 'unknown' ? missedBefore(draft, stretches, missed) : [];
    return Object.assign({}, draft, { missed: missedSince, from: instantOf(draft.from), to: instantOf(draft.to) });
  });
}

/** Of unknown time only what has one reason is joined. */
function joins(last: Draft, next: Draft): boolean {
  if (last.state !== next.state || last.excepted !== next.excepted || last.exceptions.join() !== next.exceptions.join()) return false;
  return last.state !== 'unknown' || (last.cause === next.cause && (last.cause !== 'expired' || last.run === next.run));
}

/** At the moments at which an exception for an item that fails begins or ends. */
function split(stretch: Stretch, from: number, to: number, exceptions: readonly TimelineException[]): Draft[] {
  const { state, cause, run, source, gaps, items } = stretch;
  const own = state === 'fail' ? exceptions.filter(({ item }) => items.has(item)) : [];
  if (own.length === 0) return [{ from, to, state, cause, run, lastRun: run, source, gaps, missed: [], exceptions: [], excepted: 'none' }];
  const times = own.flatMap((each) => [Date.parse(each.from), Date.parse(each.to)]).filter((time) => time > from && time < to);
  const marks = [from, ...new Set(times.sort((a, b) => a - b)), to];
  return marks.slice(1).map((end, index): Draft => {
    const begin = marks[index] as number;
    const inForce = own.filter((each) => Date.parse(each.from) <= begin && Date.parse(each.to) > begin);
    const covered = new Set(inForce.map(({ item }) => item));
    const excepted = covered.size === 0 ? 'none' : covered.size === items.size ? 'all' : 'some';
    const ids = [...new Set(inForce.map(({ id }) => id))].sort();
    return { from: begin, to: end, state, cause, run, lastRun: run, source, gaps, missed: [], exceptions: ids, excepted };
  });
}

/** Missed since the last run that is heard of: they would have ended the unknown. */
function missedBefore({ run, from, to }: Draft, stretches: readonly Stretch[], missed: readonly MissedRun[]): number[] {
  const since = stretches.find((stretch) => run !== null && stretch.run === run)?.from ?? from;
  return missed.filter(({ slots }) => slots.some((slot) => slot >= since && slot < to)).map((each) => each.run);
}

const states: readonly TimelineState[] = ['pass', 'fail', 'unknown', 'manual', 'providerResponsibility', 'notApplicable'];

/** Milliseconds in each state. */
export function timeIn(segments: readonly TimelineSegment[]): Record<TimelineState, number> {
  const time = Object.fromEntries(states.map((state) => [state, 0])) as Record<TimelineState, number>;
  for (const { from, to, state } of segments) time[state] += Date.parse(to) - Date.parse(from);
  return time;
}

/** Tenths of a percent that add up to 100; what is there is never 0, what is not everything never 100. Of no time at all: zeros. */
export function percentages(time: Readonly<Record<TimelineState, number>>): Record<TimelineState, number> {
  const total = states.reduce((sum, state) => sum + time[state], 0);
  const present = states.filter((state) => time[state] > 0);
  const exact = (state: TimelineState) => (time[state] / total) * 1000;
  const tenths = new Map(present.map((state) => [state, Math.max(1, Math.floor(exact(state)))]));
  const byRest = present.toSorted((a, b) => exact(b) - (tenths.get(b) ?? 0) - (exact(a) - (tenths.get(a) ?? 0)));
  let rest = 1000 - [...tenths.values()].reduce((sum, each) => sum + each, 0);
  // Below zero where tiny shares were raised to 0.1: the largest gives.
  const largest = present.toSorted((a, b) => time[b] - time[a])[0];
  for (const state of rest > 0 ? byRest : []) {
    if (rest === 0) break;
    tenths.set(state, (tenths.get(state) ?? 0) + 1);
    rest -= 1;
  }
  if (largest !== undefined && rest < 0) tenths.set(largest, (tenths.get(largest) ?? 0) + rest);
  return Object.fromEntries(states.map((state) => [state, (tenths.get(state) ?? 0) / 10])) as Record<TimelineState, number>;
}

/** Of a period in which nothing failed. No time known, or none at all: no coverage. */
export function verdictOf(time: Readonly<Record<TimelineState, number>>): PeriodVerdict {
  if (time.fail > 0) return 'deviation';
  if (time.unknown > 0) return 'insufficientCoverage';
  if (time.manual > 0) return 'manual';
  if (time.providerResponsibility > 0) return 'providerResponsibility';
  if (time.pass > 0) return 'noDeviation';
  return time.notApplicable > 0 ? 'notApplicable' : 'insufficientCoverage';
}

function instantOf(time: number): Instant {
  return new Date(time).toISOString();
}
