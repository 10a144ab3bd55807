/**
 * Turns the bytes of an API response into items, or says why they are not what was asked for. A page that was cut, an HTML page of a
 * proxy, or a document of another kind is an error, never an empty list.
 */
import { isAscii } from 'node:buffer';
import type { DecodedPage, Decoder, JsonObject, RawObject, RequestSpec } from '../model/index.ts';
import { clip, isObject, KubevidenceError, reasonOf, textAt } from '../model/index.ts';

export function notWhatWasAsked(request: RequestSpec, why: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('input', `the answer for ${clip(request.what, 120)} is not what was asked for: ${clip(why, 200)}`, {
    next: 'ask the server directly with kubectl get --raw; a proxy in between may have answered in its place',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The text of a body. Most pages are ASCII, which converts much faster as latin1. Throws for what is not UTF-8. */
export function textOf(body: Uint8Array, request: RequestSpec): string {
  if (isAscii(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw notWhatWasAsked(request, 'it is not UTF-8', cause);
  }
}

// An escape for a lone surrogate is valid JSON, but has no canonical form; only texts with such escapes pay for the second walk.
const surrogateEscape = /\\u[dD][89a-fA-F]/;

/** One JSON object; the only place where API bodies are parsed. */
export function parseObject(body: Uint8Array, request: RequestSpec): JsonObject {
  const text = textOf(body, request);
  let value: unknown;
  try {
    value = surrogateEscape.test(text)
      ? JSON.parse(text, (_key, member: unknown) => (typeof member === 'string' ? member.toWellFormed() : member))
      : JSON.parse(text);
  } catch (cause) {
    // The parser's own message quotes the text around the fault, which may be a Secret's.
    throw notWhatWasAsked(request, describeText(text, reasonOf(cause)));
  }
  if (!isObject(value)) throw notWhatWasAsked(request, 'it is JSON, but no object');
  return value;
}

function describeText(text: string, reason: string): string {
  if (text.length === 0) return 'it is empty';
  if (/^\s*</.test(text)) return 'it is HTML or XML';
  if (/^\s*\{/.test(text)) return /end of JSON|Unterminated/i.test(reason) ? 'the JSON ends early' : 'the JSON is broken';
  return 'it is not JSON';
}

/** Decodes `<kind>List`. Items of a typed list carry neither apiVersion nor kind: both come from the list. */
export function decodeList(kind: string): Decoder {
  return (body, request) => {
    const list = parseObject(body, request);
    const apiVersion = textAt(list, 'apiVersion');
    if (list['kind'] !== `${kind}List` || apiVersion === undefined) {
      throw notWhatWasAsked(request, `it is of kind ${textAt(list, 'kind') ?? '(none)'}, not ${kind}List`);
    }
    const items = list['items'] ?? [];
    if (!Array.isArray(items)) throw notWhatWasAsked(request, 'it has no list of items');
    for (const item of items as unknown[]) {
      if (textAt(item, 'metadata', 'name') === undefined) throw notWhatWasAsked(request, 'an item has no metadata.name');
      const object = item as Record<string, unknown>;
      object['apiVersion'] = apiVersion;
      object['kind'] = kind;
    }
    return withListMetadata(list, items as RawObject[]);
  };
}

export function withListMetadata(list: JsonObject, items: readonly RawObject[]): DecodedPage {
  const resourceVersion = textAt(list, 'metadata', 'resourceVersion');
  const next = textAt(list, 'metadata', 'continue');
  return { items, ...(resourceVersion ? { resourceVersion } : {}), ...(next ? { continue: next } : {}) };
}

/** Decodes one object of this kind that is answered as such (`/flagz`, one ConfigMap). `finish` may reshape it before it is scrubbed. */
export function decodeObject(kind: string, finish: (object: RawObject, request: RequestSpec) => RawObject = (object) => object): Decoder {
  return (body, request) => {
    const object = parseObject(body, request);
    if (object['kind'] !== kind || textAt(object, 'apiVersion') === undefined) {
      throw notWhatWasAsked(request, `it is of kind ${textAt(object, 'kind') ?? '(none)'}, not ${kind}`);
    }
    if (textAt(object, 'metadata', 'name') === undefined) throw notWhatWasAsked(request, 'it has no metadata.name');
    return { items: [finish(object, request)] };
  };
}

/** For listings that no request fills: objects come from a file or from the composition root. */
export const decodeNothing: Decoder = (_body, request) => {
  throw notWhatWasAsked(request, 'this kind of evidence is never read from the API');
};
