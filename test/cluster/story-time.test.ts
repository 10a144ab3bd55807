import { describe, expect, it } from 'vitest';
import { createdBetween } from '../../src/collectors/secrets.ts';
import { ageText, openStoryClock, retell, type StoryClock } from './story-time.ts';

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

  it('lets a certificate be valid for as long as it is, from its moment of the story on', async () => {
    const { clock, now } = await twoAnchors();
    const window = [now() - 60_000, now() + 60_000] as const;
    const year = 365 * 86_400_000;
    const certificates = [
      { notBefore: iso(now() + 1000), notAfter: iso(now() + 1000 + year), subject: `CN=node@${now() / 1000}` },
      { notBefore: iso(now() - 2 * year), notAfter: iso(now() + 1000) },
      { notAfter: iso(now() + year) },
    ];
    expect(retell({ certificates }, clock, window)).toEqual({
      certificates: [
        {
          notBefore: '2026-06-29T04:00:01.000Z',
          notAfter: '2027-06-29T04:00:01.000Z',
          subject: `CN=node@${Date.parse('2026-06-29T04:00:00Z') / 1000}`,
        },
        { notBefore: iso(now() - 2 * year), notAfter: '2026-06-29T04:00:01.000Z' },
        { notAfter: iso(now() + year) },
      ],
    });
  });

  it('tells times in names of files, the day that tracking began, and the days that a selector names', async () => {
    const { clock, now } = await twoAnchors();
    const window = [now() - 60_000, now() + 60_000] as const;
    const path = (...days: readonly string[]) =>
      `/secrets?labelSelector=kubernetes.io%2Flegacy-token-last-used+in+%28${days.join('%2C')}%29&limit=500`;
    expect(iso(now())).toBe('1970-01-12T13:46:47.000Z');
    const told = retell(
      {
        target: '/pki/kubelet-client-1970-01-12-13-46-48.pem',
        older: '/pki/kubelet-client-1970-01-10-13-46-47.pem',
        data: { since: '1970-01-12' },
        before: { since: '1970-01-11' },
        requests: [{ path: path('1970-01-13', '1970-01-12', '1970-01-11'), startedAt: iso(now()) }],
        other: [{ path: '/secrets?limit=500', startedAt: iso(now()) }],
      },
      clock,
      window,
    );
    expect(told).toEqual({
      target: '/pki/kubelet-client-2026-06-29-04-00-01.pem',
      older: '/pki/kubelet-client-1970-01-10-13-46-47.pem',
      // The day is known and not the hour: the oldest time of the recording.
      data: { since: '2026-03-02' },
      before: { since: '1970-01-11' },
      requests: [{ path: path('2026-06-30', '2026-06-29', '2026-06-28'), startedAt: '2026-06-29T04:00:00.000Z' }],
      other: [{ path: '/secrets?limit=500', startedAt: '2026-06-29T04:00:00.000Z' }],
    });
  });

  it.each([
    ['2026-09-13T18:00:00Z', '10h'],
    ['2026-09-12T05:59:00Z', '46h'],
    ['2026-09-09T12:00:00Z', '4d16h'],
    ['2026-09-09T04:00:00Z', '5d'],
    ['2026-03-02T09:00:00Z', '195d'],
  ])('gives what was made at %s the age that the server would', (made, text) => {
    const seen = '2026-09-14T04:00:00.000Z';
    expect(ageText(Date.parse(seen) - Date.parse(made))).toBe(text);
    expect(createdBetween(text, seen)?.[0].slice(0, 7)).toBe(made.slice(0, 7));
  });
});
