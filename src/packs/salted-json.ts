/**
 * Salted payloads in a pack: the value beside its salt and its id, so that anybody can check that id = HMAC-SHA256(salt, RFC 8785 bytes of
 * the value). Because a pack's files are canonical JSON themselves, those bytes stand in them as they are.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { canonicalize, type Json, KubevidenceError, parseCanonical } from '../model/index.ts';

/** As the ledger hands it out: `bytes` is RFC 8785, `id` lower-case hex. */
export interface SaltedBytes {
  readonly id: string;
  readonly salt: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface SaltedJson {
  /** HMAC-SHA256, lower-case hex. */
  readonly id: string;
  /** 16 bytes, lower-case hex. */
  readonly salt: string;
  readonly value: Json;
}

/** A salted id, or any SHA-256. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/);
export const saltedShape = { id: digest, salt: z.string().regex(/^[0-9a-f]{32}$/), value: z.custom<Json>((value) => value !== undefined) };

/** Throws `integrity` when the id is not that of the bytes: such a payload has no place in a pack. */
export function toSaltedJson({ id, salt, bytes }: SaltedBytes): SaltedJson {
  const shown = { id, salt: Buffer.from(salt).toString('hex'), value: parseCanonical(bytes) };
  if (!isSealed(shown)) throw new KubevidenceError('integrity', `the payload ${id} is not what its id says`);
  return shown;
}

/** Whether the id is that of the value under the salt. */
export function isSealed({ id, salt, value }: SaltedJson): boolean {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(canonicalize(value)).digest('hex') === id;
}
