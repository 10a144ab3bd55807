import * as fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ledger, verifyLedger } from '../../src/ledger/index.ts';
import { parseSchedule, slotsBetween } from '../../src/schedule/index.ts';
import { minutes, openWorld, type Step, type World } from './serve-given.ts';

let directory = '';
let count = 0;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'serve-'))));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function inWorld(start: string, act: (world: World) => Promise<void>): Promise<void> {
  const world = openWorld(join(directory, `${count++}.db`), start);
  try {
    await act(world);
    expect(verifyLedger(world.ledger().path)).toMatchObject({ ok: true, problems: [] });
  } finally {
    world.close();
  }
}

const story = (ledger: Ledger, cluster = 'prod') =>
  ledger
    .runs(cluster)
    .map(({ number, status, slot, plannedAt }) => `${number} ${status} ${slot?.slice(5, 16) ?? '-'} at ${plannedAt.slice(5, 16)}`);

describe('serve', () => {
  test('runs once at the start, and then each slot once', () =>
    inWorld('2026-08-14T05:30:00Z', async (world) => {
      await world.run(minutes(150), { schedule: '0 * * * *' });
      expect(story(world.ledger())).toEqual([
        '1 succeeded 08-14T05:00 at 08-14T05:30',
        '2 succeeded 08-14T06:00 at 08-14T06:00',
        '3 succeeded 08-14T07:00 at 08-14T07:00',
        '4 succeeded 08-14T08:00 at 08-14T08:00',
      ]);
      expect(world.assessed).toEqual([1, 2, 3, 4]);
    }));

  test('that was down records what it missed, and makes it good with one run', () =>
    inWorld('2026-08-14T06:00:00Z', async (world) => {
      await world.run([...minutes(5), { minutes: 3 * 24 * 60 + 300, restart: true }, ...minutes(120)]);
      await world.run([{ minutes: 60, restart: true }, ...minutes(5)]);
      expect(story(world.ledger())).toEqual([
        '1 succeeded 08-14T06:00 at 08-14T06:00',
        '2 missed 08-15T06:00 at 08-17T11:05',
        '3 missed 08-16T06:00 at 08-17T11:05',
        '4 missed 08-17T06:00 at 08-17T11:05',
        '5 succeeded - at 08-17T11:05',
      ]);
    }));

  test('that was down for less than an hour still takes the slot', () =>
    inWorld('2026-08-14T06:00:00Z', async (world) => {
      await world.run([...minutes(5), { minutes: 24 * 60 + 30, restart: true }, ...minutes(5)]);
      expect(story(world.ledger()).at(-1)).toBe('2 succeeded 08-15T06:00 at 08-15T06:35');
    }));

  test('tries a run that failed again, more and more seldom, and then waits for the next slot', () =>
    inWorld('2026-08-14T05:59:00Z', async (world) => {
      await world.run([...minutes(40, { fault: 'unreachable' }), ...minutes(60)]);
      expect(story(world.ledger())).toEqual([
        '1 succeeded - at 08-14T05:59',
        '2 failed 08-14T06:00 at 08-14T06:00',
        '3 failed 08-14T06:00 at 08-14T06:01',
        '4 failed 08-14T06:00 at 08-14T06:03',
        '5 failed 08-14T06:00 at 08-14T06:07',
        '6 failed 08-14T06:00 at 08-14T06:15',
        '7 failed 08-14T06:00 at 08-14T06:31',
        '8 succeeded - at 08-14T07:03',
      ]);
    }));

  test('waits for a ledger that somebody else writes, tells it once, and still takes the slot', () =>
    inWorld('2026-08-14T05:58:00Z', async (world) => {
      await world.run([...minutes(1), ...minutes(20, { fault: 'locked' }), ...minutes(3)]);
      expect(story(world.ledger()).at(-1)).toBe('2 succeeded 08-14T06:00 at 08-14T06:20');
      expect(world.events.filter(({ event }) => event === 'waiting')).toMatchObject([
        { message: 'the ledger is being written', next: 'Wait.' },
      ]);
    }));

  test('runs a slot that comes during a run afterwards, and misses those that the next one overtook', () =>
    inWorld('2026-08-14T06:00:00Z', async (world) => {
      await world.run([...minutes(3), { minutes: 57, takes: 150 }, ...minutes(3)], { schedule: '0 * * * *' });
      expect(story(world.ledger())).toEqual([
        '1 succeeded 08-14T06:00 at 08-14T06:00',
        '2 succeeded 08-14T07:00 at 08-14T07:00',
        '3 missed 08-14T08:00 at 08-14T09:31',
        '4 succeeded 08-14T09:00 at 08-14T09:31',
      ]);
    }));

  test('makes a run that a kill left open an interrupted one, and tries again', () =>
    inWorld('2026-08-14T05:00:00Z', async (world) => {
      await world.run([...minutes(59), { minutes: 1, fault: 'killed' }, ...minutes(5)]);
      expect(story(world.ledger()).slice(1)).toEqual([
        '2 interrupted 08-14T06:00 at 08-14T06:00',
        '3 succeeded 08-14T06:00 at 08-14T06:01',
      ]);
    }));

  test('shares slots with a CronJob and with another serve', () =>
    inWorld('2026-08-14T05:00:00Z', async (world) => {
      await world.run(minutes(10, { other: 'scheduled' }), { schedule: '*/5 * * * *' });
      expect(story(world.ledger()).map((line) => line.slice(0, 24))).toEqual([
        '1 succeeded 08-14T05:00 ',
        '2 succeeded 08-14T05:05 ',
        '3 succeeded 08-14T05:10 ',
      ]);
    }));

  test('runs one cluster after the other, each with its own numbers', () =>
    inWorld('2026-08-14T05:59:00Z', async (world) => {
      await world.run(minutes(3), { clusters: ['a', 'b', 'c'] });
      for (const cluster of ['a', 'b', 'c']) expect(story(world.ledger(), cluster)).toHaveLength(2);
    }));

  test('judges by a schedule of its own where there is one', () =>
    inWorld('2026-08-14T05:00:00Z', async (world) => {
      await world.run(minutes(120), { schedule: '*/30 * * * *', assess: '45 * * * *' });
      expect(world.assessed).toEqual([2, 4]);
    }));

  test('of a schedule that changed counts from then on', () =>
    inWorld('2026-08-14T05:00:00Z', async (world) => {
      await world.run(minutes(61), { schedule: '0 * * * *' });
      await world.run(minutes(30), { schedule: '0,20,40 * * * *' });
      expect(story(world.ledger())).toEqual([
        '1 succeeded 08-14T05:00 at 08-14T05:00',
        '2 succeeded 08-14T06:00 at 08-14T06:00',
        '3 succeeded 08-14T06:20 at 08-14T06:20',
      ]);
    }));

  test.each([
    ['2026-03-28T12:00:00Z', ['03-29T01:00', '03-30T00:30']],
    ['2026-10-24T12:00:00Z', ['10-25T00:30', '10-26T01:30']],
  ])('keeps its slots in the night in which the clocks change: %s', (start, slots) =>
    inWorld(start, async (world) => {
      await world.run(
        minutes(4 * 60).map(() => ({ minutes: 10 })),
        { schedule: '30 2 * * *', timezone: 'Europe/Berlin' },
      );
      expect(
        world
          .ledger()
          .runs()
          .map(({ slot, status }) => `${status} ${slot?.slice(5, 16) ?? '-'}`),
      ).toEqual(['succeeded -', ...slots.map((slot) => `succeeded ${slot}`)]);
    }),
  );
});

