/**
 * The RFC 8785 bytes of a value of many MB, put together piece by piece: one text of all would be built of a million parts, all kept until
 * it is copied as a whole. The bytes are those of {@link canonicalBytes}.
 */
import { KubevidenceError } from './errors.ts';
import { canonicalize, isObject, type Json } from './json.ts';

/** Characters after which a piece becomes bytes. */
const pieceLength = 64 * 1024;
/** An assessment's findings lie four deep; what lies deeper is small. */
const levels = 4;

/** Errors: `input`, for what JSON cannot hold. */
export function canonicalPieces(value: Json): Buffer {
  const pieces: Buffer[] = [];
  let text = '';
  const add = (part: string): void => {
    text += part;
    if (text.length < pieceLength) return;
    pieces.push(Buffer.from(text, 'utf8'));
    text = '';
  };
  const walk = (each: Json, level: number): void => {
    if (level === 0 || typeof each !== 'object' || each === null) return add(canonicalize(each));
    let separator = '';
    if (!isObject(each)) {
      add('[');
      // By its length: a hole is a null.
      for (let i = 0; i < each.length; i++) {
        add(separator);
        walk(each[i] ?? null, level - 1);
        separator = ',';
      }
      return add(']');
    }
    add('{');
    for (const key of Object.keys(each).sort()) {
      const member = each[key];
      if (member === undefined) continue;
      add(`${separator}${canonicalize(key)}:`);
      walk(member, level - 1);
      separator = ',';
    }
    return add('}');
  };
  walk(value, levels);
  pieces.push(Buffer.from(text, 'utf8'));
  return Buffer.concat(pieces);
}

/** Bytes from which on pieces cost less. */
const large = 1 << 20;

/**
 * Reads bytes that must BE canonical JSON. Duplicate keys, other number forms, white space or a BOM change the bytes, so all of them are
 * refused by comparing with the re-made form.
 */
export function parseCanonical(bytes: Uint8Array): Json {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const value = JSON.parse(text) as Json;
  const isSame = bytes.length < large ? canonicalize(value) === text : canonicalPieces(value).equals(bytes);
  if (!isSame) throw new KubevidenceError('integrity', 'these bytes are not canonical JSON (RFC 8785)');
  return value;
}
