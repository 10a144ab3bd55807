/** The parts of a verification one by one: records in sequence, exhibits, a checkpoint on its own. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { encodeRecord, formatVerifierKey, type LogRecord } from '../../src/log/index.ts';
import { canonicalBytes } from '../../src/model/index.ts';
import { verifyCheckpointFile } from '../../src/packs/index.ts';
import { checkExhibit } from '../../src/packs/exhibit.ts';
import { logKeyPem } from '../../src/packs/log-key.ts';
import { checkRecords, splitRecords } from '../../src/packs/record-sequence.ts';
import { digest, signerOf } from '../ledger/given.ts';
import { anyFlip, flip } from '../signing/fixtures.ts';
import { type Given, givenPack } from './given.ts';

let given: Given;
beforeAll(async () => {
  given = await givenPack();
});
afterAll(() => given.close());

const uuid = '11111111-2222-4333-8444-555555555555';
const at = '2026-08-14T12:00:00.000Z';
const common = { v: 1, at, cluster: 'prod' } as const;
/** Each run has its own. */
const uuidOf = (run: number, change: object = {}) => uuid.replace(/^1{8}/, `${'cluster' in change ? 2 : 1}`.padEnd(7, '0') + run);
const genesis: LogRecord = { type: 'genesis', v: 1, at, ledger: uuid, origin: 'a', logKey: 'a', tool: 'x', details: digest };
const planned = (run: number, change: object = {}): LogRecord => ({
  ...common,
  type: 'run-planned',
  run,
  uuid: uuidOf(run, change),
  kind: 'manual',
  slot: null,
  tool: 'x',
  collectors: { count: 1, digest },
  definitions: digest,
  ...change,
});
const missed = (run: number): LogRecord => ({ ...common, type: 'run-missed', run, uuid: uuidOf(run), slot: at });
const ended = (run: number, change: object = {}): LogRecord => ({
  ...common,
  type: 'run-ended',
  run,
  uuid: uuidOf(run, change),
  status: 'failed',
  startedAt: at,
  endedAt: at,
  observedAt: null,
  clusterUid: null,
  caFingerprint: null,
  listings: 0,
  complete: 0,
  items: 0,
  gaps: 0,
  serverClockSkewMs: null,
  snapshot: null,
  reusable: null,
  ...change,
});
const judged = (run: number): LogRecord => ({
  ...common,
  type: 'assessed',
  run,
  tool: 'x',
  catalog: digest,
  params: digest,
  outcomes: {},
  assessment: digest,
});

