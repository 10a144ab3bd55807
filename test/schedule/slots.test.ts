import { CronTime } from 'cron';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KubevidenceError } from '../../src/model/index.ts';
import { latestSlot, missedSlots, nextSlot, parseSchedule, slotsBetween } from '../../src/schedule/index.ts';

const minute = 60_000;
const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kolkata', 'UTC'] as const;
/** Days around which the clocks of one of the zones change, and an ordinary one. */
const nights = ['2026-03-28', '2026-10-24', '2026-03-07', '2026-10-31', '2026-04-04', '2026-10-03', '2026-09-05', '2026-07-14'];

const list = (low: number, high: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: 2, max: Math.max(2, high - 1) }).map((step) => `*/${step}`),
    fc.uniqueArray(fc.integer({ min: low, max: high }), { minLength: 1, maxLength: 3 }).map((values) => values.join(',')),
    fc
      .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );
const minutes = fc.oneof(fc.constantFrom('*/15', '*/30', '0'), list(0, 59));
const days = fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, { weight: 1, arbitrary: list(1, 28) });
const weekdays = fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, { weight: 1, arbitrary: list(0, 6) });
const expressions = fc.oneof(
  fc.tuple(minutes, list(0, 23), days).map((parts) => `${parts.join(' ')} * *`),
  fc.tuple(minutes, list(0, 23), weekdays).map(([minute, hour, weekday]) => `${minute} ${hour} * * ${weekday}`),
);

const formats = new Map<string, Intl.DateTimeFormat>();
/** What a clock on the wall shows, as if it were UTC. */
function wallAt(at: number, timeZone: string): number {
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  formats.set(timeZone, format);
  return Date.parse(`${format.format(at).replace(' ', 'T')}Z`);
}

/** Whether an expression names a time on the wall, read as plainly as it is written; it has no day field restricted beside the weekday. */
function names(expression: string, wall: number): boolean {
  const local = new Date(wall);
  const shown = [local.getUTCMinutes(), local.getUTCHours(), local.getUTCDate(), local.getUTCMonth() + 1, local.getUTCDay()];
  const holds = expression.split(' ').map((field, index) =>
    field.split(',').some((part) => {
      const [value, low] = [shown[index] ?? -1, index === 2 || index === 3 ? 1 : 0];
      if (part.startsWith('*')) return (value - low) % Number(part.slice(2) || 1) === 0;
      const [from, to = from] = part.split('-').map(Number);
      return value >= (from ?? 0) && value <= (to ?? 0);
    }),
  );
  return holds.every(Boolean);
}

/** Minute by minute, watching the clock on the wall. */
function bruteForce(expression: string, timezone: string, from: number, to: number): string[] {
  const everyHour = /^\S+ (\*|0-23) /.test(expression);
  const seen = new Set<number>();
  const slots: string[] = [];
  const start = from - 180 * minute;
  let before = wallAt(start - minute, timezone);
  for (let at = start; at <= to; at += minute) {
    const wall = wallAt(at, timezone);
    let due = false;
    // The clock jumped: whatever it skipped is due now.
    for (let skipped = before + minute; skipped < wall; skipped += minute) if (names(expression, skipped) && !seen.has(skipped)) due = true;
    if (names(expression, wall) && (everyHour || !seen.has(wall))) due = true;
    seen.add(wall);
    before = wall;
    if (due && at > from) slots.push(new Date(at).toISOString());
  }
  return slots;
}

