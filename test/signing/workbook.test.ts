import { isDeepStrictEqual } from 'node:util';
import ExcelJS from 'exceljs';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type DocumentKey, type DocumentSigner, signWorkbook, verifyWorkbook } from '../../src/signing/index.ts';
import { readRelationships } from '../../src/signing/opc.ts';
import { writeZip } from '../../src/signing/zip.ts';
import { anyFlip, flip, newSigner, signedAt } from './fixtures.ts';
import { partsOf } from './parts-of.ts';

type Parts = Map<string, Uint8Array>;

async function write(): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook();
  workbook.created = signedAt;
  workbook.modified = signedAt;
  const sheet = workbook.addWorksheet('Runs');
  sheet.addRow(['run', 118, { text: 'note', hyperlink: 'https://example.org/?a=1&b=2' }]);
  workbook.addWorksheet('Controls').addRow([{ formula: 'SUM(1,2)', result: 3 }]);
  return new Uint8Array(await workbook.xlsx.writeBuffer());
}

let key: DocumentKey;
let signer: DocumentSigner;
let unsigned: Uint8Array;
let signed: Uint8Array;
let parts: Parts;
beforeAll(async () => {
  ({ key, signer } = await newSigner());
  unsigned = await write();
  signed = await signWorkbook(unsigned, { signer, time: signedAt, comments: 'Audit pack <2026-Q3> & more' });
  parts = await partsOf(signed);
});

/** The signed workbook with its parts changed, packed as the product packs. */
async function tampered(change: (copy: Parts) => void): Promise<Uint8Array> {
  const copy = new Map(parts);
  change(copy);
  return writeZip(copy);
}

function edit(copy: Parts, name: string, from: string, to: string): void {
  const text = Buffer.from(copy.get(name) ?? []).toString();
  expect(text).toContain(from);
  copy.set(name, Buffer.from(text.replace(from, to)));
}

it('verifies, and says who signed and when', async () => {
  expect(await verifyWorkbook(signed)).toMatchObject({
    ok: true,
    signerFingerprint: key.fingerprint,
    signedAt: '2026-10-02T08:00:00Z',
    problems: [],
  });
});

it('is the same for the same inputs', async () => {
  expect(await signWorkbook(unsigned, { signer, time: signedAt, comments: 'Audit pack <2026-Q3> & more' })).toEqual(signed);
});

it('still opens as a workbook', async () => {
  const workbook = new ExcelJS.Workbook();
  await workbook.xlsx.load(Buffer.from(signed) as unknown as ExcelJS.Buffer);
  expect(workbook.worksheets.map(({ name }) => name)).toEqual(['Runs', 'Controls']);
});

it('covers every part but the properties, the content types and itself', () => {
  const manifest = Buffer.from(parts.get('_xmlsignatures/sig1.xml') ?? []).toString();
  const covered = [...manifest.matchAll(/<Reference URI="\/([^?"]+)\?/g)].map(([, name]) => name);
  const expected = [...parts.keys()].filter((name) => !/^(?:docProps\/|_xmlsignatures\/|\[Content_Types\])/.test(name)).sort();
  expect(covered).toEqual(expected);
  expect(covered).toContain('xl/worksheets/sheet1.xml');
});

/** Any one changed bit in a part with this kind of name. */
function anyPartFlip(kind: RegExp): fc.Arbitrary<{ name: string; position: number; bit: number }> {
  const names = [...parts.keys()].filter((name) => kind.test(name) && (parts.get(name)?.length ?? 0) > 0);
  return fc
    .constantFrom(...names)
    .chain((name) => anyFlip(parts.get(name)?.length ?? 1).map(({ position, bit }) => ({ name, position, bit })));
}

it('does not survive any changed bit in a signed part or in the signature', async () => {
  const signedParts = /^xl\/(?:.*\/)?[^/]+\.xml$|^_xmlsignatures\//;
  await fc.assert(
    fc.asyncProperty(anyPartFlip(signedParts), async ({ name, position, bit }) => {
      const bytes = await tampered((copy) => copy.set(name, flip(copy.get(name) ?? new Uint8Array(), position, bit)));
      expect(await verifyWorkbook(bytes)).toMatchObject({ ok: false, signerFingerprint: null });
    }),
    { numRuns: 300 },
  );
}, 60_000);

it('holds over relationships exactly while they say the same', async () => {
  const listOf = (bytes: Uint8Array): unknown => {
    try {
      return readRelationships(bytes);
    } catch {
      return null;
    }
  };
  await fc.assert(
    fc.asyncProperty(anyPartFlip(/^xl\/.*\.rels$/), async ({ name, position, bit }) => {
      const original = parts.get(name) ?? new Uint8Array();
      const changed = flip(original, position, bit);
      const { ok } = await verifyWorkbook(await tampered((copy) => copy.set(name, changed)));
      expect(ok).toBe(isDeepStrictEqual(listOf(changed), listOf(original)));
    }),
    { numRuns: 200 },
  );
}, 60_000);

it('never throws, whatever byte of the archive is changed', async () => {
  await fc.assert(
    fc.asyncProperty(anyFlip(signed.length), async ({ position, bit }) => {
      const check = await verifyWorkbook(flip(signed, position, bit));
      expect(check.problems.length > 0).toBe(!check.ok);
    }),
    { numRuns: 300 },
  );
}, 60_000);

