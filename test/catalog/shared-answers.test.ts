import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePredicate, shareAnswers, stepsPerControl, stepsPerRow, toCel } from '../../src/catalog/index.ts';

const sources = [
  'item.list.all(x, x >= 0)',
  'item.list.all(x, item.list.all(y, y in item.list))',
  'item.missing == 1',
  'item.name == params.name',
  'item.name in params.names || size(item.list) > 2',
];
const plain = fc.record({ list: fc.array(fc.integer({ min: -1, max: 9 }), { maxLength: 40 }), name: fc.constantFrom('a', 'b') });
const budget = fc.oneof(
  fc.integer({ min: -5, max: 200 }),
  fc.integer({ min: stepsPerRow - 50, max: stepsPerRow + 50 }),
  fc.constant(stepsPerControl),
);

function outcome(source: string, item: unknown, params: unknown, given: { left: number }): unknown {
  try {
    return compilePredicate(source).test(item, params, given);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('answers about a shared item', () => {
  test('and what they cost are those of asking each time', () => {
    fc.assert(
      fc.property(plain, fc.array(fc.tuple(fc.nat(sources.length - 1), fc.nat(1), budget), { maxLength: 30 }), (value, questions) => {
        const params = ['a', 'b'].map((name) => toCel({ name, names: [name] }));
        const shared = toCel(value) as object;
        shareAnswers(shared);
        for (const [source, which, left] of questions) {
          const [one, other] = [{ left }, { left }];
          const text = sources[source] as string;
          expect(outcome(text, shared, params[which], one)).toEqual(outcome(text, toCel({ ...value }), params[which], other));
          expect(one).toEqual(other);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('are asked once', () => {
    let asked = 0;
    const item = {
      get name() {
        asked += 1;
        return 'a';
      },
    };
    const params = toCel({ name: 'a' });
    const ask = () => compilePredicate('item.name.startsWith(params.name)').test(item, params, { left: stepsPerControl });
    expect([ask(), ask()]).toEqual([true, true]);
    const unshared = asked;
    shareAnswers(item);
    expect([ask(), ask(), ask()]).toEqual([true, true, true]);
    expect(asked).toBe(unshared * 1.5);
  });
});

test('the fields that an expression reads are known, unless it reads the whole item', () => {
  const fieldsOf = (source: string) => compilePredicate(source).fields;
  expect([...(fieldsOf('has(item.a) && item.b.c in params.d && item.list.all(x, x != item.e)') ?? [])].sort()).toEqual([
    'a',
    'b',
    'e',
    'list',
  ]);
  expect(fieldsOf('size(item) > 2')).toBeNull();
  expect(fieldsOf('item["a"] == 1')).toBeNull();
  expect(fieldsOf('"a" in item')).toBeNull();
});
