/**
 * The timeline against a reference that knows nothing of segments: it asks, for every minute anew, what is known. Clocks jump, runs come
 * in any order, imports lie anywhere, and the period may begin before the ledger or end after the last thing that is known.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildTimeline,
  type StateTimeline,
  type TimelineInput,
  type TimelineResult,
  type TimelineRun,
} from '../../src/assessment/index.ts';
import type { Outcome } from '../../src/model/index.ts';
import { forbidden, kind, result, run } from './timeline-given.ts';

const minute = 60_000;
const zero = Date.parse('2026-08-01T00:00:00.000Z');
const at = (minutes: number) => new Date(zero + minutes * minute).toISOString();
const minutesOf = (instant: string) => (Date.parse(instant) - zero) / minute;
const control = 'RBAC-001';
const items = ['a', 'b'];

interface Seen {
  readonly number: number;
  readonly from: number;
  readonly to: number;
  readonly began: number;
  readonly doubtful: boolean;
  readonly state: string;
  readonly expires: number;
  readonly provenFrom: number;
  readonly since: readonly number[];
  /** Whether all that was found names a moment. */
  readonly allExact: boolean;
}

/** Indices that are in every longest subsequence without a decrease, by trying all of them. */
function undisputed(values: readonly number[]): Set<number> {
  let best: number[][] = [[]];
  for (let mask = 0; mask < 2 ** values.length; mask++) {
    const chosen = values.flatMap((_, i) => ((mask >> i) & 1 ? [i] : []));
    if (chosen.some((i, place) => place > 0 && (values[i] as number) < (values[chosen[place - 1] as number] as number))) continue;
    if (chosen.length > (best[0] as number[]).length) best = [chosen];
    else if (chosen.length === (best[0] as number[]).length) best.push(chosen);
  }
  return new Set((best[0] as number[]).filter((i) => best.every((each) => each.includes(i))));
}

/** What each attempt says of the control, or of one of its items. */
function seenBy(given: TimelineInput, item: string | null): { certain: Seen[]; doubtful: Seen[]; order: Seen[] } {
  const [genesis, asOf] = [minutesOf(given.genesis), minutesOf(given.asOf)];
  const first = Math.min(genesis, asOf);
  const attempts = given.runs.filter(({ status }) => status !== 'missed').toSorted((a, b) => a.number - b.number);
  const timeOf = (each: TimelineRun) => minutesOf(each.observedAt ?? each.startedAt);
  const live = attempts.filter((each) => each.imported === undefined);
  const possible = live.filter((each) => timeOf(each) >= first && timeOf(each) <= asOf);
  const kept = undisputed(possible.map(timeOf));
  const trusted = possible.filter((_, i) => kept.has(i));
  const say = (each: TimelineRun, from: number, to: number, doubtful: boolean): Seen => {
    const found = each.results.get(control);
    const place = {
      number: each.number,
      from,
      to,
      began: doubtful || each.began === undefined ? from : minutesOf(each.began),
      doubtful,
      provenFrom: each.imported?.provenFrom ? minutesOf(each.imported.provenFrom) : -1e9,
    };
    const unknown = { ...place, state: 'unknown', expires: 1e9, since: [], allExact: false };
    if (each.observedAt === null || found === undefined || found.outcome === 'notAssessed') return unknown;
    const finding = found.findings.find((one) => one.item === item);
    let state: string = found.outcome;
    if (item !== null && state === 'fail' && finding === undefined) state = found.gaps.length > 0 ? 'unknown' : 'pass';
    if (state === 'unknown') return unknown;
    const named =
      state === 'fail'
        ? (item === null ? found.findings : [finding]).map((one) => one?.since)
        : found.outcome === 'fail'
          ? []
          : [found.since];
    const since = named.flatMap((one) => (one === undefined ? [] : [minutesOf(one.at)]));
    return { ...place, state, expires: from + (each.timeToLive[kind] ?? 0) / 60, since, allExact: since.length === named.length };
  };
  const isCertain = (each: TimelineRun) => trusted.includes(each) || (each.imported !== undefined && timeOf(each) <= asOf);
  const certain = attempts
    .flatMap((each) => (isCertain(each) ? [say(each, timeOf(each), timeOf(each), false)] : []))
    .toSorted((a, b) => a.from - b.from || a.number - b.number);
  const doubtful = live
    .filter((each) => !trusted.includes(each))
    .map((each) => {
      const before = trusted.findLast((one) => one.number < each.number);
      const after = trusted.find((one) => one.number > each.number);
      return say(each, before === undefined ? first : timeOf(before), after === undefined ? asOf : timeOf(after), true);
    });
  // A doubtful one directly follows the trusted run before it.
  const before = (each: Seen) => trusted.findLast(({ number }) => number < each.number)?.number;
  const order = certain.filter((each) => each.from < first).concat(doubtful.filter((each) => before(each) === undefined));
  for (const each of certain.filter(({ from }) => from >= first))
    order.push(each, ...doubtful.filter((one) => before(one) === each.number));
  return { certain, doubtful, order };
}

