import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CelProblem, compilePredicate, stepsPerControl, stepsPerRow, toCel } from '../../src/catalog/index.ts';

const row = {
  name: 'web',
  count: 3,
  ratio: 1.5,
  on: true,
  nothing: null,
  list: ['a', 'b'],
  numbers: [1, 2, 3],
  mixed: [1, 'a'],
  labels: { app: 'web', 'example.com/tier': 'front' },
  rules: [{ verbs: ['get', '*'] }, { verbs: ['list'] }],
};
const params = { max: 4, names: ['web', 'db'], pattern: '^w.b$' };

function ask(source: string, item: unknown = row): boolean {
  return compilePredicate(source).test(toCel(item), toCel(params), { left: stepsPerControl });
}

describe('plain JSON values', () => {
  test.each([
    ['item.count > 2', true],
    ['item.count == 3 && item.count + 1 == 4', true],
    ['item.count == 3.0', true],
    ['item.ratio > 1 && item.ratio == 1.5', true],
    ['params.max >= item.count', true],
    ['size(item.list) == 2 && item.numbers.size() <= params.max', true],
    ['item.name in params.names', true],
    ['!(item.name in params.names)', false],
    ['3 in item.numbers && "a" in item.mixed', true],
    ['"app" in item.labels && item.labels["example.com/tier"] == "front"', true],
    ['has(item.name) && !has(item.missing)', true],
    ['has(item.labels.app) && !has(item.labels.other)', true],
    ['item.nothing == null && has(item.nothing)', true],
    ['item.rules.exists(r, "*" in r.verbs)', true],
    ['item.rules.all(r, r.verbs.exists(v, v == "get"))', false],
    ['item.rules.filter(r, "list" in r.verbs).size() == 1', true],
    ['item.numbers.map(n, n * 2) == [2, 4, 6]', true],
    ['item.numbers.map(n, n > 1, n - 1) == [1, 2]', true],
    ['item.numbers.exists_one(n, n == 3)', true],
    ['item.labels.exists(key, key.startsWith("example.com/"))', true],
    ['cel.bind(x, item.count + 1, x == 4)', true],
    ['item.on ? item.count == 3 : item.missing', true],
    ['item.count - (2 - 1) == 2', true],
    ['-item.count == -3 && -(1 - 2) == 1', true],
    ["item.name + '-x' == r'web-x'", true],
    ['item.name == """web"""', true],
    ['item["name"] == "web" && params["max"] == 4', true],
    ['(item.name + "x").matches("^webx$")', true],
    ['item.name.matches(params.pattern)', true],
    ['item.name.matches("e")', true],
    ['item.name.matches("^e")', false],
    ['false && item.missing', false],
    ['true || item.missing', true],
  ])('%s is %s', (source, expected) => {
    expect(ask(source)).toBe(expected);
  });
});

describe('what has no answer is a problem, never false', () => {
  test.each([
    ['item.missing == 1', /No such key: missing/],
    ['item.nothing.x == 1', /No such key: x/],
    ['item.missing.exists(x, x == 1)', /No such key: missing/],
    ['item.name', /not true or false/],
    ['item.count.matches("3")', /no matching overload/],
    ['item.list[5] == "x"', /out of bounds/],
    ['item.name in item.nothing', /no such overload/],
    ['item.name.matches(item.list[0] + "(")', /RE2/],
  ])('%s', (source, problem) => {
    expect(() => ask(source)).toThrow(CelProblem);
    expect(() => ask(source)).toThrow(problem);
  });
});

