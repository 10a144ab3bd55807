/** `serve` as a process: real signals, real clocks, several on one ledger. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../src/app/index.ts';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import type { ServeEvent } from '../../src/schedule/index.ts';
import { type Handler, serve as listenTls } from '../sources/live-server.ts';
import { makeKubeconfig } from '../sources/tls.ts';

const namespace = `apiVersion: v1\nkind: Namespace\nmetadata: {name: booking}\n`;

interface Serving {
  readonly child: ChildProcessByStdio<null, null, Readable>;
  readonly lines: string[];
  /** The next event of this name that nobody waited for yet. */
  event(name: ServeEvent['event']): Promise<ServeEvent>;
  /** Sends a signal; how it ended. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null }>;
}

function home(config: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'serve-cli-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'manifests'));
  writeFileSync(join(dir, 'manifests', 'namespace.yaml'), namespace);
  writeFileSync(join(dir, 'kubevidence.yaml'), `organization: Clinic\n${config}`, { mode: 0o600 });
  return dir;
}

function start(dir: string, ...args: string[]): Serving {
  const main = join(packageRoot, 'src', 'cli', 'main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'serve', ...args], {
    cwd: dir,
    env: { PATH: process.env['PATH'], HOME: dir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const seen: ServeEvent[] = [];
  const waiting: (() => void)[] = [];
  const ended = once(child, 'close') as Promise<[number | null]>;
  const wakeAll = () => {
    for (const wake of waiting.splice(0)) wake();
  };
  void ended.then(wakeAll);
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (line.startsWith('{')) seen.push(JSON.parse(line) as ServeEvent);
    wakeAll();
  });
  return {
    child,
    lines,
    async event(name) {
      for (;;) {
        const index = seen.findIndex(({ event }) => event === name);
        if (index >= 0) return seen.splice(index, 1)[0] as ServeEvent;
        if (child.exitCode !== null) throw new Error(`ended before ${name}: ${lines.join('\n')}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    async end(signal) {
      child.kill(signal);
      const [code] = await ended;
      return { code };
    },
  };
}

function runsIn(dir: string) {
  const path = join(dir, 'kubevidence', 'ledger.db');
  expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  const ledger = openLedger({ path, mode: 'read', clock: () => new Date() });
  const runs = ledger.runs();
  ledger.close();
  return runs;
}

/** Every minute, at a second that comes when two processes have started on a busy machine. */
const soon = () => `${(new Date().getSeconds() + 15) % 60} * * * * *`;
const files = (schedule: string) => `clusters: [{name: prod, directory: manifests}]\nschedule: {collect: "${schedule}"}\n`;

interface Cluster {
  readonly dir: string;
  /** The first list was asked for. */
  readonly asked: Promise<void>;
}

/** A server that answers who it is, and then never the lists, unless `handler` does. */
async function stuckCluster(handler: Handler = () => {}): Promise<Cluster> {
  let tell = () => {};
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const port = await listenTls((request, response, url) => {
    response.setHeader('content-type', 'application/json');
    const items = [{ metadata: { name: 'kube-system', uid: '11111111-2222-4333-8444-555555555555' } }];
    if (url.pathname === '/version') response.end(JSON.stringify({ gitVersion: 'v1.36.3' }));
    else if (url.searchParams.get('fieldSelector') !== null) response.end(JSON.stringify({ kind: 'NamespaceList', metadata: {}, items }));
    else if (request.method === 'POST') response.end('{}');
    else {
      tell();
      handler(request, response, url);
    }
  });
  const dir = home('clusters: [{name: prod, kubeconfig: kubeconfig}]\nschedule: {collect: "0 6 * * *"}\n');
  writeFileSync(join(dir, 'kubeconfig'), makeKubeconfig(`https://127.0.0.1:${port}`, { token: 'very-secret-token' }, {}));
  return { dir, asked };
}

