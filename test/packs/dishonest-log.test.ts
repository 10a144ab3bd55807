/** Packs of whoever holds the log key, too: another log, signed and sealed anew, with everything in the pack that hangs on it. */
import { createHmac } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  appendLeaf,
  formatTlogProof,
  inclusionProof,
  leafHash,
  type LogRecord,
  openCheckpoint,
  parseVerifierKey,
  type RecordOf,
  rootHash,
  signCheckpoint,
} from '../../src/log/index.ts';
import { type Assessment, canonicalBytes, canonicalize, type Json } from '../../src/model/index.ts';
import { type PackVerification, verifyPack } from '../../src/packs/index.ts';
import { splitRecords } from '../../src/packs/record-sequence.ts';
import { digest, signerOf } from '../ledger/given.ts';
import { edit, type Files, type Given, givenPack, reseal, type Salted, unpack } from './given.ts';

const judgement = 'assessments/run-2.json';
const at = '2026-08-14T13:00:00.000Z';
let given: Given;
beforeAll(async () => {
  given = await givenPack();
});
afterAll(() => given.close());

async function verified(files: Files): Promise<PackVerification> {
  const path = join(given.folder, 'pack');
  rmSync(path, { recursive: true, force: true });
  return verifyPack(unpack(files, path), { trust: given.signer.fingerprint });
}

interface Story {
  /** The records, which may be changed and added to. */
  readonly records?: (records: LogRecord[]) => unknown;
  readonly assessment?: (assessment: Change<Assessment>) => unknown;
  readonly files?: (files: Files) => unknown;
}
type Change<T> = { -readonly [K in keyof T]: Change<T[K]> };

const parse = (bytes: Uint8Array | undefined): unknown => JSON.parse(Buffer.from(bytes ?? []).toString());
const ofType = <T extends LogRecord['type']>(records: LogRecord[], type: T): RecordOf<T> & LogRecord =>
  records.findLast((record) => record.type === type) as RecordOf<T> & LogRecord;

/** Tells another story, and makes anew all that depends on it. */
async function retold({ records: change, assessment: judge, files: add }: Story): Promise<Files> {
  const files = new Map(given.files);
  const records = splitRecords(files.get('ledger/records.jsonl') ?? new Uint8Array()).map((bytes) => parse(bytes) as LogRecord);
  const shown = parse(files.get(judgement)) as Salted<Change<Assessment>> & { record: object };
  judge?.(shown.value);
  shown.id = createHmac('sha256', Buffer.from(shown.salt, 'hex')).update(canonicalize(shown.value)).digest('hex');
  const outcomes: Record<string, number> = {};
  for (const { outcome } of shown.value.controls) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  Object.assign(ofType(records, 'assessed'), { assessment: shown.id, outcomes });
  change?.(records);
  const stored = records.map((record) => Buffer.from(canonicalize(record as unknown as Json)));
  const nodes = new Map<string, Uint8Array>();
  const node = (level: number, index: number) => nodes.get(`${level} ${index}`) ?? new Uint8Array();
  for (const [leaf, bytes] of stored.entries())
    for (const { level, index, hash } of appendLeaf(node, leaf, leafHash(bytes))) nodes.set(`${level} ${index}`, hash);
  const size = stored.length;
  const { origin } = openCheckpoint(given.inputs.checkpoint, parseVerifierKey(given.inputs.verifierKey));
  const { note, root } = signCheckpoint({ origin, size, root: rootHash(node, size) }, signerOf());
  const nameOf = (leaf: number) => ({ leaf, hash: Buffer.from(node(0, leaf)).toString('hex') });
  files.set('ledger/records.jsonl', Buffer.concat(stored.flatMap((bytes) => [bytes, Buffer.from('\n')])));
  files.set('ledger/checkpoint.txt', Buffer.from(note));
  for (const id of ['EX-0001', 'EX-0002']) {
    const { leaf } = (parse(files.get(`evidence/${id}.json`)) as { record: { leaf: number } }).record;
    edit(files, `evidence/${id}.json`, ['record'], nameOf(leaf));
    const proof = formatTlogProof({ index: leaf, hashes: inclusionProof(node, leaf, size), checkpoint: note });
    files.set(`proofs/${id}.tlog-proof`, Buffer.from(proof));
  }
  const leaf = records.findLastIndex(({ type }) => type === 'assessed');
  files.set(judgement, canonicalBytes({ ...shown, record: nameOf(leaf) }));
  add?.(files);
  return reseal(files, given.signer, ({ pack }) => {
    pack.checkpoint = { origin, size, root: Buffer.from(root).toString('base64') };
    pack.assessment.leaf = leaf;
  });
}

it('the same story again holds', async () => {
  expect(await verified(await retold({}))).toMatchObject({ ok: true, known: true, problems: [] });
});

