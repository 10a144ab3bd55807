import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { prepareRun, recordDefinitions } from '../../src/app/collect/prepare-run.ts';
import { type Ledger, type PresentDefinitions, verifyLedger } from '../../src/ledger/index.ts';
import type { RunStatus } from '../../src/model/index.ts';
import { openForTest, temporaryPath } from '../ledger/temporary.ts';

const identity = { name: 'prod', uid: null, version: null, server: null, caFingerprint: null, actor: null };

function given(collect: string | null, timezone = 'UTC'): PresentDefinitions {
  const values = { timezone, ...(collect !== null && { schedule: { collect } }) };
  const list = Object.entries(values).map(([what, value]) => ({ what, digest: hash('sha256', JSON.stringify(value)), value }));
  return { list, texts: new Map(), tool: 't' };
}

/** A ledger on a clock that is set by hand, and its runs. */
function open(start: string) {
  let now = Date.parse(start);
  const ledger = openForTest(temporaryPath(), () => new Date(now));
  const run = async (
    at: string,
    options: {
      schedule?: string | null;
      timezone?: string;
      scheduled?: boolean;
      slot?: string;
      cluster?: string;
      status?: 'succeeded' | 'failed';
    } = {},
  ) => {
    now = Date.parse(at);
    const { schedule = '0 6 * * *', timezone = 'UTC', cluster = 'prod', status = 'succeeded' } = options;
    const scheduled = options.scheduled === true ? { slot: options.slot ?? null } : null;
    const prepared = await prepareRun(ledger, {
      cluster,
      definitions: given(schedule, timezone),
      scheduled,
      now: new Date(now).toISOString(),
    });
    const { number } = ledger.planRun({ cluster, uuid: crypto.randomUUID(), ...prepared, collectors: [], tool: 't' });
    ledger
      .startRun({ cluster, number, identity, scope: 'cluster', listings: [] })
      .end({ status, error: null, identity, serverClockSkewMs: null });
  };
  return { ledger, run, at: (time: string) => (now = Date.parse(time)) };
}

const story = (ledger: Ledger, cluster = 'prod') =>
  ledger
    .runs(cluster)
    .map(({ number, kind, status, slot }) => `${number} ${kind} ${status satisfies RunStatus} ${slot?.slice(5, 16) ?? '-'}`);

describe('a run of the schedule', () => {
  it('takes the latest slot; slots that nobody ran are missed, numbered without gaps', async () => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true });
    await run('2026-08-15T06:00:20Z', { scheduled: true });
    await run('2026-08-16T06:30:00Z');
    await run('2026-08-16T09:00:00Z');
    await run('2026-08-19T06:00:20Z', { scheduled: true });
    expect(story(ledger)).toEqual([
      '1 scheduled succeeded 08-14T06:00',
      '2 scheduled succeeded 08-15T06:00',
      '3 manual succeeded -',
      '4 scheduled missed 08-16T06:00',
      '5 manual succeeded -',
      '6 scheduled missed 08-17T06:00',
      '7 scheduled missed 08-18T06:00',
      '8 scheduled succeeded 08-19T06:00',
    ]);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('may be tried again after it failed, not after it read something', async () => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true, status: 'failed' });
    await run('2026-08-14T06:01:20Z', { scheduled: true });
    await expect(run('2026-08-14T06:02:20Z', { scheduled: true })).rejects.toMatchObject({
      code: 'usage',
      message: 'the slot 2026-08-14T06:00:00.000Z of prod was run already, as run 2',
    });
    expect(story(ledger)).toEqual(['1 scheduled failed 08-14T06:00', '2 scheduled succeeded 08-14T06:00']);
  });

  it('that comes too late for its slot has none, and the slot stays missed', async () => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true });
    await run('2026-08-15T08:00:00Z');
    await run('2026-08-15T09:00:00Z', { scheduled: true });
    expect(story(ledger).slice(1)).toEqual(['2 scheduled missed 08-15T06:00', '3 manual succeeded -', '4 scheduled succeeded -']);
  });

  it('made an hour after its slot has none either, and is made once', async () => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true });
    await run('2026-08-15T09:00:00Z', { scheduled: true, status: 'failed' });
    await run('2026-08-15T09:01:00Z', { scheduled: true });
    const message = 'the slot 2026-08-15T06:00:00.000Z of prod is over, and run 4 was made instead';
    await expect(run('2026-08-15T09:02:00Z', { scheduled: true })).rejects.toMatchObject({ code: 'usage', message });
    expect(story(ledger).slice(1)).toEqual(['2 scheduled missed 08-15T06:00', '3 scheduled failed -', '4 scheduled succeeded -']);
  });

  it('whose scheduler’s clock is ahead takes the slot that comes', async () => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true });
    await run('2026-08-15T05:59:40Z', { scheduled: true });
    await run('2026-08-16T06:00:10Z', { scheduled: true });
    expect(story(ledger).map((line) => line.slice(-5))).toEqual(['06:00', '06:00', '06:00']);
    expect(ledger.runs().map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it.each([
    ['there is no schedule', { schedule: null }, 'kubevidence.yaml has none'],
    ['the slot is none', { slot: '2026-08-14T05:00:00.000Z' }, 'is no slot of the schedule'],
    ['the slot has not come', { slot: '2026-08-16T06:00:00.000Z' }, 'has not come yet'],
    ['the slot is over', { slot: '2026-08-13T06:00:00.000Z' }, 'is over'],
    ['the schedule never fires', { schedule: '0 0 31 2 *' }, 'never fires'],
  ])('is refused when %s', async (_what, options, message) => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true });
    await expect(run('2026-08-15T06:10:00Z', { scheduled: true, ...options })).rejects.toThrow(message);
    expect(ledger.runs()).toHaveLength(1);
  });
});

