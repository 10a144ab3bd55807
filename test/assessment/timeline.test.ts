/** Single rules of the timeline, and input that nobody wishes for. */
import { describe, expect, it } from 'vitest';
import { buildTimeline, type Timeline, type TimelineInput, type TimelineRun } from '../../src/assessment/index.ts';
import { berlin, day, forbidden, type GivenRun, hour, input, kind, run } from './timeline-given.ts';

const control = 'RBAC-001';
type Said = NonNullable<GivenRun['results']>[string];
const daily = (from: string, said: readonly (Said | null)[], change: Partial<GivenRun> = {}): TimelineRun[] =>
  said.map((each, index) =>
    run(index + 1, {
      at: new Date(Date.parse(berlin(`${from} 06:00`)) + index * day).toISOString(),
      holds: 26 * 3600,
      results: each === null ? {} : { [control]: each },
      ...change,
    }),
  );
const july = (runs: readonly TimelineRun[], change: Partial<TimelineInput> = {}): Timeline =>
  buildTimeline(
    input(runs, {
      controls: [control],
      period: { from: berlin('2026-07-01 00:00'), to: berlin('2026-07-04 00:00') },
      asOf: berlin('2026-07-10 00:00'),
      genesis: berlin('2026-06-01 00:00'),
      ...change,
    }),
  );
const withRun = (runs: readonly TimelineRun[], number: number, change: Partial<TimelineRun>): readonly TimelineRun[] => {
  const place = runs.findIndex((each) => each.number === number);
  return runs.with(place, { ...(runs[place] as TimelineRun), ...change });
};
const only = ({ controls }: Timeline) => controls[0] as NonNullable<Timeline['controls'][0]>;
const states = (timeline: Timeline) => only(timeline).segments.map(({ state, cause, run: number }) => `${state} ${cause} ${number ?? '-'}`);

describe('the verdict for a period', () => {
  it.each<[string, readonly (Said | null)[], string]>([
    ['passed and known all the time', ['pass', 'pass', 'pass', 'pass', 'pass'], 'noDeviation'],
    ['not applicable all the time', ['notApplicable', 'notApplicable', 'notApplicable', 'notApplicable'], 'notApplicable'],
    ['passed, then not applicable', ['pass', 'pass', 'notApplicable', 'notApplicable'], 'noDeviation'],
    ['once for a person to say', ['pass', 'manual', 'pass', 'pass'], 'manual'],
    ['once the provider’s', ['pass', 'providerResponsibility', 'pass', 'pass'], 'providerResponsibility'],
    ['one run unread', ['pass', 'notAssessed', 'pass', 'pass'], 'insufficientCoverage'],
    ['one run not judged', ['pass', null, 'pass', 'pass'], 'insufficientCoverage'],
    ['nothing read', [null, null, null, null], 'insufficientCoverage'],
    ['failed once, and fixed', ['pass', { findings: ['a'] }, 'pass', 'pass'], 'deviation'],
    ['failed before the period, still when it began', [{ findings: ['a'] }, 'pass', 'pass', 'pass'], 'deviation'],
    ['failed, and unread ever since', ['pass', { findings: ['a'] }, 'notAssessed', 'notAssessed'], 'deviation'],
  ])('%s', (_, said, verdict) => {
    expect(only(july(daily('2026-06-30', said))).verdict).toBe(verdict);
  });

  it('does not count what failed and was fixed before the period, or came after it', () => {
    const before = daily('2026-06-29', [{ findings: ['a'] }, 'pass', 'pass', 'pass', 'pass']);
    expect(only(july(before))).toMatchObject({ verdict: 'noDeviation', deviations: [], items: [] });
    const after = daily('2026-06-30', ['pass', 'pass', 'pass', 'pass', { findings: ['a'] }]);
    expect(only(july(after))).toMatchObject({ verdict: 'noDeviation', deviations: [] });
    // Unless the evidence says that it began inside.
    const since = { at: berlin('2026-07-03 23:00'), source: 'creationTimestamp' };
    const late = daily('2026-06-30', ['pass', 'pass', 'pass', 'pass', { findings: [{ item: 'a', since }] }]);
    expect(only(july(late))).toMatchObject({ verdict: 'deviation', time: { fail: hour }, deviations: [{ firstBad: 5 }] });
  });
});

