import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Fonts, name, setLines, type Span, text } from '../../src/reporting/formats/pdf/typeset.ts';
import { harmless } from '../../src/reporting/formats/wording.ts';

/** Every character as wide as half the size; no glyph outside Latin-1, and `→` in monospace only. */
const fonts: Fonts = {
  width: (value) => Array.from(value).length * 0.5,
  has: (codePoint, face) => codePoint < 0x100 || (face === 'mono' && codePoint === 0x2192),
};
const linesOf = (spans: readonly Span[], width: number): string[] =>
  setLines(spans, 10, width, fonts).map((line) => line.pieces.map((piece) => piece.text).join(''));

describe('setting lines', () => {
  test.each<readonly [string, Span, number, readonly string[]]>([
    ['words break at spaces', text('one two three'), 40, ['one two', 'three']],
    ['names break after separators', name('team-a/very-long.name:x'), 55, ['team-a/', 'very-long.', 'name:x']],
    ['a name without separators breaks anywhere', name('abcdefghij'), 25, ['abcde', 'fghij']],
    ['an escape stays in one piece', name('ab\u202ecd'), 40, ['ab', '\\u{202e}', 'cd']],
    ['a glyph of the other face is borrowed', text('a → b'), 100, ['a → b']],
    ['a glyph of no face is escaped', text('漢'), 100, ['\\u{6f22}']],
    ['nothing is one empty line', text(''), 100, ['']],
  ])('%s', (_, span, width, expected) => {
    expect(linesOf([span], width)).toEqual(expected);
  });

  test('a comma stays with its id, and `below` begins a line', () => {
    expect(linesOf([name('EX-0001', { whole: true }), text(', '), name('EX-0002', { whole: true }), text(', x')], 70)).toEqual([
      'EX-0001,',
      'EX-0002, x',
    ]);
    expect(linesOf([text('a'), text('b', { below: true })], 100)).toEqual(['a', 'b']);
  });

  test('loses no character and exceeds no width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), fc.boolean(), fc.integer({ min: 60, max: 300 }), (value, mono, width) => {
        const lines = setLines([mono ? name(value) : text(value)], 10, width, fonts);
        const set = lines.flatMap((line) => line.pieces.map((piece) => piece.text)).join('');
        const wanted = Array.from(harmless(value))
          .map((character) =>
            fonts.has(character.codePointAt(0) ?? 0, 'regular') ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
          )
          .join('');
        expect(set.replaceAll(' ', '')).toBe(
          (mono ? wanted.replaceAll('\\u{2192}', '→') : wanted.replaceAll('\\u{2192}', set.includes('→') ? '→' : '\\u{2192}')).replaceAll(
            ' ',
            '',
          ),
        );
        for (const line of lines) expect(line.width).toBeLessThanOrEqual(width);
      }),
    );
  });
});
