import exceljs from 'exceljs';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { cellLimit, cellText, looksLikeFormula } from '../../src/reporting/formats/xlsx/cells.ts';
import { buildReportModel, renderWorkbook } from '../../src/reporting/index.ts';
import { hostile, makeInputs } from './fixture.ts';

const model = buildReportModel(makeInputs());
const bytes = await renderWorkbook(model);
const book = new exceljs.Workbook();
const parts = new Map<string, string>();

beforeAll(async () => {
  await book.xlsx.load(bytes as unknown as exceljs.Buffer);
  const zip = await fromBufferPromise(Buffer.from(bytes), { lazyEntries: true });
  for await (const entry of zip.eachEntry())
    parts.set(entry.fileName, (await buffer(await zip.openReadStreamPromise(entry))).toString('utf8'));
});

const sheet = (name: string): exceljs.Worksheet => book.getWorksheet(name) ?? expect.fail(`no sheet ${name}`);
const column = (name: string, title: string): exceljs.CellValue[] => {
  const found = sheet(name);
  const titles = found.getRow(1).values as exceljs.CellValue[];
  const index = titles.indexOf(title);
  expect([title, index > 0]).toEqual([title, true]);
  return Array.from({ length: found.rowCount - 1 }, (_, row) => found.getRow(row + 2).getCell(index).value);
};