describe('serve', { timeout: 150_000 }, () => {
  it('collects at the start and at each slot; two of them share the slots of one ledger', async () => {
    const dir = home(files(soon()));
    const both = [start(dir), start(dir)];
    const assessed = () => both.flatMap(({ lines }) => lines).filter((line) => line.includes('"event":"assessed"')).length;
    while (assessed() < 2) await Promise.race(both.map(({ child }) => once(child.stderr, 'data')));
    // Whoever was slower has seen that the slot is taken before both end.
    const ends = await Promise.all(both.map((each, index) => each.end(index === 0 ? 'SIGTERM' : 'SIGINT')));
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    for (const { lines } of both) expect(lines.at(-1)).toContain('"event":"stopped"');
    const runs = runsIn(dir);
    expect(runs.map(({ number, status, kind }) => [number, status, kind])).toEqual([
      [1, 'succeeded', 'scheduled'],
      [2, 'succeeded', 'scheduled'],
    ]);
    expect(Date.parse(runs[1]?.slot ?? '') - Date.parse(runs[0]?.slot ?? '')).toBe(60_000);
    for (const { lines } of both) for (const line of lines) expect(JSON.parse(line)).toMatchObject({ at: expect.stringMatching(/Z$/) });
  });

  it('gives a run under way up before it would be cut off after ten seconds, and records that', async () => {
    const { dir, asked } = await stuckCluster();
    const serving = start(dir);
    await asked;
    // As `timeout` and terminals do: to the process, and to its group.
    serving.child.kill('SIGTERM');
    expect((await serving.end('SIGTERM')).code).toBe(0);
    expect(runsIn(dir)).toMatchObject([{ status: 'interrupted', error: 'the run was stopped before it had read everything' }]);
    expect(readFileSync(join(dir, 'kubevidence', 'ledger.db')).includes('very-secret-token')).toBe(false);
    expect(serving.lines.join('\n')).not.toContain('very-secret-token');
  });

  it('finishes a run under way when it can', async () => {
    const list = JSON.stringify({ kind: 'NamespaceList', apiVersion: 'v1', metadata: {}, items: [] });
    const { dir, asked } = await stuckCluster((_request, response, url) => {
      const isThere = url.pathname === '/api/v1/namespaces';
      setTimeout(() => response.writeHead(isThere ? 200 : 404).end(isThere ? list : '{}'), 30);
    });
    const serving = start(dir);
    await asked;
    expect((await serving.end('SIGTERM')).code).toBe(0);
    expect(runsIn(dir)).toMatchObject([{ status: expect.stringMatching(/^(succeeded|partial)$/) }]);
  });

  it('that was killed leaves a run that its next start calls interrupted', async () => {
    const { dir, asked } = await stuckCluster();
    const killed = start(dir);
    await asked;
    await killed.end('SIGKILL');
    const again = start(dir);
    await again.event('started');
    await again.end('SIGTERM');
    expect(runsIn(dir)).toMatchObject([{ status: 'interrupted', error: 'the process ended before the run did' }]);
  });

  it('survives a cluster that nobody answers for, and says when it tries again', async () => {
    const dir = home('clusters: [{name: prod, kubeconfig: kubeconfig}]\nschedule: {collect: "* * * * *"}\n');
    writeFileSync(join(dir, 'kubeconfig'), makeKubeconfig('https://127.0.0.1:1', { token: 'very-secret-token' }, {}));
    const serving = start(dir);
    const failed = await serving.event('failed');
    expect(failed).toMatchObject({ run: 1, status: 'failed', message: expect.stringMatching(/127\.0\.0\.1:1.*; again at 20.*Z$/) });
    expect((await serving.end('SIGTERM')).code).toBe(0);
    expect(serving.lines.join('\n')).not.toContain('very-secret-token');
  });

  it('tells people in short lines without control characters', async () => {
    const dir = home(`clusters: [{name: prod, directory: "mani\\u001b[31mfests\\u202e"}]\nschedule: {collect: "0 6 * * *"}\n`);
    const serving = start(dir, '--log', 'text');
    while (serving.lines.length < 3) await once(serving.child.stderr, 'data');
    expect((await serving.end('SIGTERM')).code).toBe(0);
    // oxlint-disable-next-line no-control-regex
    expect(serving.lines.join('')).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(serving.lines.join('\n')).toMatch(/^20\S+Z warning prod: there is no \S+\/mani\\u\{1b\}\[31mfests\\u\{202e\}$/m);
  });
});
