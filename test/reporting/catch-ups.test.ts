/** Missed slots that a later run made good: which run it was, and what of the time between is unknown. */
import { describe, expect, it } from 'vitest';
import { buildTimeline, type TimelineRun } from '../../src/assessment/index.ts';
import type { RunStatus } from '../../src/model/index.ts';
import { buildCatchUps } from '../../src/reporting/build-catch-ups.ts';
import { catchUpText } from '../../src/reporting/formats/wording.ts';
import type { ReportRun } from '../../src/reporting/report-model.ts';

const period = { from: '2026-08-01T00:00:00.000Z', to: '2026-09-01T00:00:00.000Z' };
const day = (at: string) => `2026-08-${at}:00.000Z`;

interface Given {
  readonly at: string;
  readonly status?: RunStatus;
  readonly slot?: boolean;
  readonly kind?: 'scheduled' | 'manual';
}

function coverage(given: readonly Given[], hours: number) {
  const runs = given.map(({ at, status = 'succeeded', slot = true, kind = 'scheduled' }, index): ReportRun => {
    const [moment, read] = [day(at), status === 'succeeded' || status === 'partial'];
    const times = { plannedAt: moment, startedAt: status === 'missed' ? null : moment, endedAt: moment, observedAt: read ? moment : null };
    const told = { listings: { complete: 1, total: 1 }, items: 1, error: null, auditIdPrefix: '', clockSkewSeconds: null, recordHash: '' };
    return { number: index + 1, kind, status, slot: slot ? moment : null, slots: 1, ...times, ...told, leaf: index, place: 'inside' };
  });
  const timeline = buildTimeline({
    period,
    asOf: period.to,
    genesis: '2026-07-01T00:00:00.000Z',
    runs: runs.map(({ number, kind, status, slot, plannedAt, observedAt }): TimelineRun => {
      const result = { outcome: 'pass', findings: [], gaps: [], kinds: ['k8s.pods/pods'] } as const;
      const results = observedAt === null ? [] : ([['A', result] as const, ['B', result] as const] as const);
      return { number, kind, status, slot, startedAt: plannedAt, observedAt, timeToLive: {}, results: new Map(results) };
    }),
    due: [],
    controls: ['A', 'B'],
    exceptions: [],
    defaultTimeToLiveSeconds: hours * 3600,
  });
  return buildCatchUps(timeline, runs);
}

const missed = { at: '11T06:00', status: 'missed' } as const;
const regular = [{ at: '10T06:00' }, missed, { at: '12T06:00' }] as const;

describe('a missed slot', () => {
  it('that a catch-up run made good is unknown only as far as times to live had ended', () => {
    const runs = [regular[0], missed, { at: '11T11:30', slot: false }, regular[2]];
    const [told] = coverage(runs, 26);
    expect(told).toEqual({
      slot: day('11T06:00'),
      slots: 1,
      missed: 2,
      run: 3,
      status: 'succeeded',
      at: day('11T11:30'),
      unknown: { from: day('11T08:00'), to: day('11T11:30'), controls: 2 },
    });
    if (told === undefined) throw new Error('none');
    expect(catchUpText(told, 2, 'Europe/Berlin')).toBe(
      'the slot Tue 11 Aug 08:00 was missed (run 2); a catch-up run at 13:30 (run 3) filled in from then on; unknown from Tue 11 Aug 10:00 to Tue 11 Aug 13:30 for all of 2 controls, where times to live had ended',
    );
    const [held] = coverage(runs, 200);
    expect(held?.unknown).toBeNull();
    expect(held === undefined ? '' : catchUpText({ ...held, status: 'partial', slots: 3 }, 2, 'UTC')).toBe(
      '3 slots from Tue 11 Aug 06:00 on were missed (run 2); a partial catch-up run at 11:30 (run 3) filled in from then on; no time between became unknown: what had been read still held',
    );
  });

  it.each([
    ['the next slot', regular, []],
    ['a run that a person started', [regular[0], missed, { at: '11T11:30', slot: false, kind: 'manual' }, regular[2]], []],
    ['a failed catch-up', [regular[0], missed, { at: '11T11:30', slot: false, status: 'failed' }, regular[2]], []],
    [
      'the second attempt',
      [regular[0], missed, { at: '11T11:30', slot: false, status: 'failed' }, { at: '11T12:30', slot: false, status: 'partial' }],
      [[2, 4]],
    ],
    [
      'one run after several',
      [regular[0], missed, { at: '12T06:00', status: 'missed' }, { at: '12T09:00', slot: false }],
      [
        [2, 4],
        [3, 4],
      ],
    ],
  ] as const)('is made good by %s, or not', (_what, runs, expected) => {
    expect(coverage(runs, 26).map((each) => [each.missed, each.run])).toEqual(expected);
  });

  it('is not told of in a report of one moment', () => {
    expect(buildCatchUps(undefined, [])).toEqual([]);
  });
});
