/** Packs with time-stamp tokens: laid out, verified, taken apart, and checked with the lines of README-verify.txt by openssl. */
import { createHash, hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { openCheckpoint, parseVerifierKey, signCheckpoint } from '../../src/log/index.ts';
import { createPack, verifyPack } from '../../src/packs/index.ts';
import { rootOf } from '../../src/packs/record-sequence.ts';
import { acceptTimestamp, createTimestampRequest, type Stamper, verifyPdf } from '../../src/signing/index.ts';
import { answer, type Authority, makeAuthority, makeOpensslAuthority, pemOf } from '../signing/authority.ts';
import { anyFlip, flip, hasCommand, run } from '../signing/fixtures.ts';
import { collect, pod, signerOf } from '../ledger/given.ts';
import { type Files, type Given, givenPack, reseal, unpack } from './given.ts';

const authority = makeAuthority();
const other = makeAuthority('rsa');
const ca = pemOf(authority.root);
let given: Given;
let files: Files;
beforeAll(async () => {
  given = await givenPack();
  files = await pack();
});
afterAll(() => given.close());

const digestOf = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());

function stamp(data: Uint8Array, by: Authority = authority, at = '20260814130000Z'): Uint8Array {
  const request = createTimestampRequest(digestOf(data));
  return acceptTimestamp(answer(request.der, by, { at }), request, { anchors: null }).der;
}

/** Tokens over the first checkpoint and the last. */
function tokens(by = authority) {
  const all = given.ledger.checkpoints().filter(({ size }) => size <= given.inputs.records.length);
  const [first, last] = [all[0], all.at(-1)];
  return [first, last].flatMap((each, n) =>
    each === undefined
      ? []
      : [{ size: each.size, note: each.note, tsr: stamp(Buffer.from(each.note), by, n === 0 ? '20260814120003Z' : '20260814125900Z') }],
  );
}

function pack(change: { by?: Authority; stamper?: Stamper; known?: string | null } = {}): Promise<Files> {
  const { by = authority, known = ca, stamper = async (data) => stamp(data, by) } = change;
  return createPack({ ...given.inputs, timestamps: { stamp: stamper, ca: known, tokens: tokens(by) } });
}

let count = 0;
function verified(of: Files, options: Parameters<typeof verifyPack>[1] = {}) {
  count += 1;
  return verifyPack(unpack(of, join(given.folder, `stamped-${count}`)), options);
}

const text = (of: Files, name: string) => Buffer.from(of.get(name) ?? []).toString();
const clock = /times rest on the collector's clock/;

it('puts each token beside what it covers, and the certificates into keys/', () => {
  const added = [...files.keys()].filter((name) => !given.files.has(name));
  expect(added.sort()).toEqual([
    'keys/tsa-ca.pem',
    'keys/tsa-chain.pem',
    'ledger/checkpoint-2.txt',
    'ledger/checkpoint-2.txt.tsr',
    'ledger/checkpoint.txt.tsr',
    'manifest.json.tsr',
  ]);
  expect(text(files, 'keys/tsa-ca.pem')).toBe(ca);
  expect(text(files, 'keys/tsa-chain.pem')).toBe(pemOf(authority.unit, authority.root));
  expect(verifyPdf(files.get('report.pdf') ?? new Uint8Array()).timestamp).toMatchObject({ time: '2026-08-14T13:00:00.000Z' });
});

it('names every token as a seal, and lists all but that of the manifest', () => {
  const { seals, files: listed } = JSON.parse(text(files, 'manifest.json')) as {
    seals: { file: string; covers: string; form: string }[];
    files: { path: string }[];
  };
  expect(seals.filter(({ form }) => form === 'rfc3161').map(({ file, covers }) => [file, covers])).toEqual([
    ['ledger/checkpoint-2.txt.tsr', 'ledger/checkpoint-2.txt'],
    ['ledger/checkpoint.txt.tsr', 'ledger/checkpoint.txt'],
    ['manifest.json.tsr', 'manifest.json'],
  ]);
  expect(listed.map(({ path }) => path)).not.toContain('manifest.json.tsr');
});

