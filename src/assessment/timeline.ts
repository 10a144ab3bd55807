/**
 * The state of every control, and of every item that failed, over a period; a verdict for it; and how well the runs cover it. Pure, and
 * the same whatever the order of its input. Known is what an observation says until the next attempt, at most for its time to live; all
 * other time is unknown, and unknown time never counts as good. docs/audit-pack: "What makes it evidence", 1.
 */
import type { Instant } from '../model/index.ts';
import { coverageOf, type Window } from './timeline-coverage.ts';
import { type Bounds, type Deviation, deviationsOf } from './timeline-deviations.ts';
import { firstFrom, type FoundPlaces, observeItems } from './timeline-items.ts';
import type {
  ControlTimeline,
  FoundSpan,
  ItemTimeline,
  StateTimeline,
  Timeline,
  TimelineBounds,
  TimelineDeviation,
  TimelineException,
  TimelineInput,
  TimelineRecord,
  TimelineRun,
} from './timeline-model.ts';
import { type Placed, placeInTime } from './timeline-order.ts';
import { recordRuns } from './timeline-record.ts';
import { segmentsOf, percentages, timeIn, verdictOf } from './timeline-segments.ts';
import { noItems, type Observation, type Stretch, statesOf } from './timeline-states.ts';

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
  const record = input.record ?? recordRuns(runs);
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
        record,
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
  record: TimelineRecord,
  exceptions: readonly TimelineException[],
  frame: Frame,
): ControlTimeline {
  const observations = placed.map((each) => observe(each, control, record, frame));
  const whole = stateTimeline(observations, exceptions, frame);
  const items = itemTimelines(control, observations, record, exceptions, frame);
  const flips = placed.flatMap(({ run, from }) => {
    const { byOldDefinitions: before, outcome: after } = record.outcome(control, run.number) ?? {};
    const isInside = from >= frame.from && from < frame.until;
    return !isInside || before === undefined || after === undefined || before === after
      ? []
      : [{ run: run.number, at: instantOf(from), before, after }];
  });
  return { control, ...whole, items, flips };
}

function observe(
  { run: { run }, from, to, doubtful }: Placed<Attempt>,
  control: string,
  record: TimelineRecord,
  frame: Frame,
): Observation {
  const proven = run.imported?.provenFrom ?? null;
  const began = doubtful || run.began === undefined ? from : Math.min(from, Date.parse(run.began));
  const place = { run: run.number, from, to, began, doubtful, provenFrom: proven === null ? -Infinity : Date.parse(proven) };
  const silent = { state: 'unknown', expires: Infinity, since: [], allExact: false, items: noItems } as const;
  if (!hasRead(run)) return { ...place, ...silent, cause: 'failed', gaps: [] };
  const result = record.outcome(control, run.number);
  if (result === undefined) return { ...place, ...silent, cause: 'notJudged', gaps: [] };
  const { outcome, found, gaps } = result;
  if (outcome === 'notAssessed') return { ...place, ...silent, cause: 'unread', gaps };
  const seconds = result.kinds.map((kind) => run.timeToLive[kind] ?? frame.defaultTimeToLiveSeconds);
  const least = Math.min(...(seconds.length > 0 ? seconds : [frame.defaultTimeToLiveSeconds]));
  const named = outcome === 'fail' ? result.named : result.since === undefined ? [] : [result.since];
  return {
    ...place,
    state: outcome,
    cause: 'run',
    expires: from + least * 1000,
    since: named.map(({ at, source }) => ({ at: Date.parse(at), source })),
    allExact: named.length === (outcome === 'fail' ? found : 1),
    gaps,
    items: found === 0 ? noItems : { size: found, has: (item) => record.found(control, item, run.number) !== undefined },
  };
}

