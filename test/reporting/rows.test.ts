import { expect, test } from 'vitest';
import { countStrings, rowLimit, shareStrings, specimens, writeSheet, writeStrings } from '../../src/reporting/formats/xlsx/rows.ts';

const frame = (style: number) =>
  '<worksheet><dimension ref="A1:M2"/><sheetData><row r="1"><c r="A1" s="4" t="s"><v>0</v></c></row>' +
  `<row r="2" ht="16">${specimens.map((_, place) => `<c r="${'ABCDEFGHIJKLM'[place]}2" s="${style + place}"/>`).join('')}</row></sheetData></worksheet>`;
const column = { title: 'A', cap: 10 };

test('rows take the place of the specimens, with their styles, and name each text once', () => {
  const strings = shareStrings(7);
  const moment = { moment: '2026-07-01T12:00:00.000Z' };
  const rows = [
    ['a & "b"', null, 5, moment, { jump: 'evidence', row: 3, shown: 'EX-0003' } as const],
    ['a & "b"', '=1', '', { moment: null }, { jump: 'ipe', row: 1, shown: 'gone' } as const],
  ];
  const content = { columns: Array.from({ length: 28 }, () => column), rows };
  const titleOf = (id: string) => (id === 'evidence' ? 'Evidence index' : undefined);
  const xml = [...writeSheet(frame(10), { content, widths: rows[0]?.map(() => 10) ?? [], titleOf }, strings)].join('');
  expect(xml).toContain('<dimension ref="A1:AB3"/>');
  expect(xml).toContain(
    '<c r="A2" s="11" t="s"><v>7</v></c><c r="B2" s="10"/><c r="C2" s="13"><v>5</v></c><c r="D2" s="14"><v>46204.5</v></c>',
  );
  expect(xml).toContain('<f>HYPERLINK(&quot;#&apos;Evidence index&apos;!A4&quot;,&quot;EX-0003&quot;)</f><v>EX-0003</v>');
  expect(xml).toContain('<c r="A3" s="11" t="s"><v>7</v></c><c r="B3" s="12" t="s"><v>8</v></c><c r="C3" s="10"/><c r="D3" s="10"/>');
  expect(xml.match(/<row /g)).toHaveLength(3);
  const shared = [...writeStrings('<sst count="9" uniqueCount="7"><si><t>x</t></si></sst>', strings)].join('');
  expect(countStrings(shared)).toEqual([13, 10]);
  expect(shared).toMatch(/<si><t>a &amp; &quot;b&quot;<\/t><\/si><si><t>=1<\/t><\/si><si><t>gone<\/t><\/si><\/sst>$/);
});

test('a sheet that is too long says how many rows are missing', () => {
  const strings = shareStrings(0);
  const content = { columns: [column], rows: Array.from({ length: rowLimit + 2 }, () => [1]) };
  const pieces = [...writeSheet(frame(1), { content, widths: [10], titleOf: () => undefined }, strings)];
  expect(pieces).toHaveLength(rowLimit + 3);
  expect([...strings.texts.keys()]).toEqual(['2 more rows are in the exhibits only.']);
  expect(pieces[0]).toContain(`<dimension ref="A1:A${rowLimit + 2}"/>`);
});