describe('verification', () => {
  it('believes an authority that the verifier knows, and no longer speaks of the collector’s clock', async () => {
    const { ok, problems, proved, notProved } = await verified(files, { timestampCa: ca });
    expect({ ok, problems }).toEqual({ ok: true, problems: [] });
    expect(proved.join('\n')).toMatch(
      /time-stamp tokens of CN=Stamps ec hold: the manifest existed at 2026-08-14T13:00:00\.000Z, the signature of the report at 2026-08-14T13:00:00\.000Z, 2 checkpoints at times from 2026-08-14T12:00:03\.000Z to 2026-08-14T12:59:00\.000Z/,
    );
    expect(proved.join('\n')).toMatch(/each of the 2 stamped checkpoints is one of this log, signed by its key/);
    expect(notProved.join('\n')).not.toMatch(clock);
    expect(notProved.join('\n')).not.toMatch(/TSA not established/);
  });

  it('says that the authority is not established when the verifier knows none', async () => {
    for (const known of [ca, null]) {
      const { ok, proved, notProved } = await verified(await pack({ known }));
      expect(ok).toBe(true);
      expect(proved.join('\n')).not.toMatch(/tokens of CN=|tokens? hold/);
      expect(proved.join('\n')).toMatch(
        /tokens fit what they cover; they say of themselves that they are of CN=Stamps ec, and that the manifest existed at/,
      );
      expect(notProved.join('\n')).toMatch(/TSA not established: .*--tsa-ca/);
      expect(notProved.join('\n')).not.toMatch(clock);
    }
  });

  it('does not believe another authority than the one that the verifier knows, nor one that the pack contradicts', async () => {
    const { ok, problems } = await verified(files, { timestampCa: pemOf(other.root) });
    expect(ok).toBe(false);
    expect(problems).toHaveLength(4);
    for (const each of problems)
      expect(each).toMatch(
        /^(?:report\.pdf|manifest\.json\.tsr|ledger\/checkpoint(?:-2)?\.txt\.tsr): .*does not lead to one that is trusted/,
      );
    expect((await verified(await pack({ by: other }))).problems.join('\n')).toMatch(/does not lead to one that is trusted/);
  });

  it('refuses a certificate that is none as a usage error', async () => {
    await expect(verified(files, { timestampCa: 'nothing' })).rejects.toMatchObject({ code: 'configuration' });
  });

  it('tells of time without tokens', async () => {
    const late = given.ledger
      .checkpoints()
      .slice(-1)
      .map(({ size, note }) => ({ size, note, tsr: stamp(Buffer.from(note), authority, '20260820120000Z') }));
    const { ok, notProved } = await verified(await createPack({ ...given.inputs, timestamps: { stamp: null, ca, tokens: late } }));
    expect(ok).toBe(true);
    expect(gapsIn(notProved)).toEqual([
      'the times of 9 records dated from 2026-08-14T12:00:02.000Z to 2026-08-14T13:00:00.000Z: the first token that covers them is of 2026-08-20T12:00:00.000Z, up to 6 days later, and they may have been written until then',
    ]);
  });

  it('tells of it whatever period the manifest names', async () => {
    const late = tokens()
      .slice(-1)
      .map(({ size, note }) => ({ size, note, tsr: stamp(Buffer.from(note), authority, '20260820120000Z') }));
    const made = await createPack({ ...given.inputs, timestamps: { stamp: async () => null, ca, tokens: late } });
    const gaps = async (of: Files) => gapsIn((await verified(of)).notProved);
    const moved = await reseal(made, given.signer, ({ pack: facts }) => {
      facts.period = { name: '2020-Q1', from: '2020-01-01T00:00:00.000Z', to: '2020-04-01T00:00:00.000Z' };
    });
    expect(await gaps(made)).toHaveLength(1);
    expect(await gaps(moved)).toEqual(await gaps(made));
  });

  it('says how many more gaps there are than it lists', async () => {
    collect(given.ledger, [pod({ name: 'more' })]);
    const records = [...given.ledger.records()].map(({ bytes }) => bytes);
    const timestamps = { stamp: null, ca, tokens: records.map((_, n) => signedAt(n + 1, `202609${String(2 * n + 10)}120000Z`, records)) };
    const size = records.length;
    const exhibits = given.inputs.exhibits.map((each) => ({ ...each, proof: given.ledger.inclusionProof(each.leaf, size) }));
    const checkpoint = timestamps.tokens.at(-1)?.note ?? '';
    const time = new Date('2026-12-01T00:00:00.000Z');
    const { ok, notProved } = await verified(await createPack({ ...given.inputs, records, checkpoint, exhibits, time, timestamps }));
    expect(ok).toBe(true);
    const gaps = gapsIn(notProved);
    expect(gaps).toHaveLength(11);
    expect(gaps[0]).toMatch(/the first token that covers them is of 2026-09-30T12:00:00.000Z, up to 47 days later/);
    expect(gaps.at(-1)).toBe('the times of records that 1 further token covers first, up to 27 days later');
  });

  it('tells of records that an old checkpoint does not cover, however often it is stamped', async () => {
    const days = [1, 2, 3, 4, 5].map((size) => signedAt(size, `202608${String(size + 13)}130000Z`));
    const last = { size: given.inputs.records.length, note: given.inputs.checkpoint };
    const all = [...days, { ...last, tsr: stamp(Buffer.from(last.note), authority, '20260819130000Z') }];
    const timestamps = { stamp: null, ca, tokens: all };
    const { ok, notProved } = await verified(await createPack({ ...given.inputs, timestamps }), { timestampCa: ca });
    expect(ok).toBe(true);
    expect(gapsIn(notProved)[0]).toBe(
      'the times of 4 records dated from 2026-08-14T12:00:09.000Z to 2026-08-14T13:00:00.000Z: the first token that covers them is of 2026-08-19T13:00:00.000Z, up to 6 days later, and they may have been written until then',
    );
    expect(gapsIn(notProved)).toHaveLength(4);
  });

  it('tells of records that no token covers, whatever time the manifest names', async () => {
    const timestamps = { stamp: null, ca, tokens: [signedAt(2, '20260814120100Z')] };
    const { ok, notProved } = await verified(await createPack({ ...given.inputs, timestamps }), { timestampCa: ca });
    expect(ok).toBe(true);
    expect(gapsIn(notProved)).toEqual([
      'the times of 7 records dated from 2026-08-14T12:00:03.000Z to 2026-08-14T13:00:00.000Z: no token of the pack covers them',
    ]);
  });

  it('does not count a token over the report for the log', async () => {
    let calls = 0;
    const stamper: Stamper = async (data) => ((calls += 1) === 1 ? stamp(data) : null);
    const made = await createPack({ ...given.inputs, timestamps: { stamp: stamper, ca, tokens: [] } });
    const { ok, notProved } = await verified(made, { timestampCa: ca });
    expect(ok).toBe(true);
    expect(gapsIn(notProved)).toEqual([expect.stringMatching(/^the times of 9 records dated .*: no token of the pack covers them$/)]);
  });

  const gapsIn = (notProved: readonly string[]) => notProved.filter((each) => each.startsWith('the times of '));
  /** A checkpoint that whoever has the log key may sign at any time, with a token. */
  const signedAt = (size: number, at: string, records = given.inputs.records) => {
    const { origin } = openCheckpoint(given.inputs.checkpoint, parseVerifierKey(given.inputs.verifierKey));
    const { note } = signCheckpoint({ origin, root: rootOf(records.slice(0, size)), size }, signerOf());
    return { size, note, tsr: stamp(Buffer.from(note), authority, at) };
  };
});

