/**
 * `kill -9` at random instants: the ledger verifies, no finished work is lost, no number is missing, and the next start says what happened.
 * CRASHES=200 kills as often as that; without it a few times per task.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import { type ReadOut, readOut } from './fixtures/read-out.ts';
import { clockFrom, collect, create, pod, pods, signerOf } from './given.ts';
import { temporaryPath } from './temporary.ts';

const child = join(import.meta.dirname, 'crash-child.ts');
const tasks = ['collect', 'checkpoint', 'erase', 'migrate'] as const;
const kills = Math.ceil(Number(process.env['CRASHES'] ?? 12) / tasks.length);
const timeout = kills * 5000;

/** Kills the child within `withinMs` of its start; resolves to what it said that it had finished. */
function killOnce(task: (typeof tasks)[number], paths: readonly string[], withinMs: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, task, ...paths], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [said, errors] = ['', ''];
    let timer: NodeJS.Timeout | undefined;
    started.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      timer ??= setTimeout(() => started.kill('SIGKILL'), Math.random() * withinMs);
    });
    started.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    started.on('error', reject);
    started.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL' || code === 0) resolve(said.trim().split('\n').slice(1).map(Number));
      else reject(new Error(errors));
    });
  });
}

/** Before anybody has cleared up: whole, or not yet born. */
function isBorn(path: string): boolean {
  try {
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
    return true;
  } catch (error) {
    if (error instanceof KubevidenceError && error.message.startsWith('there is no ledger')) return false;
    throw error;
  }
}

function recover<T>(path: string, look: (ledger: Ledger) => T): T {
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  try {
    return look(ledger);
  } finally {
    ledger.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  }
}

function requireNoGap(ledger: Ledger): void {
  const runs = ledger.runs('prod');
  expect(runs.map(({ number }) => number)).toEqual(runs.map((_, index) => index + 1));
  expect(ledger.checkpoint().size).toBe([...ledger.records()].length);
}

/** A few kills may all fall before anything happens; many that do would prove nothing. */
function requireHits(count: number): void {
  expect(count).toBeGreaterThan(kills > 20 ? kills / 5 : -1);
}

describe('a process killed', () => {
  it('while it collects leaves every finished run, and the open one interrupted', { timeout }, async () => {
    let [path, interrupted] = ['', 0];
    const finished = new Set<number>();
    for (let kill = 0; kill < kills; kill++) {
      // A new one now and then, so that its birth is hit as well.
      if (kill % 5 === 0) {
        path = temporaryPath();
        finished.clear();
      }
      for (const number of await killOnce('collect', [path], 150)) finished.add(number);
      expect(isBorn(path) || finished.size === 0).toBe(true);
      recover(path, (ledger) => {
        requireNoGap(ledger);
        const runs = ledger.runs('prod').map(({ number, status, error }) => {
          const size = [...ledger.snapshot('prod', number).objects(pods)].length;
          return { status, error, size, said: status === 'succeeded' || finished.has(number) };
        });
        const whole = { status: 'succeeded', error: null, size: 600, said: true };
        const cut = { status: 'interrupted', error: 'the process ended before the run did', size: 0, said: false };
        expect(runs).toEqual(runs.map(({ status }) => (status === 'succeeded' ? whole : cut)));
        interrupted += runs.filter(({ status }) => status !== 'succeeded').length;
        expect([...finished].filter((number) => ledger.run('prod', number) === undefined)).toEqual([]);
      });
    }
    requireHits(interrupted);
  });

  it('while it signs and closes leaves every checkpoint that it gave away', { timeout }, async () => {
    let [path, signed] = ['', 0];
    const given = new Set<number>();
    for (let kill = 0; kill < kills; kill++) {
      if (kill % 5 === 0) {
        path = temporaryPath();
        given.clear();
      }
      for (const size of await killOnce('checkpoint', [path], 150)) given.add(size);
      expect(isBorn(path) || given.size === 0).toBe(true);
      recover(path, (ledger) => {
        requireNoGap(ledger);
        const sizes = new Set(ledger.checkpoints().map(({ size }) => size));
        expect([...given].filter((size) => !sizes.has(size))).toEqual([]);
      });
      signed += given.size;
    }
    requireHits(signed);
  });

  it('while it erases leaves nothing half erased: the next start finishes it', { timeout }, async () => {
    const stored = 60;
    let [path, left, erased] = ['', 0, 0];
    for (let kill = 0; kill < kills; kill++) {
      if (left === 0) {
        path = temporaryPath();
        recover(path, (ledger) =>
          collect(
            ledger,
            Array.from({ length: stored }, (_, index) => pod({ name: `p-${index}` })),
          ),
        );
        left = stored;
      }
      // Opening and the first erasure take half of what the others are given, more on a busy machine.
      const gone = Math.max(0, ...(await killOnce('erase', [path], 400)));
      expect(isBorn(path)).toBe(true);
      recover(path, (ledger) => {
        const remaining = [...ledger.snapshot('prod', 1).objects(pods)].length;
        // Of one more than it could say.
        expect([left - gone, left - gone - 1]).toContain(remaining);
        expect(ledger.erasures().reduce((sum, { ids }) => sum + ids.length, 0)).toBe(stored - remaining);
        left = remaining;
        erased += gone;
      });
      const raw = new Database(path, { readonly: true });
      expect(raw.prepare('SELECT count(*) FROM unswept').pluck().get()).toBe(0);
      raw.close();
    }
    requireHits(erased);
  });

  it('while it migrates leaves the older ledger or the new one, whole', { timeout }, async () => {
    const was = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/schema-1.json'), 'utf8')) as ReadOut;
    let migrated = 0;
    for (let kill = 0; kill < kills; kill++) {
      const paths = Array.from({ length: 10 }, temporaryPath);
      for (const path of paths) copyFileSync(join(import.meta.dirname, 'fixtures/schema-1.sqlite'), path);
      const last = Math.max(-1, ...(await killOnce('migrate', paths, 150)));
      migrated += last + 1;
      // The one that was finished last, the one that was hit, and the one after it.
      for (const path of paths.slice(Math.max(0, last), last + 3)) {
        expect(isBorn(path)).toBe(true);
        const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
        expect(readOut(reader, was.records)).toEqual(was);
        reader.close();
        recover(path, (ledger) => expect(readOut(ledger, was.records)).toEqual(was));
      }
    }
    requireHits(migrated);
  });
});