describe('the workbook', () => {
  test('is the same bytes for the same model', async () => {
    expect(Buffer.from(await renderWorkbook(buildReportModel(makeInputs()))).equals(Buffer.from(bytes))).toBe(true);
  });

  test('has the sheets of the definition, and a first one that counts their rows', () => {
    expect(book.worksheets.map(({ name }) => name)).toEqual(model.sheets.map(({ title }) => title));
    const summary = sheet('Summary');
    const rows = new Map<string, number>();
    summary.eachRow((row) => {
      const link = row.getCell(1).value;
      const count = row.getCell(3).value;
      if (typeof link === 'object' && link !== null && 'result' in link && typeof count === 'number') rows.set(row.getCell(1).text, count);
    });
    expect(rows.size).toBe(model.sheets.length - 1);
    for (const [name, count] of rows) expect([name, sheet(name).rowCount - 1]).toEqual([name, count]);
  });

  test('holds every requirement, finding, run, binding and exhibit of the model', () => {
    expect(column('Requirements', 'Requirement')).toHaveLength(274);
    expect(column('Findings', 'Finding')).toEqual(model.findings.map(({ id }) => id));
    expect(column('Findings', 'Owner')).toEqual(model.findings.map(({ owner }) => owner));
    expect(column('Runs', 'Run')).toEqual(model.runs.map(({ number }) => number));
    expect(column('Population - bindings', 'UID')).toEqual(model.bindings.rows.map(({ uid }) => uid));
    expect(column('Evidence index', 'Record hash')).toEqual(model.exhibits.map(({ recordHash }) => recordHash));
  });

  test('is printed so that it can be read: what is too wide for one page on two, each with the column that says what it is about', () => {
    const printed = (name: string) => [sheet(name).pageSetup.fitToWidth, sheet(name).pageSetup.printTitlesColumn];
    expect(printed('Requirements')).toEqual([1, undefined]);
    expect(printed('Deviations')).toEqual([2, 'A:A']);
    for (const { name, pageSetup, columns } of book.worksheets) {
      const wide = columns.reduce((sum, { width }) => sum + (width ?? 9), 0);
      expect([name, wide / (pageSetup.fitToWidth ?? 0) < 400]).toEqual([name, true]);
    }
  });

  test('shows outcomes as glyph and word, in the words of the framework', () => {
    const words = new Set(column('Requirements', 'At the end'));
    expect(words).toContain('● pass');
    expect(words).toContain('● no deviation found');
    expect(words).toContain('▲ deviation');
  });

  test('keeps dates as dates with UTC in the header, and ids as text', () => {
    const planned = column('Runs', 'Planned (UTC)');
    expect(planned[0]).toEqual(new Date('2026-07-01T00:26:00.000Z'));
    expect(column('Requirements', 'Requirement').every((id) => typeof id === 'string')).toBe(true);
    expect(sheet('Requirements').getCell('C2').numFmt).toBe('@');
  });

  test('has headers that stay, filters, widths of at most 60, landscape, and is locked without a password', () => {
    for (const worksheet of book.worksheets.slice(1)) {
      expect(worksheet.views[0]).toMatchObject({ state: 'frozen', ySplit: 1 });
      expect(worksheet.autoFilter).toBeTruthy();
      expect(worksheet.pageSetup).toMatchObject({ orientation: 'landscape', fitToPage: true, printTitlesRow: '1:1' });
      for (const { width } of worksheet.columns) expect(width ?? 0).toBeLessThanOrEqual(60);
    }
    for (const [name, xml] of parts) {
      if (!name.startsWith('xl/worksheets/sheet')) continue;
      expect(xml).toMatch(/<sheetProtection sheet="1"/);
      expect(xml).not.toMatch(/hashValue|password=/);
      expect(xml).toContain('DEMO');
    }
  });

  test('has no formula but jumps inside, no external relation, and no raw control character', () => {
    const all = [...parts.values()].join('\n');
    const formulas = [...all.matchAll(/<f>(.*?)<\/f>/g)].map(([, formula]) => formula ?? '');
    const jump = /^HYPERLINK\(&quot;#&apos;[A-Za-z -]+&apos;!A\d+&quot;,&quot;[A-Za-z0-9 -]+&quot;\)$/;
    expect(formulas.length).toBeGreaterThan(20);
    expect(formulas.filter((formula) => !jump.test(formula))).toEqual([]);
    expect(all).not.toMatch(/<hyperlink|<dataValidation|<oleObject|TargetMode="External"/);
    // oxlint-disable-next-line no-control-regex
    expect(all).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/);
  });

  test('keeps hostile text as text, with a prefix that survives saving as CSV', () => {
    const subjects = column('Population - bindings', 'Subject');
    for (const name of [hostile.formula, hostile.plus, hostile.minus, hostile.at]) expect(subjects).toContain(name);
    expect(subjects).toContain('user\\u{202e}gnp.exe');
    expect(subjects).toContain(hostile.unbroken);
    const styles = parts.get('xl/styles.xml') ?? '';
    const formats = [...(/<cellXfs[^>]*>(.*)<\/cellXfs>/s.exec(styles)?.[1] ?? '').matchAll(/<xf [^>]*>/g)].map(([format]) => format);
    const strings = [...(parts.get('xl/sharedStrings.xml') ?? '').matchAll(/<si><t[^>]*>(.*?)<\/t><\/si>/gs)].map(
      ([, value]) => value ?? '',
    );
    let dangerous = 0;
    for (const [name, xml] of parts) {
      if (!name.startsWith('xl/worksheets/sheet')) continue;
      for (const [, style = '', index = ''] of xml.matchAll(/<c r="[A-Z]+\d+" s="(\d+)" t="s"><v>(\d+)<\/v>/g)) {
        const value = strings[Number(index)] ?? '';
        if (!looksLikeFormula(value)) continue;
        dangerous += 1;
        expect([value, formats[Number(style)]]).toEqual([value, expect.stringContaining('quotePrefix="1"')]);
      }
    }
    expect(dangerous).toBeGreaterThan(4);
  });
});

describe('the text of a cell', () => {
  test.each([
    ['_x000D_ is no carriage return', 'a_x000D_b', 'a_x005F_x000D_b'],
    ['_x202e_ is no override', '_x202e_', '_x005F_x202e_'],
    ['an underscore alone stays', 'a_b_xyz_', 'a_b_xyz_'],
    ['a line break is visible', 'a\nb', 'a\\u{a}b'],
    ['a noncharacter is visible', 'a\uffffb', 'a\\u{ffff}b'],
  ])('%s', (_, given, expected) => {
    expect(cellText(given)).toBe(expected);
  });

  test('that is too long says how much is missing', () => {
    const text = cellText('é'.repeat(40_000));
    expect(text.length).toBeLessThanOrEqual(cellLimit);
    const [, kept = '', missing = ''] = /^(é+) \[cut here: (\d+) more characters; the exhibit has them\]$/.exec(text) ?? [];
    expect(kept.length + Number(missing)).toBe(40_000);
  });
});
