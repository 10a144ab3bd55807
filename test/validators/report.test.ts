/**
 * What pyHanko and veraPDF, which share no code with us, say of the report in the demo's pack: its signature holds for whoever trusts the
 * pack's certificate, and it is the PDF/A-2a and PDF/UA-1 that it claims to be. A tool that is not in the PATH is a test shown as skipped;
 * .ci/run installs both.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import PdfDocument from 'pdfkit';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { runDemo } from '../../src/app/index.ts';
import { buildReportModel, renderPdf } from '../../src/reporting/index.ts';
import { acceptTimestamp, addSignaturePlaceholder, createTimestampRequest, signPdf } from '../../src/signing/index.ts';
import { makeInputs } from '../reporting/fixture.ts';
import { makeOpensslAuthority } from '../signing/authority.ts';
import { flip, hasCommand, newSigner, run, signedAt } from '../signing/fixtures.ts';

const pyhanko = hasCommand('pyhanko');
const verapdf = hasCommand('verapdf');

const folder = mkdtempSync(join(tmpdir(), 'kubevidence-validators-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** pyHanko's line on a PDF, or on a file with its detached signature, for somebody who trusts these certificates and no others. */
function validate(file: string, roots: readonly string[], detached: readonly string[] = []) {
  const trust = roots.flatMap((root) => ['--trust', root]);
  const { status, output } = run('pyhanko', ['sign', 'validate', '--trust-replace', ...trust, ...detached, file]);
  return { status, line: output.split('\n').find((each) => /INTACT|INVALID/.test(each)) ?? output };
}

