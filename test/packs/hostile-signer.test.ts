/** Packs whose manifest, hashes and signature are right: what is wrong with them was done by whoever holds the signing key. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatVerifierKey, openCheckpoint, parseVerifierKey, signCheckpoint } from '../../src/log/index.ts';
import { createPack, type PackVerification, verifyPack } from '../../src/packs/index.ts';
import type { Manifest } from '../../src/packs/manifest.ts';
import { logKeyPem } from '../../src/packs/log-key.ts';
import { signDetached, signPdf, signWorkbook } from '../../src/signing/index.ts';
import { signerOf } from '../ledger/given.ts';
import { newSigner } from '../signing/fixtures.ts';
import { edit, type Files, type Given, givenPack, reseal, unpack } from './given.ts';

const exhibit = 'evidence/EX-0002.json';
const assessment = 'assessments/run-2.json';

let given: Given;
let other: Awaited<ReturnType<typeof newSigner>>['signer'];
beforeAll(async () => {
  given = await givenPack();
  ({ signer: other } = await newSigner());
});
afterAll(() => given.close());

async function verified(files: Files): Promise<PackVerification> {
  const path = join(given.folder, 'pack');
  rmSync(path, { recursive: true, force: true });
  return verifyPack(unpack(files, path), { trust: given.signer.fingerprint });
}

const text = (files: Files, name: string) => Buffer.from(files.get(name) ?? []).toString();
const swap = (files: Files, one: string, two: string) => {
  const [first, second] = [files.get(one), files.get(two)] as [Uint8Array, Uint8Array];
  files.set(one, second).set(two, first);
};
it('resealing alone changes nothing', async () => {
  expect(await verified(await reseal(given.files, given.signer))).toMatchObject({ ok: true, known: true, problems: [] });
});

it('may add files, which are named as unread', async () => {
  const files = new Map(given.files).set('notes/from-the-auditor.txt', Buffer.from('hello'));
  const { ok, notProved } = await verified(await reseal(files, given.signer));
  expect(ok).toBe(true);
  expect(notProved.join('\n')).toContain('the content of 1 other file (notes/from-the-auditor.txt)');
});

it('may say another organization and period in the manifest, of which nothing is proved', async () => {
  const files = await reseal(given.files, given.signer, ({ pack }) => {
    pack.organization = 'Another Company AG';
    pack.period = { name: '2020-Q1', from: '2020-01-01T00:00:00.000Z', to: '2020-04-01T00:00:00.000Z' };
    pack.time = '2031-01-01T00:00:00.000Z';
    pack.demo = true;
  });
  const { ok, proved, notProved } = await verified(files);
  expect(ok).toBe(true);
  expect(proved.join('\n')).not.toMatch(/Another Company|2020|2031/);
  expect(notProved).toContain(
    'what the report, the workbook, the README and the manifest (organization, period, times, demo mark) say: the key signed it, and it is not derived anew here',
  );
});

it('may show objects that nothing cites, which are counted', async () => {
  const cited = new Set(given.inputs.exhibits.flatMap(({ source }) => source.ids));
  const files = await createPack({ ...given.inputs, exhibits: given.inputs.exhibits.map((each) => Object.assign({}, each, { cited })) });
  const { ok, proved, notProved } = await verified(files);
  expect(ok).toBe(true);
  expect(proved.join('\n')).toMatch(/from 5 objects that are shown up to the records[^]* and 2 objects, all of which the exhibits show/);
  expect(notProved).toContain(
    "that anything cites 1 of the objects that exhibits show: no finding of the enclosed assessment does, and which others are shown or left out is the signer's choice",
  );
});

type Change = (files: Files) => unknown;
const image = ['objects', 0, 'value', 'spec', 'containers', 0, 'image'];
const gaps = ['listingPayload', 'value', 'listing', 'gaps'];
const actor = ['runPayload', 'value', 'identity', 'actor'];
const outcome = ['value', 'controls', 0, 'outcome'];
const params = 'controls/params.json';
const exceptions = 'assessments/exceptions.json';
const request = ['exceptions', 0, 'requested', 'details'];

describe('cannot change', () => {
  it.each<[string, Change, RegExp]>([
    ['an object', (files) => edit(files, exhibit, image, 'x'), /EX-0002.json: the object [0-9a-f]{64} is not what its id says/],
    [
      'an object and its id',
      (files) => edit(files, exhibit, image, 'x', ['objects', 0]),
      /EX-0002.json: the object [0-9a-f]{64} is in no tree/,
    ],
    [
      'that objects are shown',
      (files) => ['evidence/EX-0001.json', exhibit].map((name) => edit(files, name, ['objects'], [])),
      /a finding of POD-001 cites the object [0-9a-f]{64}, and no exhibit/,
    ],
    ['how many objects there are', (files) => edit(files, exhibit, ['namespaces'], []), /the listing says 3 items, and its trees hold 0/],
    [
      'the items of a namespace',
      (files) => edit(files, exhibit, ['namespaces', 2, 'value'], [], ['namespaces', 2]),
      /tree names other namespaces/,
    ],
    ['a list of items into none', (files) => edit(files, exhibit, ['namespaces', 2, 'value'], 1, ['namespaces', 2]), /is no list of ids/],
    [
      'the listing',
      (files) => edit(files, exhibit, gaps, [{ what: 'x' }], ['listingPayload']),
      /the run names another listing of this kind/,
    ],
    ['who collected', (files) => edit(files, exhibit, actor, 'me'), /the run is not what its id says/],
    [
      'who collected, and the id',
      (files) => edit(files, exhibit, actor, 'me', ['runPayload']),
      /record 5 of the log names another payload of the run/,
    ],
    ['the kind of an exhibit', (files) => edit(files, exhibit, ['kind'], 'k8s.rbac/roles'), /of another kind than the exhibit says/],
    ['the run of an exhibit', (files) => edit(files, exhibit, ['run'], 1), /record 5 of the log ends another run/],
    ['the cluster of an exhibit', (files) => edit(files, exhibit, ['cluster'], 'test'), /the run is of another cluster/],
    ['the record of an exhibit', (files) => edit(files, exhibit, ['record', 'leaf'], 3), /record 3 of the log is another one/],
    ['the record of an exhibit beyond the log', (files) => edit(files, exhibit, ['record', 'leaf'], 99), /the log has no record 99/],
    ['the form of an exhibit', (files) => edit(files, exhibit, ['more'], 1), /not in the form of an exhibit/],
    ['which exhibit is which', (files) => swap(files, 'evidence/EX-0001.json', exhibit), /EX-0001.json is the exhibit EX-0002/],
    [
      'which proof is which',
      (files) => swap(files, 'proofs/EX-0001.tlog-proof', 'proofs/EX-0002.tlog-proof'),
      /EX-0001.tlog-proof: the record is not leaf 5/,
    ],
    [
      'how many listings there are, by an exhibit that is there twice',
      (files) => {
        edit(files.set('evidence/EX-0003.json', files.get(exhibit) ?? new Uint8Array()), 'evidence/EX-0003.json', ['id'], 'EX-0003');
        files.set('proofs/EX-0003.tlog-proof', files.get('proofs/EX-0002.tlog-proof') ?? new Uint8Array());
      },
      /EX-0003.json is of the same listing as evidence\/EX-0002.json/,
    ],
    ['a proof', (files) => files.set('proofs/EX-0001.tlog-proof', Buffer.from('x')), /EX-0001.tlog-proof: this is no inclusion proof/],
    ['that an exhibit has a proof', (files) => files.delete('proofs/EX-0001.tlog-proof'), /EX-0001.json stands alone/],
    [
      'that an exhibit is there',
      (files) => [exhibit, 'proofs/EX-0002.tlog-proof'].map((name) => files.delete(name)),
      /POD-002 stands on k8s.workloads\/pods, and no exhibit shows that listing/,
    ],
    ['an outcome', (files) => edit(files, assessment, outcome, 'pass'), /assessment is not what its id says/],
    ['an outcome and its id', (files) => edit(files, assessment, outcome, 'pass', []), /the log recorded another assessment/],
    ['the record of an assessment', (files) => edit(files, assessment, ['record', 'leaf'], 1), /names another record of the log/],
    [
      'the form of an assessment',
      (files) => edit(files, assessment, ['value', 'controls'], undefined),
      /not in the form kubevidence\/logged-assessment/,
    ],
    ['that an exception is shown', (files) => files.delete(exceptions), /EXC-1, by which a finding of POD-001 is labelled, is not shown/],
    [
      'what an exception is for',
      (files) => edit(files, exceptions, [...request, 'value', 'item'], 'default/web-1', request),
      /EXC-1.* is not shown as the log recorded it/,
    ],
    [
      'who approved it',
      (files) => edit(files, exceptions, ['exceptions', 0, 'approved', 'details'], null),
      /EXC-1.* is not shown as the log recorded it/,
    ],
    [
      'which finding is labelled',
      (files) => edit(files, assessment, ['value', 'controls', 0, 'findings', 1, 'exception'], 'EXC-1', []),
      /is for another item than default\/web-1/,
    ],
    [
      'the exception of a label',
      (files) => edit(files, assessment, ['value', 'controls', 0, 'findings', 0, 'exception'], 'EXC-2', []),
      /EXC-2.* was not in force for it when it was judged/,
    ],
    [
      'whether findings are labelled',
      (files) => edit(files, assessment, ['value', 'controls', 0, 'findings', 0, 'exception'], null, []),
      /the exception EXC-1 is shown, and labels no finding/,
    ],
    ['the catalog', (files) => edit(files, 'controls/catalog.json', ['controls', 0, 'title'], 'x'), /not the catalog that judged/],
    [
      'the parameters',
      (files) => edit(files, params, ['controls', 'POD-001', 'effective', 'allowed'], ['nginx']),
      /params.json is not what judged/,
    ],
    ['what else stands among the parameters', (files) => edit(files, params, ['approved'], 'by all'), /params.json is not in the form/],
    [
      'what else stands beside a parameter',
      (files) => edit(files, params, ['controls', 'POD-001', 'reason'], 'x'),
      /params.json is not in the form/,
    ],
    ['what ships', (files) => edit(files, params, ['controls', 'POD-001', 'defaults', 'allowed'], []), /gives other defaults for POD-001/],
    [
      'which controls have parameters',
      (files) => edit(files, params, ['controls', 'POD-009'], { defaults: {}, effective: {} }),
      /controls that the catalog does not have/,
    ],
    [
      'a record',
      (files) => files.set('ledger/records.jsonl', Buffer.from(text(files, 'ledger/records.jsonl').replace('"items":3', '"items":4'))),
      /the records do not give the root/,
    ],
    [
      'the order of records',
      (files) => {
        const [genesis, bound, ...rest] = text(files, 'ledger/records.jsonl').split('\n');
        files.set('ledger/records.jsonl', Buffer.from([bound, genesis, ...rest].join('\n')));
      },
      /the records do not give the root/,
    ],
    [
      'how many records there are',
      (files) => files.set('ledger/records.jsonl', Buffer.from(text(files, 'ledger/records.jsonl').replace(/^.*\n/, ''))),
      /the checkpoint is of 9 records, and the pack has 8/,
    ],
    [
      'how the records end',
      (files) => files.set('ledger/records.jsonl', Buffer.from(text(files, 'ledger/records.jsonl').trimEnd())),
      /does not end with a newline/,
    ],
    [
      'the checkpoint',
      (files) => files.set('ledger/checkpoint.txt', Buffer.from(text(files, 'ledger/checkpoint.txt').replace('\n9\n', '\n8\n'))),
      /signature of .* does not hold/,
    ],
    [
      'the checkpoint with its signature',
      (files) => {
        const key = parseVerifierKey(given.inputs.verifierKey);
        const { origin, root } = openCheckpoint(given.inputs.checkpoint, key);
        files.set('ledger/checkpoint.txt', Buffer.from(signCheckpoint({ origin, root, size: 6 }, signerOf()).note));
      },
      /not the checkpoint that the manifest names/,
    ],
    [
      'the log key',
      (files) => files.set('keys/log-key.txt', Buffer.from(`${formatVerifierKey(signerOf('audit.example/log', 2))}\n`)),
      /not the log key that the manifest names/,
    ],
    [
      'the log key for openssl',
      (files) => files.set('keys/log-key.pem', Buffer.from(logKeyPem(signerOf('x', 2)))),
      /log-key.pem is another key/,
    ],
    ['the certificate', (files) => files.set('keys/document-certificate.pem', Buffer.from('x')), /certificate cannot be used/],
    ['that the PDF is signed', (files) => files.set('report.pdf', given.inputs.reportPdf), /report.pdf: /],
    [
      'that the workbook is signed',
      (files) => files.set('workbook.xlsx', given.inputs.workbook),
      /workbook.xlsx: the workbook is not signed/,
    ],
    [
      'who signed the PDF',
      async (files) => files.set('report.pdf', await signPdf(given.inputs.reportPdf, other)),
      /report.pdf is signed by another key/,
    ],
    [
      'who signed the workbook',
      async (files) => files.set('workbook.xlsx', await signWorkbook(given.inputs.workbook, { signer: other, time: given.inputs.time })),
      /workbook.xlsx is signed by another key/,
    ],
    [
      'that there are parameters',
      (files) => files.delete('controls/params.json'),
      /does not list controls\/params.json, which every pack has/,
    ],
    ['that no seal goes unnamed', (files) => files.set('report.pdf.tsr', Buffer.from('x')), /report.pdf.tsr looks like a seal/],
  ])('%s', async (_, change, problem) => {
    const files = new Map(given.files);
    await change(files);
    const result = await verified(await reseal(files, given.signer));
    expect(result.ok).toBe(false);
    expect(result.problems).toContainEqual(expect.stringMatching(problem));
  });
});

type Said = (manifest: Manifest) => unknown;

describe('cannot say in the manifest', () => {
  const added = { path: 'zz', sha256: 'ab'.repeat(32), size: 1 };
  it.each<[string, Said, RegExp]>([
    ['another cluster', (it) => void (it.pack = { ...it.pack, cluster: { name: 'test', uid: null } }), /of another cluster than the pack/],
    [
      'another UID of the cluster',
      (it) => void (it.pack = { ...it.pack, cluster: { name: 'prod', uid: 'x' } }),
      /another kube-system UID than the log/,
    ],
    ['another run', (it) => void (it.pack = { ...it.pack, assessment: { run: 9, leaf: 6 } }), /does not know the end of run 9/],
    [
      'another assessment',
      (it) => void (it.pack = { ...it.pack, assessment: { run: 2, leaf: 5 } }),
      /record 5 of the log is no assessment/,
    ],
    ['an earlier time', (it) => void (it.pack = { ...it.pack, time: '2026-01-02T00:00:00.000Z' }), /dated before the last record/],
    [
      'another root',
      (it) => void (it.pack = { ...it.pack, checkpoint: { ...it.pack.checkpoint, root: 'AA==' } }),
      /not the checkpoint that the manifest names/,
    ],
    ['another signing key', (it) => void (it.documentKeyFingerprint = 'ab'.repeat(32)), /names another signing key/],
    ['another log key', (it) => void (it.logKey = formatVerifierKey(signerOf('audit.example/log', 2))), /not signed by audit.example\/log/],
    ['no log key', (it) => void (it.logKey = 'x'), /no Ed25519 verifier key/],
    ['fewer seals', (it) => void (it.seals = it.seals.slice(1)), /does not name the seals/],
    [
      'more seals',
      (it) => void (it.seals = [...it.seals, { file: 'x.tsr', covers: 'x', form: 'rfc3161' }]),
      /names a seal that is no time-stamp/,
    ],
    ['a file that is not there', (it) => void (it.files = [...it.files, added]), /zz is missing/],
    ['a file twice', (it) => void (it.files = [...it.files.slice(0, 1), ...it.files]), /list its files in order, each once/],
    ['files without order', (it) => void it.files.reverse(), /list its files in order, each once/],
    ['itself', (it) => void it.files.splice(-4, 0, { ...added, path: 'manifest.json' }), /manifest.json looks like a seal/],
    ['a path that leads out', (it) => void (it.files = [{ ...added, path: '../x' }, ...it.files]), /\.\.\/x is missing/],
    ['a negative size', (it) => Object.assign(it.files[0] ?? {}, { size: -1 }), /manifest.json is malformed/],
    ['something unknown', (it) => Object.assign(it, { '\u001b[2J': 1 }), /manifest.json is malformed/],
    [
      'a form of tomorrow',
      (it) => Object.assign(it, { format: 'kubevidence/manifest/v3' }),
      /form kubevidence\/manifest\/v3, and this version/,
    ],
    [
      'the form of pseudonyms, and none',
      (it) => Object.assign(it, { format: 'kubevidence/manifest/v2' }),
      /whether the pack shows pseudonyms/,
    ],
    [
      'pseudonyms in the older form',
      (it) => Object.assign(it, { pseudonyms: { key: '0'.repeat(16) } }),
      /whether the pack shows pseudonyms/,
    ],
    ['no form', (it) => Reflect.deleteProperty(it, 'format'), /manifest.json is malformed/],
  ])('%s', async (_, change, problem) => {
    const files = await reseal(given.files, given.signer, change);
    const result = await verified(files);
    expect(result.ok).toBe(false);
    expect(result.problems).toContainEqual(expect.stringMatching(problem));
    // oxlint-disable-next-line no-control-regex
    expect(JSON.stringify(result)).not.toMatch(/[\u0000-\u001f]/);
  });

  it.each([
    ['pretty', (value: string) => JSON.stringify(JSON.parse(value), null, 2)],
    ['with a key twice', (value: string) => value.replace('{', '{"logKey":"x",')],
    ['with a byte order mark', (value: string) => `\ufeff${value}`],
    ['deep', () => '['.repeat(100_000)],
    ['a number', () => '1'],
    ['nothing', () => ''],
  ])('anything in another form: %s', async (_, change) => {
    const manifest = Buffer.from(change(text(given.files, 'manifest.json')));
    const files = new Map(given.files).set('manifest.json', manifest).set('manifest.json.p7s', await signDetached(manifest, given.signer));
    const result = await verified(files);
    expect(result).toMatchObject({ ok: false, signer: { fingerprint: given.signer.fingerprint } });
    expect(result.problems).toEqual([expect.stringMatching(/manifest.json is (?:not canonical JSON|malformed)/)]);
  });
});
