import { expect, it } from 'vitest';
import { createRecordOrder, type LogRecord } from '../../src/log/index.ts';

const at = '2026-08-14T12:00:00.000Z';
const digest = 'ab'.repeat(32);
const placed = (hold: string): LogRecord => ({
  type: 'hold-placed',
  v: 1,
  at,
  hold,
  scope: { cluster: null, runs: null, period: null },
  details: digest,
});
const released = (hold: string): LogRecord => ({ type: 'hold-released', v: 1, at, hold, details: digest });
const issued: LogRecord = {
  type: 'pack-issued',
  v: 1,
  at,
  cluster: 'prod',
  period: { from: at, to: '2026-09-01T00:00:00.000Z' },
  number: 1,
  checkpoint: 1,
  manifest: digest,
  documentKeyFingerprint: digest,
};

it.each<[string, readonly (readonly [number, LogRecord])[], RegExp]>([
  [
    'placed and released',
    [
      [3, placed('H-3')],
      [4, released('H-3')],
    ],
    /^$/,
  ],
  [
    'of a pack, released',
    [
      [3, issued],
      [4, released('P-3')],
    ],
    /^$/,
  ],
  ['named after another record', [[3, placed('H-2')]], /H-2 is named after another record/],
  [
    'released twice',
    [
      [3, placed('H-3')],
      [4, released('H-3')],
      [5, released('H-3')],
    ],
    /H-3 is released, and was so before/,
  ],
  ['released and never placed', [[4, released('P-3')]], /P-3 is released, and was never placed/],
])('holds %s', (_, records, problem) => {
  const order = createRecordOrder();
  const problems = records.flatMap(([leaf, record]) => order.take(leaf, record)).join();
  expect(problems).toMatch(problem);
});