describe('what ends what is known', () => {
  it('is the time to live of the first kind that the outcome stands on', () => {
    const pods = 'k8s.pods/pods' as const;
    const [first] = daily('2026-06-30', [{ outcome: 'pass', kinds: [kind, pods] }], {
      timeToLive: { [kind]: 30 * 86_400, [pods]: 2 * 86_400 },
    });
    expect(only(july([first as TimelineRun])).segments).toMatchObject([
      { state: 'pass', to: berlin('2026-07-02 06:00') },
      { state: 'unknown', cause: 'expired', run: 1 },
    ]);
    // A kind of which nothing was recorded holds for the default.
    const bare = daily('2026-07-01', ['pass'], { timeToLive: {} });
    expect(only(july(bare)).segments[1]).toMatchObject({ from: berlin('2026-07-01 06:00'), to: berlin('2026-07-02 08:00') });
  });

  it.each(['failed', 'interrupted'] as const)('is an attempt that %s, from when it began', (status) => {
    const runs = daily('2026-06-30', ['pass', 'pass', 'pass', 'pass']);
    const broken = run(3, { at: berlin('2026-07-02 06:00'), status, startedAt: berlin('2026-07-02 05:58') });
    const timeline = july(runs.map((each) => (each.number === 3 ? broken : each)));
    expect(states(timeline)).toEqual(['pass run 1', 'unknown failed 3', 'pass run 4']);
    expect(only(timeline).segments[1]).toMatchObject({ from: berlin('2026-07-02 05:58'), to: berlin('2026-07-03 06:00') });
  });

  it('is neither a missed slot nor a run that is still open', () => {
    const runs = daily('2026-06-30', ['pass', 'pass', 'pass', 'pass'], { holds: 3 * 86_400 });
    for (const status of ['missed', 'planned', 'running'] as const)
      expect(states(july(runs.map((each) => (each.number === 3 ? run(3, { at: berlin('2026-07-02 06:00'), status }) : each))))).toEqual([
        'pass run 1',
      ]);
  });
});

