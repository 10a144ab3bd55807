/**
 * Salted ids: HMAC-SHA256 under 16 random bytes. There is no plain hash of a payload anywhere, so that a value whose salt was destroyed
 * cannot be confirmed by guessing.
 */
import { createHash, hash, randomFillSync } from 'node:crypto';

export const saltLength = 16;
export const idLength = 32;

/**
 * HMAC-SHA256 (RFC 2104), put together from plain hashes: node makes an object for every Hmac and every Hash, which costs more than hashing
 * the few kB of an object.
 */
export function saltedId(salt: Uint8Array, bytes: Uint8Array | string): Buffer {
  if (salt.length > blockLength) throw new RangeError('a salt is at most one block long');
  for (let i = 0; i < blockLength; i++) {
    const byte = i < salt.length ? (salt[i] as number) : 0;
    inner[i] = 0x36 ^ byte;
    outer[i] = 0x5c ^ byte;
  }
  hashInner(bytes).copy(outer, blockLength);
  return sha256(outer);
}

/** By way of a text: node takes twice as long to make a buffer of its own for each digest. */
function sha256(bytes: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
}

function hashInner(bytes: Uint8Array | string): Buffer {
  const key = inner.subarray(0, blockLength);
  if (typeof bytes === 'string' || blockLength + bytes.length > inner.length)
    return createHash('sha256').update(key).update(bytes).digest();
  inner.set(bytes, blockLength);
  return sha256(inner.subarray(0, blockLength + bytes.length));
}

/** Of SHA-256's compression function. */
const blockLength = 64;
/** With room for most objects behind the key. */
const inner = Buffer.alloc(64 * 1024);
const outer = Buffer.alloc(blockLength + idLength);

/** 16 fresh random bytes a call; drawn from the system in larger pieces, each used once. */
export function drawSalt(): Buffer {
  if (pool.length < saltLength) pool = randomFillSync(Buffer.alloc(4096));
  const salt = pool.subarray(0, saltLength);
  pool = pool.subarray(saltLength);
  return Buffer.from(salt);
}

let pool = Buffer.alloc(0);