describe('whatever happens', () => {
  const faults = fc.constantFrom('none', 'none', 'none', 'unreachable', 'locked', 'fullDisk', 'killed', 'partial');
  const step: fc.Arbitrary<Step> = fc.record(
    {
      minutes: fc.oneof(
        { weight: 12, arbitrary: fc.integer({ min: 1, max: 12 }) },
        { weight: 2, arbitrary: fc.integer({ min: 30, max: 400 }) },
        { weight: 1, arbitrary: fc.integer({ min: -120, max: -1 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1500, max: 3000 }) },
      ),
      fault: faults,
      takes: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 90 }) }),
      other: fc.constantFrom('manual' as const, 'scheduled' as const),
      restart: fc.constantFrom(true, false, false, false, false, false),
    },
    { requiredKeys: ['minutes', 'fault', 'takes'] },
  );
  const schedules = fc.constantFrom('0 * * * *', '*/20 * * * *', '30 2 * * *', '15 1,2,3 * * *', '*/15 * * * *');
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe');
  const starts = fc.constantFrom('2026-08-14T05:30:00Z', '2026-03-28T22:10:00Z', '2026-10-24T21:50:00Z', '2026-04-04T12:00:00Z');

  test('no run number is lost or doubled, and each slot is run or missed exactly once', { timeout: 60_000 }, () =>
    fc.assert(
      fc.asyncProperty(
        starts,
        schedules,
        zones,
        fc.array(step, { minLength: 8, maxLength: 30 }),
        async (start, schedule, timezone, steps) =>
          inWorld(start, async (world) => {
            // A manual run afterwards, so that what was missed at the end is on record.
            await world.run([...steps, { minutes: 24 * 60, fault: 'locked', other: 'manual' }], { schedule, timezone });
            const runs = world.ledger().runs('prod');
            expect(runs.map(({ number }) => number)).toEqual(runs.map((_run, index) => index + 1));
            expect(new Set(runs.map(({ uuid }) => uuid)).size).toBe(runs.length);

            const fates = new Map<string, string[]>();
            for (const { slot, status } of runs) if (slot !== null) fates.set(slot, [...(fates.get(slot) ?? []), status]);
            for (const [slot, fate] of fates) {
              const read = fate.filter((status) => status === 'succeeded' || status === 'partial').length;
              const missed = fate.filter((status) => status === 'missed').length;
              expect([slot, read + missed <= 1, missed === 0 || fate.length === 1]).toEqual([slot, true, true]);
            }
            // In order, each later than the one before unless it is another attempt.
            const slots = runs.flatMap(({ slot }) => slot ?? []);
            expect(slots).toEqual([...slots].sort());
            const [first, last] = [slots[0], slots.at(-1)];
            if (first === undefined || last === undefined) return;
            const since = new Date(Date.parse(first) - 1).toISOString();
            expect([...fates.keys()]).toEqual(slotsBetween(parseSchedule(schedule), timezone, since, last));
          }),
      ),
      { numRuns: 12 },
    ),
  );
});
