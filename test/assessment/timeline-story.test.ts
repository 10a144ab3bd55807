/** The quarter of the demo's clinic, line by line: what each run's evidence shows can be read off the timeline. */
import { describe, expect, it } from 'vitest';
import { buildTimeline, type ControlTimeline, type StateTimeline } from '../../src/assessment/index.ts';
import { berlin, day, type GivenResult, hour, input, run } from './timeline-given.ts';

const friday = { item: 'User/alice|ClusterRoleBinding/friday|ClusterRole/cluster-admin', resource: { uid: 'u-friday' } };
const sandbox = 'booking/web|env|SANDBOX_LOGIN';
const excess = 'ServiceAccount/reports/report-exporter';
const plain = ['lab-results/db', 'lab-results/mail', 'booking/pay'];
const identity = { at: berlin('2026-09-09 10:14'), source: 'automatic reload of control-plane-1' };
const reload = { at: berlin('2026-09-18 09:40'), source: 'automatic reload of control-plane-1' };

/** What most runs see, and what this one sees otherwise. */
const sees = (change: Readonly<Record<string, GivenResult | 'pass' | 'notAssessed'>> = {}) => ({
  'RBAC-001': 'pass' as const,
  'SEC-003': { findings: [sandbox] },
  'NET-001': 'pass' as const,
  'AUD-003': { findings: ['control-plane-1'] },
  'ENC-002': 'pass' as const,
  'ENC-003': 'pass' as const,
  'RBAC-005': { findings: [excess] },
  ...change,
});
const monday = (number: number, date: string, results: ReturnType<typeof sees>, change = {}) =>
  run(number, { at: berlin(`2026-${date} 06:00`), results, ...change });

const kept = { 'AUD-003': 'pass' as const };
const noLogin = { 'SEC-003': 'pass' as const };
const stored = { 'ENC-003': { findings: plain } };
const runs = [
  monday(1, '06-29', sees(noLogin)),
  monday(2, '07-06', sees(noLogin)),
  monday(3, '07-13', sees()),
  monday(4, '07-20', sees()),
  monday(5, '07-27', sees()),
  monday(6, '08-03', sees({ 'NET-001': 'notAssessed' }), { status: 'partial' }),
  monday(7, '08-10', sees({ 'NET-001': { findings: ['lab-results'] } })),
  monday(
    8,
    '08-17',
    sees({ 'RBAC-001': { findings: [{ ...friday, since: { at: berlin('2026-08-14 17:52'), source: 'creationTimestamp' } }] } }),
  ),
  run(9, { at: berlin('2026-08-17 11:30'), kind: 'manual', results: sees() }),
  monday(10, '08-24', sees(), { status: 'missed', results: new Map() }),
  monday(11, '08-31', sees(kept)),
  monday(12, '09-07', sees({ ...kept, 'RBAC-001': { byOldDefinitions: 'fail' } })),
  monday(13, '09-14', sees({ ...kept, 'ENC-002': { findings: [{ item: 'control-plane-1', since: identity }] }, ...stored })),
  run(14, { at: berlin('2026-09-18 10:40'), kind: 'manual', results: sees({ ...kept, 'ENC-002': { since: reload }, ...stored }) }),
  monday(15, '09-21', sees(kept)),
  monday(16, '09-28', sees({ ...kept, 'RBAC-005': 'pass' })),
];
const exceptions = [
  { id: 'EX-1', control: 'SEC-003', item: sandbox, from: berlin('2026-07-13 15:00'), to: new Date('2026-12-30T23:00:00Z').toISOString() },
];
const timeline = buildTimeline(input(runs, { exceptions, due: runs.flatMap(({ slot }) => slot ?? []) }));
const of = (id: string): ControlTimeline => timeline.controls.find(({ control }) => control === id) as ControlTimeline;
const shown = ({ segments }: StateTimeline) => segments.map(({ from, to, state, cause }) => [from, to, state, cause]);
const [begin, end] = [berlin('2026-07-01 00:00'), berlin('2026-10-01 00:00')];