describe('a period that is not simply over', () => {
  const runs = daily('2026-06-30', ['pass', 'pass', 'pass', 'pass']);
  it('ends where knowledge ends while it runs', () => {
    const timeline = july(runs, { asOf: berlin('2026-07-02 12:00') });
    expect(timeline.period).toMatchObject({ until: berlin('2026-07-02 12:00'), progress: 'running' });
    expect(only(timeline)).toMatchObject({ verdict: 'noDeviation', segments: [{ to: berlin('2026-07-02 12:00') }] });
    expect(timeline.coverage).toMatchObject({ expected: 2, succeeded: 2 });
  });

  it('is nothing when it has not begun', () => {
    const timeline = july(runs, { asOf: berlin('2026-06-30 12:00') });
    expect(timeline.period.progress).toBe('notBegun');
    expect(only(timeline)).toMatchObject({ verdict: 'insufficientCoverage', segments: [], opening: null, longestFail: null });
    expect(Object.values(only(timeline).percent)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(timeline.coverage).toMatchObject({ expected: 0, percent: null, longestGap: null });
  });

  it('is a gap before the ledger was made, and before its first run', () => {
    const late = daily('2026-07-02', ['pass', 'pass']);
    const timeline = july(late, { genesis: berlin('2026-07-01 18:00') });
    expect(states(timeline)).toEqual(['unknown beforeGenesis -', 'unknown noRun -', 'pass run 1']);
    expect(only(timeline)).toMatchObject({
      verdict: 'insufficientCoverage',
      opening: { state: 'unknown', cause: 'beforeGenesis', run: null, since: null },
    });
    expect(states(july([]))).toEqual(['unknown noRun -']);
  });

  it('takes a failure, but no pass, from an unsigned import of an earlier time', () => {
    const imported = { imported: { provenFrom: berlin('2026-07-03 00:00') }, holds: 30 * 86_400 };
    const old = daily('2026-06-30', ['pass', { findings: ['a'] }, 'pass'], imported);
    expect(states(july(old, { genesis: berlin('2026-07-03 00:00') }))).toEqual([
      'unknown unproven 1',
      'fail run 2',
      'unknown unproven 3',
      'pass run 3',
    ]);
  });

  it('bounds no failure by what an unsigned import says of an earlier time', () => {
    const live = [
      run(1, { at: berlin('2026-07-02 06:00'), results: { [control]: 'pass' } }),
      run(2, { at: berlin('2026-07-05 06:00'), results: { [control]: { findings: ['a'] } } }),
      run(3, { at: berlin('2026-07-28 06:00'), results: { [control]: 'pass' } }),
    ];
    const late = { imported: { provenFrom: berlin('2026-07-29 12:00') }, results: { [control]: 'pass' as const } };
    const imported = ['2026-07-05 05:59', '2026-07-05 06:01'].map((at, index) => run(4 + index, { at: berlin(at), ...late }));
    const month = { period: { from: berlin('2026-07-01 00:00'), to: berlin('2026-08-01 00:00') }, asOf: berlin('2026-08-02 00:00') };
    const told = only(july([...live, ...imported], month)).deviations;
    expect(told).toEqual(only(july(live, month)).deviations);
    expect(told).toMatchObject([{ lastGood: 1, firstGood: 3 }]);
  });
});

describe('clocks that are wrong', () => {
  it('leave one run that was ahead or behind between its neighbours', () => {
    const said: Said[] = ['pass', 'pass', { findings: ['a'] }, 'pass', 'pass'];
    for (const wrong of ['2031-01-01 00:00', '2026-06-20 00:00', '2020-01-01 00:00']) {
      const runs = withRun(daily('2026-06-30', said), 3, { startedAt: berlin(wrong), observedAt: berlin(wrong) });
      const timeline = july(runs);
      expect(timeline.doubtful).toEqual([
        { run: 3, claimed: berlin(wrong), after: berlin('2026-07-01 06:00'), before: berlin('2026-07-03 06:00') },
      ]);
      // Seen is seen: the failure stands, somewhere in between.
      expect(states(timeline)).toEqual(['pass run 1', 'unknown clock 3', 'unknown expired 2', 'pass run 4']);
      expect(only(timeline)).toMatchObject({
        verdict: 'deviation',
        deviations: [
          { onset: { after: berlin('2026-07-01 06:00'), by: berlin('2026-07-03 06:00') }, exposure: { least: 0, most: 2 * day } },
        ],
      });
    }
  });

  it('change nothing where the runs agree', () => {
    const runs = withRun(daily('2026-06-30', ['pass', 'pass', 'pass', 'pass', 'pass']), 3, { observedAt: berlin('2026-07-09 00:00') });
    expect(july(runs).doubtful.map((each) => each.run)).toEqual([3]);
    expect(only(july(runs)).segments).toMatchObject([
      { state: 'pass', to: berlin('2026-07-02 08:00') },
      { cause: 'expired' },
      { state: 'pass' },
    ]);
  });

  it('make both doubtful where either could be wrong', () => {
    const [a, b, c, d] = daily('2026-06-30', ['pass', 'pass', 'pass', 'pass']) as [TimelineRun, TimelineRun, TimelineRun, TimelineRun];
    const swapped = [a, { ...b, observedAt: c.observedAt }, { ...c, observedAt: b.observedAt }, d];
    expect(july(swapped).doubtful.map((each) => [each.run, each.after, each.before])).toEqual([
      [2, berlin('2026-06-30 06:00'), berlin('2026-07-03 06:00')],
      [3, berlin('2026-06-30 06:00'), berlin('2026-07-03 06:00')],
    ]);
  });
});

describe('moments that the evidence names', () => {
  const since = (text: string) => ({ at: berlin(text), source: 'creationTimestamp' });
  const found = (...findings: NonNullable<Exclude<Said, string>['findings']>): Said => ({ findings });
  it.each<[string, readonly Said[], string | null, string]>([
    [
      'bound a beginning exactly',
      ['pass', 'pass', found({ item: 'a', since: since('2026-07-02 01:00') })],
      '2026-07-02 01:00',
      '2026-07-02 01:00',
    ],
    [
      'bound it from one side where another finding has none',
      ['pass', 'pass', found({ item: 'a', since: since('2026-07-02 01:00') }, 'b')],
      '2026-07-01 06:00',
      '2026-07-02 01:00',
    ],
    [
      'say nothing when it passed later than that',
      ['pass', 'pass', found({ item: 'a', since: since('2026-06-30 12:00') })],
      '2026-07-01 06:00',
      '2026-07-02 06:00',
    ],
    [
      'say nothing when they lie in the future',
      ['pass', 'pass', found({ item: 'a', since: since('2026-07-02 09:00') })],
      '2026-07-01 06:00',
      '2026-07-02 06:00',
    ],
    [
      'reach over unread time',
      ['pass', 'notAssessed', found({ item: 'a', since: since('2026-06-30 12:00') })],
      '2026-06-30 12:00',
      '2026-06-30 12:00',
    ],
    ['reach before the first run', [found({ item: 'a', since: since('2026-06-03 00:00') })], '2026-06-03 00:00', '2026-06-03 00:00'],
  ])('%s', (_, said, after, by) => {
    const [deviation] = only(july(daily('2026-06-30', said))).deviations;
    expect([deviation?.onset.after, deviation?.onset.by]).toEqual([after === null ? null : berlin(after), berlin(by)]);
  });

  it('prove no pass before anything was seen', () => {
    const timeline = july(daily('2026-07-02', [{ outcome: 'pass', since: since('2026-07-01 12:00') }]));
    expect(states(timeline).slice(0, 2)).toEqual(['unknown noRun -', 'pass run 1']);
  });
});

describe('items', () => {
  it('are unknown while something unread may hide them, and keep their name when they are made anew', () => {
    const a = (uid: string) => ({ item: 'a', resource: { uid } });
    const runs = daily('2026-06-30', [
      { findings: [a('1')] },
      { findings: ['b'], gaps: [forbidden] },
      { findings: [a('2')] },
      { findings: ['b'] },
      'pass',
    ]);
    const { items, segments } = only(july(runs));
    expect(segments).toMatchObject([{ state: 'fail', run: 1, lastRun: 4 }]);
    expect(items.map(({ item, segments: own }) => [item, own.map(({ state }) => state)])).toEqual([
      ['a', ['fail', 'unknown', 'fail', 'pass']],
      ['b', ['pass', 'fail', 'pass', 'fail']],
    ]);
    expect(items[0]?.deviations).toMatchObject([
      { firstBad: 1, lastBad: 3, firstGood: 4, uids: ['1', '2'], exposure: { least: day, most: null } },
    ]);
  });

  it('do not hold over time in which nothing held', () => {
    const runs = daily('2026-06-30', [{ findings: ['a'] }, { findings: ['a'] }, { findings: ['a'] }, 'pass'], { holds: 12 * 3600 });
    const { items, deviations } = only(july(runs));
    expect(items[0]?.segments.map(({ state }) => state)).toEqual(['unknown', 'fail', 'unknown', 'fail', 'unknown', 'pass', 'unknown']);
    expect([deviations, items[0]?.deviations]).toMatchObject([[{ exposure: { least: day } }], [{ exposure: { least: day } }]]);
  });

  it('are labelled by exceptions while these are in force, and so is their control', () => {
    const runs = daily('2026-06-30', [{ findings: ['a', 'b'] }, { findings: ['a', 'b'] }, { findings: ['a'] }, { findings: ['a'] }]);
    const exception = (id: string, item: string, from: string, to: string) => ({ id, control, item, from: berlin(from), to: berlin(to) });
    const exceptions = [
      exception('EX-1', 'a', '2026-07-01 12:00', '2026-07-03 12:00'),
      exception('EX-2', 'gone', '2026-07-01 00:00', '2026-08-01 00:00'),
      { ...exception('EX-3', 'a', '2026-06-01 00:00', '2026-08-01 00:00'), control: 'RBAC-002' },
    ];
    const { verdict, segments, items } = only(july(runs, { exceptions }));
    expect(verdict).toBe('deviation');
    expect(segments.map(({ from, excepted }) => [from, excepted])).toEqual([
      [berlin('2026-07-01 00:00'), 'none'],
      [berlin('2026-07-01 12:00'), 'some'],
      [berlin('2026-07-02 06:00'), 'all'],
      [berlin('2026-07-03 12:00'), 'none'],
    ]);
    expect(items.map(({ item, deviations }) => [item, deviations.map((each) => each.exceptions)])).toEqual([
      ['a', [['EX-1']]],
      ['b', [[]]],
    ]);
  });
});

describe('coverage', () => {
  it('counts slots, recorded or not, and several in one record', () => {
    const missed = ['2026-07-02 06:00', '2026-07-02 18:00', '2026-07-05 06:00'].map(berlin);
    const runs = [
      ...daily('2026-06-30', ['pass', 'pass']),
      run(3, { at: berlin('2026-07-01 18:00'), status: 'failed' }),
      run(4, { at: berlin('2026-07-02 06:00'), status: 'missed', missedSlots: missed }),
      run(5, { at: berlin('2026-07-03 06:00'), status: 'running' }),
      run(6, { at: berlin('2026-07-03 07:00'), kind: 'manual', results: { [control]: 'pass' } }),
    ];
    const due = ['2026-07-01 06:00', '2026-07-01 18:00', '2026-07-03 18:00', '2026-07-06 06:00'].map(berlin);
    expect(july(runs, { due }).coverage).toEqual({
      expected: 6,
      succeeded: 1,
      partial: 0,
      failed: 1,
      missed: 3,
      open: 1,
      manual: 1,
      percent: 16,
      longestGap: { from: berlin('2026-07-01 06:00'), to: berlin('2026-07-03 07:00') },
      unrecorded: [berlin('2026-07-03 18:00')],
    });
  });

  it('counts a slot once however often it was tried, and no run that came too late for its slot', () => {
    const at = berlin('2026-07-02 06:00');
    const runs = [
      run(1, { at, status: 'failed' }),
      run(2, { at: berlin('2026-07-02 06:20'), slot: at, results: { [control]: 'pass' } }),
      run(3, { at: berlin('2026-07-02 06:40'), slot: at, status: 'failed' }),
      run(4, { at: berlin('2026-07-02 09:00'), slot: null, results: { [control]: 'pass' } }),
    ];
    expect(july(runs, {}).coverage).toMatchObject({ expected: 1, succeeded: 1, failed: 0, missed: 0, percent: 100 });
  });

  it('knows no hours of the clock: a night of 25 hours is one gap like any other', () => {
    const runs = ['2026-10-24T04:00:00.000Z', '2026-10-25T05:00:00.000Z'].map((at, i) =>
      run(i + 1, { at, holds: 86_400, results: { [control]: 'pass' } }),
    );
    const timeline = july(runs, {
      period: { from: '2026-10-24T22:00:00.000Z', to: '2026-10-25T23:00:00.000Z' },
      asOf: '2026-10-26T00:00:00.000Z',
    });
    expect(only(timeline).time).toMatchObject({ pass: 24 * hour, unknown: hour });
    expect(only(timeline).percent).toMatchObject({ pass: 96, unknown: 4 });
  });

  it('never rounds an hour of a year away', () => {
    const runs = [run(1, { at: '2025-12-31T00:00:00.000Z', holds: 400 * 86_400, results: { [control]: 'pass' } })];
    const bad = run(2, { at: '2026-03-01T00:00:00.000Z', holds: 400 * 86_400, results: { [control]: { findings: ['a'] } } });
    const good = run(3, { at: '2026-03-01T00:01:00.000Z', holds: 400 * 86_400, results: { [control]: 'pass' } });
    const year = {
      period: { from: '2026-01-01T00:00:00.000Z', to: '2027-01-01T00:00:00.000Z' },
      asOf: '2027-01-02T00:00:00.000Z',
      genesis: '2025-01-01T00:00:00.000Z',
    };
    expect(only(july([...runs, bad, good], year)).percent).toMatchObject({ pass: 99.9, fail: 0.1 });
  });
});
