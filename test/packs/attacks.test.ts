/**
 * Attacks on packs that no other test here tries: parts of other packs and of earlier moments played again, exceptions that never had
 * effect, and what would keep the verifier busy for ever. Files, seals and the zip: verify-pack, hostile-signer, container, timestamps.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatEndorsement, formatVerifierKey, type LogRecord, type RecordOf, signCheckpoint } from '../../src/log/index.ts';
import { type Assessment, canonicalBytes, type Json } from '../../src/model/index.ts';
import { createPack, type PackVerification, verifyPack } from '../../src/packs/index.ts';
import { buildExceptionFile, type PackedException, problemsOfExceptions } from '../../src/packs/exception-file.ts';
import { checkKeys } from '../../src/packs/log-key.ts';
import type { Manifest } from '../../src/packs/manifest.ts';
import { rootOf, splitRecords } from '../../src/packs/record-sequence.ts';
import { createFindings } from '../../src/packs/verification.ts';
import { collect, digest, pod, signerOf } from '../ledger/given.ts';
import { type Files, type Given, givenPack, reseal, unpack } from './given.ts';

let given: Given;
let second: Given;
/** The same ledger's pack at an earlier and at a later checkpoint. */
let later: Files;
beforeAll(async () => {
  [given, second] = [await givenPack(), await givenPack()];
  later = await makeLater();
});
afterAll(() => {
  given.close();
  second.close();
});

async function makeLater(): Promise<Files> {
  const { ledger, inputs } = given;
  collect(ledger, [pod({ name: 'later' })], { resourceVersion: '300' });
  const { size, note } = ledger.checkpoint();
  const records = [...ledger.records(0, size)].map(({ bytes }) => bytes);
  const { at } = JSON.parse(Buffer.from(records.at(-1) ?? []).toString()) as { at: string };
  const exhibits = inputs.exhibits.map((exhibit) => ({ ...exhibit, proof: ledger.inclusionProof(exhibit.leaf, size) }));
  return createPack({ ...inputs, records, checkpoint: note, exhibits, time: new Date(at) });
}

async function verified(files: Files): Promise<PackVerification> {
  const path = join(given.folder, 'attacked');
  rmSync(path, { recursive: true, force: true });
  return verifyPack(unpack(files, path), { trust: given.signer.fingerprint });
}

const take = (from: Files, ...names: readonly string[]) =>
  new Map([...given.files, ...names.map((name) => [name, from.get(name) ?? new Uint8Array()] as const)]);

it('nothing is wrong with either before anybody comes', async () => {
  for (const files of [given.files, later]) expect(await verified(files)).toMatchObject({ ok: true, known: true, problems: [] });
});

describe('parts of another pack, put in without a key:', () => {
  it.each<[string, () => Files, RegExp]>([
    [
      'the manifest of a later one',
      () => take(later, 'manifest.json', 'manifest.json.p7s'),
      /was changed|has \d+ bytes|is not in the pack|is missing/,
    ],
    ['the manifest of a later one, without its seal', () => take(later, 'manifest.json'), /manifest\.json\.p7s: /],
    ['the seal of a later one', () => take(later, 'manifest.json.p7s'), /manifest\.json\.p7s: /],
    [
      'a later log',
      () => take(later, 'ledger/records.jsonl', 'ledger/checkpoint.txt'),
      /ledger\/(?:records\.jsonl|checkpoint\.txt) (?:was changed|has \d+ bytes)/,
    ],
    [
      'proofs against a later checkpoint',
      () => take(later, 'proofs/EX-0001.tlog-proof'),
      /proofs\/EX-0001\.tlog-proof (?:was changed|has \d+ bytes)/,
    ],
    [
      'an exhibit of another cluster’s ledger',
      () => take(second.files, 'evidence/EX-0001.json'),
      /evidence\/EX-0001\.json (?:was changed|has \d+ bytes)/,
    ],
    [
      'the judgement of another ledger',
      () => take(second.files, 'assessments/run-2.json'),
      /assessments\/run-2\.json (?:was changed|has \d+ bytes)/,
    ],
    [
      'the exceptions of another ledger',
      () => take(second.files, 'assessments/exceptions.json'),
      /assessments\/exceptions\.json (?:was changed|has \d+ bytes)/,
    ],
    [
      'the certificate of another signer',
      () => take(second.files, 'keys/document-certificate.pem'),
      /keys\/document-certificate\.pem (?:was changed|has \d+ bytes)/,
    ],
    ['a whole pack of somebody else', () => new Map(second.files), /is not the key that you trust/],
  ])('%s', async (_, make, message) => {
    const { ok, problems } = await verified(make());
    expect(ok).toBe(false);
    expect(problems.join('\n')).toMatch(message);
  });
});

