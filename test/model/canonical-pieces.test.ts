import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalBytes, canonicalPieces, type Json, parseCanonical } from '../../src/model/index.ts';

test('the bytes are the canonical ones, of any value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 7, stringUnit: 'binary' }), (value) => {
      expect(canonicalPieces(value as Json)).toEqual(canonicalBytes(value));
    }),
  );
});

test('also of one that is longer than a piece', () => {
  const finding = { item: 'ns/\u{1f600}', message: 'e\u0301'.repeat(50), evidence: [1, -0, 1e21], absent: undefined } as unknown as Json;
  const value = { controls: [{ findings: Array.from({ length: 3000 }, () => finding), b: null, a: 'x'.repeat(200_000) }] };
  expect(canonicalPieces(value).equals(canonicalBytes(value))).toBe(true);
});

test('what JSON cannot hold is refused', () => {
  for (const value of ['\ud800', [Number.NaN], { '\udc00': 1 }]) expect(() => canonicalPieces(value)).toThrow(/no (canonical )?JSON form/);
});

test('a long text is read as a short one is: in its canonical form, or not at all', () => {
  const value = { controls: Array.from({ length: 40_000 }, (_, place) => ({ a: place, b: `é ${place}` })) };
  const bytes = canonicalBytes(value);
  expect(bytes.length).toBeGreaterThan(1 << 20);
  expect(parseCanonical(bytes)).toEqual(value);
  const middle = bytes.indexOf('{"a":20000');
  for (const [from, to] of [
    ['{', '{ '],
    ['{"a":20000', '{"a":2e4'],
    ['{"a":20000', '{"a":0,"a":20000'],
  ] as const) {
    const other = Buffer.concat([bytes.subarray(0, middle), Buffer.from(to), bytes.subarray(middle + from.length)]);
    expect(() => parseCanonical(other)).toThrow('not canonical JSON');
  }
});
