/**
 * Times of failing: from the last good observation to the next good one. Bounds are what observations and named moments allow, and no
 * more: something began after it was last seen good, and not later than it was first seen bad. Unknown time neither ends a deviation nor
 * counts as failing.
 */
import { beginningOf, isUnproven, type Moment, type Observation, type Stretch } from './timeline-states.ts';

/** (after, by]; the same twice when the evidence names the moment. Milliseconds since 1970. */
export interface Bounds {
  readonly after: number | null;
  readonly by: number;
  readonly source: string | null;
}

export interface Deviation {
  readonly lastGood: Observation | null;
  readonly bad: readonly [Observation, ...Observation[]];
  readonly firstGood: Observation | null;
  readonly onset: Bounds;
  readonly end: Bounds | null;
  /** Milliseconds. */
  readonly least: number;
  readonly most: number | null;
}

/** `observations` in their order; `states` over all time that is known of. */
export function deviationsOf(observations: readonly Observation[], states: readonly Stretch[]): Deviation[] {
  const found: Deviation[] = [];
  let lastGood: Observation | null = null;
  let bad: Observation[] = [];
  const settle = (firstGood: Observation | null): void => {
    const [first, ...others] = bad;
    if (first !== undefined) found.push(describe(lastGood, [first, ...others], firstGood, states));
    bad = [];
  };
  for (const seen of observations) {
    if (seen.state === 'unknown' || isUnproven(seen)) continue;
    if (seen.state === 'fail') bad.push(seen);
    else {
      settle(seen);
      lastGood = seen;
    }
  }
  settle(null);
  return found;
}

function describe(
  lastGood: Observation | null,
  bad: readonly [Observation, ...Observation[]],
  firstGood: Observation | null,
  states: readonly Stretch[],
): Deviation {
  const [firstBad, lastBad] = [bad[0], bad.at(-1) ?? bad[0]];
  const onset = boundsOf(lastGood, firstBad, beginningOf(firstBad, lastGood));
  const end = firstGood === null ? null : boundsOf(lastBad, firstGood, beginningOf(firstGood, lastBad));
  const from = onset.by;
  const to = end === null || end.source === null ? lastBad.began : (end.after ?? lastBad.began);
  return {
    lastGood,
    bad,
    firstGood,
    onset,
    end,
    least: Math.max(0, to - from) - unknownIn(states, from, to),
    most: onset.after === null || end === null ? null : Math.max(0, end.by - onset.after),
  };
}

/** Of the change from what `before` saw to what `after` saw. A moment that is not of all that was found bounds it from one side only. */
function boundsOf(before: Observation | null, after: Observation, named: Moment | null): Bounds {
  if (named === null) return { after: before?.began ?? null, by: after.to, source: null };
  return { after: after.allExact ? named.at : (before?.began ?? null), by: named.at, source: named.source };
}

function unknownIn(states: readonly Stretch[], from: number, to: number): number {
  return states.reduce(
    (sum, each) => (each.state === 'unknown' ? sum + Math.max(0, Math.min(each.to, to) - Math.max(each.from, from)) : sum),
    0,
  );
}
