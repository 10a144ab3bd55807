import { describe, expect, it } from 'vitest';
import { openStoryClock, retell, type StoryClock } from './story-time.ts';

/** A clock that is set up on 2 March, where a run sees it on 29 June; real time begins at 1,000,000 s and passes only in sleep. */
async function twoAnchors(): Promise<{ clock: StoryClock; pass: (ms: number) => void; now: () => number }> {
  let real = 1_000_000_400;
  const clock = openStoryClock(
    () => real,
    (ms) => {
      real += ms;
      return Promise.resolve();
    },
  );
  await clock.reach('2026-03-02T09:00:00Z');
  real += 5000;
  await clock.reach('2026-06-29T04:00:00Z');
  return { clock, pass: (ms) => (real += ms), now: () => real };
}

const iso = (ms: number) => new Date(ms).toISOString();

describe('the time of a story', () => {
  it('starts at whole seconds, keeps distances after an anchor, and never reaches the next one', async () => {
    const { clock, now } = await twoAnchors();
    expect(now() % 1000).toBe(0);
    expect(iso(clock.toStory(1_000_001_000))).toBe('2026-03-02T09:00:00.000Z');
    expect(iso(clock.toStory(1_000_003_500))).toBe('2026-03-02T09:00:02.500Z');
    expect(iso(clock.toStory(now()))).toBe('2026-06-29T04:00:00.000Z');
    expect(iso(clock.toStory(now() + 1234))).toBe('2026-06-29T04:00:01.234Z');
    expect(iso(clock.toStory(999_999_000))).toBe('2026-03-02T08:59:58.000Z');
    expect(iso(clock.beforeLast(now() - 8000))).toBe('2026-06-29T03:59:52.000Z');
    await expect(clock.reach('2026-06-29T04:00:00Z')).rejects.toThrow('is not after what was told');
  });

  it('tells an object the same way in every run that sees it', async () => {
    const { clock, pass, now } = await twoAnchors();
    const created = { creationTimestamp: iso(now() + 2000).replace('.000Z', 'Z') };
    const window = [0, 2_000_000_000] as const;
    const first = retell(created, clock, window);
    pass(5000);
    await clock.reach('2026-07-06T04:00:00Z');
    expect(retell(created, clock, window)).toEqual(first);
    expect(first).toEqual({ creationTimestamp: '2026-06-29T04:00:02Z' });
  });

  it('tells times in their own form, and leaves what is none of the recording', async () => {
    const { clock, now } = await twoAnchors();
    const window = [now() - 60_000, now() + 60_000] as const;
    const micro = iso(now() - 3000).replace(/\.(\d{3})Z/, '.$1456Z');
    const told = retell(
      {
        renewTime: micro,
        serverDate: new Date(now()).toUTCString(),
        startedAt: iso(now() + 5),
        buildDate: '1970-01-01T00:00:00Z',
        name: 'at 1970-01-12',
        metric: { metadata: { name: 'process_start_time_seconds' }, samples: [{ labels: {}, value: String(now() / 1000) }] },
        counter: { metadata: { name: 'requests_total' }, samples: [{ labels: {}, value: String(now() / 1000) }] },
      },
      clock,
      window,
    );
    expect(told).toEqual({
      renewTime: '2026-06-29T03:59:57.000000Z',
      serverDate: 'Mon, 29 Jun 2026 04:00:00 GMT',
      startedAt: '2026-06-29T04:00:00.005Z',
      buildDate: '1970-01-01T00:00:00Z',
      name: 'at 1970-01-12',
      metric: { metadata: { name: 'process_start_time_seconds' }, samples: [{ labels: {}, value: '1782705600' }] },
      counter: { metadata: { name: 'requests_total' }, samples: [{ labels: {}, value: String(now() / 1000) }] },
    });
  });
});
