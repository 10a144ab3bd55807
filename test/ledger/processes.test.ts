/** Several processes at one ledger: one writes, the second waits or says who does; readers see whole commits and are in nobody's way. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { exitCodeOf } from '../../src/model/index.ts';
import { clockFrom, collect, pod, signerOf } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

type Child = ChildProcessByStdio<Writable, Readable, null>;

function startChild(task: string, path: string, ms = 0): { readonly child: Child; readonly said: AsyncIterableIterator<string> } {
  const script = join(import.meta.dirname, 'process-child.ts');
  const child: Child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, task, path, String(ms)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, said: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function next<T>(said: AsyncIterableIterator<string>): Promise<T> {
  const { value } = (await said.next()) as { value: string };
  return JSON.parse(value) as T;
}

async function exited(child: Child): Promise<void> {
  if (child.exitCode === null) await once(child, 'exit');
}

const podsOf = (version: number) => Array.from({ length: 600 }, (_, index) => pod({ name: `p-${index}`, image: `app:${version}` }));

describe('two collectors', () => {
  it('started at once, where there is no ledger yet, make one ledger; whoever does not get its turn says who has it', async () => {
    const path = temporaryPath();
    const children = Array.from({ length: 3 }, () => startChild('collect', path));
    const answers = await Promise.all(children.map(({ said }) => next<{ exit: number; number?: number; message?: string }>(said)));
    await Promise.all(children.map(({ child }) => exited(child)));
    const finished = answers.flatMap(({ number }) => number ?? []);
    expect(finished.toSorted((a, b) => a - b)).toEqual(finished.map((_, index) => index + 1));
    expect(finished.length).toBeGreaterThan(0);
    for (const { exit, message } of answers.filter(({ number }) => number === undefined))
      expect({ exit, message }).toEqual({ exit: 5, message: expect.stringContaining('is being written by process ') });
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [], counts: { runs: finished.length } });
  });

  it('take turns when the first one is done soon', async () => {
    const path = temporaryPath();
    const { said } = startChild('hold', path, 200);
    await next(said);
    const ledger = openForTest(path);
    expect(collect(ledger, podsOf(1))).toMatchObject({ number: 1, status: 'succeeded' });
  });

  it('do not wait for long: the second one names the first, and has its turn as soon as that one is gone, even killed', async () => {
    const path = temporaryPath();
    const { child, said } = startChild('hold', path, 60_000);
    await next(said);
    let refused: unknown;
    try {
      openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() });
    } catch (error) {
      refused = error;
    }
    expect(exitCodeOf(refused)).toBe(5);
    expect((refused as Error).message).toContain(`is being written by process ${child.pid} on ${hostname()} since 2026-08-14T12:00:`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(collect(openForTest(path), podsOf(1))).toMatchObject({ number: 1, status: 'succeeded' });
  });
});

describe('a reader in another process', () => {
  it('sees whole runs while they are written, keeps what it has begun to read, and never makes the writer wait', async () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, podsOf(1));
    const { child, said } = startChild('watch', path);
    await next(said);
    const most = 12;
    for (let version = 2; version <= most; version++) {
      // Whatever it is reading just now, and whatever it holds for it: the writer gets on, up to closing.
      if (version === 8) child.kill('SIGSTOP');
      collect(ledger, podsOf(version));
      await sleep(1);
    }
    ledger.close();
    child.kill('SIGCONT');
    child.stdin.end();
    const lines: { looks?: number; runs?: number; sizes?: number[]; problems?: string[]; rest?: number }[] = [];
    for await (const line of said) lines.push(JSON.parse(line));
    const looks = lines.filter(({ runs }) => runs !== undefined);
    expect(looks.length).toBeGreaterThan(0);
    for (const { sizes, problems } of looks) expect([sizes, problems]).toEqual([[600], []]);
    expect(looks.at(-1)?.runs).toBe(most);
    expect(lines.at(-1)).toEqual({ rest: 599 });
  });
});