function itemTimelines(
  control: string,
  observations: readonly Observation[],
  record: TimelineRecord,
  exceptions: readonly TimelineException[],
  frame: Frame,
): ItemTimeline[] {
  const placesOf = placer(observations);
  const observed = observeItems(observations);
  const excepted = new Set(exceptions.map(({ item }) => item));
  // Many are found and lost together.
  const alike = new Map<string, StateTimeline>();
  const timelines: ItemTimeline[] = [];
  for (const [item, spans] of record.items(control)) {
    const found = placesOf(spans);
    const make = () => {
      const own = excepted.has(item) ? exceptions.filter((exception) => exception.item === item) : [];
      return stateTimeline(observed.of(item, found), own, frame);
    };
    const key = excepted.has(item) || spans.some(({ since }) => since !== undefined) ? null : keyOf(found);
    let timeline = key === null ? undefined : alike.get(key);
    if (timeline === undefined) timeline = make();
    if (key !== null) alike.set(key, timeline);
    if (timeline.deviations.length > 0) timelines.push({ item, ...withUids(timeline, found, placesOf.place) });
  }
  return timelines.sort((a, b) => (a.item < b.item ? -1 : 1));
}

function keyOf(found: readonly FoundPlaces[]): string {
  return found.map(({ from, to }) => `${from} ${to}`).join();
}

/** Turns spans of runs into places of observations, which are in another order where clocks or imports made it so. */
function placer(observations: readonly Observation[]) {
  const places = new Map(observations.map(({ run }, place) => [run, place]));
  const inOrder = observations.every(({ run }, place) => place === 0 || (observations[place - 1] as Observation).run < run);
  const numbers = observations.map(({ run }) => run);
  const one = (spans: readonly FoundSpan[]): FoundPlaces[] => {
    if (inOrder) {
      return spans.flatMap(({ first, last, finding, since }) => {
        const [from, to] = [firstFrom(numbers, first), firstFrom(numbers, last + 1) - 1];
        return to < from ? [] : [{ from, to, since, uid: uidOf(finding) }];
      });
    }
    return spans
      .flatMap(({ first, last, finding, since }) =>
        observations.flatMap(({ run }, place) =>
          run >= first && run <= last ? [{ from: place, to: place, since, uid: uidOf(finding) }] : [],
        ),
      )
      .sort((a, b) => a.from - b.from);
  };
  return Object.assign(one, { place: (run: number) => places.get(run) ?? 0 });
}

function uidOf({ resource }: FoundSpan['finding']): string {
  return resource?.uid ?? '';
}

/** With the objects that the item was, from the first run that found it bad to the last. */
function withUids(timeline: StateTimeline, found: readonly FoundPlaces[], place: (run: number) => number): StateTimeline {
  const uidsOf = ({ firstBad, lastBad }: TimelineDeviation): readonly string[] => {
    const [from, to] = [place(firstBad), place(lastBad)];
    return [...new Set(found.flatMap((each) => (each.from <= to && each.to >= from ? (each.uid === '' ? [] : each.uid) : [])))];
  };
  return { ...timeline, deviations: timeline.deviations.map((deviation) => ({ ...deviation, uids: uidsOf(deviation) })) };
}

function stateTimeline(observations: readonly Observation[], exceptions: readonly TimelineException[], frame: Frame): StateTimeline {
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
    deviations: deviations.map((deviation) => describe(deviation, exceptions)),
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
): TimelineDeviation {
  const lastBad = bad.at(-1) ?? bad[0];
  const [begin, over] = [onset.by, end?.by ?? Infinity];
  const inForce = exceptions.filter(
    (each) =>
      bad.some(({ items }) => items.has(each.item)) &&
      Date.parse(each.from) < over &&
      Math.max(Date.parse(each.from), begin) < Date.parse(each.to),
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
    uids: [],
  };
}

function boundsOf({ after, by, source }: Bounds): TimelineBounds {
  return { after: after === null ? null : instantOf(after), by: instantOf(by), source };
}

function instantOf(time: number): Instant {
  return new Date(time).toISOString();
}
