/**
 * JSON values and their canonical form (RFC 8785). Two equal values give the same bytes on every machine, so a digest over
 * {@link canonicalize} is a digest of the value.
 */
import { KubevidenceError } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Follows `path` through objects; `undefined` as soon as a step is missing or is no object. */
export function at(value: unknown, ...path: readonly string[]): Json | undefined {
  return follow(value, path);
}

function follow(value: unknown, path: readonly string[]): Json | undefined {
  let current: unknown = value;
  for (const key of path) {
    if (!isObject(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current as Json | undefined;
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = follow(value, path);
  return typeof found === 'string' ? found : undefined;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly Json[] {
  const found = follow(value, path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

// Printable ASCII that JSON does not escape: nearly all text.
const plain = /^[ !#-[\]-~]*$/;

// A lone surrogate has no UTF-8 form, so RFC 8785 (section 3.2.2.2) refuses it.
function quote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new KubevidenceError('input', 'text with a lone surrogate has no canonical JSON form (RFC 8785)');
  return JSON.stringify(text);
}

/**
 * The RFC 8785 text of a JSON value: keys sorted by UTF-16 code units, numbers as ECMAScript prints them. Members that are `undefined`
 * are left out, as in JSON.stringify. Throws for what JSON cannot hold (NaN, functions, lone surrogates).
 */
export function canonicalize(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new KubevidenceError('input', 'a number that is not finite has no JSON form');
    return Object.is(value, -0) ? '0' : String(value);
  }
  if (Array.isArray(value)) {
    let out = '[';
    for (let i = 0; i < value.length; i++) out += (i === 0 ? '' : ',') + (value[i] === undefined ? 'null' : canonicalize(value[i]));
    return `${out}]`;
  }
  if (typeof value !== 'object') throw new KubevidenceError('input', `a ${typeof value} has no JSON form`);
  const object = value as Record<string, unknown>;
  let out = '';
  for (const key of sortedKeys(object)) {
    const member = object[key];
    if (member !== undefined) out += (out === '' ? '' : ',') + quoteKey(key) + canonicalize(member);
  }
  return `{${out}}`;
}

/** What we made ourselves is mostly sorted already, and looking costs less than sorting. */
function sortedKeys(object: object): string[] {
  const keys = Object.keys(object);
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return keys.sort();
  return keys;
}

// The same few hundred field names stand in every object. Bounded, because labels and annotations are anybody's.
const quotedKeys = new Map<string, string>();

function quoteKey(key: string): string {
  let quoted = quotedKeys.get(key);
  if (quoted !== undefined) return quoted;
  quoted = `${quote(key)}:`;
  if (key.length <= 64 && quotedKeys.size < 2000) quotedKeys.set(key, quoted);
  return quoted;
}

/** Canonical JSON as UTF-8 bytes: what is hashed and stored. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalize(value), 'utf8');
}