describe('a change of the schedule', () => {
  it('ends the old one: its slots are settled by it, and the new one begins', async () => {
    const { ledger, run } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T06:00:20Z', { scheduled: true });
    await run('2026-08-16T06:10:00Z', { schedule: '0 12 * * *' });
    await run('2026-08-17T12:00:10Z', { schedule: '0 12 * * *', scheduled: true });
    expect(story(ledger)).toEqual([
      '1 scheduled succeeded 08-14T06:00',
      '2 scheduled missed 08-15T06:00',
      '3 scheduled missed 08-16T06:00',
      '4 manual succeeded -',
      '5 scheduled missed 08-16T12:00',
      '6 scheduled succeeded 08-17T12:00',
    ]);
    expect(
      ledger
        .definitionChanges()
        .at(-1)
        ?.differences.map(({ what }) => what),
    ).toEqual(['schedule']);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('counts no slot from before it was recorded, and none of a cluster that had no run', async () => {
    const { ledger, run, at } = open('2026-08-14T05:59:00Z');
    await run('2026-08-14T07:00:00Z', { schedule: null });
    at('2026-08-20T07:00:00Z');
    await recordDefinitions(ledger, given('0 6 * * *'), {
      now: '2026-08-20T07:00:00.000Z',
      explanation: { reason: 'r', requester: 'a', approver: 'b' },
    });
    await run('2026-08-22T08:00:00Z');
    await run('2026-08-22T08:00:10Z', { cluster: 'other' });
    await run('2026-08-23T08:00:10Z', { cluster: 'other' });
    expect(story(ledger)).toEqual([
      '1 manual succeeded -',
      '2 scheduled missed 08-21T06:00',
      '3 scheduled missed 08-22T06:00',
      '4 manual succeeded -',
    ]);
    expect(story(ledger, 'other')).toEqual(['1 manual succeeded -', '2 scheduled missed 08-23T06:00', '3 manual succeeded -']);
  });

  it('of the timezone moves the slots', async () => {
    const { ledger, run } = open('2026-08-14T03:00:00Z');
    await run('2026-08-14T04:00:10Z', { timezone: 'Europe/Berlin', scheduled: true });
    await run('2026-08-15T04:00:10Z', { timezone: 'Europe/Berlin', scheduled: true });
    await run('2026-08-15T06:00:10Z', { timezone: 'UTC', scheduled: true });
    expect(story(ledger).map((line) => line.slice(-11))).toEqual(['08-14T04:00', '08-15T04:00', '08-15T06:00']);
  });
});

describe('a long outage', () => {
  it('is told by a thousand records that stand for all slots', async () => {
    const { ledger, run } = open('2026-01-01T00:00:00Z');
    await run('2026-01-01T00:00:10Z', { schedule: '*/5 * * * *', scheduled: true });
    await run('2026-02-01T00:00:10Z', { schedule: '*/5 * * * *', scheduled: true });
    const runs = ledger.runs();
    expect(runs).toHaveLength(1002);
    expect(runs[1]).toMatchObject({
      status: 'missed',
      error: `stands for ${31 * 288 - 1 - 999} slots, the last of them 2026-01-28T12:40:00.000Z`,
    });
    expect(ledger.runsOfSlot('prod', '2026-01-15T00:00:00.000Z')).toMatchObject([{ number: 2, status: 'missed' }]);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });
});
