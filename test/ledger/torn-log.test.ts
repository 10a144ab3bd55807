/**
 * A write-ahead log that was cut or scribbled on: what SQLite still reads of it is a beginning of what was committed, and the ledger is whole.
 * With `synchronous=FULL` no crash leaves such a log; a disk that lies about its writes, or a copy made at a bad moment, may.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { array, assert as holds, nat, property, tuple, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { clockFrom, collect, plan, pod, pods, signerOf } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const verified = { ok: true, problems: [] };
const podsOf = (version: number) =>
  Array.from({ length: 40 }, (_, index) => pod({ name: `p-${index}`, uid: `u-${index}`, resourceVersion: `${index < 4 ? version : 0}` }));

interface Torn {
  readonly file: Buffer;
  readonly log: Buffer;
  readonly records: readonly string[];
  readonly checkpoints: readonly string[];
}

/** Runs 1 to 4 are in the file, 5 to 7 and an open one in the write-ahead log, which has pages of the earlier ones behind the newer ones. */
function victim(): Torn {
  const path = temporaryPath();
  const ledger = openForTest(path);
  for (let version = 1; version < 5; version++) collect(ledger, podsOf(version), { resourceVersion: `${version}` });
  const raw = new Database(path);
  raw.pragma('wal_checkpoint(PASSIVE)');
  raw.close();
  for (let version = 5; version < 8; version++) collect(ledger, podsOf(version), { resourceVersion: `${version}` });
  ledger.recordMissed({ cluster: 'prod', slot: '2026-08-14T11:00:00.000Z' });
  plan(ledger);
  const records = [...ledger.records()].map(({ bytes }) => Buffer.from(bytes).toString());
  const checkpoints = ledger.checkpoints().map(({ note }) => note);
  return { file: readFileSync(path), log: readFileSync(`${path}-wal`), records, checkpoints };
}

/** Returns how many records were left. */
function requireWhole({ records, checkpoints }: Torn, file: Buffer, log: Buffer): number {
  const path = temporaryPath();
  writeFileSync(path, file);
  writeFileSync(`${path}-wal`, log);
  expect(verifyLedger(path)).toMatchObject(verified);
  const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
  const kept = [...reader.records()].map(({ bytes }) => Buffer.from(bytes).toString());
  const signed = reader.checkpoints().map(({ note }) => note);
  const succeeded = reader.runs().filter(({ status }) => status === 'succeeded');
  for (const { number } of succeeded) expect([...reader.snapshot('prod', number).objects(pods)]).toHaveLength(40);
  reader.close();
  expect(kept).toEqual(records.slice(0, kept.length));
  expect(signed).toEqual(checkpoints.slice(0, signed.length));
  const writer = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() });
  collect(writer, podsOf(900));
  expect(writer.runs().map(({ number }) => number)).toEqual(writer.runs().map((_, index) => index + 1));
  writer.close();
  expect(verifyLedger(path)).toMatchObject(verified);
  return kept.length;
}

describe('a write-ahead log', () => {
  const given = () => {
    const torn = victim();
    return { torn, inFile: requireWhole(torn, torn.file, Buffer.alloc(0)) };
  };

  it('that is missing leaves what the file has, and whole brings all', () => {
    const { torn, inFile } = given();
    expect(inFile).toBeGreaterThanOrEqual(10);
    expect(requireWhole(torn, torn.file, torn.log)).toBe(torn.records.length);
    expect(torn.records.length).toBeGreaterThan(inFile + 6);
  });

  it('cut off anywhere leaves a beginning', () => {
    const { torn, inFile } = given();
    const lengths = new Set<number>();
    const check = property(nat({ max: torn.log.length - 1 }), (length) => {
      const left = requireWhole(torn, torn.file, torn.log.subarray(0, length));
      expect(left).toBeGreaterThanOrEqual(inFile);
      lengths.add(left);
    });
    holds(check, { numRuns: 40, examples: [[0], [31], [32], [torn.log.length - 1]] });
    expect(lengths.size).toBeGreaterThan(2);
  });

  it('with anything behind it loses nothing', () => {
    const torn = victim();
    const check = property(uint8Array({ minLength: 1, maxLength: 10_000 }), (garbage) => {
      expect(requireWhole(torn, torn.file, Buffer.concat([torn.log, garbage]))).toBe(torn.records.length);
    });
    holds(check, { numRuns: 10 });
  });

  it('scribbled on anywhere leaves a beginning', () => {
    const { torn, inFile } = given();
    const scribble = array(tuple(nat({ max: torn.log.length - 1 }), uint8Array({ minLength: 1, maxLength: 5000 })), {
      minLength: 1,
      maxLength: 3,
    });
    const check = property(scribble, (places) => {
      const log = Buffer.from(torn.log);
      for (const [at, bytes] of places) Buffer.from(bytes).copy(log, at);
      expect(requireWhole(torn, torn.file, log)).toBeGreaterThanOrEqual(inFile);
    });
    holds(check, { numRuns: 40 });
  });
});
