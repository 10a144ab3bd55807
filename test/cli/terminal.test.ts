import { assert, integer, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonPieces } from '../../src/cli/output.ts';
import { ago, columnsOf, wrap } from '../../src/cli/terminal.ts';

describe('wrap', () => {
  it('keeps every line within the columns and loses nothing but spaces', () => {
    assert(
      property(string({ maxLength: 300 }), integer({ min: 40, max: 120 }), integer({ min: 0, max: 12 }), (text, columns, first) => {
        const indent = ' '.repeat(4);
        const lines = wrap(text.replaceAll('\n', ' '), columns, indent, first).split('\n');
        for (const [i, line] of lines.entries()) expect(line.length).toBeLessThanOrEqual(columns - (i === 0 ? first : 0));
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(/[ \n]/g, ''));
      }),
    );
  });

  it('indents what follows the first line', () => {
    expect(wrap('aaaa bbbb cccc dddd eeee ffff', 24, '    ', 10)).toBe('aaaa bbbb cccc dddd\n    eeee ffff');
  });
});

describe('columnsOf', () => {
  it('aligns, and pads nothing at the end of a line', () => {
    expect(
      columnsOf(
        [
          ['a', '1', 'x'],
          ['bbb', '22', ''],
        ],
        [1],
      ),
    ).toEqual(['a     1  x', 'bbb  22']);
  });
});

describe('ago', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  it.each([
    ['2026-11-21T11:59:30Z', 'just now'],
    ['2026-11-21T11:57:00Z', '3 min ago'],
    ['2026-11-21T09:00:00Z', '3 h ago'],
    ['2026-11-11T12:00:00Z', '10 d ago'],
    ['2026-11-21T13:00:00Z', 'in the future'],
  ])('%s is %s', (instant, text) => expect(ago(instant, now)).toBe(text));
});

describe('jsonPieces', () => {
  it('escapes what could control a terminal, and is the same document', () => {
    const value = { name: 'a\u001b[31m\u009b\u202e\u007f' };
    const text = [...jsonPieces(value)].join('\n');
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.parse(text)).toEqual(value);
  });
});