const isUnproven = ({ state, provenFrom, to }: Seen) => state !== 'unknown' && state !== 'fail' && provenFrom > to;

function stateAt(t: number, { certain, doubtful, order }: ReturnType<typeof seenBy>): string {
  const held = certain.findLast(({ from }) => from <= t);
  let [state, by] = [held === undefined || t >= held.expires ? 'unknown' : held.state, held];
  for (const later of certain) {
    if (later.from <= t || later.state === 'unknown') continue;
    const known = order.slice(0, order.indexOf(later)).findLast((each) => each.state !== 'unknown' && !isUnproven(each));
    if (known === undefined && later.state !== 'fail') continue;
    const fitting = later.since.filter(
      (since) => since <= later.from && (known === undefined || since > (known.doubtful ? known.to : known.began)),
    );
    if (fitting.length > 0 && Math.min(...fitting) <= t) [state, by] = [later.state, later];
  }
  if (state !== 'unknown' && state !== 'fail' && by !== undefined && t < by.provenFrom) state = 'unknown';
  if (doubtful.some((each) => each.from <= t && t < each.to && each.state !== state)) state = 'unknown';
  return state;
}

const outcome = fc.constantFrom<Outcome>('pass', 'pass', 'fail', 'fail', 'notAssessed', 'notApplicable', 'manual');
const moment = fc.integer({ min: -20, max: 320 });
const since = fc.option(
  moment.map((m) => ({ at: at(m), source: 'the evidence' })),
  { nil: undefined, freq: 2 },
);
const finding = fc
  .record({ item: fc.constantFrom(...items), since })
  .map(({ item, since: named }) => (named === undefined ? { item } : { item, since: named }));
const results: fc.Arbitrary<TimelineResult | null> = fc
  .record({
    said: outcome,
    findings: fc.uniqueArray(finding, { minLength: 1, maxLength: 2, selector: ({ item }) => item }),
    gaps: fc.boolean(),
    since,
  })
  .map(({ said, findings, gaps, since: named }) =>
    said === 'fail'
      ? result({ outcome: said, findings, gaps: gaps ? [forbidden] : [] })
      : result({ outcome: said, ...(named && said === 'pass' && { since: named }) }),
  );