describe('slots', () => {
  test('are what watching the clock on the wall gives, also in the nights in which it changes', () => {
    fc.assert(
      fc.property(
        expressions,
        fc.constantFrom(...zones),
        fc.constantFrom(...nights),
        fc.constantFrom('12', '20'),
        (expression, timezone, night, hour) => {
          const from = Date.parse(`${night}T${hour}:00:00Z`);
          const to = from + 8 * 60 * minute;
          const slots = slotsBetween(parseSchedule(expression), timezone, new Date(from).toISOString(), new Date(to).toISOString());
          expect(slots).toEqual(bruteForce(expression, timezone, from, to));
        },
      ),
      { numRuns: 120 },
    );
  });

  test.each([
    ['30 2 * * *', '2026-03-28T12:00:00.000Z', ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']],
    ['30 2 * * *', '2026-10-24T12:00:00.000Z', ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']],
    ['0 3 * * *', '2026-03-28T12:00:00.000Z', ['2026-03-29T01:00:00.000Z', '2026-03-30T01:00:00.000Z']],
    ['15 0,3 * * *', '2026-10-24T12:00:00.000Z', ['2026-10-24T22:15:00.000Z', '2026-10-25T02:15:00.000Z']],
    ['0 * * * *', '2026-10-24T23:30:00.000Z', ['2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000Z']],
    ['0 6 * * 1', '2026-06-28T00:00:00.000Z', ['2026-06-29T04:00:00.000Z', '2026-07-06T04:00:00.000Z']],
    ['0 0 29 2 *', '2026-01-01T00:00:00.000Z', ['2028-02-28T23:00:00.000Z', '2032-02-28T23:00:00.000Z']],
  ])('%s in Berlin after %s', (expression, from, expected) => {
    const found: string[] = [];
    for (let at = from; found.length < expected.length; found.push(at)) at = nextSlot(parseSchedule(expression), 'Europe/Berlin', at);
    expect(found).toEqual(expected);
  });

  test('the latest one is the last of all that passed', () => {
    fc.assert(
      fc.property(expressions, fc.constantFrom(...zones), fc.integer({ min: 0, max: 365 * 24 * 60 }), (expression, timezone, after) => {
        const at = new Date(Date.parse('2026-01-01T00:00:00Z') + after * minute).toISOString();
        const schedule = parseSchedule(expression);
        const latest = latestSlot(schedule, timezone, at) ?? '';
        expect(latest <= at).toBe(true);
        expect(nextSlot(schedule, timezone, latest) > at).toBe(true);
        expect(slotsBetween(schedule, timezone, new Date(Date.parse(latest) - 1).toISOString(), at)).toEqual([latest]);
      }),
      { numRuns: 30 },
    );
  });

  test('the latest is found eight years back', () => {
    expect(latestSlot(parseSchedule('0 0 29 2 *'), 'UTC', '2027-12-01T00:00:00.000Z')).toBe('2024-02-29T00:00:00.000Z');
    expect(latestSlot(parseSchedule('0 0 29 2 *'), 'UTC', '2104-02-28T00:00:00.000Z')).toBe('2096-02-29T00:00:00.000Z');
  });

  test('a time that runs backwards has none', () => {
    expect(slotsBetween(parseSchedule('* * * * *'), 'UTC', '2026-08-14T12:00:00.000Z', '2026-08-14T11:00:00.000Z')).toEqual([]);
  });
});

describe('an expression', () => {
  test.each([
    ['0 0 30 2 *', 'never fires'],
    ['0 0 31 4,6,9,11 *', 'never fires'],
    ['* * * * * *', 'more than once a minute'],
    ['60 * * * *', '"60" is no minute'],
    ['0 6 * *', '4 fields'],
    ['', '1 field'],
    ['0 6 * * mon-sunday', 'is no weekday'],
    ['*/0 * * * *', 'step of zero'],
    ['5-1 * * * *', 'ends before it starts'],
    ['0 6 * * 1; rm', '6 fields|is no'],
    ['*-5 * * * *', 'is no minute'],
    ['0 6 ? * *', 'is no day of the month'],
  ])('%s is refused: %s', (expression, why) => {
    expect(() => parseSchedule(expression)).toThrow(new RegExp(why));
  });

  test('any text is an expression or a sentence', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-0-9*,/ a-z@]{0,24}$/)), (text) => {
        let said = '';
        try {
          said = nextSlot(parseSchedule(text), 'Europe/Berlin', '2026-08-14T12:00:00.000Z');
        } catch (error) {
          said = error instanceof KubevidenceError ? error.code : String(error);
        }
        expect(said).toMatch(/^(configuration|20\d\d-.*Z)$/);
      }),
      { numRuns: 300 },
    );
  });

  test('means what the cron package means by it, where clocks do not change', () => {
    const alike = [
      '@daily',
      '@weekly',
      '0 0 1 1 *',
      '0 6 13 * 5',
      '0 6 1-7 * mon',
      '0 12 * jan,jul *',
      '15 10 * * 7',
      '30 9 * * 1-5',
      '7 4/6 * * *',
    ];
    for (const expression of alike) {
      const cron = new CronTime(expression, 'UTC');
      let at = '2026-01-01T00:00:00.000Z';
      for (let count = 0; count < 6; count++) {
        const expected = cron.getNextDateFrom(new Date(at), 'UTC').toJSDate().toISOString();
        at = nextSlot(parseSchedule(expression), 'UTC', at);
        expect(`${expression} ${at}`).toBe(`${expression} ${expected}`);
      }
    }
  });
});

describe('missed slots', () => {
  const duty = (given: Partial<Parameters<typeof missedSlots>[0]>) =>
    missedSlots({
      schedule: parseSchedule('0 * * * *'),
      timezone: 'UTC',
      after: '2026-08-14T10:00:00.000Z',
      now: '2026-08-14T13:30:00.000Z',
      running: null,
      grace: true,
      ...given,
    }).map(({ slot, slots }) => (slots === 1 ? slot.slice(11, 16) : `${slot.slice(11, 16)} x${slots}`));

  test.each([
    ['the latest may still be run', {}, ['11:00', '12:00']],
    ['but not an hour later', { schedule: parseSchedule('0 11,12 * * *') }, ['11:00', '12:00']],
    ['nor when the schedule ends', { grace: false }, ['11:00', '12:00', '13:00']],
    ['nor when a later one runs', { running: '2026-08-14T13:00:00.000Z' }, ['11:00', '12:00']],
    ['the running one never is', { running: '2026-08-14T12:00:00.000Z' }, ['11:00']],
    ['nothing was due', { after: '2026-08-14T13:00:00.000Z' }, []],
    ['the clock was set back', { now: '2026-08-14T09:00:00.000Z' }, []],
  ])('%s', (_what, given, expected) => {
    expect(duty(given)).toEqual(expected);
  });

  test('of a year are a thousand entries that stand for all of them', () => {
    const entries = missedSlots({
      schedule: parseSchedule('*/5 * * * *'),
      timezone: 'Europe/Berlin',
      after: '2025-08-14T10:00:00.000Z',
      now: '2026-08-14T10:00:00.000Z',
      running: null,
      grace: false,
    });
    expect(entries.length).toBe(1000);
    expect(entries.reduce((sum, { slots }) => sum + slots, 0)).toBe(365 * 24 * 12);
    expect(entries[0]).toMatchObject({ slot: '2025-08-14T10:05:00.000Z', slots: 365 * 24 * 12 - 999 });
    expect(entries.every(({ slot }, index) => slot > (entries[index - 1]?.through ?? ''))).toBe(true);
  });
});
