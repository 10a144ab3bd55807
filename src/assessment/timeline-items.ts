/**
 * What runs say of one item of a control. Most say what the run before said: of observations that follow one another without a break in
 * what is known, only the first and the last are kept, which decide every bound. A quarter of hourly runs is a dozen observations then.
 */
import type { TimelineFinding } from './timeline-model.ts';
import type { Observation } from './timeline-states.ts';

/** `found`: the item's findings, by the place of their observation. */
export function observationsOfItem(
  item: string,
  observations: readonly Observation[],
  found: ReadonlyMap<number, TimelineFinding>,
): Observation[] {
  const own: Observation[] = [];
  let joinsLast = false;
  for (const [index, observation] of observations.entries()) {
    const next = observations[index + 1];
    const joinsNext = next !== undefined && saysTheSame(observation, found.has(index), next, found.has(index + 1));
    if (!joinsLast || !joinsNext) {
      const said = say(observation, item, found.get(index));
      own.push(joinsNext ? { ...said, expires: Infinity } : said);
    }
    joinsLast = joinsNext;
  }
  return own;
}

/** An item that is not among the findings is good, unless something could not be read: then it may be there unseen. */
function stateOf({ state, gaps }: Observation, isFound: boolean): Observation['state'] {
  if (state !== 'fail' || isFound) return state;
  return gaps.length > 0 ? 'unknown' : 'pass';
}

function causeOf({ state, cause }: Observation): Observation['cause'] {
  return state === 'unknown' ? cause : 'unread';
}

function saysTheSame(before: Observation, wasFound: boolean, after: Observation, isFound: boolean): boolean {
  const state = stateOf(before, wasFound);
  if (state !== stateOf(after, isFound) || isSpecial(before) || isSpecial(after)) return false;
  return state === 'unknown' ? causeOf(before) === causeOf(after) : after.from <= before.expires;
}

/** What a doubtful or unproven observation says is not simply carried on. */
function isSpecial({ doubtful, provenFrom }: Observation): boolean {
  return doubtful || provenFrom !== -Infinity;
}

function say(observation: Observation, item: string, finding: TimelineFinding | undefined): Observation {
  if (observation.state !== 'fail') return { ...observation, items: [] };
  if (finding !== undefined) {
    const since = finding.since === undefined ? [] : [{ at: Date.parse(finding.since.at), source: finding.since.source }];
    return { ...observation, since, allExact: since.length > 0, items: [item] };
  }
  const silent = { ...observation, since: [], allExact: false, items: [] };
  return stateOf(observation, false) === 'unknown'
    ? { ...silent, state: 'unknown', cause: 'unread', expires: Infinity }
    : { ...silent, state: 'pass', gaps: [] };
}
