/**
 * Finds the items of a list without parsing them, and who each one is, so that those which the last snapshot holds unchanged need not be
 * parsed at all. Understood is only the form that the API server writes for its own types (docs: evidence sources, section 6); anything
 * else, a page that ends early included, gives null, and the parser reads the whole page and says what is wrong with it.
 */
import { textAt } from '../../model/index.ts';

/** Byte offsets of one item, and its identity where its first fields show it. */
export interface SkimmedItem {
  readonly start: number;
  readonly end: number;
  readonly identity: { readonly namespace: string; readonly name: string; readonly uid: string; readonly resourceVersion: string } | null;
}

export interface Skimmed {
  readonly items: readonly SkimmedItem[];
  /** The same list with these items only. */
  only(items: readonly SkimmedItem[]): Buffer;
}

const headBytes = 16_384;
const endOfHead = /,"items":\[/;
// ObjectMeta in the order in which its fields are declared. Without escapes and beyond ASCII nothing, so the bytes are the text.
const text = '"([ !#-\\[\\]-~]*)"';
const identityBytes = 1024;
const beginning = new RegExp(
  `^\\{"metadata":\\{"name":${text},(?:"generateName":${text},)?(?:"namespace":${text},)?"uid":${text},"resourceVersion":${text}[,}]`,
);

const [quote, comma, backslash, openBrace, closeBrace, openBracket, closeBracket] = Array.from('",\\{}[]', (character) =>
  character.charCodeAt(0),
);

export function skimList(body: Uint8Array): Skimmed | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const head = endOfHead.exec(bytes.toString('latin1', 0, headBytes));
  if (head === null) return null;
  if (!isListHead(`${bytes.toString('latin1', 0, head.index)}}`)) return null;
  const first = head.index + head[0].length;
  const items: SkimmedItem[] = [];
  let at = first;
  if (bytes[at] !== closeBracket) {
    for (;;) {
      const end = endOfObject(bytes, at);
      if (end === -1) return null;
      items.push({ start: at, end, identity: identify(bytes, at, end) });
      if (bytes[end] === closeBracket) {
        at = end;
        break;
      }
      if (bytes[end] !== comma) return null;
      at = end + 1;
    }
  }
  if (!/^\]\}\s*$/.test(bytes.toString('latin1', at, at + 8)) || at + 8 < bytes.length) return null;
  return {
    items,
    only: (chosen) => {
      const parts = chosen.flatMap(({ start, end }, index) => [...(index === 0 ? [] : [separator]), bytes.subarray(start, end)]);
      return Buffer.concat([bytes.subarray(0, first), ...parts, bytes.subarray(at)]);
    },
  };
}

const separator = Buffer.from(',');

function isListHead(json: string): boolean {
  try {
    return textAt(JSON.parse(json), 'kind')?.endsWith('List') ?? false;
  } catch {
    return false;
  }
}

/** Behind the brace that closes the object which begins at `start`; -1 when none does. */
function endOfObject(bytes: Buffer, start: number): number {
  if (bytes[start] !== openBrace) return -1;
  const { length } = bytes;
  let depth = 0;
  for (let at = start; at < length; at++) {
    const byte = bytes[at];
    if (byte === quote) {
      for (at++; at < length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
    } else if (byte === openBrace || byte === openBracket) depth++;
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at + 1;
  }
  return -1;
}

function identify(bytes: Buffer, start: number, end: number): SkimmedItem['identity'] {
  const [, name, , namespace = '', uid, resourceVersion] =
    beginning.exec(bytes.toString('latin1', start, Math.min(end, start + identityBytes))) ?? [];
  if (name === undefined || !uid || !resourceVersion) return null;
  return { namespace, name, uid, resourceVersion };
}