const rarely = <T, U>(drawn: fc.Arbitrary<T>, usual: U) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 9 }, { arbitrary: drawn, weight: 1 });
const given: fc.Arbitrary<TimelineInput> = fc
  .record({
    runs: fc.array(
      fc.record({
        gap: fc.integer({ min: 0, max: 60 }),
        jump: rarely(fc.integer({ min: -150, max: 150 }), 0),
        took: fc.integer({ min: 0, max: 5 }),
        reads: fc.boolean(),
        status: fc.constantFrom('succeeded', 'succeeded', 'partial', 'failed', 'missed', 'interrupted'),
        said: fc.option(results, { nil: null, freq: 9 }),
        holds: fc.constantFrom(10, 30, 90, 400),
        imported: rarely(fc.record({ provenFrom: fc.option(moment.map(at), { freq: 2 }) }), undefined),
      }),
      { maxLength: 8 },
    ),
    from: fc.integer({ min: -30, max: 200 }),
    length: fc.integer({ min: 1, max: 200 }),
    asOf: fc.integer({ min: -10, max: 320 }),
    genesis: fc.integer({ min: -60, max: 120 }),
  })
  .map(({ runs: drawn, from, length, asOf, genesis }) => {
    let clock = 0;
    const runs = drawn.map(({ gap, jump, took, reads, status, said, holds, imported }, index) => {
      clock += gap;
      const claimed = at(clock + jump);
      const startedAt = at(clock + jump - took);
      const whole = run(index + 1, { at: claimed, startedAt, status, holds: holds * 60, ...(imported && { imported }) });
      const timed = { ...whole, ...(reads && imported === undefined && whole.observedAt !== null && { began: startedAt }) };
      return { ...timed, results: new Map(said === null || whole.observedAt === null ? [] : [[control, said]]) };
    });
    return {
      period: { from: at(from), to: at(from + length) },
      asOf: at(asOf),
      genesis: at(genesis),
      runs,
      controls: [control],
      exceptions: [],
      due: [],
      defaultTimeToLiveSeconds: 93_600,
    };
  });

describe('a timeline', () => {
  it('says for every minute what the reference says, of the control and of each item', () => {
    fc.assert(
      fc.property(given, (each) => {
        const { controls, period } = buildTimeline(each);
        const [from, until] = [minutesOf(period.from), minutesOf(period.until)];
        const whole = controls[0] as NonNullable<(typeof controls)[0]>;
        for (const [item, timeline] of [[null, whole] as const, ...whole.items.map((one) => [one.item, one] as const)]) {
          const seen = seenBy(each, item);
          const expected = Array.from({ length: until - from }, (_, i) => stateAt(from + i, seen));
          expect(sampled(timeline)).toEqual(expected);
          expect([...wrongSums(timeline, expected), ...wrongDeviations(timeline, seen, from, until)]).toEqual([]);
        }
        // An item without a timeline never failed.
        for (const item of items.filter((name) => !whole.items.some((one) => one.item === name))) {
          const seen = seenBy(each, item);
          expect(Array.from({ length: until - from }, (_, i) => stateAt(from + i, seen))).not.toContain('fail');
        }
      }),
      { numRuns: 800 },
    );
  });

  it('does not depend on the order of its input, and never learns from what comes later than asOf', () => {
    fc.assert(
      fc.property(given, fc.infiniteStream(fc.nat()), (each, shuffle) => {
        const keyed = each.runs.map((one) => [shuffle.next().value as number, one] as const);
        const runs = keyed.toSorted(([a], [b]) => a - b).map(([, one]) => one);
        expect(buildTimeline({ ...each, runs })).toEqual(buildTimeline(each));
        const last = Math.max(0, ...each.runs.map(({ number }) => number)) + 1;
        const later = run(last, {
          at: at(minutesOf(each.asOf) + 5),
          imported: { provenFrom: null },
          results: { [control]: { findings: ['a'] } },
        });
        expect(buildTimeline({ ...each, runs: [...each.runs, later] }).controls).toEqual(buildTimeline(each).controls);
      }),
      { numRuns: 150 },
    );
  });
});

/** One state per minute; also checks that segments touch and differ. */
function sampled({ segments }: StateTimeline): string[] {
  for (const [index, segment] of segments.slice(1).entries()) {
    const before = segments[index];
    expect(before?.to).toBe(segment.from);
    expect([before?.state, before?.cause, before?.run]).not.toEqual([segment.state, segment.cause, segment.run]);
  }
  return segments.flatMap(({ from, to, state }) => Array.from({ length: minutesOf(to) - minutesOf(from) }, () => state));
}

/** What is claimed and does not hold. */
function failing(claims: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(claims).flatMap(([claim, holds]) => (holds ? [] : [claim]));
}

