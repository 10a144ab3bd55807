/**
 * Salted payloads in a pack: the value beside its salt and its id, so that anybody can check that id = HMAC-SHA256(salt, RFC 8785 bytes of
 * the value). Because a pack's files are canonical JSON themselves, those bytes stand in them as they are.
 */
import { z } from 'zod';
import { saltedId } from '../log/index.ts';
import { canonicalPieces, type Json, KubevidenceError, parseCanonical } from '../model/index.ts';

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
  if (saltedId(salt, bytes).toString('hex') !== id) throw new KubevidenceError('integrity', `the payload ${id} is not what its id says`);
  return { id, salt: Buffer.from(salt).toString('hex'), value: parseCanonical(bytes) };
}

/** Whether the id is that of the value under the salt. */
export function isSealed({ id, salt, value }: SaltedJson): boolean {
  return saltedId(Buffer.from(salt, 'hex'), canonicalPieces(value)).toString('hex') === id;
}

/** Replaces names in a value; what holds none comes back as it was, with `replaced` 0. The same value always gives the same. */
export type Pseudonymise = (value: Json) => { readonly value: Json; readonly replaced: number };

/** A payload in which names were replaced. The id is the log's; the salt is withheld, as names could be tried with it until the id fits. */
export interface PseudonymisedJson {
  readonly id: string;
  /** How many names were replaced. */
  readonly pseudonymised: number;
  readonly value: Json;
}

export type ShownJson = SaltedJson | PseudonymisedJson;

const pseudonymisedShape = { id: saltedShape.id, pseudonymised: z.int().positive(), value: saltedShape.value };

/** A payload as it was stored, or with pseudonyms; `more` stands beside it. */
export function shownSchema<S extends z.ZodRawShape>(more: S) {
  return z.union([z.strictObject({ ...more, ...saltedShape }), z.strictObject({ ...more, ...pseudonymisedShape })]);
}

/** Throws as {@link toSaltedJson}: what is shown with pseudonyms was checked before. */
export function toShownJson(bytes: SaltedBytes, pseudonymise: Pseudonymise | null): ShownJson {
  const salted = toSaltedJson(bytes);
  const { value, replaced } = pseudonymise?.(salted.value) ?? { value: salted.value, replaced: 0 };
  return replaced === 0 ? salted : { id: salted.id, pseudonymised: replaced, value };
}

export function isPseudonymised(shown: ShownJson): shown is PseudonymisedJson {
  return 'pseudonymised' in shown;
}

/** False only where the id can be computed anew and is another one. */
export function isAsItSays(shown: ShownJson): boolean {
  return isPseudonymised(shown) || isSealed(shown);
}
