/** A zip as writeZip makes it, but for what a test changes: each knob is one lie. */
import { crc32 } from 'node:zlib';

export interface RawEntry {
  readonly name: string;
  readonly content: Uint8Array;
  /** What the local header says, when it is something else. */
  readonly local?: { readonly name?: string; readonly size?: number; readonly crc?: number };
  /** What is stored instead of the content, e.g. deflated. */
  readonly stored?: Uint8Array;
  readonly method?: number;
  /** Declared, in both headers. */
  readonly size?: number;
  readonly flags?: number;
  /** Unix mode. */
  readonly mode?: number;
  readonly extra?: Uint8Array;
  readonly comment?: string;
  /** Bytes in front of the entry that belong to none. */
  readonly gap?: Uint8Array;
}

export interface RawZip {
  readonly before?: Uint8Array;
  /** Between the last entry and the directory. */
  readonly between?: Uint8Array;
  readonly after?: Uint8Array;
  readonly comment?: string;
  readonly count?: number;
}

export function rawZip(
  entries: readonly RawEntry[],
  { before, between, after, comment = '', count = entries.length }: RawZip = {},
): Uint8Array {
  const pieces: Uint8Array[] = [before ?? Buffer.alloc(0)];
  const directory: Buffer[] = [];
  let offset = before?.length ?? 0;
  const push = (bytes: Uint8Array) => {
    pieces.push(bytes);
    offset += bytes.length;
  };
  for (const entry of entries) {
    const {
      content,
      stored = content,
      method = 0,
      size = content.length,
      flags = 0x0800,
      mode = 0o100644,
      extra = Buffer.alloc(0),
    } = entry;
    push(entry.gap ?? Buffer.alloc(0));
    const start = offset;
    const common = (crc: number, uncompressed: number) =>
      numbers([2, 20], [2, flags], [2, method], [4, 0x0021_0000], [4, crc], [4, stored.length], [4, uncompressed]);
    const localName = Buffer.from(entry.local?.name ?? entry.name);
    push(numbers([4, 0x04034b50]));
    push(common(entry.local?.crc ?? crc32(content), entry.local?.size ?? size));
    push(numbers([2, localName.length], [2, extra.length]));
    push(localName);
    push(extra);
    push(stored);
    const [name, note] = [Buffer.from(entry.name), Buffer.from(entry.comment ?? '')];
    directory.push(
      Buffer.concat([
        numbers([4, 0x02014b50], [2, 0x033f]),
        common(crc32(content), size),
        numbers([2, name.length], [2, extra.length], [2, note.length], [2, 0], [2, 0], [4, (mode * 0x1_0000) >>> 0], [4, start]),
        name,
        extra,
        note,
      ]),
    );
  }
  push(between ?? Buffer.alloc(0));
  const [start, bytes] = [offset, Buffer.concat(directory)];
  push(bytes);
  push(numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, bytes.length], [4, start], [2, Buffer.byteLength(comment)]));
  push(Buffer.from(comment));
  push(after ?? Buffer.alloc(0));
  return Buffer.concat(pieces);
}

function numbers(...fields: readonly (readonly [width: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([width, value]) => {
      const bytes = Buffer.alloc(width);
      bytes.writeUIntLE(value >>> 0, 0, width);
      return bytes;
    }),
  );
}