describe("the clinic's quarter", () => {
  it('has 13 slots, 11 succeeded, 1 partial, 1 missed, 2 manual runs apart', () => {
    expect(timeline.period).toEqual({ from: begin, to: end, until: end, progress: 'over' });
    expect(timeline.coverage).toEqual({
      expected: 13,
      succeeded: 11,
      partial: 1,
      failed: 0,
      missed: 1,
      open: 0,
      manual: 2,
      percent: 92,
      longestGap: { from: berlin('2026-08-17 11:30'), to: berlin('2026-08-31 06:00') },
      unrecorded: [],
    });
    expect(timeline.doubtful).toEqual([]);
  });

  it('29 Jun: opens with an audit log kept for 7 days, which fails until 31 Aug', () => {
    const audit = of('AUD-003');
    expect(audit.opening).toEqual({ state: 'fail', run: 1, cause: 'run', since: berlin('2026-06-29 06:00') });
    expect(shown(audit)).toEqual([
      [begin, berlin('2026-08-25 11:30'), 'fail', 'run'],
      [berlin('2026-08-25 11:30'), berlin('2026-08-31 06:00'), 'unknown', 'expired'],
      [berlin('2026-08-31 06:00'), end, 'pass', 'run'],
    ]);
    expect(audit.deviations).toMatchObject([
      {
        lastGood: null,
        firstBad: 1,
        lastBad: 9,
        firstGood: 11,
        onset: { after: null, by: berlin('2026-06-29 06:00') },
        exposure: { most: null },
      },
    ]);
  });

  it('13 and 20 Jul: a finding under an exception is labelled and stays a finding', () => {
    const login = of('SEC-003');
    expect(login.verdict).toBe('deviation');
    expect(login.segments.slice(0, 3)).toMatchObject([
      { state: 'pass', to: berlin('2026-07-13 06:00') },
      { state: 'fail', excepted: 'none', to: berlin('2026-07-13 15:00'), run: 3 },
      { state: 'fail', excepted: 'all', exceptions: ['EX-1'], from: berlin('2026-07-13 15:00') },
    ]);
    expect(login.items).toMatchObject([{ item: sandbox, deviations: [{ firstBad: 3, firstGood: null, end: null, exceptions: ['EX-1'] }] }]);
    expect(login.deviations[0]?.onset).toEqual({ after: berlin('2026-07-06 06:00'), by: berlin('2026-07-13 06:00'), source: null });
  });

  it('27 Jul to 17 Aug: the default-deny was last seen on 27 Jul, unknown from 3 Aug, gone on 10 Aug, back by 17 Aug', () => {
    const network = of('NET-001');
    expect(shown(network)).toEqual([
      [begin, berlin('2026-08-03 06:00'), 'pass', 'run'],
      [berlin('2026-08-03 06:00'), berlin('2026-08-10 06:00'), 'unknown', 'unread'],
      [berlin('2026-08-10 06:00'), berlin('2026-08-17 06:00'), 'fail', 'run'],
      [berlin('2026-08-17 06:00'), berlin('2026-08-25 11:30'), 'pass', 'run'],
      [berlin('2026-08-25 11:30'), berlin('2026-08-31 06:00'), 'unknown', 'expired'],
      [berlin('2026-08-31 06:00'), end, 'pass', 'run'],
    ]);
    expect(network.segments[0]).toMatchObject({ run: 1, lastRun: 5 });
    expect(network.segments[1]).toMatchObject({ run: 6, gaps: [{ reason: 'forbidden', what: 'networkpolicies' }] });
    expect(network.deviations).toEqual([
      {
        lastGood: 5,
        firstBad: 7,
        lastBad: 7,
        firstGood: 8,
        onset: { after: berlin('2026-07-27 06:00'), by: berlin('2026-08-10 06:00'), source: null },
        end: { after: berlin('2026-08-10 06:00'), by: berlin('2026-08-17 06:00'), source: null },
        exposure: { least: 0, most: 21 * day },
        exceptions: [],
        uids: [],
      },
    ]);
  });

  it('17 Aug: alice was cluster-admin from Fri 14 Aug 17:52, between 2 d 12 h and 2 d 18 h', () => {
    const admin = of('RBAC-001');
    expect(shown(admin).slice(0, 3)).toEqual([
      [begin, berlin('2026-08-14 17:52'), 'pass', 'run'],
      [berlin('2026-08-14 17:52'), berlin('2026-08-17 11:30'), 'fail', 'evidence'],
      [berlin('2026-08-17 11:30'), berlin('2026-08-25 11:30'), 'pass', 'run'],
    ]);
    const [deviation] = admin.deviations;
    expect(deviation).toMatchObject({ lastGood: 7, firstBad: 8, lastBad: 8, firstGood: 9 });
    expect(deviation?.onset).toEqual({ after: berlin('2026-08-14 17:52'), by: berlin('2026-08-14 17:52'), source: 'creationTimestamp' });
    expect(deviation?.exposure).toEqual({ least: 2 * day + 12 * hour + 8 * 60_000, most: 2 * day + 17 * hour + 38 * 60_000 });
    expect(admin.items).toMatchObject([{ item: friday.item, deviations: [{ uids: ['u-friday'] }] }]);
    expect(admin.longestFail).toEqual({ from: berlin('2026-08-14 17:52'), to: berlin('2026-08-17 11:30') });
  });

  it('24 Aug: missed, so unknown from 25 Aug 11:30 until 31 Aug 06:00', () => {
    for (const control of timeline.controls)
      expect(control.segments.filter(({ cause }) => cause === 'expired')).toMatchObject([
        { from: berlin('2026-08-25 11:30'), to: berlin('2026-08-31 06:00'), run: 9, missed: [10] },
      ]);
  });

  it('7 Sep: passes only by the new definition, and both are shown', () => {
    expect(of('RBAC-001').flips).toEqual([{ run: 12, at: berlin('2026-09-07 06:00'), before: 'fail', after: 'pass' }]);
    expect(of('RBAC-001').segments.at(-1)).toMatchObject({ state: 'pass', run: 11, lastRun: 16 });
  });

  it('14 to 21 Sep: plain text from 9 Sep 10:14 until 18 Sep 09:40, 8 d 23 h; stored Secrets until 21 Sep', () => {
    const writes = of('ENC-002').deviations;
    expect(writes).toMatchObject([
      { lastGood: 12, firstBad: 13, lastBad: 13, firstGood: 14, onset: { by: identity.at }, end: { by: reload.at, source: reload.source } },
    ]);
    const exact = Date.parse(reload.at) - Date.parse(identity.at);
    expect(writes[0]?.exposure).toEqual({ least: exact, most: exact });
    expect(Math.floor(exact / hour)).toBe(8 * 24 + 23);
    expect(of('ENC-003').deviations).toMatchObject([{ firstBad: 13, lastBad: 14, firstGood: 15 }]);
    expect(of('ENC-003').items.map(({ item }) => item)).toEqual([...plain].sort());
  });

  it('28 Sep: the excess right is gone', () => {
    expect(of('RBAC-005').deviations).toMatchObject([{ firstBad: 1, lastBad: 15, firstGood: 16 }]);
    expect(of('RBAC-005').segments.at(-1)).toMatchObject({ state: 'pass', from: berlin('2026-09-28 06:00'), run: 16 });
  });

  it('adds up', () => {
    for (const { time, percent, segments } of timeline.controls) {
      expect(Object.values(time).reduce((sum, each) => sum + each, 0)).toBe(92 * day);
      expect(Object.values(percent).reduce((sum, each) => sum + each * 10, 0)).toBeCloseTo(1000);
      expect([segments[0]?.from, segments.at(-1)?.to]).toEqual([begin, end]);
    }
  });
});
