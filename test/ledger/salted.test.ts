import { createHmac } from 'node:crypto';
import { assert, oneof, property, string, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { drawSalt, saltedId, saltLength } from '../../src/ledger/storage/salted.ts';

test('an id is HMAC-SHA256', () => {
  const law = property(uint8Array({ maxLength: 64 }), oneof(uint8Array({ maxLength: 300 }), string()), (salt, bytes) => {
    expect(saltedId(salt, bytes)).toEqual(createHmac('sha256', salt).update(bytes).digest());
  });
  assert(law);
  expect(() => saltedId(new Uint8Array(65), '')).toThrow(RangeError);
});

test('salts are fresh', () => {
  const salts = Array.from({ length: 600 }, () => drawSalt());
  expect(new Set(salts.map((salt) => salt.toString('hex'))).size).toBe(600);
  expect(salts.every((salt) => salt.length === saltLength)).toBe(true);
});