describe('when the authority does not answer', () => {
  test.each<[string, (call: number) => boolean]>([
    ['at all', () => false],
    ['for the manifest', (call) => call < 1],
    ['for the report', (call) => call > 0],
  ])('%s, the pack is whole without those tokens', async (_, answers) => {
    let call = -1;
    const stamper: Stamper = async (data) => {
      call += 1;
      return answers(call) ? stamp(data) : null;
    };
    const made = await pack({ stamper });
    expect((await verified(made, { timestampCa: ca })).problems).toEqual([]);
    expect(made.has('manifest.json.tsr')).toBe(answers(1));
    expect(text(made, 'README-verify.txt').includes('manifest.json.tsr')).toBe(answers(1));
    expect(verifyPdf(made.get('report.pdf') ?? new Uint8Array()).timestamp !== null).toBe(answers(0));
  });

  it('nor ever did, the bytes are those of a pack without time-stamps', async () => {
    const made = await createPack({ ...given.inputs, timestamps: { stamp: async () => null, ca: null, tokens: [] } });
    expect([...made.keys()]).toEqual([...given.files.keys()]);
    for (const [name, bytes] of made) expect(Buffer.from(bytes).equals(given.files.get(name) ?? Buffer.alloc(0)), name).toBe(true);
  });
});

