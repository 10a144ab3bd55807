/**
 * ASN.1 in DER (X.690), as certificates and signatures use it. The writers read like the RFCs' notation and return bytes. The reader
 * takes only DER lengths (definite and shortest) and elements that fill their space exactly, so bytes in another encoding or behind
 * the end are errors, and it never copies or recurses, so its work is bounded by the input's size. Errors are plain Errors.
 */

/** One element: its identifier octet, its content, and the whole of it as it was read. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly source: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
} as const;

export const sequence = (...elements: Uint8Array[]): Uint8Array => write(tags.sequence, ...elements);
/** SET OF: the caller gives the elements in DER order (X.690 section 11.6), or just one. */
export const setOf = (...elements: Uint8Array[]): Uint8Array => write(tags.set, ...elements);
export const octets = (bytes: Uint8Array): Uint8Array => write(tags.octets, bytes);
export const bits = (bytes: Uint8Array, unusedBits = 0): Uint8Array => write(tags.bits, Uint8Array.of(unusedBits), bytes);
/** From 0 to 127. */
export const smallInteger = (value: number): Uint8Array => write(tags.integer, Uint8Array.of(value));
export const utf8 = (text: string): Uint8Array => write(tags.utf8, Buffer.from(text));
export const yes = (): Uint8Array => write(tags.boolean, Uint8Array.of(0xff));
export const nothing = (): Uint8Array => write(tags.null);
/** A context-specific constructed tag: EXPLICIT around one element, or IMPLICIT in place of a SEQUENCE or SET. */
export const tagged = (number: number, ...elements: Uint8Array[]): Uint8Array => write(0xa0 | number, ...elements);

/** From dotted numbers; the first two are joined (X.690 section 8.19.4). */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  return write(tags.oid, Uint8Array.from([first * 40 + second, ...others].flatMap(base128)));
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; fractions of a second are cut. */
export function time(value: Date): Uint8Array {
  const digits = `${value
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-T:]/g, '')}Z`;
  return value.getUTCFullYear() < 2050 ? write(0x17, Buffer.from(digits.slice(2))) : write(0x18, Buffer.from(digits));
}

export function write(tag: number, ...content: Uint8Array[]): Uint8Array {
  const size = content.reduce((sum, part) => sum + part.length, 0);
  const length = size < 0x80 ? [size] : withCount(base256(size));
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...length), ...content]));
}

/** The one element that fills `bytes` from the first to the last. */
export function read(bytes: Uint8Array): Element {
  const element = readAt(bytes, 0);
  if (element.source.length !== bytes.length) throw new Error('bytes follow its end');
  return element;
}

/** The elements inside a constructed element. */
export function childrenOf(element: Element): Element[] {
  if ((element.tag & 0x20) === 0) throw new Error('an element has no parts where some are expected');
  const children: Element[] = [];
  for (let at = 0; at < element.content.length; ) {
    const child = readAt(element.content, at);
    children.push(child);
    at += child.source.length;
  }
  return children;
}

/** The element that a path of indices leads to, through constructed elements. */
export function descend(element: Element, ...path: number[]): Element {
  return path.reduce((parent, index) => {
    const child = childrenOf(parent)[index];
    if (child === undefined) throw new Error('an element is missing');
    return child;
  }, element);
}

/** The content of an element that must have this tag. */
export function contentOf(element: Element, tag: number): Uint8Array {
  if (element.tag !== tag) throw new Error(`an element has tag ${element.tag} where ${tag} is expected`);
  return element.content;
}

/** The value of an INTEGER, which must be in its shortest form (X.690 section 8.3.2). */
export function integerOf(element: Element): bigint {
  const bytes = contentOf(element, tags.integer);
  const [first, second = 0] = bytes;
  const padded = bytes.length > 1 && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (first === undefined || padded) throw new Error('an integer is not in its shortest form');
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** The dotted numbers of an OBJECT IDENTIFIER. */
export function oidOf(element: Element): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of contentOf(element, tags.oid)) {
    value = value * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(value)) throw new Error('an object identifier is too large');
    if ((byte & 0x80) !== 0) continue;
    numbers.push(value);
    value = 0;
  }
  const [joined = 0, ...others] = numbers;
  const first = Math.min(2, Math.floor(joined / 40));
  return [first, joined - first * 40, ...others].join('.');
}

function readAt(bytes: Uint8Array, start: number): Element {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new Error('it ends too early');
  if ((tag & 0x1f) === 0x1f) throw new Error('it has a tag number above 30');
  let size = first;
  let at = start + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error('it has a length that DER does not allow');
    size = bytes.subarray(at, at + count).reduce((sum, byte) => sum * 256 + byte, 0);
    at += count;
    if (size < 0x80 || size < 256 ** (count - 1)) throw new Error('it has a length that is not the shortest');
  }
  if (at + size > bytes.length) throw new Error('it ends too early');
  return { tag, content: bytes.subarray(at, at + size), source: bytes.subarray(start, at + size) };
}

function withCount(bytes: number[]): number[] {
  return [0x80 | bytes.length, ...bytes];
}

function base256(value: number): number[] {
  return value < 256 ? [value] : [...base256(Math.floor(value / 256)), value % 256];
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(0x80 | (rest % 128));
  return digits;
}
