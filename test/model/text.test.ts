import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clip, visible } from '../../src/model/index.ts';

describe('visible', () => {
  it.each([
    ['plain text, ünïcode, 日本語', 'plain text, ünïcode, 日本語'],
    ['\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
    ['a\u202egnp.exe', 'a\\u{202e}gnp.exe'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['soft\u00adhyphen', 'soft\\u{ad}hyphen'],
    ['two\nlines\tand a tab', 'two\\u{a}lines\\u{9}and a tab'],
    ['\u3164', '\\u{3164}'],
    ['\ud800', '\\u{d800}'],
    ['\ufffe', '\\u{fffe}'],
    ['\u{e0041}', '\\u{e0041}'],
  ])('%j', (text, shown) => expect(visible(text)).toBe(shown));

  it('leaves nothing that controls, and is idempotent', () => {
    assert(
      property(string({ unit: 'binary' }), (text) => {
        const shown = visible(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(visible(shown)).toBe(shown);
      }),
    );
  });
});

describe('clip', () => {
  it('says how much it left out', () => {
    expect(clip('x'.repeat(100), 40)).toBe(`${'x'.repeat(28)}… (+72)`);
    expect(clip('short', 40)).toBe('short');
  });
});
