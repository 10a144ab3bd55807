/**
 * States over time from observations. An observation holds until the next one, at most for its time to live; an attempt that read nothing
 * ends what held; a moment that the evidence names moves the beginning back, never behind what an earlier observation saw. An observation
 * of doubtful time sets no state: where it says otherwise, the state is unknown.
 */
import type { Gap } from '../model/index.ts';
import type { TimelineCause, TimelineState } from './timeline-model.ts';

/** Milliseconds since 1970. */
export interface Moment {
  readonly at: number;
  readonly source: string;
}

/** What one attempt says of a control or an item. */
export interface Observation {
  readonly run: number;
  /** See {@link Placed}. */
  readonly from: number;
  readonly to: number;
  /** What came to be since may not have been seen; at most `from`. */
  readonly began: number;
  readonly doubtful: boolean;
  readonly state: TimelineState;
  /** Why it is unknown. */
  readonly cause: TimelineCause;
  /** The state no longer holds from here on; never, where it is unknown. */
  readonly expires: number;
  /** Before this moment it proves nothing but a failure. */
  readonly provenFrom: number;
  /** Moments that the evidence names for what was found; of a pass, for the whole. */
  readonly since: readonly Moment[];
  /** Whether all that was found has such a moment. */
  readonly allExact: boolean;
  readonly gaps: readonly Gap[];
  readonly items: FailingItems;
}

/** Items that fail, which may be many: only single ones are asked for. */
export interface FailingItems {
  readonly size: number;
  has(item: string): boolean;
}

export const noItems: FailingItems = new Set<string>();

/** A stretch of one state; unlike a segment, stretches of one state may touch. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly state: TimelineState;
  readonly cause: TimelineCause;
  readonly run: number | null;
  readonly source: string | null;
  readonly gaps: readonly Gap[];
  readonly items: FailingItems;
}

/** Without gaps over [from, to). Observations in their order. */
export function statesOf(
  observations: readonly Observation[],
  { from, to, genesis }: { readonly from: number; readonly to: number; readonly genesis: number },
): Stretch[] {
  const certain = observations.filter(({ doubtful }) => !doubtful);
  const first = certain[0]?.from ?? to;
  const stretches: Stretch[] = [nothing(-Infinity, genesis, 'beforeGenesis'), nothing(genesis, first, 'noRun')];
  // An import may be older than the ledger.
  if (first < genesis) stretches.splice(0, 2, nothing(-Infinity, first, 'beforeGenesis'));
  let [known, index]: [Observation | null, number] = [null, 0];
  for (const seen of observations) {
    if (!seen.doubtful) {
      index += 1;
      append(stretches, seen, certain[index]?.from ?? to, beginningOf(seen, known));
    }
    if (seen.state !== 'unknown' && !isUnproven(seen)) known = seen;
  }
  for (const other of observations.filter(({ doubtful }) => doubtful)) {
    const doubt = (each: Stretch): Stretch => ({ ...nothing(each.from, each.to, 'clock'), run: other.run });
    replace(stretches, other.from, other.to, (each) => (each.state === other.state || each.state === 'unknown' ? each : doubt(each)));
  }
  return stretches.flatMap((each) => cut(each, from, to) ?? []);
}

/** What one observation adds: its own time until the next attempt at `end`, and time before it that the evidence speaks of. */
function append(stretches: Stretch[], seen: Observation, end: number, onset: Moment | null): void {
  if (onset !== null) replace(stretches, onset.at, seen.from, () => stretchOf(seen, onset.at, seen.from, 'evidence', onset.source));
  const lasts = Math.min(end, Math.max(seen.from, seen.expires));
  stretches.push(stretchOf(seen, seen.from, lasts, seen.cause, null));
  if (lasts < end) stretches.push({ ...nothing(lasts, end, 'expired'), run: seen.run });
  // Whoever could have made it up later proves no pass by it.
  const unproven = (each: Stretch): Stretch => ({ ...each, state: 'unknown', cause: 'unproven', items: noItems });
  const begin = onset?.at ?? seen.from;
  replace(stretches, begin, Math.min(seen.provenFrom, end), (each) => (isGood(each.state) ? unproven(each) : each));
}

/** The earliest moment named that an earlier observation does not contradict; of a pass only when there is an earlier one. */
export function beginningOf(seen: Observation, known: Observation | null): Moment | null {
  if (seen.doubtful || seen.state === 'unknown' || (known === null && seen.state !== 'fail')) return null;
  const fitting = seen.since.filter(({ at }) => at <= seen.from && (known === null || at > (known.doubtful ? known.to : known.began)));
  return fitting.reduce<Moment | null>((best, next) => (best === null || next.at < best.at ? next : best), null);
}

export const isGood = (state: TimelineState): boolean => state !== 'fail' && state !== 'unknown';

/** Says of its time that all was well, and could have been made up later: it bounds nothing either. */
export const isUnproven = ({ state, provenFrom, to }: Observation): boolean => isGood(state) && provenFrom > to;

function stretchOf(
  { state, run, gaps, items }: Observation,
  from: number,
  to: number,
  cause: TimelineCause,
  source: string | null,
): Stretch {
  return { from, to, state, cause, run, source, gaps: state === 'unknown' ? gaps : [], items };
}

function nothing(from: number, to: number, cause: TimelineCause): Stretch {
  return { from, to, state: 'unknown', cause, run: null, source: null, gaps: [], items: noItems };
}

/** Changes what lies in [from, to), at the end of the list; what is there is cut at both ends. */
function replace(stretches: Stretch[], from: number, to: number, change: (inside: Stretch) => Stretch): void {
  if (from >= to) return;
  let start = stretches.length;
  while (start > 0 && (stretches[start - 1] as Stretch).to > from) start--;
  const touched = stretches.splice(start);
  for (const each of touched) {
    const [before, inside, after] = [cut(each, -Infinity, from), cut(each, from, to), cut(each, to, Infinity)];
    if (before !== null) stretches.push(before);
    if (inside !== null) stretches.push({ ...change(inside), from: inside.from, to: inside.to });
    if (after !== null) stretches.push(after);
  }
}

/** The part in [from, to); null when there is none. */
function cut(stretch: Stretch, from: number, to: number): Stretch | null {
  const [begin, end] = [Math.max(stretch.from, from), Math.min(stretch.to, to)];
  if (begin >= end) return null;
  return begin === stretch.from && end === stretch.to ? stretch : { ...stretch, from: begin, to: end };
}
