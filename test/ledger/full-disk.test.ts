/** A disk without room: the write fails with one sentence, what was finished stays and is read, and once there is room it goes on. */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openLedger, type RunWriter, verifyLedger } from '../../src/ledger/index.ts';
import { exitCodeOf, KubevidenceError, type RunSummary } from '../../src/model/index.ts';
import { clockFrom, collect, create, identity, pod, pods, signerOf, start } from './given.ts';
import { look } from './look.ts';
import { canMount, type Mount, mountTemporary } from './mounts.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const full = { exit: 5, message: expect.stringMatching(/^the disk is full: nothing more can be written to the ledger /) };
// Random text: nothing here gets smaller by compressing it.
const page = (count: number) =>
  Array.from({ length: count }, (_, index) => pod({ name: `p-${index}`, image: randomBytes(1500).toString('base64') }));

function failure(act: () => unknown): { exit: number; message: string; next?: string | undefined } {
  try {
    act();
  } catch (error) {
    if (error instanceof KubevidenceError) return { exit: exitCodeOf(error), message: error.message, next: error.next };
    throw error;
  }
  throw new Error('there was room');
}

/** Puts until there is no room. */
function fill(run: RunWriter): ReturnType<typeof failure> {
  return failure(() => {
    for (let pages = 0; pages < 100; pages++) run.put(pods, page(50));
  });
}

function requireKept(path: string, runs: readonly RunSummary[]): void {
  expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
  expect(reader.runs().slice(0, runs.length)).toEqual(runs);
  for (const { number } of runs) expect([...reader.snapshot('prod', number).objects(pods)]).toHaveLength(20);
  reader.close();
}

describe('a database that may not grow', () => {
  it('refuses in the middle of a run, keeps what was finished, and goes on when it may', () => {
    const path = temporaryPath();
    // SQLite limits a connection, not a file: this sees the one that the ledger opens.
    const seen = vi.spyOn(Database.prototype, 'pragma');
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const ledger = openForTest(path);
    const runs = [collect(ledger, page(20)), collect(ledger, page(20))];
    const connections = seen.mock.contexts as Database.Database[];
    const connection = connections.findLast(({ open, name }) => open && name === path) as Database.Database;
    connection.pragma(`max_page_count = ${Number(connection.pragma('page_count', { simple: true })) + 40}`);
    const run = start(ledger);
    run.put(pods, page(5));
    expect(fill(run)).toMatchObject({ ...full, next: expect.stringContaining('Make room') });
    requireKept(path, runs);
    expect(failure(() => run.put(pods, page(1)))).toMatchObject({ exit: 70 });
    connection.pragma('max_page_count = 1000000');
    expect(run.end({ status: 'partial', error: 'the disk was full', identity, serverClockSkewMs: null })).toMatchObject({ number: 3 });
    expect(collect(ledger, page(20))).toMatchObject({ number: 4, status: 'succeeded' });
    requireKept(path, runs);
  });
});

describe.skipIf(!canMount)('a disk that is full (skipped where nothing can be mounted)', () => {
  let mount: Mount;
  let path: string;
  beforeEach(() => {
    mount = mountTemporary('2m');
    path = join(mount.directory, 'ledger.db');
  });
  afterEach(() => mount.unmount());

  const open = () => openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  const other = () => join(mount.directory, 'other');
  const ballast = () => writeFileSync(other(), Buffer.alloc(1_200_000, 1));
  /** Takes every byte that is left. */
  const takeAll = () => {
    for (const size of [64 * 1024, 4096, 1]) {
      try {
        for (let at = 0; at < 1000; at++) writeFileSync(other(), Buffer.alloc(size, 1), { flag: 'a' });
      } catch {}
    }
  };

  it('keeps what was finished; the run that was open is interrupted when there is room again', () => {
    ballast();
    const ledger = open();
    const runs = [collect(ledger, page(20)), collect(ledger, page(20))];
    expect(fill(start(ledger))).toMatchObject(full);
    requireKept(path, runs);
    takeAll();
    requireKept(path, runs);
    ledger.close();
    takeAll();
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(failure(open)).toMatchObject(full);
      expect(failure(() => openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() }))).toMatchObject(full);
      requireKept(path, runs);
      takeAll();
    }
    rmSync(other());
    const again = open();
    expect(again.run('prod', 3)).toMatchObject({ status: 'interrupted' });
    expect(collect(again, page(20))).toMatchObject({ number: 4, status: 'succeeded' });
    again.close();
    requireKept(path, runs);
  });

  it('is read from a copy elsewhere where readers have no room to share memory', () => {
    const ledger = open();
    collect(ledger, page(20));
    ledger.close();
    takeAll();
    expect(look({ path, mode: 'read' })).toEqual({ exit: 0, objects: [20], problems: [] });
    rmSync(other());
    const again = open();
    expect(collect(again, page(20))).toMatchObject({ number: 2, status: 'succeeded' });
    again.close();
    expect(look({ path, mode: 'read' })).toEqual({ exit: 0, objects: [20, 20], problems: [] });
  });

  it('has too little room for a new ledger, or enough, and nothing is ever in the way of the next attempt', () => {
    const refused: unknown[] = [];
    for (let pages = 0; pages < 60; pages += 2) {
      takeAll();
      truncateSync(other(), statSync(other()).size - pages * 4096);
      try {
        open().close();
      } catch (error) {
        refused.push({ exit: exitCodeOf(error), message: (error as Error).message });
      }
      rmSync(other());
      const ledger = open();
      expect(collect(ledger, page(20))).toMatchObject({ number: 1, status: 'succeeded' });
      ledger.close();
      expect(look({ path, mode: 'read' })).toEqual({ exit: 0, objects: [20], problems: [] });
      for (const name of readdirSync(mount.directory)) rmSync(join(mount.directory, name));
    }
    expect(refused).toEqual(refused.map(() => full));
    expect(refused.length).toBeGreaterThan(5);
    expect(refused.length).toBeLessThan(30);
  });
});
