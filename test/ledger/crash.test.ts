/** `kill -9` at any instant: the ledger verifies, no finished run is lost, no number is missing, and the next start says what happened. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { clockFrom, create, pods, signerOf } from './given.ts';
import { temporaryPath } from './temporary.ts';

const child = join(import.meta.dirname, 'crash-child.ts');

/** Starts the child and kills it `afterMs` after its first sign of life; resolves to the numbers of the runs that it said had ended. */
function killAfter(path: string, afterMs: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [said, errors] = ['', ''];
    let timer: NodeJS.Timeout | undefined;
    started.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      timer ??= setTimeout(() => started.kill('SIGKILL'), afterMs);
    });
    started.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    started.on('error', reject);
    started.on('close', (_, signal) => (signal === 'SIGKILL' ? resolve(said.trim().split('\n').map(Number)) : reject(new Error(errors))));
  });
}

describe('a process killed while it collects', () => {
  it('leaves a ledger that verifies, with every finished run, and the open one interrupted', async () => {
    const path = temporaryPath();
    const ended = new Set<number>();
    for (let round = 0; round < 6; round++) {
      for (const number of await killAfter(path, Math.random() * 60)) ended.add(number);
      expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
    }
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    const runs = ledger.runs('prod');
    expect(runs.map(({ number }) => number)).toEqual(runs.map((_, index) => index + 1));
    const succeeded = runs.filter(({ status }) => status === 'succeeded');
    const interrupted = runs.filter(({ status }) => status === 'interrupted');
    expect(succeeded.length + interrupted.length).toBe(runs.length);
    expect(succeeded.map(({ number }) => number)).toEqual(expect.arrayContaining([...ended]));
    expect(new Set(interrupted.map(({ error }) => error))).toEqual(new Set(['the process ended before the run did']));
    const sizes = (of: typeof runs) => new Set(of.map(({ number }) => [...ledger.snapshot('prod', number).objects(pods)].length));
    expect([sizes(succeeded), sizes(interrupted)]).toEqual([new Set([600]), new Set([0])]);
    expect(ledger.checkpoint().size).toBe(ledger.status().records);
    ledger.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    const { problems, counts } = verifyLedger(path);
    expect(problems).toEqual([]);
    expect(counts.objects).toBe(600 * succeeded.length);
  });
});
