import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createTokenTimes, lateRecords, tokenGaps } from '../../src/log/index.ts';

const at = (hours: number) => new Date(Date.UTC(2026, 7, 1) + hours * 3_600_000).toISOString();

describe('records are late', () => {
  type Tokens = readonly (readonly [number, number])[];
  const late = (tokens: Tokens, records: readonly (number | null)[], until: number | null = null) =>
    lateRecords(
      tokens.map(([size, hours]) => ({ size, time: at(hours) })),
      records.map((hours) => (hours === null ? null : at(hours))),
      until === null ? null : at(until),
    ).map(({ count, from, to, covered }) => [count, from, to, covered]);

  test.each<[string, Tokens, (number | null)[], number | null, (number | null)[][]]>([
    [
      'none where one token a day covers all',
      [
        [2, 24],
        [4, 48],
      ],
      [0, 12, 25, 48],
      null,
      [],
    ],
    [
      'none where tokens are rare and records, too',
      [
        [1, 1],
        [2, 201],
      ],
      [0, 200],
      null,
      [],
    ],
    ['none within a day and two hours', [[2, 26]], [0, 1], null, []],
    ['those older than that', [[4, 30]], [0, 3, 4, 29], null, [[2, 0, 3, 30]]],
    [
      'by the first token that covers them, whichever size it is of',
      [
        [1, 90],
        [4, 30],
      ],
      [0, 3, 4, 29],
      null,
      [[2, 0, 3, 30]],
    ],
    [
      'however often an old checkpoint is stamped',
      [
        [1, 1],
        [1, 25],
        [1, 49],
        [3, 73],
      ],
      [0, 2, 60],
      null,
      [[1, 2, 2, 73]],
    ],
    [
      'although every token is over one record more',
      [
        [1, 1],
        [2, 25],
        [3, 49],
        [5, 73],
      ],
      [0, 24, 3, 4, 5],
      null,
      [
        [1, 3, 3, 49],
        [2, 4, 5, 73],
      ],
    ],
    ['whatever their order', [[3, 50]], [10, 2, 5], null, [[3, 2, 10, 50]]],
    ['without any token', [], [0, 1], null, [[2, 0, 1, null]]],
    ['behind the last one', [[1, 1]], [0, 1, 2], null, [[2, 1, 2, null]]],
    ['behind the last one, when a day has gone by since', [[1, 1]], [0, 1, 2, 28], 28, [[1, 1, 1, null]]],
    ['unless their time is not known', [[1, 1]], [0, null, 2], null, [[1, 2, 2, null]]],
  ])('%s', (_, tokens, records, until, expected) => {
    const time = (hours: number | null | undefined) => (hours === null || hours === undefined ? null : at(hours));
    expect(late(tokens, records, until)).toEqual(
      expected.map(([count, from, to, covered]) => [count, time(from), time(to), time(covered)]),
    );
  });

  it('and all others existed within a day of what they say: a token says so that covers them', () => {
    const hours = fc.integer({ min: 0, max: 300 });
    const size = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(fc.array(fc.tuple(size, hours)), fc.array(hours, { maxLength: 20 }), (tokens, records) => {
        const counted = late(tokens, records).reduce((sum, [count]) => sum + Number(count), 0);
        const proved = records.filter((claimed, leaf) => tokens.some(([covers, time]) => covers > leaf && time - claimed <= 26));
        expect(counted).toBe(records.length - proved.length);
      }),
    );
  });
});

describe('gaps', () => {
  const tokens = [
    { size: 2, time: at(50) },
    { size: 4, time: at(100) },
  ];
  const gaps = (window?: [number, number]) =>
    tokenGaps(tokens, [0, 40, 52, 60, 101].map(at), {
      until: at(200),
      ...(window !== undefined && { window: { from: at(window[0]), to: at(window[1]) } }),
    });

  it('last from what the first record says to the token that covers it, or to the end', () => {
    expect(gaps()).toEqual([
      { from: at(0), to: at(50) },
      { from: at(52), to: at(100) },
      { from: at(101), to: at(200) },
    ]);
  });

  it('are those of records that are dated in a window', () => {
    expect(gaps([60, 101])).toEqual([{ from: at(60), to: at(100) }]);
    expect(gaps([1, 52])).toEqual([]);
    expect(gaps([101, 102])).toEqual([{ from: at(101), to: at(200) }]);
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
      'records 2, 4: dated before a time-stamp token whose checkpoint did not have them yet (dated back, by a clock that was behind, or the checkpoint was long signed when it was stamped)',
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
