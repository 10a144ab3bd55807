/** The review's workbook: what is written is read back, by any program's hand; whatever was changed is named; nothing crashes the reader. */
import type exceljs from 'exceljs';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { KubevidenceError } from '../../src/model/index.ts';
import { checkReview, readReviewFile } from '../../src/reporting/index.ts';
import { columnOf, days, decideAll, edit, makeWorkbook, partsOf, rewrite, rows, zipOf } from './review-given.ts';

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await makeWorkbook();
});

const check = async (file: Uint8Array) => checkReview(await readReviewFile(file), rows, days);
const places = async (file: Uint8Array) => (await check(file)).problems.map(({ row, column, text }) => `${row} ${column} ${text}`);
const sheetPart = 'xl/worksheets/sheet2.xml';

describe('the workbook that goes out', () => {
  it('is the same bytes for the same review, and comes back without a problem and without a decision', async () => {
    expect(Buffer.from(await makeWorkbook()).equals(Buffer.from(bytes))).toBe(true);
    expect(await check(bytes)).toEqual({ filled: new Map(), problems: [] });
    expect((await readReviewFile(bytes)).origin).toMatchObject({
      cluster: 'prod',
      run: '15',
      preparer: '=cmd|x',
      population: 'ab'.repeat(32),
    });
  });

  it('locks all but four cells of a row, hides the id, validates decisions, and holds no formula but counts', async () => {
    let formulas: string[] = [];
    await edit(bytes, (sheet, book) => {
      for (let column = 1; column <= 16; column++)
        expect([column, sheet.getRow(3).getCell(column).protection?.locked === false]).toEqual([column, column >= 12 && column <= 15]);
      expect(sheet.getColumn(16).hidden).toBe(true);
      expect(sheet.getCell('L3').dataValidation).toMatchObject({ type: 'list', formulae: ['"keep,revoke,change"'], allowBlank: true });
      expect((sheet as unknown as { sheetProtection: object }).sheetProtection).toMatchObject({ sheet: true });
      expect(sheet.views).toMatchObject([{ state: 'frozen', ySplit: 1 }]);
      formulas = book.worksheets.flatMap((each) => {
        const found: string[] = [];
        each.eachRow((row) => row.eachCell((cell) => void (cell.formula ? found.push(cell.formula) : null)));
        return found;
      });
      expect(sheet.getCell('C3').value).toBe('=HYPERLINK("x")');
    });
    expect(formulas).toHaveLength(4);
    for (const formula of formulas) expect(formula).toMatch(/^COUNT(IF|BLANK)\('Access review'!\$L\$2:\$L\$9(,"\w+")?\)$/);
    const xml = (await partsOf(bytes)).get(sheetPart)?.toString('utf8') ?? '';
    expect(xml).toContain('<sheetProtection');
    expect(xml).not.toContain('<f>');
  });

  it('takes over what was filled in before', async () => {
    const filled = { decision: 'revoke', reviewer: '=Grace', date: '2026-10-01', comment: '' } as const;
    const given = rows.map((row, index) => (index === 2 ? { ...row, filled } : row));
    expect([...(await check(await makeWorkbook(given))).filled]).toEqual([[rows[2]?.id, { ...filled, row: 4 }]]);
  });

  it('is empty where there is nothing to review', async () => {
    const empty = await readReviewFile(await makeWorkbook([]));
    expect(checkReview(empty, [], days)).toEqual({ filled: new Map(), problems: [] });
  });
});

