/** What a report says of a period: standings, deviations by item, flips, and what keeps a period from being covered. */
import { describe, expect, test } from 'vitest';
import { buildTimeline, recordRuns } from '../../src/assessment/index.ts';
import { buildReportModel, type ReportInputs } from '../../src/reporting/index.ts';
import { hostile, makeInputs } from './fixture.ts';

const inputs = makeInputs();
const model = buildReportModel(inputs);
const period = model.period ?? expect.fail('no period');
const controlOf = (id: string) => model.controls.find((control) => control.id === id) ?? expect.fail(`no ${id}`);
const deviationOf = (item: string, id: string) =>
  period.deviations.find((each) => each.item === item && each.controls.some((control) => control.id === id)) ?? expect.fail(item);

describe('the period of a report', () => {
  test('says of every control a verdict, its percentages and its deviations', () => {
    const standings = model.controls.flatMap(({ period: standing }) => standing ?? []);
    expect(standings).toHaveLength(model.controls.length);
    for (const { timeline, deviations, verdict } of standings) {
      expect(Object.values(timeline.percent).reduce((sum, each) => sum + each, 0)).toBeCloseTo(100);
      expect(deviations.length === 0).toBe(verdict.outcome !== 'fail');
    }
    expect(Object.values(period.counts).reduce((sum, count) => sum + count, 0)).toBe(model.controls.length);
    expect(controlOf('RBAC-004')).toMatchObject({ verdict: { word: 'pass' }, period: { verdict: { word: 'deviation' }, changed: true } });
    expect(controlOf('RBAC-001').period).toMatchObject({ verdict: { word: 'deviation' }, changed: false });
  });

  test('tells deviations by item, what moved first, each with its bounds, its runs and its exhibits', () => {
    const moved = period.deviations.filter(({ throughout }) => !throughout);
    expect(period.deviations.slice(0, moved.length)).toEqual(moved);
    expect(moved.map(({ controls }) => controls.map(({ id }) => id))).toContainEqual(['RBAC-004']);
    const exact = deviationOf('kube-apiserver/control-plane-1', 'API-001');
    expect(exact).toMatchObject({ firstBad: 130, onset: { after: exact.onset.by, by: '2026-08-19T15:52:00.000Z' }, throughout: false });
    const bounded = deviationOf(hostile.long, 'RBAC-004');
    expect(bounded).toMatchObject({ lastGood: 98, firstBad: 99, firstGood: 103, onset: { source: null }, severity: 'high' });
    const runs = new Set(bounded.exhibits.map((id) => model.exhibits.find((exhibit) => exhibit.id === id)?.run));
    expect([...runs]).toEqual([99, 103]);
    const cited = model.exhibits.filter(({ id }) => bounded.exhibits.includes(id));
    expect(cited.every(({ controls }) => controls.includes('RBAC-004'))).toBe(true);
  });

  test('gives items whose exceptions differ deviations of their own', () => {
    expect(deviationOf(hostile.formula, 'RBAC-004').exceptions).toEqual(['EXC-1']);
    expect(deviationOf(hostile.long, 'RBAC-004').exceptions).toEqual([]);
  });

  test('lists outcomes that flipped by definition, with both', () => {
    expect(period.flips).toMatchObject([{ control: 'RBAC-006', before: { word: 'fail' }, after: { word: 'pass' } }]);
  });

  test('groups unknown time by its reason, and counts whom it concerns', () => {
    const failed = period.unknown.filter(({ cause }) => cause === 'failed');
    expect(failed).toHaveLength(1);
    expect(failed[0]?.controls).toBeGreaterThan(20);
  });

  test('concludes nothing for a law that it would not conclude for a moment', () => {
    for (const framework of model.frameworks) {
      expect(Object.values(framework.periodCounts ?? {}).reduce((sum, count) => sum + count, 0)).toBe(framework.total);
    }
    const laws = model.frameworks.filter(({ kind }) => kind === 'law');
    expect(laws.map(({ periodVerdicts }) => periodVerdicts)).toEqual(laws.map(({ verdicts }) => verdicts));
  });
});

describe('a period that is not covered', () => {
  /** The same cluster looked at with another period, and runs that were not in it. */
  const looked = (start: string, end: string, asOf: string, logStarted = '2026-06-20T08:00:00.000Z'): ReportInputs => {
    const timeline = buildTimeline({
      period: { from: start, to: end },
      asOf,
      genesis: logStarted,
      runs: [],
      exceptions: [],
      due: [],
      controls: inputs.assessment.controls.map(({ id }) => id),
      defaultTimeToLiveSeconds: 26 * 3600,
    });
    return {
      ...inputs,
      period: { name: 'other', start, end },
      judged: { timeline, record: recordRuns([]), requirements: inputs.assessment.requirements },
      checkpoint: { ...inputs.checkpoint, time: asOf, logStarted },
    };
  };
  const cases: readonly (readonly [string, ReportInputs, readonly RegExp[]])[] = [
    ['in the future', looked('2027-01-01T00:00:00.000Z', '2027-04-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'), [/had not begun/]],
    [
      'half over, and without runs',
      looked('2026-10-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z', '2026-11-10T00:00:00.000Z'),
      [/was not over/, /No run of the period read anything/],
    ],
    [
      "before the ledger's birth",
      looked('2026-01-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'),
      [/started after the period was over/, /No run of the period/],
    ],
    [
      'older than the ledger in part',
      looked('2026-04-01T00:00:00.000Z', '2026-07-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'),
      [/started after the period began/, /No run of the period/],
    ],
  ];
  test.each(cases)('%s says so, and passes nothing', (_, given, notices) => {
    const { period: told, controls, coverage, limitations, result } = buildReportModel(given);
    expect(told?.notices).toHaveLength(notices.length);
    for (const notice of notices) {
      expect(told?.notices.some((sentence) => notice.test(sentence))).toBe(true);
      expect(limitations.some((sentence) => notice.test(sentence))).toBe(true);
    }
    expect(new Set(controls.map((control) => control.period?.verdict.word))).toEqual(new Set(['insufficient coverage']));
    expect(coverage.percent).toBeNull();
    expect(result).toMatch(/^Insufficient coverage/);
  });
});
