/** A backup is a whole ledger of one moment, whatever happens meanwhile, and never anything less. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { backupLedger, defaultRetention, exportLedger, importLedger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import { nothing, order } from './erase-given.ts';
import { readOut } from './fixtures/read-out.ts';
import { clockFrom, collect, listing, identity, pod, pods, start } from './given.ts';
import { canMount, mountTemporary } from './mounts.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => pod({ name: `p-${from + index}`, uid: `u-${from + index}` }));

async function refusal(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'done';
  } catch (error) {
    if (error instanceof KubevidenceError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('a backup', () => {
  it('is one private file that verifies, says what it holds, and goes on as a ledger', async () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, many(100));
    const out = join(dirname(path), 'backup.db');
    const backup = await backupLedger(path, out);
    const { size, root } = ledger.checkpoint();
    expect(backup).toMatchObject({
      path: out,
      bytes: statSync(out).size,
      counts: { records: 4, objects: 100 },
      runs: [{ cluster: 'prod', number: 1, status: 'succeeded' }],
      lastCheckpoint: { size, root: Buffer.from(root).toString('base64') },
    });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(path)).filter((name) => name.includes('backup'))).toEqual(['backup.db']);
    const reader = openLedger({ path: out, mode: 'read', clock: clockFrom() });
    expect(readOut(reader)).toEqual(readOut(ledger));
    reader.close();
    const restored = openForTest(out);
    collect(restored, many(100), { resourceVersion: '101' });
    expect(verifyLedger(out)).toMatchObject({ ok: true, problems: [] });
  });

  it('can be read where nothing can be written', async () => {
    const path = temporaryPath();
    collect(openForTest(path), many(10));
    const out = join(dirname(path), 'backup.db');
    await backupLedger(path, out);
    chmodSync(out, 0o400);
    expect(verifyLedger(out)).toMatchObject({ ok: true });
    expect(existsSync(`${out}-shm`)).toBe(false);
  });

  it('is of one moment while a collector writes', async () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, many(3000));
    const before = readOut(ledger);
    const writer = start(ledger);
    let written = 0;
    const stop = new AbortController();
    const write = async () => {
      while (!stop.signal.aborted) {
        writer.put(pods, many(64, written));
        written += 64;
        await new Promise((resolve) => setImmediate(resolve));
      }
      writer.close(listing(pods, written));
      writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 });
    };
    const writing = write();
    const out = join(dirname(path), 'backup.db');
    const backup = await backupLedger(path, out);
    stop.abort();
    await writing;
    expect(written).toBeGreaterThan(64);
    expect(backup.runs.map(({ number, endedAt }) => [number, endedAt !== null])).toEqual([
      [1, true],
      [2, false],
    ]);
    const restored = openForTest(out);
    expect(readOut(restored, before.records).listings).toEqual(before.listings);
    expect(restored.run('prod', 2)).toMatchObject({ status: 'interrupted' });
    expect(verifyLedger(out)).toMatchObject({ ok: true, problems: [] });
  });

  it('never takes the place of anything', async () => {
    const path = temporaryPath();
    openForTest(path);
    const out = join(dirname(path), 'backup.db');
    writeFileSync(out, 'mine');
    expect(await refusal(() => backupLedger(path, out))).toMatch(/^usage: .*exists already/);
    expect(readFileSync(out, 'utf8')).toBe('mine');
    rmSync(out);
    symlinkSync('nowhere', out);
    expect(await refusal(() => backupLedger(path, out))).toMatch(/^usage: .*exists already/);
    expect(await refusal(() => backupLedger(path, path))).toMatch(/^usage: .*exists already/);
    expect(await refusal(() => backupLedger(path, join(dirname(path), 'no', 'where')))).toMatch(/^unreachable: .*ENOENT/);
    expect(await refusal(() => backupLedger(join(dirname(path), 'none.db'), join(dirname(path), 'x')))).toMatch(
      /^input: there is no ledger/,
    );
  });

  it('of a ledger that does not verify is none', async () => {
    const path = temporaryPath();
    collect(openForTest(path), many(100));
    const raw = new Database(path);
    raw.exec('UPDATE block SET run = 1 WHERE first = 1');
    raw.close();
    const out = join(dirname(path), 'backup.db');
    expect(await refusal(() => backupLedger(path, out))).toMatch(/^integrity: the ledger does not verify, so this would be no backup: /);
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('backup'))).toEqual([]);
  });

  it('has nothing left of what was erased, also where the ledger itself is not swept yet', async () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, many(100));
    const [first] = [...ledger.snapshot('prod', 1).objects(pods)];
    const { records } = ledger.erase({ ...nothing, ids: [first?.id ?? ''] }, defaultRetention, order);
    ledger.close();
    const raw = new Database(path);
    raw.exec("CREATE TABLE scratch (text TEXT); INSERT INTO scratch VALUES ('gone-but-in-a-free-page'); DROP TABLE scratch");
    raw.prepare('INSERT INTO unswept VALUES (?)').run(records[0]);
    raw.pragma('wal_checkpoint(TRUNCATE)');
    raw.close();
    expect(readFileSync(path).includes('gone-but-in-a-free-page')).toBe(true);
    const out = join(dirname(path), 'backup.db');
    await backupLedger(path, out);
    expect(readFileSync(out).includes('gone-but-in-a-free-page')).toBe(false);
  });
});

describe.runIf(canMount)('a disk without room', () => {
  it('gets no piece of a backup, an export or an import', async () => {
    const path = temporaryPath();
    const objects = Array.from({ length: 200 }, (_, index) => pod({ name: `p-${index}`, image: randomBytes(1500).toString('base64') }));
    collect(openForTest(path), objects);
    const out = join(dirname(path), 'export');
    exportLedger(path, out);
    const mount = mountTemporary('256k');
    onTestFinished(mount.unmount);
    const here = (name: string) => join(mount.directory, name);
    for (const act of [
      () => backupLedger(path, here('backup.db')),
      async () => exportLedger(path, here('export')),
      async () => importLedger(out, here('ledger.db')),
    ]) {
      expect(await refusal(act)).toMatch(/^unreachable: the disk is full/);
      expect(readdirSync(mount.directory)).toEqual([]);
    }
  });
});
