import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { jsonPieces, toYaml } from '../../src/cli/output.ts';

const text = (value: unknown) => [...jsonPieces(value)].join('\n');

test('pieces of a document are the document', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      // Nothing in it can control a terminal; JSON does not escape these itself.
      const plain = JSON.stringify(value, null, 2).replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (each) => {
        return `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`;
      });
      expect(text(value)).toBe(plain);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['members that are not there', { a: undefined, b: [undefined, 1, { c: undefined }], d: {}, e: [], f: undefined }],
  ['none at all', { a: undefined }],
  ['keys that look like something else', { __proto__x: [1], '0': ['a'], '"]': [[], {}, [[1]]] }],
  ['a hostile text', { a: ['\u202e', '\u0085'], '\u2028': ['\ufeff'] }],
])('%s', (_, value) => {
  const control = /[\u0085\u2028\u202e\ufeff]/g;
  const expected = JSON.stringify(value, null, 2).replace(control, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
  expect(text(value)).toBe(expected);
});

test('a long document comes in several pieces', () => {
  const long = { list: Array.from({ length: 5000 }, (_, i) => ({ name: `element ${i}`, on: true })), end: 1 };
  const pieces = [...jsonPieces(long)];
  expect(pieces.length).toBeGreaterThan(2);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(70_000);
  expect(pieces.join('\n')).toBe(JSON.stringify(long, null, 2));
});

/** Names that would move a cursor, or read otherwise than they are written. */
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u007f', '\u0085', '\u009b', '\u202e', '\u2028', '\u2066', '\ufeff', '"', '\\', ': ', '#', '\n'),
    fc.string(),
  ),
});

test('YAML parses back to the same, and nothing in it can control a terminal', () => {
  const document = fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile), fc.dictionary(hostile, hostile)), { noNullPrototype: true });
  fc.assert(
    fc.property(document, (value) => {
      const yaml = toYaml(value);
      expect(yaml).not.toMatch(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
      expect(parse(yaml)).toEqual(value);
    }),
    { numRuns: 300 },
  );
  expect(toYaml({ name: 'a\u202eb', plain: ['c'], '\u202e': 1 })).toBe('name: "a\\u202eb"\nplain:\n  - "c"\n"\\u202e": 1');
});
