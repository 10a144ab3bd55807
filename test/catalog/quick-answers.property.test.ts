import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CelProblem, compilePredicate, stepsPerControl, toCel } from '../../src/catalog/index.ts';

const names = ['a', 'b', 'c'] as const;
const name = fc.constantFrom(...names);
const value = fc.oneof(
  fc.boolean(),
  fc.integer({ min: -1, max: 3 }),
  fc.constantFrom('', 'x', 'y', 'xy'),
  fc.constantFrom(1.5, null),
  fc.array(fc.constantFrom('x', 'y'), { maxLength: 3 }),
  fc.array(fc.oneof(fc.constantFrom('x', 'y'), fc.constantFrom(1, true)), { maxLength: 3 }),
  fc.constantFrom({ x: 1 }, { constructor: 'x' }),
);
const world = fc.dictionary(fc.constantFrom(...names, 'constructor'), value, { maxKeys: 4 });

const expression = fc.letrec<{ bool: string; operand: string; list: string }>((tie) => ({
  operand: fc.oneof(
    { weight: 4, arbitrary: name.map((each) => `item.${each}`) },
    { weight: 2, arbitrary: name.map((each) => `params.${each}`) },
    fc.constantFrom('"x"', "'xy'", '""', 'true', '1', '0', '2u', '1.5', 'null'),
    fc.tuple(name, name).map(([a, b]) => `(item.${a} + params.${b})`),
    tie('list').map((list) => `size(${list})`),
  ),
  list: fc.oneof(
    name.map((each) => `item.${each}`),
    name.map((each) => `params.${each}`),
    fc.constantFrom('["x", "y"]', '["x", 1]', '[]'),
  ),
  bool: fc.oneof(
    { maxDepth: 3 },
    tie('operand'),
    fc
      .tuple(tie('operand'), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), tie('operand'))
      .map(([left, operator, right]) => `${left} ${operator} ${right}`),
    fc.tuple(tie('operand'), tie('list')).map(([wanted, list]) => `${wanted} in ${list}`),
    fc.tuple(tie('list'), fc.constantFrom('all', 'exists'), name).map(([list, all, each]) => `${list}.${all}(v, v == item.${each})`),
    fc.tuple(tie('operand'), tie('operand')).map(([text, start]) => `${text}.startsWith(${start})`),
    tie('bool').map((of) => `!(${of})`),
    fc.tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool')).map(([left, operator, right]) => `((${left}) ${operator} (${right}))`),
  ),
})).bool;

/** Result or problem, and what is left of the budget. */
function ask(source: string, item: unknown, params: unknown, left: number) {
  const budget = { left };
  try {
    return { result: compilePredicate(source).test(toCel(item), toCel(params), budget), left: budget.left };
  } catch (error) {
    if (!(error instanceof CelProblem)) throw error;
    return { problem: error.message.replace('cel.bind(unused, 0, ', '').slice(0, 20), left: budget.left };
  }
}

test('a quick answer and its steps are those of the engine', () => {
  let quick = 0;
  let answered = 0;
  fc.assert(
    fc.property(expression, world, world, fc.constantFrom(stepsPerControl, 0, 1, 2, 3, 4, 5, 8), (source, item, params, left) => {
      const slow = `cel.bind(unused, 0, ${source})`;
      let compiles = true;
      try {
        quick += Number(compilePredicate(source).quick);
      } catch (error) {
        if (!(error instanceof CelProblem)) throw error;
        compiles = false;
      }
      if (!compiles) return;
      expect(compilePredicate(slow).quick).toBe(false);
      const found = ask(source, item, params, left);
      answered += Number('result' in found);
      expect(found).toEqual(ask(slow, item, params, left));
    }),
    { numRuns: 4000 },
  );
  expect(quick).toBeGreaterThan(1000);
  expect(answered).toBeGreaterThan(300);
});
