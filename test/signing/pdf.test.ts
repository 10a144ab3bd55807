import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import PdfDocument from 'pdfkit';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { addSignaturePlaceholder, type DocumentKey, type DocumentSigner, signPdf, verifyPdf } from '../../src/signing/index.ts';
import { anyFlip, flip, hasCommand, newSigner, run, signedAt } from './fixtures.ts';

const font = 'node_modules/@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf';

async function write({ fields = 1, time = signedAt, text = 'Nothing to see', title = 'Report' } = {}): Promise<Uint8Array> {
  const info = { Title: title, CreationDate: signedAt, ModDate: signedAt };
  const doc = new PdfDocument({ font, info, pdfVersion: '1.7', subset: 'PDF/A-3a', tagged: true, lang: 'en', displayTitle: true });
  doc.addStructure(doc.struct('P', { alt: text }, () => doc.text(text)));
  for (let n = 1; n <= fields; n += 1) addSignaturePlaceholder(doc, { time, fieldName: `Seal ${n}`, reason: 'Sealing (ü)', name: 'Acme' });
  doc.end();
  return buffer(doc);
}

let folder: string;
let key: DocumentKey;
let signer: DocumentSigner;
let signed: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubevidence-pdf-'));
  ({ key, signer } = await newSigner());
  signed = await signPdf(await write(), signer);
});
afterAll(() => rm(folder, { recursive: true }));

it('verifies, covers everything, and says who signed and when', () => {
  expect(verifyPdf(signed)).toMatchObject({
    ok: true,
    coversWholeDocument: true,
    signerFingerprint: key.fingerprint,
    signedAt: '2026-10-02T08:00:00Z',
    problems: [],
  });
});

it('is the same for the same document', async () => {
  expect(await signPdf(await write(), signer)).toEqual(signed);
});

it.skipIf(!hasCommand('pdfsig'))('is valid and total to pdfsig', async () => {
  const path = join(folder, 'report.pdf');
  await writeFile(path, signed);
  const { output } = run('pdfsig', [path]);
  expect(output).toContain('Signature is Valid');
  expect(output).toContain('Total document signed');
  expect(output).toContain('ETSI.CAdES.detached');
  expect(output).toContain('Signature Field Name: Seal 1');
});

it('does not survive any changed bit', () => {
  fc.assert(
    fc.property(anyFlip(signed.length), ({ position, bit }) => {
      expect(verifyPdf(flip(signed, position, bit))).toMatchObject({ ok: false, signerFingerprint: null });
    }),
    { numRuns: 400 },
  );
});

it('holds although the document quotes a signature dictionary', async () => {
  const text = '\n/Type /Sig\n/Filter /Adobe.PPKLite\n/SubFilter /ETSI.CAdES.detached\n/ByteRange [0 1 2 3]\n/Contents <00>';
  expect(verifyPdf(await signPdf(await write({ text }), signer)).ok).toBe(true);
});

describe('refuses, without throwing,', () => {
  const contents = (): { start: number; end: number } => {
    const start = Buffer.from(signed).indexOf('/Contents <') + '/Contents '.length;
    return { start, end: Buffer.from(signed).indexOf('>', start) + 1 };
  };
  const withContents = (change: (hex: string) => string): Uint8Array => {
    const { start, end } = contents();
    const hex = Buffer.from(signed).toString('latin1', start + 1, end - 1);
    return Buffer.concat([signed.subarray(0, start), Buffer.from(`<${change(hex)}>`), signed.subarray(end)]);
  };

  test.each<[string, () => Uint8Array]>([
    ['nothing', () => new Uint8Array()],
    ['an appended update', () => Buffer.concat([signed, Buffer.from('\n1 0 obj\n<<>>\nendobj\n%%EOF\n')])],
    ['a byte before', () => Buffer.concat([Buffer.from('\n'), signed])],
    ['a second signature behind', () => Buffer.concat([signed, signed])],
    ['a document without its last byte', () => signed.subarray(0, -1)],
    ['upper-case contents', () => withContents((hex) => hex.toUpperCase())],
    ['other padding', () => withContents((hex) => `${hex.slice(0, -1)}1`)],
    ['no contents', () => withContents((hex) => '0'.repeat(hex.length))],
    ['spaces in the contents', () => withContents((hex) => ` ${hex.slice(0, -1)}`)],
    ['shorter contents', () => withContents((hex) => hex.slice(0, -2))],
  ])('%s', (_, bytes) => {
    const check = verifyPdf(bytes());
    expect(check).toMatchObject({ ok: false, signerFingerprint: null, signedAt: null });
    expect(check.problems).toHaveLength(1);
  });

  it('an empty placeholder', async () => {
    expect(verifyPdf(await write())).toMatchObject({ ok: false });
  });

  it('an appended update, and says that it is not covered', () => {
    expect(verifyPdf(Buffer.concat([signed, Buffer.from('x')]))).toMatchObject({ ok: false, coversWholeDocument: false });
  });

  it('the signature of another document', async () => {
    const other = Buffer.from(await signPdf(await write({ title: 'Other!' }), signer));
    const { start, end } = contents();
    const exchanged = Buffer.concat([signed.subarray(0, start), other.subarray(start, end), signed.subarray(end)]);
    expect(verifyPdf(exchanged)).toMatchObject({ ok: false, coversWholeDocument: true });
  });
});

describe('signing refuses', () => {
  test.each<[string, () => Promise<Uint8Array>]>([
    ['a document without a placeholder', () => write({ fields: 0 })],
    ['two documents in one', async () => Buffer.concat([await write(), await write()])],
    ['a signed document', async () => signed],
  ])('%s', async (_, pdf) => {
    await expect(signPdf(await pdf(), signer)).rejects.toMatchObject({ code: 'input' });
  });

  it('a second field in one document', async () => {
    await expect(write({ fields: 2 })).rejects.toThrow('has a form already');
  });

  it('a time before the certificate', async () => {
    const early = await write({ time: new Date('2025-12-31T23:59:59Z') });
    await expect(signPdf(early, signer)).rejects.toMatchObject({ code: 'configuration' });
  });
});
