import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalize } from '../../src/model/index.ts';
import { createPack, verifyPack, writeZip } from '../../src/packs/index.ts';
import { newSigner } from '../signing/fixtures.ts';
import { type ExhibitFile, type Files, type Given, givenPack, hostileName, type Salted, unpack } from './given.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

let given: Given;
beforeAll(async () => {
  given = await givenPack();
});
afterAll(() => given.close());

const text = (files: Files, name: string) => Buffer.from(files.get(name) ?? []).toString();

it('lays a pack out as docs/audit-pack says', () => {
  expect([...given.files.keys()].sort()).toEqual([
    'README-verify.txt',
    'assessments/exceptions.json',
    'assessments/run-2.json',
    'controls/catalog.json',
    'controls/params.json',
    'evidence/EX-0001.json',
    'evidence/EX-0002.json',
    'keys/document-certificate.pem',
    'keys/log-key.pem',
    'keys/log-key.txt',
    'ledger/checkpoint.txt',
    'ledger/records.jsonl',
    'manifest.json',
    'manifest.json.p7s',
    'proofs/EX-0001.tlog-proof',
    'proofs/EX-0002.tlog-proof',
    'report.pdf',
    'workbook.xlsx',
  ]);
});

it('is the same for the same checkpoint, to the last byte of its zip', async () => {
  const again = await createPack(given.inputs);
  expect([...again.keys()]).toEqual([...given.files.keys()]);
  for (const [name, bytes] of again) expect(Buffer.from(bytes).equals(given.files.get(name) ?? Buffer.alloc(0)), name).toBe(true);
  expect(Buffer.from(await writeZip(again)).equals(await writeZip(given.files))).toBe(true);
});

it('differs in what carries the signing key only, when another key signs', async () => {
  const { signer } = await newSigner();
  const other = await createPack({ ...given.inputs, signer });
  const differing = [...other].filter(([name, bytes]) => !Buffer.from(bytes).equals(given.files.get(name) ?? Buffer.alloc(0)));
  expect(differing.map(([name]) => name).sort()).toEqual(
    ['README-verify.txt', 'keys/document-certificate.pem', 'manifest.json', 'manifest.json.p7s', 'report.pdf', 'workbook.xlsx'].sort(),
  );
});

describe.each(['directory', 'zip'])('as a %s', (form) => {
  const path = async () => {
    if (form === 'directory') return unpack(given.files, join(given.folder, 'unpacked'));
    writeFileSync(join(given.folder, 'whole.zip'), await writeZip(given.files));
    return join(given.folder, 'whole.zip');
  };

  it('verifies, and says what it proved and what it cannot', async () => {
    const result = await verifyPack(await path());
    expect(result).toMatchObject({ ok: true, known: false, problems: [], signer: { fingerprint: given.signer.fingerprint } });
    expect(result.headline).toBe(`consistent; signer ${given.signer.fingerprint} is not known to you`);
    expect(result.proved.join('\n')).toMatch(/2 exhibits of 5 items: every id .* from 4 objects that are shown/);
    expect(result.proved.join('\n')).toMatch(/number the runs without a gap \(prod: 2\)/);
    expect(result.proved.join('\n')).toMatch(/2 controls on 1 listing and 2 objects/);
    expect(result.notProved.join('\n')).toMatch(/RFC 3161/);
    expect(result.notProved.join('\n')).toMatch(/who signed it/);
    expect(result.notProved.join('\n')).toMatch(/the content of 1 further item, which no finding of the enclosed assessment cites/);
  });

  it('is known by the fingerprint in every spelling, and by the certificate', async () => {
    const { fingerprint } = given.signer;
    const spelled = fingerprint.toUpperCase().match(/../g)?.join(':') ?? '';
    for (const trust of [fingerprint, spelled, text(given.files, 'keys/document-certificate.pem')]) {
      const result = await verifyPack(await path(), { trust });
      expect(result).toMatchObject({ ok: true, known: true, headline: `intact; signed by ${fingerprint}, the key that you trust` });
      expect(result.notProved.join('\n')).not.toMatch(/who signed it/);
    }
  });
});

/** What a stranger's program does: nothing of ours but the words of README-verify.txt. */
it('lets an outsider compute everything from an object to the signed root', () => {
  const exhibit = text(given.files, 'evidence/EX-0002.json');
  const parsed = JSON.parse(exhibit) as ExhibitFile;
  const id = (payload: Salted<unknown>) => {
    const bytes = canonicalize(payload.value);
    expect(exhibit).toContain(`"value":${bytes}`);
    return createHmac('sha256', Buffer.from(payload.salt, 'hex')).update(bytes).digest('hex');
  };
  for (const object of parsed.objects) expect(parsed.namespaces.flatMap((each) => each.value).flat()).toContain(id(object));
  for (const namespace of parsed.namespaces) expect(parsed.tree.value).toContainEqual([namespace.namespace, id(namespace)]);
  expect(parsed.listingPayload.value.objects).toBe(id(parsed.tree));
  expect(parsed.runPayload.value.listings[parsed.kind]).toBe(id(parsed.listingPayload));
  const lines = text(given.files, 'ledger/records.jsonl').split('\n').slice(0, -1);
  const line = lines[parsed.record.leaf] ?? '';
  expect((JSON.parse(line) as { snapshot: string }).snapshot).toBe(id(parsed.runPayload));
  const sha256 = (...parts: (string | Buffer)[]) => parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest();
  expect(parsed.record.hash).toBe(sha256(Buffer.of(0), line).toString('hex'));
  const root = (leaves: string[]): Buffer => {
    if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0] ?? '');
    const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
    return sha256(Buffer.of(1), root(leaves.slice(0, split)), root(leaves.slice(split)));
  };
  expect(text(given.files, 'ledger/checkpoint.txt').split('\n').slice(1, 3)).toEqual([`${lines.length}`, root(lines).toString('base64')]);
});

it('keeps the place of an object from a file in its tree', () => {
  expect(text(given.files, 'evidence/EX-0002.json')).toContain('pods.yaml');
});

it('lets no name control a terminal in README-verify.txt, or add a line to it', () => {
  const readme = text(given.files, 'README-verify.txt');
  expect(readme).not.toContain(hostileName);
  expect(readme).toContain('Clinic \\u{202e}\\u{1b}[31m"evil"\\u{a}$(reboot)');
  // oxlint-disable-next-line no-control-regex
  expect(readme).toMatch(/^[\n\u0020-\u007e]*$/);
});

describe('refuses what does not fit together', () => {
  it.each<[string, (given: Given) => Partial<Given['inputs']>, RegExp]>([
    ['a record too few', ({ inputs }) => ({ records: inputs.records.slice(1) }), /the checkpoint is of 9 records, and the pack has 8/],
    [
      'another catalog',
      ({ inputs }) => ({ catalog: { ...inputs.catalog, bytes: Buffer.from('{}') } }),
      /catalog is not what its digest says/,
    ],
    [
      'another salt',
      ({ inputs }) => ({ assessment: { ...inputs.assessment, salt: new Uint8Array(16) } }),
      /record \d of the log does not name this assessment/,
    ],
    [
      'a proof of another leaf',
      ({ inputs }) => ({ exhibits: inputs.exhibits.map((each) => ({ ...each, proof: [] })) }),
      /proof of EX-0001/,
    ],
    ['a changed checkpoint', ({ inputs }) => ({ checkpoint: inputs.checkpoint.replace('\n9\n', '\n8\n') }), /signature .* does not hold/],
  ])('%s', async (_, change, message) => {
    await expect(createPack({ ...given.inputs, ...change(given) })).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringMatching(message),
    });
  });
});
