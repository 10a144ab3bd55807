/** How a ledger's file is opened: durable settings on every connection that writes, one lock whatever the file is called, births cut short. */
import { copyFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { openForReading, openForWriting } from '../../src/ledger/storage/database.ts';
import { exitCodeOf } from '../../src/model/index.ts';
import { clockFrom, collect, create, pod, signerOf } from './given.ts';
import { look } from './look.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const write = (path: string) => openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });

function made(): string {
  const path = temporaryPath();
  const ledger = openForTest(path);
  collect(ledger, [pod({ name: 'p' })]);
  ledger.close();
  return path;
}

function older(): string {
  const path = temporaryPath();
  copyFileSync(join(import.meta.dirname, 'fixtures/schema-1.sqlite'), path);
  return path;
}

describe('a connection', () => {
  it.each([
    ['to a new ledger', temporaryPath],
    ['to a ledger', made],
    ['to a ledger that it migrated', older],
  ])('%s that writes has a write-ahead log, syncs every commit, and holds references', (_, given) => {
    const { db, close } = openForWriting(given(), clockFrom(), true);
    onTestFinished(close);
    const settings = ['journal_mode', 'synchronous', 'foreign_keys'].map((name) => db.pragma(name, { simple: true }));
    expect(settings).toEqual(['wal', 2, 1]);
  });

  it.each([
    ['a ledger', made],
    ['an older ledger', older],
  ])('that reads %s cannot write', (_, given) => {
    const path = given();
    const { db, close } = openForReading(path);
    onTestFinished(close);
    expect(() => db.exec('DELETE FROM block')).toThrow('readonly');
  });
});

describe('the lock', () => {
  it('is one, whatever the ledger is called', () => {
    const path = made();
    const [linked, other] = [join(dirname(path), 'link.db'), join(dirname(temporaryPath()), 'elsewhere.db')];
    symlinkSync(path, linked);
    symlinkSync(linked, other);
    const ledger = openForTest(path);
    expect(() => write(other)).toThrow(`is being written by process ${process.pid}`);
    ledger.close();
    write(other).close();
    expect(look({ path: linked, mode: 'read' })).toEqual({ exit: 0, objects: [1], problems: [] });
  });

  it('that is damaged is named, and the ledger is not touched', () => {
    const path = made();
    const bytes = readFileSync(path);
    writeFileSync(`${path}-lock`, 'no lock'.repeat(1000));
    let thrown: unknown;
    try {
      write(path);
    } catch (error) {
      thrown = error;
    }
    expect([exitCodeOf(thrown), (thrown as Error).message]).toEqual([5, expect.stringContaining('ledger.db-lock, is damaged')]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(look({ path, mode: 'read' })).toEqual({ exit: 0, objects: [1], problems: [] });
  });
});

describe('a file in which a process died before the ledger was born', () => {
  const births: readonly [string, (path: string) => void][] = [
    ['empty', (path) => writeFileSync(path, '')],
    ['with nothing but a header', (path) => header(path)],
  ];

  it.each(births)('%s, is no ledger yet, and becomes one', (_, prepare) => {
    const path = temporaryPath();
    prepare(path);
    for (const refused of [
      () => openLedger({ path, mode: 'read', clock: clockFrom() }),
      () => openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() }),
      () => verifyLedger(path),
    ])
      expect(refused).toThrow(expect.objectContaining({ code: 'input', message: expect.stringContaining('there is no ledger at') }));
    const ledger = write(path);
    expect(collect(ledger, [pod({ name: 'p' })])).toMatchObject({ number: 1, status: 'succeeded' });
    ledger.close();
    expect(look({ path, mode: 'read' })).toEqual({ exit: 0, objects: [1], problems: [] });
  });

  function header(path: string): void {
    const raw = new Database(path);
    raw.pragma('journal_mode = WAL');
    raw.close();
    expect(statSync(path).size).toBe(4096);
  }
});

describe('a directory', () => {
  it.each(['read', 'write'] as const)('is no ledger to %s', (mode) => {
    const path = temporaryPath();
    mkdirSync(path);
    expect(look({ path, mode })).toMatchObject({ exit: 5, message: expect.stringContaining('cannot be opened or read') });
  });
});