describe('does not hold:', () => {
  it.each<[string, Story, RegExp]>([
    ['a time that no clock gives', { records: (all) => (ofType(all, 'run-planned').at = '2026-08-14T24:00:00.000Z') }, /is no time$/],
    ['a log that was begun under another name', { records: (all) => (ofType(all, 'genesis').origin = 'other') }, /was begun as other/],
    [
      'a signing key that was revoked, and bound again',
      {
        records: (all) => {
          const bound = ofType(all, 'key-bound');
          const { documentKeyFingerprint: key } = bound;
          all.push(
            { ...bound, at, documentKeyFingerprint: digest, details: digest },
            { type: 'key-revoked', v: 1, at, what: 'document', key, from: at, details: digest },
            { ...bound, at, details: digest },
          );
        },
      },
      /^the signing key [0-9a-f]{64} is revoked by record 10 of the log$/,
    ],
    [
      'a listing that the assessment counts otherwise',
      {
        assessment: ({ controls }) => {
          for (const control of controls)
            control.evidence = control.evidence.map((each) => Object.assign({}, each, { items: each.items + 1 }));
        },
      },
      /^POD-001 stands on .* items, and EX-\d+ says something else of that listing$/,
    ],
  ])('%s', async (_, story, problem) => {
    const { ok, problems } = await verified(await retold(story));
    expect(ok).toBe(false);
    expect(problems).toContainEqual(expect.stringMatching(problem));
  });
});

it('a judgement that differs in nothing but the moment of its exceptions is no other one', async () => {
  const story: Story = { records: (all) => all.splice(8, 0, { ...ofType(all, 'assessed'), exceptionsAt: '2026-08-14T11:00:00.000Z' }) };
  const { ok, notProved } = await verified(await retold(story));
  expect(ok).toBe(true);
  expect(notProved.join('\n')).not.toContain('which judgement');
});

describe('holds, and is told:', () => {
  it.each<[string, Story, string]>([
    [
      'evidence that is said to be years old when it was imported',
      { records: (all) => (ofType(all, 'run-ended').observedAt = '2019-01-01T00:00:00.000Z') },
      'when the evidence of 1 run was so: it was imported up to 2783 days after the time that it gives for itself',
    ],
    [
      'that the log holds another judgement of the run',
      { records: (all) => all.splice(8, 0, { ...ofType(all, 'assessed'), outcomes: { fail: 2 } }) },
      'which judgement of run 2 to go by: beside that of record 9 the log has 1 by other rules or with other outcomes (record 8)',
    ],
    [
      'that later runs read something',
      {
        records: (all) => {
          const uuid = '00000000-0000-4000-8000-000000000009';
          const [planned, ended] = [ofType(all, 'run-planned'), ofType(all, 'run-ended')];
          all.push({ ...planned, run: 3, uuid, at }, { ...ended, run: 3, uuid, at, startedAt: at, endedAt: at });
        },
      },
      'what was found after run 2: the log has 1 later run of the cluster that read anything',
    ],
    [
      'a control that the assessment leaves out',
      { assessment: ({ controls }) => controls.pop() },
      'what POD-002 would say: the catalog has such a control, and the assessment no outcome of it',
    ],
    [
      'a control that the catalog does not have',
      { assessment: ({ controls }) => controls.push({ ...(controls[1] as (typeof controls)[number]), id: 'POD-009' }) },
      'by which rule POD-009 was judged: the catalog does not have it, or it has several outcomes',
    ],
    [
      'a control with two outcomes',
      { assessment: ({ controls }) => controls.push({ ...(controls[0] as (typeof controls)[number]), outcome: 'pass', findings: [] }) },
      'by which rule POD-001 was judged: the catalog does not have it, or it has several outcomes',
    ],
    [
      'a pass without evidence',
      { assessment: ({ controls }) => ((controls[1] as (typeof controls)[number]).evidence = []) },
      'that POD-002 could pass: the assessment names no evidence of it, or such as was not read whole',
    ],
    [
      'a pass with a gap',
      {
        assessment: ({ controls }) =>
          ((controls[1] as (typeof controls)[number]).gaps = [{ reason: 'forbidden', what: 'pods', detail: '', closedBy: '' }]),
      },
      'that POD-002 could pass: the assessment names no evidence of it, or such as was not read whole',
    ],
    [
      'a pass on evidence that the assessment itself calls incomplete',
      {
        assessment: ({ controls }) => {
          const [, control] = controls;
          if (control !== undefined) control.evidence = control.evidence.map((each) => Object.assign({}, each, { complete: false }));
        },
      },
      'that POD-002 could pass: the assessment names no evidence of it, or such as was not read whole',
    ],
    [
      'files that stand among those that are read, before all others',
      {
        files: (files) => {
          for (let n = 10; n < 20; n += 1) files.set(`a/${n}.txt`, Buffer.from('x'));
          files.set('evidence/EX-0000009.json', Buffer.from('{}')).set('proofs/EX-0000009.tlog-proof', Buffer.from('x'));
        },
      },
      'the content of 12 other files (evidence/EX-0000009.json, proofs/EX-0000009.tlog-proof, a/10.txt, a/11.txt, a/12.txt, a/13.txt, a/14.txt, a/15.txt, a/16.txt, a/17.txt, and 2 more): as it was signed, and nothing here reads it',
    ],
  ])('%s', async (_, story, sentence) => {
    const { ok, problems, notProved } = await verified(await retold(story));
    expect({ ok, problems }).toEqual({ ok: true, problems: [] });
    expect(notProved).toContain(sentence);
  });
});
