/** Time-stamp tokens in the ledger: kept only when they hold, found by `verify` when they do not, and their absence visible. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { acceptTimestamp, createTimestampRequest } from '../../src/signing/index.ts';
import { answer, type Authority, makeAuthority, type Wrong } from '../signing/authority.ts';
import { clockFrom, collect, create, pod, signerOf } from './given.ts';

const authority = makeAuthority();
let folder: string;
let path: string;
let ledger: Ledger;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokens-'));
  path = join(folder, 'ledger.db');
  ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
});
afterEach(() => {
  ledger.close();
  rmSync(folder, { recursive: true });
});

/** A token over a note, made at a time (`20260814120005Z`). */
function stamp(note: string, at: string, by: Authority = authority, wrong: Wrong = {}): Uint8Array {
  const request = createTimestampRequest(new Uint8Array(createHash('sha256').update(note).digest()));
  return acceptTimestamp(answer(request.der, by, { at, ...wrong }), request, { anchors: [by.root.certificate] }).der;
}

function stampHead(at: string) {
  const { size, note } = ledger.checkpoint();
  return ledger.recordToken({ size, tsr: stamp(note, at) });
}

it('keeps a token with the time that it says, and verify counts it', () => {
  const token = stampHead('20260814120005.25Z');
  expect(token.at).toBe('2026-08-14T12:00:05.250Z');
  expect(ledger.tokens()).toEqual([{ ...token, tsr: expect.anything() }]);
  expect(Buffer.from(ledger.tokens()[0]?.tsr ?? []).equals(token.tsr)).toBe(true);
  expect(verifyLedger(path)).toMatchObject({ ok: true, counts: { tokens: 1 } });
});

it('keeps the first token of a size', () => {
  const first = stampHead('20260814120005Z');
  expect(stampHead('20260814130005Z').at).toBe(first.at);
  expect(ledger.tokens()).toHaveLength(1);
});

it('gives those up to a size', () => {
  const { size } = stampHead('20260814120005Z');
  collect(ledger, [pod({ name: 'a' })]);
  stampHead('20260814120105Z');
  expect(ledger.tokens()).toHaveLength(2);
  expect(ledger.tokens(size)).toHaveLength(1);
  expect(ledger.tokens(size - 1)).toEqual([]);
});

test.each<[string, () => { size: number; tsr: Uint8Array }]>([
  ['over another checkpoint', () => ({ size: ledger.checkpoint().size, tsr: stamp('another note', '20260814120005Z') })],
  ['of a size that has no checkpoint', () => ({ size: 99, tsr: stamp(ledger.checkpoint().note, '20260814120005Z') })],
  ['that is none', () => ({ size: ledger.checkpoint().size, tsr: Buffer.from('<html>') })],
])('refuses a token %s', (_, token) => {
  expect(() => ledger.recordToken(token())).toThrow(/the token is not over a checkpoint of size/);
  expect(ledger.tokens()).toEqual([]);
});

describe('status', () => {
  it('says that there is none', () => {
    expect(ledger.status().tokens).toEqual({ count: 0, last: null, gaps: [] });
  });

  it('shows records that no token covers within a day, and none where there are no records', () => {
    stampHead('20260814120005Z');
    const at = (time: string) => {
      ledger.close();
      ledger = openLedger({ path, mode: 'write', clock: clockFrom(time), signer: signerOf() });
      collect(ledger, [pod({ name: 'a' })]);
    };
    at('2026-08-17T12:00:00.000Z');
    expect(ledger.status().tokens).toEqual({ count: 1, last: { size: 2, at: '2026-08-14T12:00:05.000Z' }, gaps: [] });
    at('2026-08-19T12:00:00.000Z');
    const { gaps } = ledger.status().tokens;
    expect(gaps).toEqual([
      { from: expect.stringMatching(/^2026-08-17T12:00:/) as string, to: expect.stringMatching(/^2026-08-19T12:00:/) as string },
    ]);
    stampHead('20260819120500Z');
    expect(ledger.status().tokens).toMatchObject({ count: 2, gaps: [{ from: gaps[0]?.from, to: '2026-08-19T12:05:00.000Z' }] });
  });
});

describe('whoever writes to the file with SQL', () => {
  const sql = (statements: string, ...parameters: unknown[]) => {
    const db = new Database(path);
    try {
      db.pragma('foreign_keys = OFF');
      db.exec('DROP TRIGGER token_never_changes; DROP TRIGGER token_never_shrinks; DROP TRIGGER token_only_grows');
      db.prepare(statements).run(...parameters);
    } finally {
      db.close();
    }
  };
  const problems = () => verifyLedger(path).problems.filter((each) => !/schema/.test(each));

  beforeEach(() => {
    stampHead('20260814120005Z');
    collect(ledger, [pod({ name: 'a' })]);
    ledger.close();
  });

  it('cannot do it through the triggers', () => {
    const db = new Database(path);
    for (const statement of ["UPDATE token SET at = 'x'", 'DELETE FROM token', 'INSERT OR REPLACE INTO token SELECT * FROM token'])
      expect(() => db.exec(statement)).toThrow(/append-only/);
    db.close();
  });

  test.each<[string, string, RegExp]>([
    [
      'another time',
      "UPDATE token SET at = '2026-08-01T00:00:00.000Z'",
      /filed under 2026-08-01T00:00:00\.000Z, and says 2026-08-14T12:00:05\.000Z/,
    ],
    [
      'another checkpoint',
      'UPDATE token SET size = (SELECT max(size) FROM checkpoint)',
      /the token of the checkpoint at size \d+: it is of other data/,
    ],
    ['no token', "UPDATE token SET tsr = x'00'", /the time-stamp token cannot be used/],
    ['no checkpoint', 'UPDATE token SET size = 77', /row \d+ of token names a row of checkpoint that is missing|of other data/],
  ])('is found out: %s', (_, statement, message) => {
    sql(statement);
    expect(problems().join('\n')).toMatch(message);
  });

  it('is found out with a token of the right authority over other data', () => {
    sql('UPDATE token SET tsr = ?', stamp('another note', '20260814120005Z'));
    expect(problems()).toEqual([expect.stringMatching(/it is of other data/)]);
  });
});

it('tells of records that were dated back behind a token', () => {
  stampHead('20260814120005Z');
  ledger.close();
  ledger = openLedger({ path, mode: 'write', clock: clockFrom('2026-06-01T00:00:00.000Z'), signer: signerOf() });
  collect(ledger, [pod({ name: 'a' })]);
  const { notices } = verifyLedger(path);
  expect(notices.join('\n')).toMatch(/records 2, 3: dated before a time-stamp token whose checkpoint did not have them yet/);
});