describe('decisions come back', () => {
  const filledRows = async (file: Uint8Array) => {
    const { filled, problems } = await check(file);
    expect(problems).toEqual([]);
    return [...filled.values()];
  };
  const decided = () => edit(bytes, (sheet) => decideAll(sheet));

  it('from the cells, whatever their case and the space around them', async () => {
    const file = await edit(bytes, (sheet) => {
      decideAll(sheet);
      sheet.getCell('L3').value = '  Revoke ';
      sheet.getCell('O3').value = ' left the team\u00a0';
      sheet.getCell('M4').value = 42;
    });
    const filled = await filledRows(file);
    expect(filled).toHaveLength(rows.length);
    expect(filled[0]).toEqual({ row: 2, decision: 'keep', reviewer: 'Grace', date: '2026-10-02', comment: '' });
    expect(filled[1]).toMatchObject({ decision: 'revoke', comment: 'left the team' });
    expect(filled[2]).toMatchObject({ reviewer: '42' });
  });

  it('with empty reviewer and date where only a decision was made', async () => {
    const file = await edit(bytes, (sheet) => (sheet.getCell('L2').value = 'change'));
    expect(await filledRows(file)).toEqual([{ row: 2, decision: 'change', reviewer: '', date: '', comment: '' }]);
  });

  it('from rows in another order, behind a filter, with empty rows between and columns hidden', async () => {
    const file = await edit(await decided(), (sheet) => {
      const values = Array.from({ length: rows.length }, (_, i) => sheet.getRow(i + 2).values as exceljs.CellValue[]);
      for (const [i, row] of values.toReversed().entries()) sheet.getRow(i * 2 + 3).values = row;
      sheet.getRow(2).values = [];
      for (let i = 0; i < rows.length - 1; i++) sheet.getRow(i * 2 + 4).values = [];
      sheet.getRow(5).hidden = true;
      sheet.getColumn(4).hidden = true;
    });
    const filled = await filledRows(file);
    expect(filled.map(({ row }) => row)).toEqual(rows.map((_, i) => i * 2 + 3));
  });

  it.each<[string, (xml: string) => string]>([
    ['inline strings', (xml) => xml],
    ['a prefix', (xml) => xml.replace(/<(\/?)(\w)/g, '<$1x:$2').replace('xmlns=', 'xmlns:x=')],
    ['no references', (xml) => xml.replace(/<row r="\d+"/g, '<row').replace(/<c r="[A-Z]+\d+"/g, '<c')],
    ['comments, CDATA and processing instructions', (xml) => xml.replace('<sheetData>', '<!-- x > y --><sheetData><?x y?>')],
  ])('from %s', async (_what, change) => {
    const file = await decided();
    const strings = [...((await partsOf(file)).get('xl/sharedStrings.xml')?.toString('utf8') ?? '').matchAll(/<si>(.*?)<\/si>/gs)].map(
      (found) => found[1],
    );
    const inline = (xml: string) =>
      // Cells that are empty keep their places, so that those without a reference do too.
      xml.replace(
        /<c ([^>]*?)t="s"([^>]*)><v>(\d+)<\/v><\/c>/g,
        (_, a, b, index) => `<c ${a}t="inlineStr"${b}><is>${strings[Number(index)]}</is></c>`,
      );
    expect(await filledRows(await rewrite(file, { [sheetPart]: (xml) => change(inline(xml)) }))).toHaveLength(rows.length);
  });

  it.each<[string, string, string]>([
    ['an ISO date of a strict workbook', '<c r="N2" t="d"><v>2026-10-03</v></c>', '2026-10-03'],
    ['an ISO date and time', '<c r="N2" t="d"><v>2026-10-03T00:00:00.000</v></c>', '2026-10-03'],
    ['text', '<c r="N2" t="str"><v>2026-10-03</v></c>', '2026-10-03'],
    ['a serial number with its time', '<c r="N2"><v>46298.75</v></c>', '2026-10-03'],
  ])('with a date as %s', async (_what, cell, date) => {
    const file = await rewrite(await decided(), { [sheetPart]: (xml) => xml.replace(/<c r="N2"[^>]*>.*?<\/c>/, cell) });
    expect((await filledRows(file))[0]?.date).toBe(date);
  });

  it('with dates that count from 1904', async () => {
    const back = (xml: string) =>
      xml.replace(/(<c r="[IJN]\d+"(?: s="\d+")?><v>)([\d.]+)(?=<)/g, (_, head, value) => `${head}${Number(value) - 1462}`);
    const file = await rewrite(await decided(), {
      [sheetPart]: back,
      'xl/workbook.xml': (xml) => xml.replace('<workbookPr', '<workbookPr date1904="1"'),
    });
    expect((await filledRows(file))[0]?.date).toBe('2026-10-02');
    // Without the flag the same numbers are days four years before: named, not believed.
    const wrong = await rewrite(await decided(), { [sheetPart]: back });
    expect((await places(wrong))[0]).toMatch(/^2 I \(First seen \(UTC\)\) it is locked/);
    expect(await places(wrong)).toContainEqual(expect.stringMatching(/^2 N \(Date\) it is before 2026-09-28/));
  });
});

