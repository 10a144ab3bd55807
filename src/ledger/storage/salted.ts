/**
 * Salted ids: HMAC-SHA256 under 16 random bytes. There is no plain hash of a payload anywhere, so that a value whose salt was destroyed
 * cannot be confirmed by guessing.
 */
import { randomFillSync } from 'node:crypto';

export { saltedId } from '../../log/index.ts';

export const saltLength = 16;
export const idLength = 32;

/** 16 fresh random bytes a call; drawn from the system in larger pieces, each used once. */
export function drawSalt(): Buffer {
  if (pool.length < saltLength) pool = randomFillSync(Buffer.alloc(4096));
  const salt = pool.subarray(0, saltLength);
  pool = pool.subarray(saltLength);
  return Buffer.from(salt);
}

let pool = Buffer.alloc(0);
