/** Every path names a difference, and no difference is without one. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedPaths } from '../../src/ledger/runs/changed-paths.ts';
import { canonicalize, isObject, type Json } from '../../src/model/index.ts';

const cases: readonly [string, Json, Json, readonly (readonly [string, string | null, string | null])[]][] = [
  ['a value', { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, [['spec.replicas', '1', '2']]],
  ['a key that is no word', { labels: { 'a.b/c': 'x' } }, { labels: {} }, [['labels["a.b/c"]', '"x"', null]]],
  ['a value and its absence', { a: null }, {}, [['a', 'null', null]]],
  ['another type', { a: [1] }, { a: { 0: 1 } }, [['a', '[1]', '{"0":1}']]],
  [
    'containers by name',
    { containers: [{ name: 'web', image: 'a' }, { name: 'log' }] },
    {
      containers: [
        { name: 'web', image: 'b' },
        { name: 'new', image: 'c' },
      ],
    },
    [
      ['containers["web"].image', '"a"', '"b"'],
      ['containers["log"]', '{"name":"log"}', null],
      ['containers["new"]', null, '{"image":"c","name":"new"}'],
    ],
  ],
  [
    'the order of named members',
    { init: [{ name: 'a' }, { name: 'b' }] },
    { init: [{ name: 'b' }, { name: 'a' }] },
    [['init', '["a","b"]', '["b","a"]']],
  ],
  ['one inserted member', { args: ['a', 'b', 'c'] }, { args: ['a', 'x', 'b', 'c'] }, [['args[1]', null, '"x"']]],
  ['one removed member', { args: ['a', 'b', 'c'] }, { args: ['b', 'c'] }, [['args[0]', '"a"', null]]],
  ['one changed member', { rules: [{ verbs: ['get'] }] }, { rules: [{ verbs: ['get', '*'] }] }, [['rules[0].verbs[1]', null, '"*"']]],
  [
    'the order of providers',
    { providers: [{ aescbc: {} }, { identity: {} }] },
    { providers: [{ identity: {} }, { aescbc: {} }] },
    [
      ['providers[0]', '{"aescbc":{}}', null],
      ['providers[1]', null, '{"aescbc":{}}'],
    ],
  ],
  [
    'what was inserted and removed among others',
    { urls: ['/a', '/b', '/c', '/d'] },
    { urls: ['/0', '/a', '/c', '/d', '/e'] },
    [
      ['urls[0]', null, '"/0"'],
      ['urls[1]', '"/b"', null],
      ['urls[4]', null, '"/e"'],
    ],
  ],
  ['a member without a value', { a: {} }, { a: {} }, []],
];

describe('changed paths', () => {
  it.each(cases)('shows %s', (_, before, after, expected) => {
    const { paths, more } = changedPaths(before, after);
    expect(paths.map((each) => [each.path, each.before, each.after])).toEqual(expected);
    expect(more).toBe(0);
  });

  it('bounds their number and the length of values, and shows nothing that controls a terminal', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, `${'x'.repeat(5000)}\u001b[2J\u202e`]));
    const { paths, more } = changedPaths({}, { ...many, a: '\u001b[2J\u202e' });
    expect([paths.length, more]).toEqual([20, 31]);
    expect(paths[0]?.after).toBe(String.raw`"\u001b[2J\u{202e}"`);
    for (const { after } of paths) {
      expect(after?.length).toBeLessThan(220);
      expect(after).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  it('has paths exactly where two values differ', () => {
    const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(changedPaths(a, a)).toEqual({ paths: [], more: 0 });
        const { paths, more } = changedPaths(a, b);
        expect(paths.length + more > 0).toBe(canonicalize(a) !== canonicalize(b));
        // Both ways the same places, except where lists are of different lengths: those are counted from the beginning.
        const places = (was: Json, is: Json) => (hasList(a) || hasList(b) ? [] : changedPaths(was, is).paths.map(({ path }) => path));
        expect(places(b, a)).toEqual(places(a, b));
      }),
    );
  });
});

function hasList(value: Json): boolean {
  return Array.isArray(value) || (isObject(value) && Object.values(value).some((member) => member !== undefined && hasList(member)));
}