describe('parts of another pack, put in and sealed by whoever has the document key:', () => {
  it.each<[string, () => Files, (manifest: Manifest) => unknown, RegExp]>([
    [
      'a later log under the old statements',
      () => take(later, 'ledger/records.jsonl', 'ledger/checkpoint.txt'),
      () => {},
      /not the checkpoint that the manifest names/,
    ],
    [
      'the records of a later log',
      () => take(later, 'ledger/records.jsonl'),
      () => {},
      /the checkpoint is of 9 records, and the pack has 11/,
    ],
    [
      'proofs of a later log',
      () => take(later, 'proofs/EX-0001.tlog-proof', 'proofs/EX-0002.tlog-proof'),
      () => {},
      /EX-0001\.tlog-proof is the proof of another record or checkpoint/,
    ],
    [
      'an exhibit of another ledger',
      () => take(second.files, 'evidence/EX-0001.json'),
      () => {},
      /EX-0001\.json: record \d+ of the log is another one/,
    ],
    [
      'an exhibit and its proof of another ledger',
      () => take(second.files, 'evidence/EX-0001.json', 'proofs/EX-0001.tlog-proof'),
      () => {},
      /EX-0001\.json: record \d+ of the log is another one/,
    ],
    [
      'the judgement of another ledger',
      () => take(second.files, 'assessments/run-2.json'),
      () => {},
      /names another record of the log|recorded another assessment/,
    ],
    [
      'the exceptions of another ledger',
      () => take(second.files, 'assessments/exceptions.json'),
      () => {},
      /EXC-1.* is not shown as the log recorded it/,
    ],
    [
      'the log of another ledger',
      () => take(second.files, 'ledger/records.jsonl', 'ledger/checkpoint.txt'),
      () => {},
      /not the checkpoint that the manifest names/,
    ],
    [
      'a time long after',
      () => new Map(given.files),
      (it) => void (it.pack = { ...it.pack, cluster: { ...it.pack.cluster, uid: null } }),
      /another kube-system UID than the log/,
    ],
    [
      'another origin',
      () => new Map(given.files),
      (it) => void (it.pack = { ...it.pack, checkpoint: { ...it.pack.checkpoint, origin: 'other' } }),
      /not the checkpoint that the manifest names/,
    ],
    [
      'a smaller log',
      () => new Map(given.files),
      (it) => void (it.pack = { ...it.pack, checkpoint: { ...it.pack.checkpoint, size: 4 } }),
      /not the checkpoint that the manifest names/,
    ],
    [
      'a record put in twice',
      () => new Map(given.files).set('ledger/records.jsonl', twice(given.files)),
      () => {},
      /the checkpoint is of 9 records, and the pack has 10/,
    ],
    [
      'an empty line among the records',
      () =>
        new Map(given.files).set(
          'ledger/records.jsonl',
          Buffer.concat([Buffer.from('\n'), given.files.get('ledger/records.jsonl') ?? Buffer.alloc(0)]),
        ),
      () => {},
      /an empty line in place of record 0/,
    ],
  ])('%s', async (_, make, change, message) => {
    const { ok, problems } = await verified(await reseal(make(), given.signer, change));
    expect(ok).toBe(false);
    expect(problems.join('\n')).toMatch(message);
  });

  const twice = (files: Files) => {
    const text = Buffer.from(files.get('ledger/records.jsonl') ?? []);
    return Buffer.concat([text.subarray(0, text.indexOf(10) + 1), text]);
  };
});

