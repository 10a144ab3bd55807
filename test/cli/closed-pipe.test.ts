/** Whoever closes the pipe early, as `head` does, still learns by the exit code what there was to say. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'kubevidence-pipe-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** The exit code, and what stderr said, of a command whose output nobody reads. */
async function unread(args: readonly string[], input?: string): Promise<{ readonly code: number | null; readonly err: string }> {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (piece: Buffer) => (err += piece.toString('utf8')));
  const ended = once(child, 'close');
  child.stdin.on('error', () => undefined);
  // As long as it reads.
  const feed = (): void => {
    while (child.stdin.writable && child.stdin.write(input));
    child.stdin.once('drain', feed);
  };
  if (input === undefined) child.stdin.end();
  else feed();
  const [code] = (await ended) as [number | null];
  return { code, err };
}

it('a pack that does not hold is told by the exit code', async () => {
  expect(await unread(['verify', folder])).toEqual({ code: 4, err: '' });
});

it('a command that answers line by line ends, and does not say that it was done', async () => {
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] };
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy));
  const request = `${JSON.stringify({ verb: 'get', user: 'alice', resource: 'secrets', namespace: 'a', name: 'x'.repeat(200) })}\n`;
  expect(await unread(['audit', 'simulate', '--policy', 'policy.json', '--file', '-'], request.repeat(200))).toEqual({
    code: 141,
    err: '',
  });
});

it('a command whose warnings and errors nobody reads ends as it would, and says by its exit code what was wrong', async () => {
  const ending = async (args: readonly string[]) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder });
    child.stderr.destroy();
    let out = '';
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString('utf8')));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out };
  };
  expect(await ending(['ledger', 'status', '--no-such-option'])).toEqual({ code: 2, out: '' });
  writeFileSync(join(folder, 'role.json'), JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' }));
  // It warns of the role without a name, and judges what there is.
  const { code, out } = await ending(['assess', '--from', 'role.json', '--control', 'RBAC-001', '-o', 'json']);
  expect([code, (JSON.parse(out) as { schema: string }).schema]).toEqual([0, 'kubevidence/assessment/v1']);
});