describe('records', () => {
  it.each<[string, LogRecord[], RegExp[]]>([
    ['nothing but a genesis', [genesis], []],
    ['runs one after the other', [genesis, planned(1), ended(1), judged(1), missed(2), planned(3), ended(3)], []],
    ['a run that has not ended', [genesis, planned(1)], []],
    ['runs of two clusters', [genesis, planned(1), planned(1, { cluster: 'test' }), ended(1), ended(1, { cluster: 'test' })], []],
    ['a time that no clock gives', [{ ...genesis, at: '2026-02-30T12:00:00.000Z' }], [/record 0: 2026-02-30T12:00:00.000Z is no time/]],
    [
      'such times inside',
      [genesis, planned(1, { slot: '2026-01-01T24:00:00.000Z' }), ended(1, { observedAt: '2026-13-01T00:00:00.000Z' })],
      [/record 1: 2026-01-01T24:00:00.000Z is no time/, /record 2: 2026-13-01T00:00:00.000Z is no time/],
    ],
    ['no genesis', [planned(1)], [/record 0 is a run-planned record/]],
    ['two of them', [genesis, genesis], [/record 1 is a genesis record/]],
    ['a run left out', [genesis, planned(1), ended(1), planned(3)], [/record 3: run 3 of prod follows run 1/]],
    ['a missed run left out', [genesis, missed(2)], [/record 1: run 2 of prod follows run 0/]],
    [
      'a run twice',
      [genesis, planned(1), ended(1), planned(1)],
      [/record 3: run 1 of prod follows run 1/, /record 3: run 1 of prod has the uuid of an earlier run/],
    ],
    [
      'a uuid twice',
      [genesis, planned(1), ended(1), planned(2, { uuid: uuidOf(1) })],
      [/record 3: run 2 of prod has the uuid of an earlier run/],
    ],
    [
      'a run that began before it was planned',
      [genesis, planned(1), ended(1, { startedAt: '2026-07-14T12:00:00.000Z' })],
      [/record 2: run 1 of prod says that it began at 2026-07-14/],
    ],
    ['an end without a plan', [genesis, ended(1)], [/record 1: run 1 of prod ends, and was not open/]],
    ['two ends', [genesis, planned(1), ended(1), ended(1)], [/record 3: run 1 of prod ends, and was not open/]],
    ['the end of another attempt', [genesis, planned(1), ended(1, { uuid: uuidOf(9) })], [/record 2: run 1 of prod ends/]],
    ['a plan inside a run', [genesis, planned(1), planned(2)], [/record 2: run 2 of prod is planned while run 1 has not ended/]],
    ['a judgement before the end', [genesis, planned(1), judged(1)], [/record 2: run 1 of prod is judged before it ended/]],
  ])('%s', (_name, records, problems) => {
    const checked = checkRecords(records.map(encodeRecord));
    expect(checked.problems).toHaveLength(problems.length);
    for (const [n, problem] of problems.entries()) expect(checked.problems[n]).toMatch(problem);
  });

  it('of a newer version are counted, and those that are dated backwards', () => {
    const newer = canonicalBytes({ type: 'from-the-future', v: 1, at });
    const { problems, records, backwards } = checkRecords([
      encodeRecord(genesis),
      newer,
      encodeRecord(planned(1, { at: '2026-08-13T12:00:00.000Z' })),
    ]);
    expect(problems).toEqual([]);
    expect(records[1]).toBeNull();
    expect(backwards).toBe(1);
  });

  test('any bytes give problems, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array(),
            fc.json().map((text) => Buffer.from(text)),
          ),
        ),
        (stored) => {
          expect(checkRecords(stored).records).toHaveLength(stored.length);
        },
      ),
    );
  });

  test('that are split are those that were joined', () => {
    const line = fc
      .uint8Array()
      .map((bytes) => bytes.filter((byte) => byte !== 0x0a))
      .filter(({ length }) => length > 0);
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), (lines) => {
        const joined = Buffer.concat(lines.map((each) => Buffer.concat([each, Buffer.from('\n')])));
        expect(splitRecords(joined).map((each) => Buffer.from(each))).toEqual(lines.map((each) => Buffer.from(each)));
      }),
    );
    expect(() => splitRecords(Buffer.from('{}\n\n'))).toThrow(/an empty line in place of record 1/);
    expect(() => splitRecords(Buffer.from('{}'))).toThrow(/newline/);
    expect(() => splitRecords(new Uint8Array())).toThrow(/newline/);
  });
});

describe('an exhibit', () => {
  it('takes no changed bit but in its own name', () => {
    const bytes = given.files.get('evidence/EX-0002.json') ?? new Uint8Array();
    const name = Buffer.from(bytes).indexOf('EX-0002');
    fc.assert(
      fc.property(anyFlip(bytes.length), ({ position, bit }) => {
        fc.pre(position < name || position >= name + 7);
        const { facts, problems } = checkExhibit(flip(bytes, position, bit), given.inputs.records);
        expect(facts).toBeNull();
        expect(problems).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('is nothing that any JSON is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(checkExhibit(Buffer.from(JSON.stringify(value)), given.inputs.records).facts).toBeNull();
      }),
    );
  });
});

describe('a checkpoint on its own', () => {
  const signer = signerOf();

  it('holds under the key of its log, in both forms', () => {
    for (const trust of [formatVerifierKey(signer), `${formatVerifierKey(signer)}\n`, logKeyPem(signer)]) {
      expect(verifyCheckpointFile(given.inputs.checkpoint, { trust })).toMatchObject({
        ok: true,
        known: true,
        problems: [],
        proved: [expect.stringMatching(/^the log audit.example\/log had 9 records with the root /)],
      });
    }
  });

  it('takes no changed bit', () => {
    const note = Buffer.from(given.inputs.checkpoint);
    const trust = formatVerifierKey(signer);
    for (let position = 0; position < note.length; position += 1) {
      const text = Buffer.from(flip(note, position, position % 7)).toString();
      expect(verifyCheckpointFile(text, { trust }), `${position}`).toMatchObject({
        ok: false,
        signer: null,
        problems: [expect.any(String)],
      });
    }
  });

  it.each<[string, string | undefined, RegExp]>([
    ['no key', undefined, /only be checked with the key of its log/],
    ['a fingerprint', digest, /no verifier key/],
    ['an empty key', '', /no verifier key/],
    ['a broken PEM', '-----BEGIN PUBLIC KEY-----\nxx\n-----END PUBLIC KEY-----\n', /no Ed25519 key/],
  ])('needs more than %s', (_name, trust, message) => {
    expect(() => verifyCheckpointFile(given.inputs.checkpoint, { trust })).toThrow(message);
  });

  it('is of no other key', () => {
    const trust = formatVerifierKey(signerOf('audit.example/log', 2));
    expect(verifyCheckpointFile(given.inputs.checkpoint, { trust })).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/not signed by/)],
    });
  });
});