it('lists the certificates of a unit that only the manifest’s token came from', async () => {
  let call = 0;
  const stamper: Stamper = async (data) => stamp(data, (call += 1) > 1 ? other : authority);
  const made = await createPack({ ...given.inputs, timestamps: { stamp: stamper, ca: null, tokens: [] } });
  expect((await verified(made)).problems).toEqual([]);
  expect(text(made, 'keys/tsa-chain.pem')).toBe(pemOf(authority.unit, authority.root, other.unit, other.root));
});

describe('what was done to it afterwards is noticed:', () => {
  it('a flipped bit anywhere in a token, its checkpoint or the certificates', async () => {
    const names = [...files.keys()].filter((name) => !given.files.has(name) || name === 'report.pdf');
    const path = unpack(files, join(given.folder, 'flipped-stamps'));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names).chain((name) => fc.tuple(fc.constant(name), anyFlip(files.get(name)?.length ?? 1))),
        async ([name, { position, bit }]) => {
          const bytes = files.get(name) ?? new Uint8Array();
          writeFileSync(join(path, name), flip(bytes, position, bit));
          const { ok } = await verifyPack(path);
          writeFileSync(join(path, name), bytes);
          expect(ok, name).toBe(false);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each<[string, (copy: Files) => void, RegExp]>([
    ['a token that was taken away', (copy) => copy.delete('manifest.json.tsr'), /^manifest\.json\.tsr is missing$/],
    [
      'a token over the log that was taken away',
      (copy) => copy.delete('ledger/checkpoint-2.txt.tsr'),
      /^ledger\/checkpoint-2\.txt\.tsr is missing$/,
    ],
    [
      'a token that was made later',
      (copy) => copy.set('ledger/checkpoint.txt.tsr', stamp(copy.get('ledger/checkpoint.txt') ?? new Uint8Array())),
      /was changed|has \d+ bytes/,
    ],
    [
      'a token of another pack',
      (copy) => copy.set('manifest.json.tsr', stamp(Buffer.from('{}'))),
      /^manifest\.json\.tsr: it is of other data/,
    ],
    [
      'a token by somebody else',
      (copy) => copy.set('manifest.json.tsr', stamp(copy.get('manifest.json') ?? new Uint8Array(), other)),
      /^manifest\.json\.tsr: the certificate of CN=Stamps rsa does not lead/,
    ],
    [
      'no token at all',
      (copy) => copy.set('manifest.json.tsr', new Uint8Array()),
      /^manifest\.json\.tsr: the time-stamp token cannot be used/,
    ],
    ['certificates that were taken away', (copy) => copy.delete('keys/tsa-chain.pem'), /^keys\/tsa-chain\.pem is missing$/],
  ])('%s', async (_, change, message) => {
    const copy = new Map(files);
    change(copy);
    const { ok, problems, notProved } = await verified(copy);
    expect(ok).toBe(false);
    expect(
      problems.some((each) => message.test(each)),
      problems.join('\n'),
    ).toBe(true);
    expect(notProved.join('\n')).toMatch(clock);
  });

  test.each<[string, (copy: Files) => void, RegExp]>([
    [
      'a checkpoint of another log',
      (copy) => put(copy, 'ledger/checkpoint-3.txt', text(copy, 'ledger/checkpoint-2.txt').replace('audit', 'other')),
      /the note is not signed|signature/,
    ],
    [
      'a checkpoint under another size',
      (copy) => put(copy, 'ledger/checkpoint-3.txt', text(copy, 'ledger/checkpoint-2.txt')),
      /^ledger\/checkpoint-3\.txt is a checkpoint of size 2$/,
    ],
    [
      'a later checkpoint than the pack has records for',
      (copy) => put(copy, 'ledger/checkpoint-99.txt', laterNote()),
      /^ledger\/checkpoint-99\.txt is a checkpoint of another log/,
    ],
    ['something else named like a checkpoint', (copy) => put(copy, 'ledger/checkpoint-3.txt', 'x'), /no signed note/],
    ...['ledger/zz.txt', 'ledger/checkpoint-0.txt', 'notes/1.txt', 'report.pdf'].map((name): [string, (copy: Files) => void, RegExp] => [
      `a token over ${name}`,
      (copy) => put(copy, name, 'x'),
      /^manifest\.json names a seal that is no time-stamp of the manifest or of a checkpoint$/,
    ]),
    [
      'a certificate in a token that the chain does not have',
      (copy) => void copy.set('keys/tsa-chain.pem', Buffer.from(pemOf(authority.unit))),
      /holds a certificate that is not in keys\/tsa-chain\.pem/,
    ],
    [
      'a chain that is none',
      (copy) => void copy.set('keys/tsa-chain.pem', Buffer.from('x')),
      /keys\/tsa-chain\.pem holds no PEM certificate/,
    ],
  ])('by whoever has the signing key: %s', async (_, change, message) => {
    const copy = new Map(files);
    change(copy);
    copy.delete('manifest.json.tsr');
    const sealed = await reseal(copy, given.signer, (manifest) => {
      const stamped = [...copy.keys()].filter((name) => name.endsWith('.tsr'));
      manifest.seals = [
        ...manifest.seals.slice(0, 3),
        ...stamped.sort().map((file) => ({ file, covers: file.slice(0, -4), form: 'rfc3161' })),
      ];
    });
    const { ok, problems, proved } = await verified(sealed);
    expect(ok).toBe(false);
    expect(
      problems.some((each) => message.test(each)),
      problems.join('\n'),
    ).toBe(true);
    expect(proved.join('\n')).not.toMatch(/checkpoints? at/);
  });

  const put = (copy: Files, name: string, content: string) => {
    copy.set(name, Buffer.from(content)).set(`${name}.tsr`, stamp(Buffer.from(content)));
  };
  const laterNote = () => {
    collect(given.ledger, [pod({ name: 'later' })]);
    return given.ledger.checkpoint().note;
  };
});

describe.skipIf(!hasCommand('openssl'))('with tokens of openssl', () => {
  let folder: string;
  let path: string;
  let made: Files;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pack-tsa-'));
    const tsa = makeOpensslAuthority(join(folder, 'tsa'));
    const stamper: Stamper = async (data) => {
      const request = createTimestampRequest(digestOf(data));
      return acceptTimestamp(await tsa.answer(request.der), request, { anchors: null }).der;
    };
    const own = await Promise.all(
      given.ledger
        .checkpoints()
        .filter(({ size }) => size <= given.inputs.records.length)
        .slice(-3)
        .map(async ({ size, note }) => ({ size, note, tsr: (await stamper(Buffer.from(note))) ?? new Uint8Array() })),
    );
    const timestamps = { stamp: stamper, ca: readFileSync(tsa.ca, 'utf8'), tokens: own };
    made = await createPack({ ...given.inputs, timestamps });
    path = unpack(made, join(folder, 'pack'));
    mkdirSync(join(folder, 'without'));
    unpack(await createPack({ ...given.inputs, timestamps: { ...timestamps, ca: null } }), join(folder, 'without'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What README-verify.txt tells to type under a title. */
  const type = (directory: string, title: string) => {
    const [, section = ''] =
      new RegExp(`\\n\\d\\. ${title}\\n([^]*?)\\n\\d\\. `).exec(readFileSync(join(directory, 'README-verify.txt'), 'utf8')) ?? [];
    const lines = section.split('\n').filter((line, n, all) => line.startsWith('   $ ') || (n > 0 && (all[n - 1] ?? '').endsWith('\\')));
    return run('bash', ['-c', `cd "${directory}" && ${lines.map((line) => line.slice(5)).join('\n')}`]);
  };

  it.each(['pack', 'without'])('the lines of README-verify.txt verify them (%s)', (name) => {
    const directory = join(folder, name);
    const manifest = type(directory, 'The time of the manifest');
    expect(manifest.status).toBe(0);
    expect(manifest.output).toMatch(/Verification: OK\nTime stamp: \w{3} +\d/);
    const log = type(directory, 'The times of the log');
    expect(log.output.match(/Verification: OK/g)).toHaveLength(3);
  });

  it('the line of README-verify.txt fails for another manifest', () => {
    const manifest = readFileSync(join(path, 'manifest.json'));
    writeFileSync(join(path, 'manifest.json'), flip(manifest, 20, 0));
    expect(type(path, 'The time of the manifest').output).not.toContain('Verification: OK');
    writeFileSync(join(path, 'manifest.json'), manifest);
  });

  it('we verify them, too', async () => {
    const result = await verifyPack(path, { timestampCa: readFileSync(join(folder, 'tsa', 'root.pem'), 'utf8') });
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(result.notProved.join('\n')).not.toMatch(clock);
  });

  it.skipIf(!hasCommand('pdfsig'))('the PDF is valid to pdfsig, and its CMS to openssl', () => {
    expect(run('pdfsig', [join(path, 'report.pdf')]).output).toMatch(
      /Signature is Valid[^]*Total document signed|Total document signed[^]*Signature is Valid/,
    );
    const pdf = Buffer.from(made.get('report.pdf') ?? []);
    const [, a, b, c, d] = /\/ByteRange \[(\d+) (\d+) (\d+) (\d+)/.exec(pdf.toString('latin1')) ?? [];
    const [start, end] = [Number(a) + Number(b), Number(c)];
    const cms = Buffer.from(pdf.toString('latin1', start + 1, end - 1), 'hex');
    writeFileSync(join(folder, 'x.p7s'), cms.subarray(0, 4 + cms.readUInt16BE(2)));
    writeFileSync(join(folder, 'covered'), Buffer.concat([pdf.subarray(0, start), pdf.subarray(end, end + Number(d))]));
    const certificate = join(path, 'keys', 'document-certificate.pem');
    const args = [
      '-inform',
      'DER',
      '-in',
      join(folder, 'x.p7s'),
      '-content',
      join(folder, 'covered'),
      '-CAfile',
      certificate,
      '-purpose',
      'any',
      '-binary',
      '-out',
      '/dev/null',
    ];
    expect(run('openssl', ['cms', '-verify', '-cades', ...args]).output).toContain('successful');
    expect(run('openssl', ['cms', '-cmsout', '-print', '-noout', '-inform', 'DER', '-in', join(folder, 'x.p7s')]).output).toMatch(
      /unsignedAttrs:[^]*1\.2\.840\.113549\.1\.9\.16\.2\.14/,
    );
  });

  it('says in README-verify.txt what time rests on', () => {
    expect(text(made, 'README-verify.txt')).toMatch(/A time-stamp proves that something existed before its time/);
    expect(text(given.files, 'README-verify.txt')).toMatch(/There is no timestamp of an authority \(RFC 3161\)/);
    expect(hash('sha256', text(made, 'README-verify.txt'))).not.toBe(hash('sha256', text(given.files, 'README-verify.txt')));
  });
});
