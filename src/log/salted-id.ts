/**
 * HMAC-SHA256 (RFC 2104), put together from plain hashes: node makes an object for every Hmac and every Hash, which costs more than hashing
 * the few kB of an object. Text counts as its UTF-8 bytes.
 */
import { createHash, hash } from 'node:crypto';

export function saltedId(salt: Uint8Array, content: Uint8Array | string): Buffer {
  if (salt.length > blockLength) throw new RangeError('a salt is at most one block long');
  for (let i = 0; i < blockLength; i++) {
    const byte = i < salt.length ? (salt[i] as number) : 0;
    inner[i] = 0x36 ^ byte;
    outer[i] = 0x5c ^ byte;
  }
  hashInner(content).copy(outer, blockLength);
  return sha256(outer);
}

function hashInner(content: Uint8Array | string): Buffer {
  // A character takes three bytes at most.
  const most = typeof content === 'string' ? 3 * content.length : content.length;
  if (blockLength + most > inner.length) return createHash('sha256').update(inner.subarray(0, blockLength)).update(content).digest();
  if (typeof content === 'string') return sha256(inner.subarray(0, blockLength + inner.write(content, blockLength)));
  inner.set(content, blockLength);
  return sha256(inner.subarray(0, blockLength + most));
}

/** By way of a text: node takes twice as long to make a buffer of its own for each digest. */
function sha256(bytes: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
}

/** Of SHA-256's compression function. */
const blockLength = 64;
/** With room for most objects behind the key. */
const inner = Buffer.alloc(64 * 1024);
const outer = Buffer.alloc(blockLength + 32);
