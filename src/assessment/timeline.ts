/**
 * The state of every control, and of every item that failed, over a period; a verdict for it; and how well the runs cover it. Pure, and
 * the same whatever the order of its input. Known is what an observation says until the next attempt, at most for its time to live; all
 * other time is unknown, and unknown time never counts as good. docs/audit-pack: "What makes it evidence", 1.
 */
import type { Instant } from '../model/index.ts';
import { coverageOf, type Window } from './timeline-coverage.ts';
import { type Bounds, type Deviation, deviationsOf } from './timeline-deviations.ts';
import { observationsOfItem } from './timeline-items.ts';
import type {
  ControlTimeline,
  ItemTimeline,
  StateTimeline,
  Timeline,
  TimelineBounds,
  TimelineDeviation,
  TimelineException,
  TimelineFinding,
  TimelineInput,
  TimelineResult,
  TimelineRun,
} from './timeline-model.ts';
import { type Placed, placeInTime } from './timeline-order.ts';
import { segmentsOf, percentages, timeIn, verdictOf } from './timeline-segments.ts';
import { type Observation, type Stretch, statesOf } from './timeline-states.ts';

/** An attempt that has ended, as {@link placeInTime} wants it. */
interface Attempt {
  readonly number: number;
  readonly at: number;
  readonly imported: boolean;
  readonly run: TimelineRun;
}

interface Frame extends Window {
  readonly genesis: number;
  readonly asOf: number;
  readonly defaultTimeToLiveSeconds: number;
  readonly missed: readonly { readonly run: number; readonly slots: readonly number[] }[];
}

export function buildTimeline(input: TimelineInput): Timeline {
  const { period } = input;
  const runs = input.runs.toSorted((a, b) => a.number - b.number);
  const [from, to, asOf, genesis] = [period.from, period.to, input.asOf, input.genesis].map((instant) => Date.parse(instant)) as [
    number,
    number,
    number,
    number,
  ];
  const until = Math.max(from, Math.min(to, asOf));
  const attempts = runs.flatMap((run): Attempt[] =>
    isAttempt(run) ? [{ number: run.number, at: momentOf(run), imported: run.imported !== undefined, run }] : [],
  );
  const placed = placeInTime(attempts, { first: Math.min(genesis, asOf), last: asOf });
  const missed = runs.flatMap((run) =>
    run.status === 'missed'
      ? [{ run: run.number, slots: (run.missedSlots ?? [run.slot ?? run.startedAt]).map((slot) => Date.parse(slot)) }]
      : [],
  );
  const frame: Frame = { from, until, genesis, asOf, missed, defaultTimeToLiveSeconds: input.defaultTimeToLiveSeconds };
  return {
    period: { ...period, until: instantOf(until), progress: asOf >= to ? 'over' : asOf > from ? 'running' : 'notBegun' },
    coverage: coverageOf(
      runs,
      input.due,
      placed.filter(({ run }) => hasRead(run.run)),
      frame,
    ),
    controls: input.controls.map((control) =>
      controlTimeline(
        control,
        placed,
        input.exceptions.filter((exception) => exception.control === control),
        frame,
      ),
    ),
    doubtful: placed
      .filter(({ doubtful }) => doubtful)
      .map(({ run, from: after, to: before }) => ({
        run: run.number,
        claimed: instantOf(run.at),
        after: instantOf(after),
        before: instantOf(before),
      })),
  };
}

/** A missed slot is no attempt, and an open run has not failed. */
function isAttempt({ status }: TimelineRun): boolean {
  return status === 'succeeded' || status === 'partial' || status === 'failed' || status === 'interrupted';
}

function hasRead(run: TimelineRun): boolean {
  return (run.status === 'succeeded' || run.status === 'partial') && run.observedAt !== null;
}

/** What was read is a state from when it was observed; what was tried in vain ends one when the attempt began. */
function momentOf(run: TimelineRun): number {
  return Date.parse(hasRead(run) ? (run.observedAt as Instant) : run.startedAt);
}

function controlTimeline(
  control: string,
  placed: readonly Placed<Attempt>[],
  exceptions: readonly TimelineException[],
  frame: Frame,
): ControlTimeline {
  const results = placed.map((each) => each.run.run.results.get(control));
  const observations = placed.map((each, index) => observe(each, results[index], frame));
  const whole = stateTimeline(observations, exceptions, () => [], frame);
  const items = itemTimelines(observations, results, exceptions, frame);
  const flips = placed.flatMap(({ run, from }, index) => {
    const [before, after] = [results[index]?.byOldDefinitions, results[index]?.outcome];
    const isInside = from >= frame.from && from < frame.until;
    return !isInside || before === undefined || after === undefined || before === after
      ? []
      : [{ run: run.number, at: instantOf(from), before, after }];
  });
  return { control, ...whole, items, flips };
}

function observe({ run: { run }, from, to, doubtful }: Placed<Attempt>, result: TimelineResult | undefined, frame: Frame): Observation {
  const proven = run.imported?.provenFrom ?? null;
  const place = { run: run.number, from, to, doubtful, provenFrom: proven === null ? -Infinity : Date.parse(proven) };
  const silent = { state: 'unknown', expires: Infinity, since: [], allExact: false, items: [] } as const;
  if (!hasRead(run)) return { ...place, ...silent, cause: 'failed', gaps: [] };
  if (result === undefined) return { ...place, ...silent, cause: 'notJudged', gaps: [] };
  const { outcome, findings, gaps } = result;
  if (outcome === 'notAssessed') return { ...place, ...silent, cause: 'unread', gaps };
  const seconds = result.kinds.map((kind) => run.timeToLive[kind] ?? frame.defaultTimeToLiveSeconds);
  const least = Math.min(...(seconds.length > 0 ? seconds : [frame.defaultTimeToLiveSeconds]));
  const named = outcome === 'fail' ? findings.map(({ since }) => since) : [result.since];
  const since = named.flatMap((moment) => (moment === undefined ? [] : [{ at: Date.parse(moment.at), source: moment.source }]));
  return {
    ...place,
    state: outcome,
    cause: 'run',
    expires: from + least * 1000,
    since,
    allExact: since.length === named.length,
    gaps,
    items: findings.map(({ item }) => item),
  };
}