describe('what is refused while loading', () => {
  test.each([
    ['item.name ==', /Unexpected token/],
    ['nope(item.name)', /no matching overload/],
    ['foo.name == 1', /Unknown variable: foo/],
    ['1 + 1', /int, not bool/],
    ['"a" + 1 == "b"', /no such overload/],
    ['item.name.matches("(a")', /RE2/],
    ['item.name.matches("(?<=a)b")', /RE2/],
    ['item.name.matches("a", "b")', /one pattern/],
    [`item.name.matches("${'a'.repeat(1001)}")`, /longer than/],
    ['item.a.all(x, item.b.all(y, item.c.all(z, x == y || y == z)))', /at most 2/],
    ['item.a.map(x, item.b.filter(y, cel.bind(z, y, z == x)))[0] == []', /at most 2/],
    ['item.list.exists(params, params == "a")', /own variable/],
    ['params[item.name] == 1', /must be named/],
    ['matchesRe2(item.name, "a")', /no function/],
    ['item.?name == 1', /IDENTIFIER/],
  ])('%s', (source, problem) => {
    expect(() => compilePredicate(source)).toThrow(CelProblem);
    expect(() => compilePredicate(source)).toThrow(problem);
  });

  test('one after the other is not inside one another', () => {
    expect(ask('item.numbers.filter(x, x > 1).map(x, x + 1).filter(x, x > 3).exists(x, x == 4)')).toBe(true);
  });
});

test('the parameters that an expression uses are known', () => {
  expect([...compilePredicate('item.a in params.b && params["c"] == 1 && item.d.all(x, x != params.e)').params]).toEqual(['b', 'c', 'e']);
});

describe('an expression is bounded', () => {
  const long = Array.from({ length: 2000 }, (_, i) => i);

  test('a double loop over a long list ends as a problem', () => {
    const source = 'item.list.all(x, item.list.all(y, x != y || x == y))';
    expect(() => ask(source, { list: long })).toThrow(/more steps/);
    expect(ask(source, { list: long.slice(0, 300) })).toBe(true);
  });

  test('membership in a loop counts', () => {
    expect(() => ask('item.list.all(x, item.list.all(y, y in item.list))', { list: long.slice(0, 300) })).toThrow(/more steps/);
  });

  test('the steps of one row are charged to the control, whose budget ends', () => {
    const predicate = compilePredicate('item.list.all(x, x >= 0)');
    const budget = { left: 5000 };
    const item = toCel({ list: long });
    expect(predicate.test(item, {}, budget)).toBe(true);
    expect(predicate.test(item, {}, budget)).toBe(true);
    expect(() => predicate.test(item, {}, budget)).toThrow(/more steps/);
    expect(budget.left).toBeLessThanOrEqual(0);
    expect(() => predicate.test(item, {}, budget)).toThrow(/used up/);
    expect(stepsPerRow).toBeLessThan(stepsPerControl);
  });

  test('a pattern that kills a backtracking engine is read in one pass', () => {
    expect(ask('item.text.matches("^(a+)+$")', { text: `${'a'.repeat(50_000)}b` })).toBe(false);
  });
});

describe('hostile keys', () => {
  test('a label named like a property of JavaScript is a label', () => {
    const item = JSON.parse('{"labels": {"constructor": "x", "__proto__": "y", "app": "z"}}') as unknown;
    expect(
      ask('item.labels.app == "z" && item.labels["constructor"] == "x" && "__proto__" in item.labels && size(item.labels) == 3', item),
    ).toBe(true);
    expect(ask('has(item.toString) || has(item.labels.hasOwnProperty)', item)).toBe(false);
  });
});

test('toCel changes numbers and nothing else, and copies only then', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const back = (each: unknown): unknown => {
        if (typeof each === 'bigint') return Number(each);
        if (each instanceof Map) return Object.fromEntries([...each].map(([key, inner]) => [key, back(inner)]));
        if (Array.isArray(each)) return each.map(back);
        if (typeof each === 'object' && each !== null)
          return Object.fromEntries(Object.entries(each).map(([key, inner]) => [key, back(inner)]));
        return Object.is(each, -0) ? 0 : each;
      };
      expect(back(toCel(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 300 },
  );
  const text = { a: ['x'], b: { c: null } };
  expect(toCel(text)).toBe(text);
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
