import { createHmac } from 'node:crypto';
import { assert, oneof, property, string, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { drawSalt, saltedId, saltLength } from '../../src/ledger/storage/salted.ts';

test('an id is HMAC-SHA256', () => {
  const law = property(uint8Array({ maxLength: 64 }), oneof(uint8Array({ maxLength: 300 }), string({ unit: 'binary' })), (salt, bytes) => {
    expect(saltedId(salt, bytes)).toEqual(createHmac('sha256', salt).update(bytes).digest());
  });
  assert(law);
  expect(() => saltedId(new Uint8Array(65), '')).toThrow(RangeError);
});

test('an id is that also of contents that just fit behind the key, and just not', () => {
  const salt = Buffer.from('0123456789abcdef');
  const room = 64 * 1024 - 64;
  const texts = [-1, 0, 1].flatMap((more) => ['€'.repeat(room / 3 + more), 'a'.repeat(room / 3 + more), 'a'.repeat(room + more)]);
  for (const content of [...texts, ...[-1, 0, 1].map((more) => Buffer.alloc(room + more, 7))])
    expect(saltedId(salt, content)).toEqual(createHmac('sha256', salt).update(content).digest());
});

test('salts are fresh', () => {
  const salts = Array.from({ length: 600 }, () => drawSalt());
  expect(new Set(salts.map((salt) => salt.toString('hex'))).size).toBe(600);
  expect(salts.every((salt) => salt.length === saltLength)).toBe(true);
});
