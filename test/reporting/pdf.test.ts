import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildReportModel, renderPdf } from '../../src/reporting/index.ts';
import { noPaths } from './fixture-paths.ts';
import { hostile, makeInputs } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubevidence-pdf-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Poppler reads what pdfkit wrote without sharing code with it; without it these tests are shown as skipped. */
const poppler = spawnSync('pdftotext', ['-v']).error === undefined;

const model = buildReportModel(makeInputs());
const pdf = await renderPdf(model);
const file = join(folder, 'report.pdf');
writeFileSync(file, pdf);

function run(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1e8 });
  expect([program, status, stderr]).toEqual([program, 0, '']);
  return stdout;
}

describe('the PDF', () => {
  test('is the same bytes for the same model', async () => {
    expect(Buffer.from(await renderPdf(buildReportModel(makeInputs()))).equals(Buffer.from(pdf))).toBe(true);
  });

  test('calls the signature hook once, on the first page, with an element that owns the field', async () => {
    const calls: { pages: unknown; element: unknown }[] = [];
    await renderPdf(model, {
      prepareSignature: (doc, element) => calls.push({ pages: typeof doc.initForm, element: element !== undefined }),
    });
    expect(calls).toEqual([{ pages: 'function', element: true }]);
  });

  test.skipIf(!poppler)('is tagged, titled, in a language, with dates of the checkpoint and embedded fonts', () => {
    const info = run('pdfinfo', '-isodates', file);
    expect(info).toMatch(/Tagged: +yes/);
    expect(info).toMatch(/Title: +Kubernetes audit pack, Clinic & Sons <Holding> GmbH, Zürich, period 2026-Q3/);
    expect(info).toMatch(/CreationDate: +2026-10-01T00:12:00Z/);
    expect(info).toMatch(/JavaScript: +no/);
    expect(run('pdfinfo', '-meta', file)).toContain('Clinic &amp; Sons &lt;Holding&gt; GmbH');
    const fonts = run('pdffonts', file)
      .split('\n')
      .slice(2)
      .filter((line) => line !== '');
    expect(fonts).toHaveLength(4);
    for (const font of fonts) expect(font).toMatch(/CID TrueType +Identity-H +yes yes yes/);
    expect(Buffer.from(pdf).toString('latin1')).toContain('/Lang (en)');
  });

  test.skipIf(!poppler)('says DEMO, the page number and the checkpoint on every page, and fits the requirements on 40', () => {
    const pages = run('pdftotext', '-layout', file, '-').split('\f').slice(0, -1);
    for (const [index, page] of pages.entries()) {
      expect(page).toMatch(/\bDEMO\b/);
      expect(page).toContain(`page ${index + 1} of ${pages.length}`);
      expect(page).toContain(`checkpoint ${model.checkpoint.root.slice(0, 12)}`);
    }
    const starts = (title: string): number => pages.findIndex((page) => new RegExp(`^\\s*${title}\\s*$`, 'm').test(page));
    expect(starts('Each control, with what was tested') - starts('Each requirement, with its controls and exhibits')).toBeLessThanOrEqual(
      40,
    );
    expect(starts('In short')).toBe(1);
    expect(pages[0]).toContain(model.signer.subject);
  });

  test.skipIf(!poppler)('says DEMO nowhere when it is none, and names the moment when there is no period', async () => {
    const plain = join(folder, 'plain.pdf');
    writeFileSync(plain, await renderPdf(buildReportModel(makeInputs({ demo: false, period: false, runs: 1 }))));
    const text = run('pdftotext', '-layout', plain, '-');
    expect(text.includes('DEMO')).toBe(false);
    expect(text.slice(0, 5000)).toContain('as of 2026-07-01 00:27:24 UTC');
  });

  test.skipIf(!poppler)('prints every finding of a control in full, hostile ones with what they hide', () => {
    const text = run('pdftotext', '-raw', file, '-').replace(/\s/g, '');
    expect(text).toContain('user\\u{202e}gnp.exe');
    expect(text).toContain('red\\u{1b}[31mtext\\u{7}');
    expect(text).toContain('pay\\u{ad}load\\u{e0041}');
    expect(text).toContain('\\u{6f22}\\u{5b57}');
    expect(text).toContain('ÜnïcödéΕλληνικάкластер');
    expect(text).toContain('<script>alert(1)</script>&"quotes"]]>');
    expect(text).toContain(hostile.long);
    expect(text).toContain(hostile.unbroken);
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });

  test.skipIf(!poppler)('tells a reason once for which three controls tested nothing, and each control by a line', async () => {
    const inputs = makeInputs({ runs: 1, period: false });
    const gap = { reason: 'absent', what: 'nodes', detail: 'nobody ran the node collector' } as const;
    const blind = new Set(inputs.assessment.controls.slice(3, 7).map(({ id }) => id));
    const controls = Array.from(inputs.assessment.controls, (control) =>
      blind.has(control.id)
        ? Object.assign({}, control, {
            outcome: 'notAssessed',
            findings: [],
            evidence: [],
            gaps: [gap],
            population: { ...control.population, size: 0, tested: 0 },
          })
        : control,
    );
    const blindFile = join(folder, 'blind.pdf');
    writeFileSync(blindFile, await renderPdf(buildReportModel({ ...inputs, assessment: { ...inputs.assessment, controls } })));
    const text = run('pdftotext', '-layout', blindFile, '-').replaceAll(/\s+/g, ' ');
    const told = text.slice(text.lastIndexOf('4 controls: not assessed, for one reason'));
    expect(told).not.toBe(text);
    for (const id of blind) expect(told, id).toContain(id);
    const annex = text.slice(text.lastIndexOf('Each control, with what was tested'));
    expect(annex.split('nobody ran the node collector')).toHaveLength(2);
  });

  test.skipIf(!poppler)('escapes no character of our own words', async () => {
    const plain = join(folder, 'words.pdf');
    const words = [
      ...model.sections.map(({ title, intro }) => title + intro),
      ...model.limitations,
      ...model.verification.map(({ text }) => text),
    ];
    expect(words.join('')).not.toMatch(/\\u\{/);
    const inputs = makeInputs({ demo: false });
    const controls = Array.from(inputs.assessment.controls, (control) => ({
      ...control,
      findings: [],
      gaps: Array.from(control.gaps, (gap) => ({ ...gap, detail: undefined })),
    }));
    const runs = Array.from(inputs.runs, (entry) => ({ ...entry, summary: { ...entry.summary, error: null } }));
    writeFileSync(
      plain,
      await renderPdf(
        buildReportModel({ ...inputs, judged: null, assessment: { ...inputs.assessment, controls }, runs, exceptions: [], paths: noPaths }),
      ),
    );
    expect(run('pdftotext', plain, '-')).not.toContain('\\u{');
  });

  test.skipIf(!poppler)('keeps every line inside the margins, whatever the names', async () => {
    const wild = join(folder, 'wild.pdf');
    const inputs = makeInputs({ runs: 1 });
    const named = {
      ...inputs,
      organization: `${hostile.long} ${hostile.scripts} ${hostile.override}`,
      pack: hostile.unbroken,
      draft: true,
    };
    writeFileSync(
      wild,
      await renderPdf(buildReportModel({ ...named, cluster: { ...inputs.cluster, name: hostile.unbroken, server: hostile.long } })),
    );
    for (const path of [file, wild]) {
      const words = [
        ...run('pdftotext', '-bbox', path, '-').matchAll(/<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">/g),
      ];
      const outside = words.filter(
        ([, left, top, right, bottom]) =>
          Number(left) < 56.6 || Number(right) > 595.28 - 56.6 || Number(top) < 40 || Number(bottom) > 841.89 - 40,
      );
      expect(words.length).toBeGreaterThan(5000);
      expect(outside.map(([word]) => word)).toEqual([]);
    }
  });

  test.skipIf(!poppler)('never says that a law is complied with', () => {
    const text = run('pdftotext', file, '-').replace(/\s+/g, ' ');
    const sentences = text.split(/[.;]/).filter((sentence) => /complian|compliant|complies/i.test(sentence));
    expect(sentences.filter((sentence) => !/no statement of compliance|means intact, not compliant/.test(sentence))).toEqual([]);
  });

  test('links from verdicts to places that exist, by names that sort alike for every reader', () => {
    const bytes = Buffer.from(pdf).toString('latin1');
    const named = new Set([...bytes.matchAll(/\((p\d{7})\) \[\d+ 0 R\s*\/XYZ/g)].map(([, name]) => name));
    const wanted = new Set([...bytes.matchAll(/\/Dest \((p\d{7})\)/g)].map(([, name]) => name));
    expect(wanted.size).toBeGreaterThan(300);
    expect([...wanted].filter((name) => !named.has(name))).toEqual([]);
  });

  test('is printed also where a definition leaves out sections that others link to', async () => {
    const sections = model.sections.filter(({ id }) => id === 'cover' || id === 'summary' || id === 'frameworks');
    expect((await renderPdf({ ...model, sections })).length).toBeGreaterThan(10_000);
  });

  test('of a font that is missing is an error that names it', async () => {
    const fonts = { ...model.meta.fonts, mono: '/nowhere/font.ttf' };
    await expect(renderPdf({ ...model, meta: { ...model.meta, fonts } })).rejects.toMatchObject({
      code: 'configuration',
      place: { key: 'fonts.mono' },
    });
  });
});
