/**
 * What runs say of one item of a control. Most say what the run before said: of observations that follow one another without a break in
 * what is known, only the first and the last are kept, which decide every bound. A quarter of hourly runs is a dozen observations then, and
 * where the breaks are is asked once for all items.
 */
import type { ExactTime } from './timeline-model.ts';
import { noItems, type Observation } from './timeline-states.ts';

/** Where an item was found, by the places of observations; both ends among them. In their order, not touching one another. */
export interface FoundPlaces {
  readonly from: number;
  readonly to: number;
  /** Since when it has been so, where the evidence named the moment. */
  readonly since: ExactTime | undefined;
  /** Of its object; empty where it has none. */
  readonly uid: string;
}

export interface ItemObservations {
  /** `found`: in the order of the places. */
  of(item: string, found: readonly FoundPlaces[]): Observation[];
}

export function observeItems(observations: readonly Observation[]): ItemObservations {
  const breaks = { found: breaksIn(observations, true), lacking: breaksIn(observations, false) };
  return {
    of(item, found) {
      const own: Observation[] = [];
      let joinsLast = false;
      /** From a place to another, along which the item was found, or was not. */
      const tell = (from: number, to: number, as: FoundPlaces | undefined, isFoundNext: boolean): void => {
        if (from > to) return;
        const inner = as === undefined ? breaks.lacking : breaks.found;
        const keep = (place: number, joinsNext: boolean): void => {
          if (!joinsLast || !joinsNext) own.push(say(observations[place] as Observation, item, as, joinsNext));
          joinsLast = joinsNext;
        };
        const joinsAfter = to + 1 < observations.length && joins(observations, to, as !== undefined, isFoundNext);
        let place = from;
        for (let index = firstFrom(inner, from); ; index++) {
          const end = Math.min(inner[index] ?? to, to);
          // In between, each joins both its neighbours.
          if (place < end) keep(place, true);
          keep(end, end === to && joinsAfter);
          if (end === to) break;
          place = end + 1;
        }
      };
      let place = 0;
      for (const [index, each] of found.entries()) {
        tell(place, each.from - 1, undefined, true);
        tell(each.from, each.to, each, found[index + 1]?.from === each.to + 1);
        place = each.to + 1;
      }
      tell(place, observations.length - 1, undefined, false);
      return own;
    },
  };
}

/** Places after which what is known of an item breaks off, although the item is found on both sides, or on neither. */
function breaksIn(observations: readonly Observation[], isFound: boolean): number[] {
  return observations.flatMap((_, place) =>
    place + 1 < observations.length && !joins(observations, place, isFound, isFound) ? [place] : [],
  );
}

/** Index of the first number that is not less. */
export function firstFrom(sorted: readonly number[], least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the observation at the place and the next one say the same. */
function joins(observations: readonly Observation[], place: number, isFound: boolean, isFoundNext: boolean): boolean {
  const [before, after] = [observations[place] as Observation, observations[place + 1] as Observation];
  const state = stateOf(before, isFound);
  if (state !== stateOf(after, isFoundNext) || isSpecial(before) || isSpecial(after)) return false;
  return state === 'unknown' ? causeOf(before) === causeOf(after) : after.from <= before.expires;
}

/** An item that is not among the findings is good, unless something could not be read: then it may be there unseen. */
function stateOf({ state, gaps }: Observation, isFound: boolean): Observation['state'] {
  if (state !== 'fail' || isFound) return state;
  return gaps.length > 0 ? 'unknown' : 'pass';
}

function causeOf({ state, cause }: Observation): Observation['cause'] {
  return state === 'unknown' ? cause : 'unread';
}

/** What a doubtful or unproven observation says is not simply carried on. */
function isSpecial({ doubtful, provenFrom }: Observation): boolean {
  return doubtful || provenFrom !== -Infinity;
}

function say(observation: Observation, item: string, found: FoundPlaces | undefined, joinsNext: boolean): Observation {
  const said = sayAlone(observation, item, found);
  return joinsNext ? { ...said, expires: Infinity } : said;
}

function sayAlone(observation: Observation, item: string, found: FoundPlaces | undefined): Observation {
  if (observation.state !== 'fail') return { ...observation, items: noItems };
  if (found !== undefined) {
    const since = found.since === undefined ? [] : [{ at: Date.parse(found.since.at), source: found.since.source }];
    return { ...observation, since, allExact: since.length > 0, items: new Set([item]) };
  }
  const silent = { ...observation, since: [], allExact: false, items: noItems };
  return stateOf(observation, false) === 'unknown'
    ? { ...silent, state: 'unknown', cause: 'unread', expires: Infinity }
    : { ...silent, state: 'pass', gaps: [] };
}
