import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { childrenOf, descend, octets, oid, oidOf, read, sequence, smallInteger, time, write } from '../../src/signing/der.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Null when the bytes are not one element. */
function rewritten(bytes: Uint8Array): Uint8Array | null {
  try {
    const { tag, content } = read(bytes);
    return write(tag, content);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

describe('writing', () => {
  test.each([
    ['1.2.840.113549.1.1.11', '06 09 2a 86 48 86 f7 0d 01 01 0b'],
    ['2.5.4.3', '06 03 55 04 03'],
    ['2.16.840.1.101.3.4.2.1', '06 09 60 86 48 01 65 03 04 02 01'],
  ])('object identifier %s', (dotted, encoded) => {
    expect(oid(dotted)).toEqual(hex(encoded));
    expect(oidOf(read(hex(encoded)))).toBe(dotted);
  });

  test.each([
    ['2049-12-31T23:59:59.999Z', `170d${Buffer.from('491231235959Z').toString('hex')}`],
    ['2050-01-01T00:00:00Z', `180f${Buffer.from('20500101000000Z').toString('hex')}`],
  ])('time %s', (text, encoded) => {
    expect(time(new Date(text))).toEqual(hex(encoded));
  });
});

describe('reading', () => {
  it('gives back what was written, at every length', () => {
    fc.assert(
      fc.property(fc.nat(70_000), (length) => {
        const content = new Uint8Array(length).fill(7);
        const [first, second] = childrenOf(read(sequence(octets(content), smallInteger(1))));
        expect(Buffer.compare(first?.content ?? new Uint8Array(), content)).toBe(0);
        expect(second?.source).toEqual(smallInteger(1));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['nothing', ''],
    ['an identifier without a length', '30'],
    ['an indefinite length', '30 80 00 00'],
    ['a long form for a short length', '04 81 01 00'],
    ['a leading zero in the length', '04 82 00 80' + '00'.repeat(128)],
    ['more content than there is', '04 05 00'],
    ['bytes behind the end', '05 00 00'],
    ['a long tag number', '1f 81 00 00'],
    ['a length of five bytes', '04 85 00 00 00 00 01 00'],
  ])('refuses %s', (_, encoded) => {
    expect(() => read(hex(encoded))).toThrow(Error);
  });

  it('refuses to look into a primitive element, or beside the last', () => {
    expect(() => childrenOf(read(octets(hex('00'))))).toThrow('no parts');
    expect(() => descend(read(sequence()), 0)).toThrow('missing');
  });

  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })).map(([tag, content]) => write(tag, content)),
  );

  it('accepts only one encoding of an element: what it reads, it would write again', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(rewritten(bytes) ?? bytes).toEqual(bytes);
      }),
    );
  });
});
