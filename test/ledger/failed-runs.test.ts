/** A cluster that could not be read for a year: what is asked of its last success does not walk through all that failed. */
import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { createRuns, type Runs } from '../../src/ledger/runs/runs.ts';
import { createLogStore, type LogStore } from '../../src/ledger/storage/log-store.ts';
import { createPayloadStore } from '../../src/ledger/storage/payloads.ts';
import { attack, put, recordAt } from './attacks-given.ts';
import { clockFrom, collect, create, digest, identity, pod, signerOf, start } from './given.ts';
import { temporaryPath } from './temporary.ts';

const failures = 10_000;
const at = '2026-08-14T12:00:00.000Z';

function fail(log: LogStore, run: number, reusable: string | null): void {
  const common = { v: 1, at, cluster: 'prod', run, uuid: `00000000-0000-4000-8000-${String(run).padStart(12, '0')}` } as const;
  const nothing = { listings: 0, complete: 0, items: 0, gaps: 0, serverClockSkewMs: null, clusterUid: null, caFingerprint: null };
  const status = reusable === null ? 'interrupted' : 'failed';
  const times = { startedAt: at, endedAt: at, observedAt: null };
  log.append({
    type: 'run-planned',
    ...common,
    kind: 'scheduled',
    slot: at,
    tool: 't',
    collectors: { count: 1, digest },
    definitions: digest,
  });
  log.append({ type: 'run-ended', ...common, status, ...times, ...nothing, snapshot: null, reusable });
}

const stored = new Map<string, Buffer>();

/** Run 1, then ten thousand that failed or, with `reusable` null, whose process died. */
function place(first: 'succeeded' | 'failed', reusable: string | null = null): string {
  const path = temporaryPath();
  const key = `${first} ${reusable}`;
  const known = stored.get(key);
  if (known !== undefined) {
    writeFileSync(path, known);
    return path;
  }
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  if (first === 'succeeded') collect(ledger, [pod({ name: 'a' })]);
  else start(ledger).end({ status: 'failed', error: 'no route to host', identity: { ...identity, uid: null }, serverClockSkewMs: null });
  ledger.close();
  const raw = new Database(path);
  const log = createLogStore(raw);
  raw.transaction(() => {
    for (let run = 2; run < 2 + failures; run++) fail(log, run, reusable);
    log.sign(signerOf());
  })();
  raw.close();
  stored.set(key, readFileSync(path));
  return path;
}

/** How many records are looked for. */
function lookups(path: string, ask: (runs: Runs) => unknown): { readonly answer: unknown; readonly looked: number } {
  const db = new Database(path, { readonly: true });
  const log = createLogStore(db);
  let looked = 0;
  const counting = (name: 'find' | 'latest') => ({
    [name]: (...args: unknown[]) => {
      looked++;
      return (log[name] as (...all: unknown[]) => unknown)(...args);
    },
  });
  const counted = { ...log, ...counting('find'), ...counting('latest') };
  const answer = ask(createRuns(db, counted, createPayloadStore(db)));
  db.close();
  return { answer, looked };
}

const asked: readonly [string, (runs: Runs) => unknown, unknown, unknown][] = [
  ['which cluster the name stands for', (runs) => runs.binding('prod')?.uid, identity.uid, undefined],
  ['the last snapshot', (runs) => runs.snapshotBefore('prod', 2 + failures)?.record.run, 1, undefined],
  ['what may be reused', (runs) => runs.lastReusable('prod')?.record.run, 1, 1],
  ['all clusters', (runs) => runs.clusters().map(({ uid, lastRun }) => [uid, lastRun.number]), [[identity.uid, 10_001]], [[null, 10_001]]],
];

describe('after ten thousand runs that read nothing', { timeout: 60_000 }, () => {
  it.each(asked)('%s is found in a few steps', (_, ask, succeeded, failed) => {
    for (const [first, expected] of [
      ['succeeded', succeeded],
      ['failed', failed],
    ] as const) {
      const { answer, looked } = lookups(place(first), ask);
      expect(answer).toEqual(expected);
      expect(looked).toBeLessThan(12);
    }
  });

  it('the last one that says what may be reused is the last one that failed', () => {
    const { answer, looked } = lookups(place('failed', digest), (runs) => runs.lastReusable('prod')?.record.run);
    expect(answer).toBe(10_001);
    expect(looked).toBe(1);
  });

  it('the next one succeeds, and all of it verifies', () => {
    const path = place('succeeded');
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom('2026-08-15T00:00:00.000Z'), signer: signerOf() });
    expect(collect(ledger, [pod({ name: 'b' })], { resourceVersion: '101' })).toMatchObject({ number: 10_002, status: 'succeeded' });
    expect([...(ledger.snapshot('prod', 10_002).previous()?.objects('k8s.workloads/pods') ?? [])].map(({ name }) => name)).toEqual(['a']);
    ledger.close();
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  });
});

describe('the index by which snapshots are found', () => {
  it('is held against the record, and its loss is named', () => {
    const path = temporaryPath();
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    const { leaf } = collect(ledger, [pod({ name: 'a' })]);
    ledger.close();
    // The record changes under it: an index that SQLite does not bring up to date is one of a damaged file.
    attack(path, (raw) => {
      raw.unsafeMode(true);
      const sql = raw.prepare<[], string>("SELECT sql FROM sqlite_schema WHERE name = 'log_of_snapshots'").pluck().get() ?? '';
      const damage = (statement: string) => raw.exec(`PRAGMA writable_schema = ON; ${statement}; PRAGMA writable_schema = RESET`);
      damage(`UPDATE sqlite_schema SET sql = replace(sql, '''partial''', '''failed''') WHERE name = 'log_of_snapshots'`);
      put(raw, leaf, { ...recordAt(raw, leaf), status: 'failed' });
      damage(`UPDATE sqlite_schema SET sql = '${sql.replaceAll("'", "''")}' WHERE name = 'log_of_snapshots'`);
    });
    const db = new Database(path, { readonly: true });
    const runs = createRuns(db, createLogStore(db), createPayloadStore(db));
    for (const ask of [() => runs.binding('prod'), () => runs.snapshotBefore('prod', 2)])
      expect(ask).toThrow('the index by which records are found is damaged');
    db.close();
    expect(verifyLedger(path).problems.join('\n')).toMatch('the index of snapshots has 1 of them, and the records have 0');
    attack(path, (raw) => raw.exec('DROP INDEX log_of_snapshots'));
    expect(verifyLedger(path).problems.join('\n')).toMatch(/lacks a part of the schema: CREATE INDEX log_of_snapshots/);
  });
});
