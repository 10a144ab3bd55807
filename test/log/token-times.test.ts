import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createTokenTimes, tokenGaps } from '../../src/log/index.ts';

const at = (hours: number) => new Date(Date.UTC(2026, 7, 1) + hours * 3_600_000).toISOString();

describe('gaps between tokens', () => {
  test.each<[string, number[], number, number[][]]>([
    ['none, and a log of an hour', [], 1, []],
    ['none, and a log of two days', [], 48, [[0, 48]]],
    ['one a day', [1, 25, 49], 50, []],
    ['one a day, an hour late', [1, 26, 51], 52, []],
    ['a lost one', [1, 49], 50, [[1, 49]]],
    ['none at first', [48, 72], 73, [[0, 48]]],
    ['none at last', [1, 24], 100, [[24, 100]]],
    ['one after the last record', [1, 24, 40], 39, []],
    ['one long after the last record', [1, 100], 39, [[1, 39]]],
    ['in any order', [49, 1, 25], 50, []],
  ])('%s', (_, times, until, gaps) => {
    expect(tokenGaps(times.map(at), { born: at(0), until: at(until) })).toEqual(
      gaps.map(([from = 0, to = 0]) => ({ from: at(from), to: at(to) })),
    );
  });

  it('show the part that lies in a window, however short', () => {
    const times = [at(10), at(100)];
    const window = (from: number, to: number) => tokenGaps(times, { born: at(0), until: at(101), window: { from: at(from), to: at(to) } });
    expect(window(0, 20)).toEqual([{ from: at(10), to: at(20) }]);
    expect(window(99, 200)).toEqual([{ from: at(99), to: at(100) }]);
    expect(window(0, 10)).toEqual([]);
    expect(window(100, 200)).toEqual([]);
  });

  it('and tokens fill the time: what is in no gap has a token within a day', () => {
    const hours = fc.integer({ min: 0, max: 500 });
    fc.assert(
      fc.property(fc.uniqueArray(hours), hours, (times, moment) => {
        const gaps = tokenGaps(times.map(at), { born: at(0), until: at(500) });
        const inGap = gaps.some(({ from, to }) => at(moment) > from && at(moment) < to);
        const next = Math.min(...times.filter((time) => time >= moment), 500);
        const last = Math.max(...times.filter((time) => time <= moment), 0);
        expect(inGap).toBe(next - last > 26 && next !== moment && last !== moment);
      }),
    );
  });
});

describe('records against tokens', () => {
  const sentences = (tokens: [number, number][], records: number[]) => {
    const times = createTokenTimes(tokens.map(([size, hours]) => ({ size, time: at(hours) })));
    for (const [leaf, hours] of records.entries()) times.take(leaf, at(hours));
    return times.sentences();
  };

  it('agree where clocks agree, give or take a minute', () => {
    expect(sentences([], [0, 1, 2])).toEqual([]);
    expect(
      sentences(
        [
          [2, 1.5],
          [4, 3],
        ],
        [0, 1, 2, 3.01, 4],
      ),
    ).toEqual([]);
  });

  it('cannot be dated back behind a token', () => {
    expect(sentences([[2, 10]], [0, 1, 3, 11, 4])).toEqual([
      'records 2, 4: dated before a time-stamp token whose checkpoint did not have them yet (dated back, or by a clock that was behind)',
    ]);
  });

  it('cannot be newer than a token that covers them', () => {
    expect(sentences([[3, 10]], [0, 12, 1, 11])).toEqual([
      'record 1: dated after the time-stamp token that covers them (by a clock that was ahead)',
    ]);
  });

  it('are judged by the strictest token, whichever came late', () => {
    const late: [number, number][] = [
      [2, 20],
      [3, 5],
    ];
    expect(sentences(late, [0, 6, 6])).toEqual([expect.stringMatching(/^records 1, 2: dated after/)]);
    expect(sentences(late, [0, 4, 4, 6])).toEqual([]);
  });

  it('are named until there are too many', () => {
    expect(sentences([[1, 100]], [0, 1, 1, 1, 1, 1, 1, 1])[0]).toMatch(/^records 1, 2, 3, 4, 5 and 2 more: /);
  });
});
