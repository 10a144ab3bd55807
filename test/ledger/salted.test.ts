import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawSalt, saltedId, saltLength } from '../../src/ledger/salted.ts';

test('an id is HMAC-SHA256', () => {
  const law = fc.property(fc.uint8Array({ maxLength: 64 }), fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string()), (salt, bytes) => {
    expect(saltedId(salt, bytes)).toEqual(createHmac('sha256', salt).update(bytes).digest());
  });
  fc.assert(law);
  expect(() => saltedId(new Uint8Array(65), '')).toThrow(RangeError);
});

test('salts are fresh', () => {
  const salts = Array.from({ length: 600 }, () => drawSalt());
  expect(new Set(salts.map((salt) => salt.toString('hex'))).size).toBe(600);
  expect(salts.every((salt) => salt.length === saltLength)).toBe(true);
});
