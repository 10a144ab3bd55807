/** Checkpoints, a restored ledger and keys, as somebody types them, up to the check by hand of what was exported. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';
import { hasCommand } from '../signing/fixtures.ts';
import { writeRecording } from '../recordings.ts';

let work: string;
let collected: string;

interface Typed {
  readonly code: number;
  readonly said: string;
}

async function type(cwd: string, ...argv: string[]): Promise<Typed> {
  const lines: string[] = [];
  const take = (text = '') => void lines.push(text);
  const terminal: Terminal = { columns: 500, print: take, note: take, status: () => {}, style: (_, text) => text };
  const env = { XDG_STATE_HOME: join(cwd, 'state') };
  const app = { cwd, env, clock: () => new Date(), uid: process.getuid?.() ?? null, warn: take, progress: () => {} };
  let code = 0;
  try {
    await buildProgram({ app, terminal }, (result) => (code = result)).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
    lines.push(error.message, error.next ?? '');
    code = exitCodeOf(error);
  }
  return { code, said: lines.join('\n') };
}

function given(): string {
  const cwd = mkdtempSync(join(work, 'case-'));
  cpSync(collected, cwd, { recursive: true });
  return cwd;
}

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'kubevidence-checkpoint-'));
  collected = join(work, 'collected');
  mkdirSync(collected);
  writeFileSync(join(collected, 'kubevidence.yaml'), 'organization: Example Clinic\nclusters: [{name: demo}]\n', { mode: 0o600 });
  const { code, said } = await type(collected, 'collect', '--from', writeRecording(join(work, 'recording.jsonl.gz')));
  if (code !== 0) throw new Error(said);
}, 60_000);
afterAll(() => rmSync(work, { recursive: true }));

const who = ['--reason', 'the disk died', '--by', 'Ann Example'];
const rotate = ['keys', 'rotate', '--reason', 'yearly', '--by', 'Ann Example'];

it('publishes in the state directory, and keeps every key for the owner', () => {
  expect(readdirSync(join(collected, 'state', 'kubevidence'))).toEqual([expect.stringMatching(/^[0-9a-f-]{36}\.checkpoint$/)]);
});

it('goes on over a restored ledger only once that is in the log, and shows it from then on', async () => {
  const cwd = given();
  const backup = join(cwd, 'backup');
  cpSync(join(cwd, 'kubevidence'), backup, { recursive: true });
  await type(cwd, 'assess');
  const kept = await type(cwd, 'ledger', 'checkpoint', '--out', 'kept.txt');
  expect(kept).toEqual({ code: 0, said: expect.stringContaining('wrote kept.txt') });
  rmSync(join(cwd, 'kubevidence'), { recursive: true });
  cpSync(backup, join(cwd, 'kubevidence'), { recursive: true });

  const cut = /the log has 9 records, and its last published checkpoint covers 10: the last 1 are gone[^]*ledger restored --reason/;
  for (const argv of [['assess'], ['ledger', 'checkpoint'], rotate])
    expect(await type(cwd, ...argv)).toEqual({ code: 4, said: expect.stringMatching(cut) });
  const unsound = { code: 4, said: expect.stringContaining('the published checkpoint covers 10') };
  expect(await type(cwd, 'ledger', 'verify')).toEqual(unsound);

  const noted = expect.stringMatching(/the log was restored at .* covered 10 records/);
  expect(await type(cwd, 'ledger', 'restored', ...who)).toEqual({ code: 0, said: noted });
  for (const argv of [
    ['ledger', 'verify'],
    ['ledger', 'status'],
  ])
    expect(await type(cwd, ...argv)).toEqual({ code: 0, said: noted });
  const against = await type(cwd, 'ledger', 'checkpoint', '--against', 'kept.txt');
  expect(against).toEqual({ code: 4, said: expect.stringContaining('their first 10 records differ') });
  expect(await type(cwd, 'ledger', 'restored', ...who)).toEqual({ code: 2, said: expect.stringContaining('there is nothing to declare') });
  expect((await type(cwd, 'assess')).code).toBe(0);
});

describe('keys', () => {
  it('are rotated and revoked, and the log can be followed from any of them', async () => {
    const cwd = given();
    const show = async () =>
      JSON.parse((await type(cwd, 'keys', 'show', '-o', 'json')).said) as { log: { id: string; verifierKey: string } };
    const before = (await show()).log;
    await type(cwd, 'ledger', 'checkpoint', '--out', 'kept.txt');
    expect(await type(cwd, ...rotate)).toEqual({ code: 0, said: expect.stringContaining(`log.key.old-${before.id}`) });
    expect((await type(cwd, ...rotate, '--key', 'document')).code).toBe(0);
    expect(await type(cwd, 'keys', 'revoke', before.id, '--from', '2026-01-01', ...who)).toEqual({
      code: 0,
      said: expect.stringContaining(`revoked the log key ${before.id}, with effect from 2026-01-01T00:00:00.000Z`),
    });
    expect(await type(cwd, 'keys', 'show')).toEqual({
      code: 0,
      said: expect.stringMatching(new RegExp(`before +log key ${before.id}, from record 0, revoked from 2026-01-01`)),
    });
    expect(await type(cwd, 'ledger', 'verify', '--against', 'kept.txt')).toMatchObject({ code: 0 });
    expect(await type(cwd, 'ledger', 'checkpoint', '--proof', 'x')).toMatchObject({ code: 2 });
    const proved = await type(cwd, 'ledger', 'checkpoint', '--against', 'kept.txt', '--proof', 'proof.txt', '--out', 'now.txt');
    expect(proved).toEqual({ code: 0, said: expect.stringMatching(/the log of 13 records extends the checkpoint of 9 that you kept/) });
    expect(readFileSync(join(cwd, 'proof.txt'), 'utf8')).toMatch(/^old 9\n/);
  });

  it.skipIf(!hasCommand('python3') || !hasCommand('openssl'))('and what is exported then is checked by hand', async () => {
    const cwd = given();
    const show = async () => JSON.parse((await type(cwd, 'keys', 'show', '-o', 'json')).said) as { log: { verifierKey: string } };
    const before = (await show()).log;
    await type(cwd, 'ledger', 'checkpoint', '--out', 'kept.txt');
    await type(cwd, ...rotate);
    await type(cwd, 'ledger', 'checkpoint', '--against', 'kept.txt', '--proof', 'proof.txt', '--out', 'now.txt');
    writeFileSync(join(cwd, 'keys.txt'), `${before.verifierKey}\n${(await show()).log.verifierKey}\n`);
    const script = join(import.meta.dirname, '../../docs/verify-by-hand.py');
    const byHand = (...argv: string[]) => spawnSync('python3', [script, ...argv], { cwd, encoding: 'utf8' }).stdout;
    expect(byHand('checkpoint', 'now.txt', 'keys.txt')).toContain('had 11 records with the root');
    expect(byHand('consistency', 'kept.txt', 'proof.txt', 'keys.txt')).toContain('of 11 records extends the one of 9');
  });

  it('are made once', async () => {
    const cwd = mkdtempSync(join(work, 'case-'));
    writeFileSync(join(cwd, 'kubevidence.yaml'), 'organization: Example Clinic\nclusters: [{name: demo}]\n', { mode: 0o600 });
    expect(await type(cwd, 'keys', 'generate')).toEqual({ code: 0, said: expect.stringMatching(/made the signing keys[^]*[0-9a-f]{64}/) });
    expect(await type(cwd, 'keys', 'generate')).toMatchObject({ code: 2 });
    expect(existsSync(join(cwd, 'kubevidence', 'keys', 'log.key'))).toBe(true);
  });
});