/** Records 0 to 5, and the file that shows the exception by which one finding is labelled. */
function excused(change: Partial<Story> = {}): string[] {
  const story: Story = { ...plain, ...change };
  const [requested, approved] = [seal({ item: story.item, requester: story.requester }), seal({ approver: story.approver })];
  const common = { v: 1, exception: 'EXC-1' } as const;
  const request = {
    ...common,
    type: 'exception-requested',
    at: '2026-08-01T00:00:00.000Z',
    cluster: story.cluster,
    control: story.control,
    expires: story.expires,
    details: requested.id,
  } as const;
  const approve = { ...common, type: 'exception-approved', at: story.approvedAt, cluster: story.cluster, details: approved.id } as const;
  const revoke = { ...common, type: 'exception-revoked', at: '2026-08-03T00:00:00.000Z', cluster: story.cluster, details: digest } as const;
  const judged = {
    type: 'assessed',
    v: 1,
    at: judgedAt,
    cluster: 'prod',
    run: 1,
    tool: 't',
    catalog: digest,
    params: digest,
    outcomes: { fail: 1 },
    assessment: digest,
    exceptionsAt: judgedAt,
  } satisfies RecordOf<'assessed'>;
  const order: LogRecord[] = [request, ...(story.isApproved ? [approve] : []), ...(story.isRevoked ? [revoke] : [])];
  const records: LogRecord[] = story.isLate ? [judged, ...order] : [...order, judged];
  const leaf = (type: string) => records.findIndex((record) => record.type === type);
  const packed: PackedException = {
    id: 'EXC-1',
    requested: { leaf: leaf('exception-requested'), details: requested },
    approved: { leaf: Math.max(0, leaf('exception-approved')), details: approved, ...story.shown?.(approved) },
  };
  const assessment = { controls: [{ id: 'POD-001', findings: [{ item: 'default/p', exception: 'EXC-1' }] }] } as unknown as Assessment;
  return problemsOfExceptions(buildExceptionFile([packed]), assessment, { leaf: leaf('assessed'), record: judged }, records);
}

interface Story {
  readonly cluster: string;
  readonly control: string;
  readonly item: string;
  readonly requester: string;
  readonly approver: string;
  readonly approvedAt: string;
  readonly expires: string;
  readonly isApproved: boolean;
  readonly isRevoked: boolean;
  /** Everything about it was recorded only after the judgement. */
  readonly isLate: boolean;
  readonly shown?: (approved: ReturnType<typeof seal>) => Partial<PackedException['approved']>;
}
const judgedAt = '2026-08-14T00:00:00.000Z';
const plain: Story = {
  cluster: 'prod',
  control: 'POD-001',
  item: 'default/p',
  requester: 'Alice',
  approver: 'Bob',
  approvedAt: '2026-08-02T00:00:00.000Z',
  expires: '2026-12-31T00:00:00.000Z',
  isApproved: true,
  isRevoked: false,
  isLate: false,
};
const seal = (value: Json) => {
  const salt = randomBytes(16);
  return { id: createHmac('sha256', salt).update(canonicalBytes(value)).digest('hex'), salt, value };
};

describe('an exception labels nothing', () => {
  it('else holds', () => {
    expect(excused()).toEqual([]);
  });
  const without = /EXC-1, by which a finding of POD-001 is labelled, was not in force for it when it was judged/;
  it.each<[string, Partial<Story>, RegExp]>([
    ['by its requester', { approver: ' alice' }, /was approved by whoever requested it/],
    ['that nobody approved', { isApproved: false }, without],
    ['that was approved after it expired', { expires: '2026-08-01T12:00:00.000Z' }, without],
    ['that had expired when it was judged', { expires: '2026-08-13T00:00:00.000Z' }, without],
    ['that was approved for a time after the judgement', { approvedAt: '2026-08-15T00:00:00.000Z' }, without],
    ['that was written behind the judgement, and dated back', { isLate: true }, without],
    ['that was revoked', { isRevoked: true }, without],
    ['of another cluster', { cluster: 'test' }, without],
    ['of another control', { control: 'NET-001' }, without],
    ['of another item', { item: 'default/q' }, /is for another item than default\/p/],
    [
      'whose approval is that of another',
      { shown: () => ({ details: seal({ approver: 'Carol' }) }) },
      /is not shown as the log recorded it/,
    ],
    ['whose approval is the request', { shown: () => ({ leaf: 0 }) }, /is not shown as the log recorded it/],
    ['whose approval is said to be erased', { shown: () => ({ details: null }) }, /is not shown as the log recorded it/],
  ])('%s', (_, change, message) => {
    expect(excused(change)).toEqual([expect.stringMatching(message)]);
  });
});

