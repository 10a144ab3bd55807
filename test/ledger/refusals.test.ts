import { chmodSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type LedgerOptions, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { exitCodeOf } from '../../src/model/index.ts';
import { clockFrom, collect, create, definitions, pod, signerOf } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const options = (path: string, mode: 'read' | 'write'): LedgerOptions => ({ path, mode, clock: clockFrom(), signer: signerOf() });

function made(): string {
  const path = temporaryPath();
  const ledger = openForTest(path);
  collect(ledger, [pod({ name: 'p' })]);
  ledger.close();
  return path;
}

function pragma(path: string, text: string): void {
  const raw = new Database(path);
  raw.pragma(text);
  raw.close();
}

function thrownBy(act: () => unknown): { code: number; message: string } {
  try {
    act();
  } catch (error) {
    return { code: exitCodeOf(error), message: (error as Error).message };
  }
  return { code: 0, message: '' };
}

describe('a ledger is refused in one sentence when it', () => {
  it.each([
    ['does not exist', temporaryPath, 2, 'there is no ledger at'],
    ['is no database', () => filled('hello, this is some text file and no database at all'.repeat(40)), 5, 'is no database'],
    ['is a directory', () => directory(), 5, 'cannot be opened or read'],
    ['is another database', () => other(), 2, 'but no Kubevidence ledger'],
    ['is newer', () => changed('user_version = 99'), 2, 'was made by a newer Kubevidence (schema 99'],
    ['says a schema that never was', () => changed('user_version = 0'), 4, 'has schema 0'],
  ])('%s', (_, given, code, message) => {
    const path = given();
    for (const mode of ['read', 'write'] as const) {
      expect(thrownBy(() => openLedger(options(path, mode)))).toEqual({ code, message: expect.stringContaining(message) });
    }
  });

  it('is damaged', () => {
    const path = made();
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(200, 0x5a), 0, 200, 100);
    const refused = thrownBy(() => openLedger(options(path, 'read')).runs());
    expect(refused).toEqual({ code: 4, message: expect.stringContaining('is damaged') });
    expect(verifyLedger(path).ok).toBe(false);
  });

  it('has another key than the signer’s', () => {
    expect(thrownBy(() => openLedger({ ...options(made(), 'write'), signer: signerOf('audit.example/log', 9) }))).toEqual({
      code: 2,
      message: expect.stringContaining('the log key is not the one of the ledger'),
    });
  });

  it('is made without a key', () => {
    const refused = thrownBy(() => openLedger({ path: temporaryPath(), mode: 'write', clock: clockFrom(), create }));
    expect(refused).toEqual({ code: 2, message: expect.stringContaining('needs a log key') });
  });

  it('is being written by somebody, and says by whom', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    const refused = thrownBy(() => openLedger(options(path, 'write')));
    expect(refused).toEqual({
      code: 5,
      message: expect.stringMatching(new RegExp(`is being written by process ${process.pid} on .+ since 2026-`)),
    });
    expect(openLedger(options(path, 'read')).runs()).toEqual([]);
    ledger.close();
    openLedger(options(path, 'write')).close();
  });

  it.skipIf(process.getuid?.() === 0)('may not be written', () => {
    const path = made();
    chmodSync(path, 0o400);
    expect(thrownBy(() => openLedger(options(path, 'write')))).toEqual({ code: 5, message: expect.stringContaining('cannot be written') });
  });

  it('is only read, and somebody writes to it', () => {
    const reader = openLedger(options(made(), 'read'));
    expect(thrownBy(() => reader.recordMissed({ cluster: 'prod', slot: '2026-08-14T12:00:00.000Z' })).message).toBe(
      'the ledger was opened for reading',
    );
    expect(thrownBy(() => reader.recordDefinitions(definitions({ x: '1' }))).code).not.toBe(0);
    reader.close();
  });
});

describe('a reader', () => {
  it('sees the last commit while a run is being written, and never blocks it', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, [pod({ name: 'first' })]);
    const reader = openLedger(options(path, 'read'));
    onTestFinished(() => reader.close());
    const objects = reader.snapshot('prod', 1).objects('k8s.workloads/pods')[Symbol.iterator]();
    expect(reader.runs()).toHaveLength(1);
    collect(
      ledger,
      Array.from({ length: 500 }, (_, index) => pod({ name: `p-${index}` })),
    );
    expect(objects.next().value?.name).toBe('first');
    expect(reader.runs()).toHaveLength(2);
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  });
});

function filled(text: string): string {
  const path = temporaryPath();
  writeFileSync(path, text);
  expect(readFileSync(path, 'utf8')).toBe(text);
  return path;
}

function directory(): string {
  const path = temporaryPath();
  mkdirSync(path);
  return path;
}

function other(): string {
  const path = temporaryPath();
  const raw = new Database(path);
  raw.exec('CREATE TABLE users (id INTEGER)');
  raw.close();
  return path;
}

function changed(text: string): string {
  const path = made();
  pragma(path, text);
  return path;
}