function itemTimelines(
  observations: readonly Observation[],
  results: readonly (TimelineResult | undefined)[],
  exceptions: readonly TimelineException[],
  frame: Frame,
): ItemTimeline[] {
  const failing = new Map<string, Map<number, TimelineFinding>>();
  for (const [index, result] of results.entries()) {
    for (const finding of result?.findings ?? []) {
      const found = failing.get(finding.item);
      if (found === undefined) failing.set(finding.item, new Map([[index, finding]]));
      else found.set(index, finding);
    }
  }
  const places = new Map(observations.map(({ run }, index) => [run, index]));
  return [...failing.keys()].sort().flatMap((item): ItemTimeline[] => {
    const found = failing.get(item) as ReadonlyMap<number, TimelineFinding>;
    const uidsOf = (first: number, last: number): readonly string[] => {
      const [from, to] = [places.get(first) ?? 0, places.get(last) ?? 0];
      const uids = new Set<string>();
      for (const [index, { uid }] of found) if (index >= from && index <= to && uid !== undefined) uids.add(uid);
      return [...uids];
    };
    const own = exceptions.filter((exception) => exception.item === item);
    const timeline = stateTimeline(observationsOfItem(item, observations, found), own, uidsOf, frame);
    return timeline.deviations.length === 0 ? [] : [{ item, ...timeline }];
  });
}

/** Of the objects of an item, from one run to another. */
type UidsOf = (firstRun: number, lastRun: number) => readonly string[];

function stateTimeline(
  observations: readonly Observation[],
  exceptions: readonly TimelineException[],
  uidsOf: UidsOf,
  frame: Frame,
): StateTimeline {
  const { from, until, genesis, asOf } = frame;
  const states = statesOf(observations, { from: -Infinity, to: asOf, genesis });
  const segments = segmentsOf(states, exceptions, frame.missed, { from, until });
  const deviations = deviationsOf(observations, states).filter((deviation) => touches(deviation, states, frame));
  const time = timeIn(segments);
  return {
    verdict: deviations.length > 0 ? 'deviation' : verdictOf(time),
    opening: from < asOf ? openingOf(states, from) : null,
    segments,
    time,
    percent: percentages(time),
    longestFail: longestFail(states, frame),
    deviations: deviations.map((deviation) => describe(deviation, exceptions, uidsOf)),
  };
}

function openingOf(states: readonly Stretch[], from: number): StateTimeline['opening'] {
  const place = states.findIndex((each) => each.from <= from && from < each.to);
  const held = states[place];
  if (held === undefined) return null;
  let first = place;
  while (states[first - 1]?.state === held.state) first -= 1;
  const since = (states[first] as Stretch).from;
  return { state: held.state, cause: held.cause, run: held.run, since: Number.isFinite(since) ? instantOf(since) : null };
}

/** Whether it failed in the period, for as long as that was known, or was seen to. */
function touches({ bad, onset, firstGood }: Deviation, states: readonly Stretch[], { from, until }: Window): boolean {
  const [begin, end] = [Math.min(onset.by, bad[0].from), firstGood?.to ?? Infinity];
  const seen = bad.some((each) => (each.doubtful ? each.from < until && each.to > from : each.from >= from && each.from < until));
  return seen || states.some((each) => each.state === 'fail' && Math.max(each.from, begin, from) < Math.min(each.to, end, until));
}

function longestFail(states: readonly Stretch[], { from, until }: Window): StateTimeline['longestFail'] {
  let [longest, current]: (readonly [number, number])[] = [];
  for (const each of states) {
    const [begin, end] = [Math.max(each.from, from), Math.min(each.to, until)];
    if (each.state !== 'fail' || begin >= end) continue;
    current = current !== undefined && current[1] === begin ? [current[0], end] : [begin, end];
    if (longest === undefined || current[1] - current[0] > longest[1] - longest[0]) longest = current;
  }
  return longest === undefined ? null : { from: instantOf(longest[0]), to: instantOf(longest[1]) };
}

function describe(
  { lastGood, bad, firstGood, onset, end, least, most }: Deviation,
  exceptions: readonly TimelineException[],
  uidsOf: UidsOf,
): TimelineDeviation {
  const lastBad = bad.at(-1) ?? bad[0];
  const items = new Set(exceptions.length === 0 ? [] : bad.flatMap((each) => each.items));
  const [begin, over] = [onset.by, end?.by ?? Infinity];
  const inForce = exceptions.filter(
    (each) => items.has(each.item) && Date.parse(each.from) < over && Math.max(Date.parse(each.from), begin) < Date.parse(each.to),
  );
  return {
    lastGood: lastGood?.run ?? null,
    firstBad: bad[0].run,
    lastBad: lastBad.run,
    firstGood: firstGood?.run ?? null,
    onset: boundsOf(onset),
    end: end === null ? null : boundsOf(end),
    exposure: { least, most },
    exceptions: [...new Set(inForce.map(({ id }) => id))].sort(),
    uids: uidsOf(bad[0].run, lastBad.run),
  };
}

function boundsOf({ after, by, source }: Bounds): TimelineBounds {
  return { after: after === null ? null : instantOf(after), by: instantOf(by), source };
}

function instantOf(time: number): Instant {
  return new Date(time).toISOString();
}
