/**
 * Slots that were missed and made good by one run that came after them. The slot stays missed; the run fills in from when it read on, and
 * of the time between only that is unknown in which what was read before no longer held.
 */
import type { Timeline } from '../assessment/index.ts';
import type { Instant } from '../model/index.ts';
import type { ReportCatchUp, ReportRun } from './report-model.ts';

/** `runs`: by number. A report of one moment has no timeline, and says nothing of the time between. */
export function buildCatchUps(timeline: Timeline | undefined, runs: readonly ReportRun[]): readonly ReportCatchUp[] {
  if (timeline === undefined) return [];
  return runs.flatMap((missed, index): ReportCatchUp[] => {
    const { slot, slots, number } = missed;
    if (missed.status !== 'missed' || missed.place !== 'inside' || slot === null) return [];
    const run = catchUpOf(runs.slice(index + 1));
    if (run === undefined) return [];
    const at = run.observedAt ?? run.startedAt ?? run.plannedAt;
    return [{ slot, slots, missed: number, run: run.number, status: run.status, at, unknown: unknownBetween(timeline, slot, at) }];
  });
}

/** The first reading of the schedule that took no slot of its own, before one that did. */
function catchUpOf(later: readonly ReportRun[]): ReportRun | undefined {
  const read = later.find(({ kind, status }) => kind === 'scheduled' && (status === 'succeeded' || status === 'partial'));
  return read?.slot === null ? read : undefined;
}

function unknownBetween({ controls }: Timeline, from: Instant, to: Instant): ReportCatchUp['unknown'] {
  const spans = controls.map(({ segments }) =>
    segments.filter((segment) => segment.state === 'unknown' && segment.cause === 'expired' && segment.from < to && segment.to > from),
  );
  const all = spans.flat();
  if (all.length === 0) return null;
  const begins = all.map((segment) => (segment.from < from ? from : segment.from)).toSorted();
  const ends = all.map((segment) => (segment.to > to ? to : segment.to)).toSorted();
  return { from: begins[0] ?? from, to: ends.at(-1) ?? to, controls: spans.filter((own) => own.length > 0).length };
}
