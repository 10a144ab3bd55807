/** How well the runs cover a period: what was due, what came of it, and the longest time in which nothing was read. */
import type { Instant } from '../model/index.ts';
import type { TimelineCoverage, TimelineRun } from './timeline-model.ts';
import type { Placed } from './timeline-order.ts';

export interface Window {
  readonly from: number;
  /** Where the period or knowledge ends. */
  readonly until: number;
}

type Counted = 'succeeded' | 'partial' | 'failed' | 'missed' | 'open';
const best: readonly Counted[] = ['succeeded', 'partial', 'open', 'failed', 'missed'];

const counted: Readonly<Record<TimelineRun['status'], Counted>> = {
  succeeded: 'succeeded',
  partial: 'partial',
  failed: 'failed',
  interrupted: 'failed',
  missed: 'missed',
  planned: 'open',
  running: 'open',
};

/** `readings`: when something was read, in any order. */
export function coverageOf(
  runs: readonly TimelineRun[],
  due: readonly Instant[],
  readings: readonly Placed<unknown>[],
  { from, until }: Window,
): TimelineCoverage {
  const inside = (instant: Instant) => Date.parse(instant) >= from && Date.parse(instant) < until;
  const count: Record<Counted, number> = { succeeded: 0, partial: 0, failed: 0, missed: 0, open: 0 };
  // A slot that was tried again counts once, by its best run.
  const slots = new Map<number, Counted>();
  for (const run of runs.filter(({ kind }) => kind === 'scheduled')) {
    for (const slot of slotsOf(run)
      .filter(inside)
      .map((each) => Date.parse(each))) {
      const [before, now] = [slots.get(slot), counted[run.status]];
      if (before === undefined || best.indexOf(now) < best.indexOf(before)) slots.set(slot, now);
    }
  }
  for (const each of slots.values()) count[each] += 1;
  // Nobody was there to record it: the slot was missed all the same.
  const unrecorded = new Set(
    due
      .filter(inside)
      .map((slot) => Date.parse(slot))
      .filter((slot) => !slots.has(slot)),
  );
  count.missed += unrecorded.size;
  const expected = Object.values(count).reduce((sum, each) => sum + each, 0);
  const manual = runs.filter((run) => run.kind === 'manual' && inside(run.observedAt ?? run.startedAt)).length;
  const percent = expected === 0 ? null : Math.floor(((count.succeeded + count.partial) * 100) / expected);
  return { expected, ...count, manual, percent, longestGap: longestGap(readings, { from, until }), unrecorded: instantsOf(unrecorded) };
}

function instantsOf(times: ReadonlySet<number>): readonly Instant[] {
  return [...times].sort((a, b) => a - b).map((time) => new Date(time).toISOString());
}

/** A missed record may stand for several slots; a run of the schedule that came too late for its slot has none. */
function slotsOf(run: TimelineRun): readonly Instant[] {
  return run.missedSlots ?? (run.slot === null ? [] : [run.slot]);
}

function longestGap(readings: readonly Placed<unknown>[], { from, until }: Window): TimelineCoverage['longestGap'] {
  const inside = readings
    .filter((reading) => !reading.doubtful && reading.from >= from && reading.from < until)
    .map((reading) => reading.from);
  const marks = [from, ...inside.toSorted((a, b) => a - b), until];
  let longest: readonly [number, number] = [from, from];
  for (const [index, to] of marks.entries()) {
    const begin = marks[index - 1] ?? to;
    if (to - begin > longest[1] - longest[0]) longest = [begin, to];
  }
  return longest[1] > longest[0] ? { from: new Date(longest[0]).toISOString(), to: new Date(longest[1]).toISOString() } : null;
}