describe('what was changed is named', () => {
  const cell = (address: string, value: exceljs.CellValue) => (sheet: exceljs.Worksheet) => void (sheet.getCell(address).value = value);
  it.each<[string, (sheet: exceljs.Worksheet) => void, RegExp[]]>([
    ['a subject', cell('C2', 'mallory'), [/^2 C \(Subject\) it is locked, .* for alice$/]],
    ['a risk', cell('B2', '– low'), [/^2 B \(Risk\) it is locked/]],
    ['a right, to a formula', cell('E2', { formula: '"reads alice"', result: 'reads alice' }), [/^2 E \(What it may do\) it is locked/]],
    ['a day', cell('I2', new Date('2026-06-20T00:00:00Z')), [/^2 I \(First seen \(UTC\)\) it is locked/]],
    ['a day that was empty', cell('J2', new Date('2026-06-20T00:00:00Z')), [/^2 J \(Last change \(UTC\)\) it is locked/]],
    ['an id, to another one', cell('P2', 'f'.repeat(64)), [/^2 P \(Id\) the export had no row/, /^null null the row of alice .* missing$/]],
    ['an id, to nothing', cell('P2', null), [/^2 P \(Id\) the row has lost its id/, /missing$/]],
    [
      'an id, to that of another row',
      cell('P3', rows[0]?.id ?? ''),
      [/^3 P \(Id\) the row is there twice: also as row 2/, /HYPERLINK.* is missing$/],
    ],
    ['a row that is gone', (sheet) => void (sheet.getRow(4).values = []), [/^null null the row of a_x0041_b .* is missing$/]],
    ['a row that was added', (sheet) => void (sheet.getRow(30).values = ['x', '▲ high']), [/^30 P \(Id\) the row has lost its id/]],
    ['a cell outside', cell('T4', 'note'), [/^4 T something stands outside/]],
    ['a column that is gone', cell('L1', null), [/^1 null the column Decision is missing/]],
    ['a column of another name', cell('L1', 'Verdict'), [/^1 L the export had no column Verdict/, /the column Decision is missing/]],
    ['a column that is there twice', cell('L1', 'Comment'), [/^1 O there are two columns Comment/, /the column Decision is missing/]],
    ['a decision that is none', cell('L2', 'maybe'), [/^2 L \(Decision\) maybe is none of keep, revoke, change$/]],
    ['a decision that is a number', cell('L2', 1), [/^2 L \(Decision\) 1 is none of/]],
    ['a decision that is a formula', cell('L2', { formula: '"keep"', result: 'keep' }), [/^2 L \(Decision\) a formula or an error/]],
    ['an error', cell('M2', { error: '#REF!' }), [/^2 M \(Reviewer\) a formula or an error/]],
    ['a day in words', cell('N2', '2 October'), [/^2 N \(Date\) it is no day/]],
    ['a day that there is not', cell('N2', '2026-02-30'), [/^2 N \(Date\) it is no day/]],
    ['a day in the order of one country', cell('N2', '10/02/2026'), [/^2 N \(Date\) it is no day/]],
    ['a number that is no day', cell('N2', 7), [/^2 N \(Date\) it is no day/]],
    ['a day before the snapshot', cell('N2', new Date('2026-09-01T00:00:00Z')), [/^2 N \(Date\) it is before 2026-09-28/]],
    ['a day in the future', cell('N2', new Date('2026-12-24T00:00:00Z')), [/^2 N \(Date\) it is in the future/]],
    ['a novel', cell('O2', 'x'.repeat(2001)), [/^2 O \(Comment\) it has 2001 characters/]],
  ])('%s', async (_what, change, expected) => {
    const found = await places(await edit(bytes, change));
    expect(found).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
  });
});

