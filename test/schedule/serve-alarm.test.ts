import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Alarm, createAlarm } from '../../src/schedule/index.ts';

describe('the alarm', () => {
  let alarm: Alarm;
  let rings = 0;
  const stop = new AbortController();
  beforeEach(async () => {
    vi.useFakeTimers({ now: Date.parse('2026-03-29T00:59:10Z') });
    alarm = await createAlarm(30);
    rings = 0;
  });
  afterEach(() => {
    alarm.close();
    const left = vi.getTimerCount();
    vi.useRealTimers();
    if (left > 0) throw new Error(`${left} timers are left`);
  });
  const listen = async () => {
    await alarm.wait(stop.signal);
    rings += 1;
  };

  test('rings once a minute at its second, and remembers one ring that nobody waited for', async () => {
    const waiting = listen();
    await vi.advanceTimersByTimeAsync(19_000);
    expect(rings).toBe(0);
    await vi.advanceTimersByTimeAsync(1000);
    await waiting;
    expect([rings, new Date().toISOString()]).toEqual([1, '2026-03-29T00:59:30.000Z']);
    await vi.advanceTimersByTimeAsync(180_000);
    await listen();
    const next = listen();
    expect(rings).toBe(2);
    await vi.advanceTimersByTimeAsync(60_000);
    await next;
    expect(rings).toBe(3);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test.each([
    ['a day back', -86_400_000],
    ['a day ahead', 86_400_000],
  ])('rings within two minutes when the clock is set %s', async (_what, by) => {
    const first = listen();
    await vi.advanceTimersByTimeAsync(5000);
    vi.setSystemTime(Date.now() + by);
    await vi.advanceTimersByTimeAsync(115_000);
    await first;
    expect(rings).toBe(1);
  });

  test('ends its wait at once when it is to stop', async () => {
    const end = new AbortController();
    const waiting = alarm.wait(end.signal);
    end.abort();
    await waiting;
    await alarm.wait(end.signal);
    expect(getEventListeners(end.signal, 'abort')).toEqual([]);
  });
});
