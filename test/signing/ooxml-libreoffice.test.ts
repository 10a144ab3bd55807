/** What LibreOffice and xmlsec1, which share no code with us, say of signed workbooks. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ExcelJS from 'exceljs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DocumentKey, signWorkbook } from '../../src/signing/index.ts';
import { writeZip } from '../../src/signing/zip.ts';
import { hasCommand, newSigner, run, signedAt } from './fixtures.ts';
import { partsOf } from './parts-of.ts';

const python = ['/usr/bin/python3', 'python3'].find((name) => hasCommand('soffice') && run(name, ['-c', 'import uno']).status === 0);

let folder: string;
let key: DocumentKey;
let signed: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubevidence-ooxml-'));
  const made = await newSigner();
  key = made.key;
  const workbook = new ExcelJS.Workbook();
  workbook.addWorksheet('Runs').addRow(['run', 118, { text: 'note', hyperlink: 'https://example.org/' }]);
  const unsigned = new Uint8Array(await workbook.xlsx.writeBuffer());
  signed = await signWorkbook(unsigned, { signer: made.signer, time: signedAt, comments: 'Audit pack <2026-Q3>' });
});
afterAll(() => rm(folder, { recursive: true }));

it.skipIf(python === undefined)(
  'LibreOffice: valid, and not once a sheet was changed',
  async () => {
    const changed = await partsOf(signed);
    const sheet = Buffer.from(changed.get('xl/worksheets/sheet1.xml') ?? []).toString();
    changed.set('xl/worksheets/sheet1.xml', Buffer.from(sheet.replace('118', '119')));
    const files = [join(folder, 'signed.xlsx'), join(folder, 'changed.xlsx')] as const;
    await writeFile(files[0], signed);
    await writeFile(files[1], await writeZip(changed));
    const script = join(import.meta.dirname, 'libreoffice-verify.py');
    const { output, status } = run(python ?? '', [script, join(folder, 'profile'), ...files]);
    expect(status, output).toBe(0);
    expect(JSON.parse(output)).toMatchObject([[{ valid: true, subject: expect.stringContaining('Audit evidence') }], [{ valid: false }]]);
  },
  90_000,
);

it.skipIf(!hasCommand('xmlsec1'))('xmlsec1: the signature holds, and every part of its manifest', async () => {
  const parts = await partsOf(signed);
  for (const [name, content] of parts) {
    await mkdir(dirname(join(folder, 'parts', name)), { recursive: true });
    await writeFile(join(folder, 'parts', name), content);
  }
  const certificate = join(folder, 'certificate.pem');
  await writeFile(certificate, key.certificate);
  const xml = Buffer.from(parts.get('_xmlsignatures/sig1.xml') ?? []).toString();
  const uris = [...xml.matchAll(/URI="(\/[^"]+)"/g)].map(([, uri = '']) => uri);
  const { output } = run('xmlsec1', [
    '--verify',
    '--id-attr:Id',
    'http://www.w3.org/2000/09/xmldsig#:Object',
    '--id-attr:Id',
    'http://uri.etsi.org/01903/v1.3.2#:SignedProperties',
    '--enabled-key-data',
    'rsa',
    '--pubkey-cert-pem',
    certificate,
    ...uris.flatMap((uri) => [`--url-map:${uri}`, join(folder, 'parts', uri.replace(/\?.*/, ''))]),
    join(folder, 'parts/_xmlsignatures/sig1.xml'),
  ]);
  expect(output).toContain('OK\n');
  expect(output).toContain('SignedInfo References (ok/all): 3/3');
  expect(output).toContain(`Manifests References (ok/all): ${uris.length}/${uris.length}`);
});
