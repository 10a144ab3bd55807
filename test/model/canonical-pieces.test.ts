import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalPieces } from '../../src/ledger/storage/canonical-pieces.ts';
import { canonicalBytes, type Json } from '../../src/model/index.ts';

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
