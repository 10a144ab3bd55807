/** Whether the audit log of the time in which somebody could do something can still be there. */
import { describe, expect, test } from 'vitest';
import { type AuditLogSetting, buildReportModel } from '../../src/reporting/index.ts';
import { trailOf } from '../../src/reporting/build-trail.ts';
import { trailText } from '../../src/reporting/formats/wording.ts';
import { makeInputs } from './fixture.ts';

const day = (date: number, month = 8) => new Date(Date.UTC(2026, month - 1, date)).toISOString();
const files = (days: number | null): AuditLogSetting => ({ servers: 1, complete: true, withoutFile: 0, elsewhere: 0, days });
const bounds = (date: number) => ({ after: day(date), by: day(date), source: null });

/** A run a day of August; the settings hold from their day on. */
function trail(settings: Readonly<Record<number, AuditLogSetting>>, given: Partial<Parameters<typeof trailOf>[0]> = {}, now = day(30)) {
  const runs = Array.from({ length: 31 }, (_, index) => ({ number: index + 1, at: day(index + 1) })).filter(({ at }) => at <= now);
  const asked: number[] = [];
  const settingAt = (run: number) => {
    asked.push(run);
    const from = Object.keys(settings).findLast((key) => Number(key) <= run);
    return settings[Number(from)] ?? files(0);
  };
  const deviated = { lastGood: 4, firstBad: 5, lastBad: 7, onset: bounds(5), end: bounds(8), ...given };
  return { told: trailOf(deviated, { runs, settingAt, now }), asked };
}
const told = (...given: Parameters<typeof trail>) => trail(...given).told;

describe('the audit log of a deviation', () => {
  test('is gone once its last day is older than files become, by the last run before that', () => {
    expect(told({ 1: files(7) })).toEqual({
      kept: 'files',
      run: 14,
      partly: false,
      unwritten: false,
      days: 7,
      standing: 'gone',
      firstGone: day(12),
      lastGone: day(15),
    });
    expect(told({ 1: files(7) }, {}, day(15))).toMatchObject({ standing: 'gone' });
    expect(told({ 1: files(7) }, {}, day(14))).toMatchObject({ standing: 'part', lastGone: day(15) });
    expect(told({ 1: files(7) }, {}, day(12))).toMatchObject({ standing: 'part', firstGone: day(12) });
    expect(told({ 1: files(7) }, {}, day(11))).toMatchObject({ standing: 'whole' });
  });

  test('is kept by a setting that came in time, and by none that came later', () => {
    expect(told({ 1: files(7), 11: files(30) })).toMatchObject({ days: 30, standing: 'whole', firstGone: day(4, 9), lastGone: day(7, 9) });
    expect(told({ 1: files(7), 14: files(30) })).toMatchObject({ days: 30, standing: 'part', firstGone: day(12), lastGone: day(7, 9) });
    expect(told({ 1: files(7), 20: files(30) })).toMatchObject({ days: 7, run: 14, standing: 'gone' });
    expect(told({ 1: files(7), 11: files(null) })).toMatchObject({ days: null, run: 30, standing: 'whole', lastGone: null });
  });

  test('goes when a shorter setting comes into force, and not before, however soon it is lengthened again', () => {
    const shortened = { 1: files(30), 29: files(3) };
    expect(told(shortened)).toMatchObject({ days: 3, run: 29, standing: 'gone', lastGone: day(29) });
    expect(told(shortened, {}, day(28))).toMatchObject({ days: 30, standing: 'whole' });
    expect(told({ 1: files(30), 10: files(3), 20: files(30) })).toMatchObject({ days: 3, run: 10, standing: 'gone', lastGone: day(11) });
  });

  test('is known through runs that could not be read, and said to be known in part', () => {
    const unread = { ...files(null), servers: 0, complete: false };
    expect(told({ 1: files(30), 10: files(3), 29: unread })).toMatchObject({ days: 3, standing: 'gone', partly: true });
    expect(told({ 1: files(30), 8: unread })).toMatchObject({ days: 30, run: 7, standing: 'whole', partly: true });
    expect(told({ 1: files(30), 5: unread, 8: files(30) })).toEqual({ kept: 'unread', run: 5, partly: false });
  });

  test('of something that lasts goes at its beginning only', () => {
    const lasting = { lastBad: 30, end: null };
    expect(told({ 1: files(30) }, lasting)).toMatchObject({ standing: 'whole', firstGone: day(4, 9), lastGone: null });
    expect(told({ 1: files(7) }, lasting)).toMatchObject({ standing: 'part', firstGone: day(12), lastGone: null });
    expect(told({ 1: files(null) }, lasting)).toMatchObject({ standing: 'whole', days: null });
  });

  test('of something whose begin nobody knows may lack its beginning', () => {
    const unknown = { lastGood: null, onset: { after: null, by: day(5), source: null } };
    expect(told({ 1: files(30) }, unknown)).toMatchObject({ standing: 'part', firstGone: null });
    expect(told({ 1: files(null) }, unknown)).toMatchObject({ standing: 'whole' });
  });

  test('is nowhere where none was written then, whatever was set later', () => {
    const none = { ...files(null), withoutFile: 1 };
    expect(told({ 1: none, 8: files(30) })).toEqual({ kept: 'none', run: 5, partly: false });
    expect(told({ 1: { ...none, complete: false } })).toMatchObject({ kept: 'none', partly: true });
    expect(told({ 1: { ...none, elsewhere: 1 } })).toMatchObject({ kept: 'elsewhere' });
    // What was switched off later was written before.
    expect(told({ 1: files(30), 20: none })).toMatchObject({ kept: 'files', days: 30, run: 19, unwritten: false });
    // Written for a part of the time, whichever.
    for (const settings of [
      { 1: files(30), 6: none, 7: files(30) },
      { 1: none, 5: files(30) },
      { 1: files(30), 7: none },
    ])
      expect(told(settings)).toMatchObject({ kept: 'files', standing: 'part', unwritten: true });
  });

  test('says where not every API server is known to keep one', () => {
    expect(told({ 1: { ...files(7), complete: false } })).toMatchObject({ kept: 'files', partly: true });
    expect(told({ 1: { ...files(7), servers: 3, withoutFile: 1 } })).toMatchObject({ kept: 'files', partly: true });
  });

  test('is asked for at some hundred of thousands of runs, those that the deviation names among them', () => {
    const runs = Array.from({ length: 2204 }, (_, index) => ({
      number: index + 1,
      at: new Date(Date.UTC(2026, 6, 1, index)).toISOString(),
    }));
    const asked = new Set<number>();
    const settingAt = (run: number) => {
      asked.add(run);
      return files(7);
    };
    const deviated = { lastGood: 501, firstBad: 502, lastBad: 777, onset: bounds(20), end: bounds(30) };
    expect(trailOf(deviated, { runs, settingAt, now: runs.at(-1)?.at ?? '' })).toMatchObject({ standing: 'gone', days: 7 });
    expect([501, 502, 777, 2204].every((run) => asked.has(run))).toBe(true);
    expect(asked.size).toBeLessThan(100);
  });
});

