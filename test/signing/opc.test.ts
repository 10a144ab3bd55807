import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  contentTypeOf,
  contentTypesNamespace,
  readContentTypes,
  readRelationships,
  type Relationship,
  relationshipsNamespace,
  writeRelationships,
} from '../../src/signing/opc.ts';

const list = (content: string): Uint8Array => Buffer.from(`<Relationships xmlns="${relationshipsNamespace}">${content}</Relationships>`);
const types = (content: string): Uint8Array => Buffer.from(`<Types xmlns="${contentTypesNamespace}">${content}</Types>`);
const one = '<Relationship Id="a" Type="t" Target="x"/>';

describe('relationships', () => {
  it('come back as they were written, whatever they contain', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !/[\p{Cc}\ufffe\uffff]/u.test(value));
    const relationship: fc.Arbitrary<Relationship> = fc.record({
      id: text,
      type: text,
      target: fc.oneof(text, fc.constantFrom('a"b', "it's", '<&>', 'line\nbreak\ttab')),
      mode: fc.constantFrom('Internal', 'External'),
    });
    fc.assert(
      fc.property(fc.uniqueArray(relationship, { selector: ({ id }) => id }), (relationships) => {
        expect(readRelationships(Buffer.from(writeRelationships(relationships)))).toEqual(relationships);
      }),
    );
  });

  test.each([
    [
      'a declaration, spaces and single quotes',
      `\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<Relationships xmlns='${relationshipsNamespace}'>\n ${one}\n</Relationships>\n`,
    ],
    ['an element with an end tag', list('<Relationship Target="x" Id="a" Type="t"></Relationship>').toString()],
  ])('accepts %s', (_, xml) => {
    expect(readRelationships(Buffer.from(xml))).toEqual([{ id: 'a', type: 't', target: 'x', mode: 'Internal' }]);
  });

  test.each([
    ['a comment', `<!-- -->${one}`],
    ['text', `${one}x`],
    ['CDATA', '<![CDATA[]]>'],
    ['a prefix', '<p:Relationship Id="a" Type="t" Target="x"/>'],
    ['a prefixed attribute', '<Relationship Id="a" Type="t" Target="x" p:Target="y"/>'],
    ['an unknown attribute', '<Relationship Id="a" Type="t" Target="x" Extra="y"/>'],
    ['an attribute given twice', '<Relationship Id="a" Type="t" Target="x" Target="y"/>'],
    ['a missing attribute', '<Relationship Id="a" Type="t"/>'],
    ['an unknown element', '<Relation Id="a" Type="t" Target="x"/>'],
    ['an element with content', '<Relationship Id="a" Type="t" Target="x"> </Relationship>'],
    ['an id given twice', one + one],
    ['an unknown mode', '<Relationship Id="a" Type="t" Target="x" TargetMode="internal"/>'],
    ['an unknown entity', '<Relationship Id="a" Type="t" Target="&x;"/>'],
    ['a bare ampersand', '<Relationship Id="a" Type="t" Target="a&b"/>'],
    ['a reference to no character', '<Relationship Id="a" Type="t" Target="&#0;"/>'],
    ['a raw line break in a value', '<Relationship Id="a" Type="t" Target="a\nb"/>'],
    ['a nested list', list(one).toString()],
  ])('refuses %s', (_, content) => {
    expect(() => readRelationships(list(content))).toThrow(Error);
  });

  test.each([
    ['a document type', `<!DOCTYPE x>${list(one).toString()}`],
    ['another namespace', list(one).toString().replace('2006', '2007')],
    ['another root', types('').toString()],
    ['something behind the root', `${list(one).toString()}<x/>`],
    ['XML 1.1', `<?xml version="1.1"?>${list(one).toString()}`],
    ['another encoding', `<?xml version="1.0" encoding="latin1"?>${list(one).toString()}`],
  ])('refuses %s', (_, xml) => {
    expect(() => readRelationships(Buffer.from(xml))).toThrow(Error);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => readRelationships(Buffer.concat([list(one), Buffer.of(0xff)]))).toThrow(Error);
  });
});

describe('content types', () => {
  const read = readContentTypes(
    types(
      '<Default Extension="XML" ContentType="application/xml"/><Override PartName="/xl/Workbook.xml" ContentType="application/x+xml"/>',
    ),
  );

  test.each([
    ['xl/workbook.xml', 'application/x+xml'],
    ['xl/styles.xml', 'application/xml'],
  ])('of %s: %s', (part, type) => {
    expect(contentTypeOf(read, part)).toBe(type);
  });

  it('must be known for a part', () => {
    expect(() => contentTypeOf(read, 'xl/media/image1.png')).toThrow('has no content type');
  });

  test.each([
    ['two defaults for one extension', '<Default Extension="xml" ContentType="a/b"/><Default Extension="XML" ContentType="a/c"/>'],
    ['two overrides for one part', '<Override PartName="/a" ContentType="a/b"/><Override PartName="/A" ContentType="a/c"/>'],
    ['a type with parameters', '<Default Extension="xml" ContentType="a/b; x=y"/>'],
    ['a default with a part', '<Default Extension="xml" PartName="/a" ContentType="a/b"/>'],
  ])('refuse %s', (_, content) => {
    expect(() => readContentTypes(types(content))).toThrow(Error);
  });
});