describe('finds', () => {
  const relationships = 'xl/_rels/workbook.xml.rels';
  const types = '[Content_Types].xml';
  const extra = '<Relationship Id="rIdX" Type="http://x/y" Target="worksheets/sheet9.xml"/></Relationships>';
  test.each<[string, (copy: Parts) => void, RegExp]>([
    [
      'a changed sheet',
      (copy) => edit(copy, 'xl/worksheets/sheet1.xml', '118', '119'),
      /^xl\/worksheets\/sheet1\.xml was changed or added/,
    ],
    [
      'an added part',
      (copy) => copy.set('xl/worksheets/sheet9.xml', Buffer.from('<x/>')),
      /^xl\/worksheets\/sheet9\.xml was changed or added/,
    ],
    ['a removed part', (copy) => copy.delete('xl/worksheets/sheet2.xml'), /^xl\/worksheets\/sheet2\.xml was signed and is missing/],
    [
      'an added relationship',
      (copy) => edit(copy, relationships, '</Relationships>', extra),
      /^xl\/_rels\/workbook\.xml\.rels was changed/,
    ],
    [
      'a relationship that leads elsewhere',
      (copy) => edit(copy, relationships, 'sheet1.xml', 'sheet2.xml'),
      /workbook\.xml\.rels was changed/,
    ],
    ['a second workbook at the root', (copy) => edit(copy, '_rels/.rels', '</Relationships>', extra), /^_rels\/\.rels was changed/],
    ['a part with another type', (copy) => edit(copy, types, 'sheet.main+xml', 'template.main+xml'), /^xl\/workbook\.xml was changed/],
    [
      'a signature that nothing leads to',
      (copy) => edit(copy, '_rels/.rels', 'rIdSignatures', 'rIdSignature'),
      /_rels\/\.rels was changed|lead to the signature/,
    ],
    ['a second signature', (copy) => copy.set('_xmlsignatures/sig2.xml', Buffer.from('<x/>')), /lead to the signature/],
    ['an origin with content', (copy) => copy.set('_xmlsignatures/origin.sigs', Buffer.from('x')), /lead to the signature/],
    ['a signature of another type', (copy) => edit(copy, types, 'xmlsignature+xml', 'other+xml'), /lead to the signature/],
    ['a changed time', (copy) => edit(copy, '_xmlsignatures/sig1.xml', '2026-10-02', '2026-10-03'), /signature file was changed/],
    ['a changed comment', (copy) => edit(copy, '_xmlsignatures/sig1.xml', '2026-Q3', '2026-Q4'), /signature file was changed/],
    [
      'another signature value',
      (copy) => edit(copy, '_xmlsignatures/sig1.xml', '<SignatureValue>', '<SignatureValue>AAAA'),
      /does not hold/,
    ],
    ['a missing signature', (copy) => copy.delete('_xmlsignatures/sig1.xml'), /is not signed/],
    ['missing content types', (copy) => copy.delete(types), /Content_Types\]\.xml is missing/],
  ])('%s', async (_, change, problem) => {
    const check = await verifyWorkbook(await tampered(change));
    expect(check).toMatchObject({ ok: false, signerFingerprint: null, signedAt: null });
    expect(check.problems.join('\n')).toMatch(new RegExp(problem.source, 'm'));
  });

  it('no fault in changed properties, which no office program signs', async () => {
    const bytes = await tampered((copy) => copy.set('docProps/core.xml', Buffer.from('<x/>')));
    expect((await verifyWorkbook(bytes)).ok).toBe(true);
  });

  it('bytes behind, before and between the entries', async () => {
    for (const bytes of [Buffer.concat([signed, Buffer.of(0)]), Buffer.concat([Buffer.from('x'), signed])]) {
      expect(await verifyWorkbook(bytes)).toMatchObject({ ok: false });
    }
  });

  it('two entries with one name', async () => {
    const name = Buffer.from('xl/worksheets/sheet2.xml');
    const twice = Buffer.from(signed);
    for (let at = twice.indexOf(name); at !== -1; at = twice.indexOf(name, at)) twice.write('xl/worksheets/sheet1.xml', at, 'latin1');
    expect((await verifyWorkbook(twice)).problems.join()).toContain('two entries named xl/worksheets/sheet1.xml');
  });

  it('what is no workbook', async () => {
    expect(await verifyWorkbook(new Uint8Array())).toMatchObject({ ok: false, certificate: null });
    expect((await verifyWorkbook(unsigned)).problems).toEqual(['the workbook is not signed']);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect((await verifyWorkbook(bytes)).ok).toBe(false);
      }),
    );
  });
});

describe('signing refuses', () => {
  test.each<[string, () => Promise<Uint8Array>]>([
    ['a signed workbook', async () => signed],
    ['what is no archive', async () => Buffer.from('no archive')],
    ['an archive without content types', () => writeZip(new Map([['x.xml', Buffer.from('<x/>')]]))],
    ['a part without a content type', () => tampered((copy) => copy.set('xl/blob.bin', Buffer.of(1)))],
  ])('%s', async (_, bytes) => {
    await expect(signWorkbook(await bytes(), { signer, time: signedAt })).rejects.toMatchObject({ code: 'input' });
  });

  test.each(['2025-12-31T23:59:59Z', '2031-01-01T00:00:01Z'])('a time outside of the certificate, %s', async (time) => {
    await expect(signWorkbook(unsigned, { signer, time: new Date(time) })).rejects.toMatchObject({ code: 'configuration' });
  });
});
