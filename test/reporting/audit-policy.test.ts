/** What audit policies record, in the report: only where there are some, whole, and nothing leaves its place. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ExcelJS from 'exceljs';
import { afterAll, describe, expect, test } from 'vitest';
import { buildReportModel, type ReportAuditPolicy, renderPdf, renderWorkbook } from '../../src/reporting/index.ts';
import { makeInputs } from './fixture.ts';
import { carefulPolicy, manyPolicies } from './fixture-audit.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubevidence-audit-policy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const modelOf = (auditPolicies: readonly ReportAuditPolicy[]) =>
  buildReportModel({ ...makeInputs({ runs: 1, bindings: 1 }), auditPolicies });
async function pdfOf(policies: readonly ReportAuditPolicy[]): Promise<string> {
  const file = join(folder, 'audit.pdf');
  const model = modelOf(policies);
  writeFileSync(file, await renderPdf({ ...model, sections: model.sections.filter(({ id }) => id === 'auditPolicies') }));
  return file;
}
const textOf = async (policies: readonly ReportAuditPolicy[]) =>
  spawnSync('pdftotext', ['-raw', await pdfOf(policies), '-'], { encoding: 'utf8' }).stdout.replaceAll(/\s+/g, ' ');

describe('policies of a snapshot', () => {
  test('that are equal are one, and one that no API server starts with says why', () => {
    expect(manyPolicies.map(({ files, problem, rules }) => [files, problem === null, rules.length])).toEqual([
      [['audit-policy.yaml'], true, 5],
      [['broken.yaml'], false, 0],
      [['cp-1.yaml', 'cp-2.yaml'], true, 6],
    ]);
    expect(manyPolicies[0]?.mistakes.map(({ kind, rule }) => `${kind} ${rule}`)).toEqual(
      expect.arrayContaining(['bodies 4', 'hidden 1', 'hidden 2', 'hidden 3', 'unrecorded null']),
    );
    expect(carefulPolicy[0]?.mistakes).toEqual([]);
  });

  test('are told only where there are some', () => {
    const ids = (policies: readonly ReportAuditPolicy[]) => {
      const { sections, sheets } = modelOf(policies);
      return [...sections, ...sheets].filter(({ id }) => id === 'auditPolicies').length;
    };
    expect([ids([]), ids(carefulPolicy)]).toEqual([0, 2]);
  });
});

describe('the section', () => {
  test('tells what each policy does, what is wrong, and its rules', async () => {
    const text = await textOf(manyPolicies);
    expect(text).toContain(
      '5 rules: 1 writes content to the log that is secret, 3 hide events before a later one records them. Some events',
    );
    expect(text).toContain('Rule 1 records nothing; behind it, rule 4 would record RequestResponse.');
    expect(text).toContain('Rule 4 writes bodies to the log (RequestResponse).');
    expect(text).toContain('No API server starts with it: rules[0].level: it must be one of None,');
    expect(text).toContain('6 rules; none writes secret content to the log or hides one of these events.');
    expect(text).toContain('User/ci-bot, User/<script>alert(1)</script>');
    expect(await textOf(carefulPolicy)).not.toContain('worst first');
  });

  test('has the matrix in words for those who cannot see it', async () => {
    const bytes = Buffer.from(await renderPdf(modelOf(carefulPolicy))).toString('latin1');
    expect(bytes).toContain('Secrets read: Person Metadata \\(rule 4\\); system:masters Metadata \\(rule 4\\)');
  });

  test('has no text over another or outside of the margins', async () => {
    const words = [
      ...spawnSync('pdftotext', ['-bbox', await pdfOf(manyPolicies), '-'], { encoding: 'utf8', maxBuffer: 1e8 }).stdout.matchAll(
        /<(?:page width="([\d.]+)"|word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*))/g,
      ),
    ];
    let [page, width] = [0, 0];
    const boxes = words.flatMap(([, pageWidth, xMin, yMin, xMax, yMax, word]) => {
      if (pageWidth !== undefined) {
        page += 1;
        width = Number(pageWidth);
        return [];
      }
      return [{ page, width, word, xMin: Number(xMin), yMin: Number(yMin), xMax: Number(xMax), yMax: Number(yMax) }];
    });
    expect(boxes.length).toBeGreaterThan(400);
    expect(boxes.filter(({ xMin, xMax, width: of }) => xMin < 56 || xMax > of - 56)).toEqual([]);
    const over = boxes.filter((a, i) =>
      boxes.some(
        (b, j) =>
          i < j &&
          a.page === b.page &&
          Math.min(a.xMax, b.xMax) - Math.max(a.xMin, b.xMin) > 1 &&
          Math.min(a.yMax, b.yMax) - Math.max(a.yMin, b.yMin) > 4,
      ),
    );
    expect(over).toEqual([]);
  });
});

test('the sheet has every event and rule that decides about it, by callers', async () => {
  const book = new ExcelJS.Workbook();
  const bytes = await renderWorkbook(modelOf(manyPolicies));
  await book.xlsx.load(Buffer.from(bytes) as unknown as Parameters<typeof book.xlsx.load>[0]);
  const rows = (book.getWorksheet('Audit policy')?.getSheetValues() ?? []).slice(2).map((row) => (row as unknown[]).slice(1).map(String));
  expect(rows.find(([policy, event]) => policy === 'audit-policy.yaml' && event === 'Secrets read')).toEqual([
    'audit-policy.yaml',
    'Secrets read',
    'Person, system:masters, Workload, kube-system account, Node, Not signed in',
    'None',
    '1',
    'all of them',
    'get, list, watch secrets',
    'verbs get, list, watch',
    'hidden by an earlier rule',
  ]);
  expect(rows.filter(([policy]) => policy === 'broken.yaml')).toHaveLength(1);
  const events = new Set(rows.filter(([policy]) => policy === 'cp-1.yaml, cp-2.yaml').map(([, event]) => event));
  expect([...events]).toEqual(carefulPolicy[0]?.rows.map(({ title }) => title));
});