test.each([
  [told({ 1: files(7) }), /kept for 7 days, as run 14 shows, the last before 2026-08-15 00:00, .* can no longer be told\.$/],
  [told({ 1: files(1) }), /kept for 1 day, /],
  [told({ 1: files(7) }, {}, day(14)), /may be gone since 2026-08-12 00:00; the end may go from 2026-08-15 00:00 on\. Secure them now\.$/],
  [told({ 1: files(7) }, {}, day(11)), /none of this time before 2026-08-12 00:00\. Secure them before then\.$/],
  [told({ 1: files(null) }), /^Files are not deleted by age, as run 30 shows\.$/],
  [told({ 1: { ...files(7), complete: false } }), /Not every API server was read at every run/],
  [{ kept: 'none', run: 3, partly: true } as const, /^None was written by any API server that was read, as run 3 shows/],
  [{ kept: 'elsewhere', run: 3, partly: false } as const, /webhook or to standard output/],
  [{ kept: 'unread', run: 3, partly: false } as const, /^Unknown: run 3/],
])('%j is told so', (given, expected) => {
  expect(trailText(given, 'UTC')).toMatch(expected);
});

test('a report tells it of what began or ended, where the control says who could do something', () => {
  const inputs = makeInputs();
  const controls = inputs.catalog.controls.map((each) => ({ ...each, population: each.id === 'RBAC-004' ? 'grants' : 'roles' }));
  const { period } = buildReportModel({ ...inputs, catalog: { ...inputs.catalog, controls } });
  const traced = period?.deviations.filter(({ trail: each }) => each !== null) ?? [];
  expect(traced.length).toBeGreaterThan(0);
  for (const { controls: own, throughout, trail: each } of traced) {
    expect([own.map(({ id }) => id), throughout]).toEqual([['RBAC-004'], false]);
    expect(each).toMatchObject({ kept: 'files', days: 30, standing: 'gone' });
  }
});