function wrongSums({ time, percent, verdict, longestFail, opening }: StateTimeline, expected: readonly string[]): string[] {
  const count = (state: string) => expected.filter((each) => each === state).length;
  const total = expected.length;
  const perState = Object.entries(time).flatMap(([state, ms]) => {
    const share = percent[state as keyof typeof percent];
    return failing({
      [`time ${state}`]: ms === count(state) * minute,
      [`nothing is 0 ${state}`]: (share === 0) === (ms === 0),
      [`everything is 100 ${state}`]: (share === 100) === (total > 0 && count(state) === total),
      [`share ${state}`]: total === 0 || Math.abs(share - (100 * count(state)) / total) < 0.6,
    });
  });
  let [longest, current] = [0, 0];
  for (const state of expected) {
    current = state === 'fail' ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  const sum = Object.values(percent).reduce((all, each) => all + each, 0);
  const isGood = ['noDeviation', 'notApplicable', 'manual', 'providerResponsibility'].includes(verdict);
  return perState.concat(
    failing({
      'percentages add up': Math.abs(sum - (total === 0 ? 0 : 100)) < 0.001,
      'longest fail': (longestFail === null ? 0 : minutesOf(longestFail.to) - minutesOf(longestFail.from)) === longest,
      opening: total === 0 || opening?.state === expected[0],
      'good is known and never failed': !isGood || (total > 0 && !expected.includes('fail') && !expected.includes('unknown')),
      'failed is a deviation': !expected.includes('fail') || verdict === 'deviation',
    }),
  );
}

/** Every deviation is a run of bad observations between good ones, its bounds are those of the reference, and none is left out. */
function wrongDeviations({ deviations, verdict }: StateTimeline, seen: ReturnType<typeof seenBy>, from: number, until: number): string[] {
  const known = seen.order.filter((each) => each.state !== 'unknown' && !isUnproven(each));
  const groups: Seen[][] = [];
  for (const [index, each] of known.entries()) {
    if (each.state !== 'fail') continue;
    if (known[index - 1]?.state === 'fail') groups.at(-1)?.push(each);
    else groups.push([each]);
  }
  const inside = (each: Seen) => (each.doubtful ? each.from < until && each.to > from : each.from >= from && each.from < until);
  const listed = new Set(deviations.map(({ firstBad, lastBad }) => `${firstBad} ${lastBad}`));
  const left = groups.filter((group) => group.some(inside) && !listed.has(`${group[0]?.number} ${group.at(-1)?.number}`));
  const wrong = failing({ 'none is left out': left.length === 0, verdict: deviations.length === 0 || verdict === 'deviation' });
  for (const { firstBad, lastBad, lastGood, firstGood, onset, end, exposure } of deviations) {
    const group = groups.find((each) => each[0]?.number === firstBad) as Seen[];
    const [first, last] = [group[0], group.at(-1)] as [Seen, Seen];
    const place = known.indexOf(first);
    const [before, after] = [known[place - 1], known[place + group.length]];
    const [onsetAfter, onsetBy] = [onset.after === null ? null : minutesOf(onset.after), minutesOf(onset.by)];
    // At least: the minutes between the first and the last certain moment of failing that are not unknown.
    const until = end?.source === undefined || end.source === null ? last.began : minutesOf(end.after as string);
    const minutes = Array.from({ length: Math.max(0, until - onsetBy) }, (_, i) => stateAt(onsetBy + i, seen));
    wrong.push(
      ...failing({
        runs: lastBad === last.number && lastGood === (before?.number ?? null) && firstGood === (after?.number ?? null),
        'an onset is not earlier than seen good': onsetAfter === null || before === undefined || onsetAfter >= before.began,
        'an onset is not later than seen bad': onsetBy <= first.to,
        'bounds of an onset without a source': onset.source !== null || (onsetAfter === (before?.began ?? null) && onsetBy === first.to),
        'bounds of an onset with one':
          onset.source === null || (first.since.includes(onsetBy) && onsetAfter === (first.allExact ? onsetBy : (before?.began ?? null))),
        'an end is not later than seen good': end === null || (after !== undefined && minutesOf(end.by) <= after.to),
        least: exposure.least === minutes.filter((state) => state !== 'unknown').length * minute,
        most: exposure.most === null ? onsetAfter === null || end === null : exposure.most >= exposure.least,
      }),
    );
  }
  return wrong;
}