describe.skipIf(!pyhanko && !verapdf)('the report of the demo', { timeout: 120_000 }, () => {
  let pack: string;
  let report: string;
  let certificate: string;
  beforeAll(async () => {
    const context = { cwd: folder, env: {}, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
    const demo = await runDemo(context, 'demo', () => {});
    pack = demo.pack.directory ?? '';
    report = join(pack, 'report.pdf');
    certificate = join(pack, 'keys/document-certificate.pem');
  }, 120_000);

  it.skipIf(!pyhanko)('is signed, to pyHanko, by the certificate of the pack, and untouched since', () => {
    expect(validate(report, [certificate])).toEqual({
      status: 0,
      line: expect.stringMatching(/^Kubevidence:[0-9a-f]{64}:INTACT:TRUSTED,UNTOUCHED$/),
    });
    const trust = ['--trust-replace', '--trust', certificate, '--pretty-print', report];
    expect(run('pyhanko', ['sign', 'validate', ...trust]).output).toContain('The signature covers the entire file.');
    // By the rules of ETSI EN 319 102-1, which ask for the attributes of PAdES.
    const { status, output } = run('pyhanko', ['sign', 'adesverify', ...trust]);
    expect([status, output]).toEqual([0, expect.stringContaining('The signature is judged VALID.')]);
  });

  it.skipIf(!pyhanko)('is signed by nobody who is known, to pyHanko, without that certificate', async () => {
    const stranger = join(folder, 'stranger.pem');
    writeFileSync(stranger, (await newSigner()).key.certificate);
    expect(validate(report, [stranger])).toEqual({ status: 1, line: expect.stringMatching(/:INTACT:UNTRUSTED,UNTOUCHED$/) });
  });

  describe.skipIf(!pyhanko)('is, to pyHanko, not signed as it is', () => {
    test.each<[string, (pdf: Uint8Array) => Uint8Array, RegExp]>([
      ['when a byte of a page is another', (pdf) => flip(pdf, Math.floor(pdf.length / 2), 0), /:INVALID$/],
      ['when a byte of the claimed time is another', (pdf) => flip(pdf, Buffer.from(pdf).indexOf('\n/M (D:20') + 9, 0), /:INVALID$/],
      ['when a byte of the signature is another', (pdf) => flip(pdf, Buffer.from(pdf).indexOf('/Contents <308') + 1500, 0), /./],
      ['when something was added behind it', addUpdate, /,ILLEGAL_MODIFICATIONS$/],
    ])('%s', (_, change, says) => {
      const changed = join(folder, 'changed.pdf');
      writeFileSync(changed, change(readFileSync(report)));
      const { status, line } = validate(changed, [certificate]);
      expect([status, line]).toEqual([1, expect.stringMatching(says)]);
      expect(line).not.toContain('UNTOUCHED');
    });
  });

  it.skipIf(!pyhanko)('stands in a manifest whose signature pyHanko confirms, and not over other content', () => {
    const seal = ['--detached', join(pack, 'manifest.json.p7s')];
    expect(validate(join(pack, 'manifest.json'), [certificate], seal)).toEqual({ status: 0, line: 'INTACT:TRUSTED' });
    expect(validate(join(pack, 'README-verify.txt'), [certificate], seal)).toMatchObject({
      status: 1,
      line: expect.stringContaining('INVALID'),
    });
  });

  it.skipIf(!verapdf)(
    'is what it claims to be: PDF/A-2a and PDF/UA-1, as veraPDF has it; with hostile names too, and a liar is told',
    async () => {
      const [hostile, liar] = [join(folder, 'hostile.pdf'), join(folder, 'liar.pdf')];
      writeFileSync(hostile, await renderPdf(buildReportModel(makeInputs({ runs: 1, bindings: 3, period: false }))));
      writeFileSync(liar, await makeLiar());
      // Flavours are those that each file claims.
      const { output } = run('verapdf', ['--format', 'text', report, hostile, liar]);
      const verdicts = output.split('\n').filter((line) => /^(PASS|FAIL) /.test(line));
      expect(verdicts.toSorted(), output).toEqual(
        [`FAIL ${liar} 2a`, ...[report, hostile].flatMap((file) => [`PASS ${file} 2a`, `PASS ${file} ua1`])].toSorted(),
      );
    },
    120_000,
  );
});

/** An incremental update that a reader takes for a part of the document. */
function addUpdate(pdf: Uint8Array): Uint8Array {
  const text = Buffer.from(pdf).toString('latin1');
  const last = (pattern: RegExp) => [...text.matchAll(pattern)].at(-1)?.[1];
  const object = '\n1 0 obj\n<</X 1>>\nendobj\n';
  const table = [
    'xref\n1 1',
    `${String(pdf.length + 1).padStart(10, '0')} 00000 n `,
    `trailer\n<</Size ${last(/\/Size (\d+)/g)} /Root ${last(/\/Root (\d+ 0 R)/g)} /Prev ${last(/startxref\n(\d+)/g)}>>`,
    `startxref\n${pdf.length + object.length}\n%%EOF\n`,
  ];
  return Buffer.concat([pdf, Buffer.from(object + table.join('\n'), 'latin1')]);
}

/** Claims PDF/A-2a: but it has no tags, and a font that it does not bring along. */
async function makeLiar(): Promise<Uint8Array> {
  const doc = new PdfDocument({ pdfVersion: '1.7', subset: 'PDF/A-2a', info: { Title: 'Liar' } });
  doc.text('Nothing to see');
  doc.end();
  return buffer(doc);
}

describe.skipIf(!pyhanko || !hasCommand('openssl'))('a signature with a token (PAdES B-T)', () => {
  it('is stamped, to pyHanko, by the authority that the reader trusts', async () => {
    const authority = makeOpensslAuthority(join(folder, 'authority'));
    const { key, signer } = await newSigner();
    const file = (name: string, bytes: string | Uint8Array) => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const doc = new PdfDocument({ pdfVersion: '1.7', info: { CreationDate: signedAt, ModDate: signedAt } });
    doc.text('Nothing to see');
    addSignaturePlaceholder(doc, { time: signedAt, fieldName: 'Seal' });
    doc.end();
    const signed = await signPdf(await buffer(doc), signer, async (data) => {
      const request = createTimestampRequest(createHash('sha256').update(data).digest());
      return acceptTimestamp(await authority.answer(request.der), request, { anchors: null }).der;
    });
    const pdf = file('stamped.pdf', signed);
    const certificate = file('stamped.pem', key.certificate);
    const stamped = (verdict: string) =>
      expect.stringMatching(`^Seal:[0-9a-f]{64}:INTACT:TRUSTED,TIMESTAMP_TOKEN<INTACT:${verdict}>,UNTOUCHED$`);
    expect(validate(pdf, [certificate, authority.ca])).toEqual({ status: 0, line: stamped('TRUSTED') });
    expect(validate(pdf, [certificate])).toEqual({ status: 1, line: stamped('UNTRUSTED') });
  });
});
