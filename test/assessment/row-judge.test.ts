/** Rows of one kind are judged as if each had been asked about: the reference asks, row by row. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { startEvaluation } from '../../src/assessment/evaluate.ts';
import { createRowJudge } from '../../src/assessment/row-judge.ts';
import { addRow, createTally } from '../../src/assessment/tally.ts';
import { toCel } from '../../src/catalog/index.ts';
import type { Control, Gap } from '../../src/model/index.ts';

const expressions = [
  { expect: 'item.a == "x"' },
  { where: 'item.b', expect: '!item.b' },
  { where: 'item.list.size() > 0', expect: 'item.list.all(each, each in params.allowed)' },
  { undecided: { when: 'item.a == "y"', outcome: 'manual', because: 'nobody knows', closedBy: 'a person' }, expect: 'has(item.c)' },
  { expect: '[item.a].exists(each, each in params.allowed)' },
  { expect: 'item.a.startsWith("x") || item.list.exists(each, each == item.a)' },
  { where: '[item.c] != [2]', expect: 'item.c < 2' },
  { expect: '!item.b || item.a in params.allowed' },
  { where: 'item.b', expect: 'item.c == 1 && item.a == "x"' },
] as const;
const controls = expressions.map(
  (each, index) =>
    Object.assign(
      { id: `T-${index}`, title: 't', severity: 'low', population: 'things', message: '{item} is {a}' },
      each,
    ) as unknown as Control,
);
const gap: Gap = { reason: 'forbidden', what: 'something' };
const fields = fc.record(
  {
    a: fc.constantFrom('x', 'y', 1, null),
    b: fc.boolean(),
    c: fc.constantFrom(1, 2, 'two'),
    list: fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
    unread: fc.nat(3),
    since: fc.constantFrom(null, { at: '2026-01-01T00:00:00Z', source: 'here' }, { at: '2026-02-01T00:00:00Z', source: 'there' }),
    gaps: fc.constantFrom([gap], []),
  },
  { requiredKeys: [] },
);

function evaluations(from: readonly Control[]) {
  const params = { allowed: ['x', 'y'] };
  const exceptions = from.map(({ id }) => ({ id: `EXC-${id}`, control: id, item: 'thing-3' }));
  return from.map((control) => startEvaluation(control, { params, exceptions, managed: null }));
}

test('every tally is that of asking each control about each row', () => {
  const resource = { apiVersion: 'v1', kind: 'Thing', namespace: 'ns', name: 'thing', uid: '' };
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 40 }), fc.subarray(controls, { minLength: 1 }), (all, some) => {
      const rows = all.map((each, index) => ({ item: `thing-${index}`, resource, evidence: [`id-${index}`], ...each }));
      const [judged, asked] = [some.map(() => createTally()), some.map(() => createTally())];
      const rowJudge = createRowJudge(some, evaluations(some), judged);
      for (const row of rows) rowJudge.judge(row);
      rowJudge.end();
      const reference = evaluations(some);
      for (const row of rows)
        for (const [place, evaluation] of reference.entries()) {
          const answer = evaluation.answer({ row, cel: toCel(row) });
          const tally = asked[place];
          if (tally !== undefined) addRow(tally, row, answer, answer.fails ? evaluation.tell(row) : null);
        }
      expect(judged).toEqual(asked);
      // Run after run, of the very same rows.
      const kept = rows.map(() => ({ verdicts: undefined }));
      for (let run = 0; run < 3; run++) {
        const again = some.map(() => createTally());
        const remembering = createRowJudge(some, evaluations(some), again);
        for (const [index, row] of rows.entries()) remembering.judge(row, kept[index]);
        remembering.end();
        expect(again).toEqual(asked);
      }
    }),
    { numRuns: 300 },
  );
});

test('a kind is asked about once, however many rows are of it', () => {
  // Enough of each for comparing to gain something.
  const many = Array.from({ length: 10 }, () => controls).flat();
  let asked = 0;
  const own = evaluations(many).map((evaluation) => {
    const answer: typeof evaluation.answer = (...row) => {
      asked += 1;
      return evaluation.answer(...row);
    };
    return Object.assign({}, evaluation, { answer });
  });
  const tallies = many.map(() => createTally());
  const judge = createRowJudge(many, own, tallies);
  const resource = { apiVersion: 'v1', kind: 'Thing', namespace: 'ns', name: 'thing', uid: '' };
  for (let index = 0; index < 1000; index++)
    judge.judge({ item: `thing-${index}`, resource, evidence: ['id'], a: index % 2 === 0 ? 'x' : 'y', b: true, c: 1, list: ['x'] });
  judge.end();
  // Six of the nine expressions look at `a`, by which the rows differ.
  expect(asked).toBe((6 * 2 + 3) * 10);
  expect(tallies.map(({ size }) => size)).toEqual(many.map(() => 1000));
});