describe('nobody waits for', () => {
  it('a log of nothing but new keys', () => {
    // Each rotation needs the root of all records before it.
    const origin = 'audit.example/log';
    const genesis = {
      type: 'genesis',
      v: 1,
      at: judgedAt,
      ledger: '00000000-0000-4000-8000-000000000000',
      origin,
      logKey: formatVerifierKey(signerOf(origin)),
      tool: 't',
      details: digest,
    } as const;
    const records: LogRecord[] = [genesis];
    const stored: Uint8Array[] = [canonicalBytes(genesis)];
    for (let n = 1; n < 200; n += 1) {
      const [old, next] = [signerOf(origin, n), signerOf(origin, n + 1)];
      const endorsement = formatEndorsement({ origin, size: n, root: rootOf(stored) }, formatVerifierKey(next), old);
      const rotated = {
        type: 'key-rotated',
        v: 1,
        at: judgedAt,
        oldKey: formatVerifierKey(old),
        newKey: formatVerifierKey(next),
        endorsement,
        details: digest,
      } as const;
      records.push(rotated);
      stored.push(canonicalBytes(rotated));
    }
    const findings = createFindings();
    let hashed = 0;
    const watched = new Proxy(stored, {
      get(target, name) {
        if (typeof name === 'string' && /^\d+$/.test(name)) hashed += 1;
        return Reflect.get(target, name) as unknown;
      },
    });
    const manifest = { logKey: formatVerifierKey(signerOf(origin, 200)), documentKeyFingerprint: digest, pack: { checkpoint: { origin } } };
    checkKeys(records, watched, manifest as unknown as Manifest, findings);
    expect(findings.problems).toEqual([`no record of the log binds its key to the signing key ${digest}`]);
    expect(hashed).toBeLessThanOrEqual(stored.length);
  });

  it('records that are nothing but lines', () => {
    expect(() => splitRecords(Buffer.alloc(50_000_000, '\n'))).toThrow(/an empty line in place of record 0/);
    expect(() => splitRecords(Buffer.alloc(12_000_000, '1\n'))).toThrow(/more than 5000000 lines/);
  });

  it('a declaration that a log was restored which it was not', () => {
    const origin = 'audit.example/log';
    const genesis = {
      type: 'genesis',
      v: 1,
      at: judgedAt,
      ledger: '00000000-0000-4000-8000-000000000000',
      origin,
      logKey: formatVerifierKey(signerOf(origin)),
      tool: 't',
      details: digest,
    } as const;
    const { note } = signCheckpoint({ origin, size: 9, root: Buffer.alloc(32) }, signerOf(origin));
    const root = Buffer.alloc(32).toString('base64');
    const restored = {
      type: 'ledger-restored',
      v: 1,
      at: judgedAt,
      published: { size: 8, root, note },
      kept: { size: 1, root },
      details: digest,
    } as const;
    const findings = createFindings();
    const manifest = { logKey: genesis.logKey, documentKeyFingerprint: digest, pack: { checkpoint: { origin } } } as unknown as Manifest;
    checkKeys([genesis, restored], [genesis, restored].map(canonicalBytes), manifest, findings);
    expect(findings.problems.slice(0, 2)).toEqual([
      'record 1 declares another log restored than the one that it is in',
      'record 1 says something else of the published checkpoint than the checkpoint that it quotes',
    ]);
  });
});