describe('what is no such workbook is refused', () => {
  const refusal = async (file: Uint8Array) => {
    const error: unknown = await readReviewFile(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KubevidenceError);
    expect(error).toMatchObject({ code: 'input', next: expect.any(String) });
    return (error as Error).message;
  };
  const sheetWith = (xml: string) => rewrite(bytes, { [sheetPart]: () => xml });
  it.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['nothing', async () => new Uint8Array(), /no zip/],
    ['text', async () => Buffer.from('Owner,Risk'), /no zip/],
    ['an encrypted or old one', async () => Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0]), Buffer.alloc(600)]), /encrypted/],
    ['half of one', async () => bytes.slice(0, bytes.length / 2), /no zip/],
    ['another zip', () => zipOf(new Map([['a.txt', Buffer.from('x')]])), /has no part _rels\/.rels/],
    ['one without our sheets', () => edit(bytes, (_, book) => book.removeWorksheet('Origin')), /no sheet named Origin/],
    ['one of another form', () => edit(bytes, (_, book) => void (book.getWorksheet('Origin')!.getCell('B2').value = 'x')), /of the form x/],
    [
      'one that does not say its run',
      () => edit(bytes, (_, book) => void (book.getWorksheet('Origin')!.getCell('A5').value = 'x')),
      /does not say run/,
    ],
    ['a DOCTYPE', () => sheetWith('<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'), /DOCTYPE/],
    ['an unknown entity', () => sheetWith('<worksheet>&lol;</worksheet>'), /entity/],
    [
      'UTF-16',
      () =>
        rewrite(bytes, { [sheetPart]: () => '\ufffe' }).then(async (file) =>
          zipOf(new Map([...(await partsOf(file)), [sheetPart, Buffer.from('<a/>', 'utf16le')]])),
        ),
      /malformed|UTF-8|tag/,
    ],
    ['an element that never ends', () => sheetWith('<worksheet><sheetData>'), /ends early/],
    ['elements a thousand deep', () => sheetWith('<a>'.repeat(1000)), /too deeply/],
    ['a row twice', () => sheetWith('<worksheet><row r="1"/><row r="1"/></worksheet>'), /row 1 twice/],
    ['a row beyond the last', () => sheetWith('<worksheet><row r="99999999"/></worksheet>'), /no number of a row/],
    ['a cell of another row', () => sheetWith('<worksheet><row r="1"><c r="A2"><v>1</v></c></row></worksheet>'), /A2 stands in row 1/],
    [
      'a text that is not there',
      () => sheetWith('<worksheet><row r="1"><c r="A1" t="s"><v>999999</v></c></row></worksheet>'),
      /no number of a row or a text/,
    ],
  ])('%s', async (_what, make, message) => {
    expect(await refusal(await make())).toMatch(message);
  });

  it('a bomb, before it is inflated', { timeout: 20_000 }, async () => {
    const parts = await partsOf(bytes);
    const huge = Buffer.alloc(161 * 1024 * 1024, 0x20);
    const bomb = await zipOf(new Map([...parts, [sheetPart, huge]]));
    expect(bomb.length).toBeLessThan(400_000);
    const before = process.memoryUsage().rss;
    expect(await refusal(bomb)).toMatch(/inflates to more than is allowed/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    // One that declares less than it is.
    const small = Buffer.from(await zipOf(new Map([...parts, [sheetPart, Buffer.alloc(1_000_000, 0x20)]])));
    const directory = small.lastIndexOf(Buffer.from(sheetPart));
    small.writeUInt32LE(10, directory - 46 + 24);
    expect(await refusal(small)).toMatch(/too many bytes|expected/i);
  });

  it('any bytes, any change of a part, any cells: with a sentence, never with a crash', { timeout: 30_000 }, async () => {
    const tolerant = async (file: Uint8Array) => {
      try {
        const read = await readReviewFile(file);
        return checkReview(read, rows, days);
      } catch (error) {
        if (!(error instanceof KubevidenceError)) throw error;
        return error.code;
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => void (await tolerant(noise))),
      { numRuns: 100 },
    );
    const flipped = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(flipped, { minLength: 1, maxLength: 4 }), async (flips) => {
        const file = Uint8Array.from(bytes);
        for (const [at, mask] of flips) file[at] = (file[at] ?? 0) ^ mask;
        await tolerant(file);
      }),
      { numRuns: 50 },
    );
    const parts = await partsOf(bytes);
    const piece = fc.oneof(
      fc.constantFrom('<', '>', '</c>', '<c r="B2">', '<v>', '&', '&amp;', '"', '<row', '<is><t>', ']]>'),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...parts.keys()),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(40),
        piece,
        async (name, where, cut, put) => {
          const xml = parts.get(name)?.toString('utf8') ?? '';
          const at = Math.floor(where * xml.length);
          await tolerant(await zipOf(new Map([...parts, [name, Buffer.from(`${xml.slice(0, at)}${put}${xml.slice(at + cut)}`)]])));
        },
      ),
      { numRuns: 80 },
    );
    const type = fc.constantFrom('n', 's', 'str', 'inlineStr', 'b', 'e', 'd', 'x');
    const column = fc.constantFrom(...Object.values(columnOf));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(column, fc.integer({ min: 1, max: 12 }), type, fc.string({ unit: 'grapheme', maxLength: 20 })), {
          maxLength: 20,
        }),
        async (cells) => {
          const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
          const byRow = Map.groupBy(cells, ([, row]) => row);
          const xml = [...byRow].map(([row, found]) => {
            const distinct = [...new Map(found.map((each) => [each[0], each])).values()];
            return `<row r="${row}">${distinct.map(([at, , t, text]) => `<c r="${at}${row}" t="${t}"><v>${escaped(text)}</v><is><t>${escaped(text)}</t></is></c>`).join('')}</row>`;
          });
          const file = await zipOf(
            new Map([...parts, [sheetPart, Buffer.from(`<worksheet><sheetData>${xml.join('')}</sheetData></worksheet>`)]]),
          );
          // Whatever it is, it lacks rows of the export.
          const checked = await tolerant(file);
          expect(typeof checked === 'string' ? checked === 'input' : checked.problems.length > 0).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });
});
