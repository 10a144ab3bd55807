/** The whole main job on the recording that ships: replay, judge, pack, verify; and what an attacker or a second run would do to it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AppContext, createPackCommand, loadConfig, runDemo } from '../../src/app/index.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import { verifyPack } from '../../src/packs/index.ts';

let work: string;
let demo: Awaited<ReturnType<typeof runDemo>>;
const context = (cwd: string): AppContext => ({
  cwd,
  env: {},
  clock: () => new Date(),
  uid: process.getuid?.() ?? null,
  warn: (text) => {
    throw new Error(text);
  },
  progress: () => {},
});

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'kubevidence-demo-'));
  demo = await runDemo({ ...context(work), warn: () => {} }, 'demo', () => {});
}, 60_000);
afterAll(() => rmSync(work, { recursive: true }));

const outcomeOf = (id: string) => demo.judged.assessment.controls.find((control) => control.id === id)?.outcome;

describe('the demo', () => {
  it('replays three runs of a real cluster, and judges the last', () => {
    expect(demo.runs.map(({ number, status }) => [number, status])).toEqual([
      [1, 'succeeded'],
      [2, 'succeeded'],
      [3, 'succeeded'],
    ]);
    expect(demo.judged.assessment.requirements).toHaveLength(131 + 71 + 72);
    expect(outcomeOf('RBAC-001')).toBe('fail');
  });

  it('lets no verdict stand without what it stands on', () => {
    const unfounded = demo.judged.assessment.controls.filter(({ outcome, evidence, gaps }) => {
      if (outcome === 'pass') return evidence.length === 0 || gaps.length > 0 || evidence.some(({ complete }) => !complete);
      return outcome === 'notAssessed' && gaps.length === 0;
    });
    expect(unfounded.map(({ id }) => id)).toEqual([]);
    expect(demo.judged.assessment.controls.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(20);
  });

  it('makes a pack and a ledger that verify', () => {
    expect(demo.verification).toMatchObject({ ok: true, known: true, problems: [] });
    expect(verifyLedger(join(demo.directory, 'ledger', 'ledger.db'))).toMatchObject({ ok: true, problems: [] });
  });

  it('says DEMO in what people open', () => {
    const readme = readFileSync(join(demo.pack.directory ?? '', 'README-verify.txt'), 'utf8');
    expect(readme).toMatch(/^DEMO/);
  });

  it('gives the same bytes again for the same checkpoint', async () => {
    const config = loadConfig({ cwd: demo.directory, uid: null });
    const again = await createPackCommand(context(demo.directory), {
      config,
      out: 'again',
      form: 'directory',
      demo: true,
      checkpoint: demo.pack.checkpoint.size,
    });
    const files = (directory: string | null) =>
      readdirSync(directory ?? '', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const [first, second] = [files(demo.pack.directory), files(again.directory)];
    expect(second.map(({ name }) => name).sort()).toEqual(first.map(({ name }) => name).sort());
    for (const { parentPath, name } of first) {
      const other = join(parentPath.replace(demo.pack.directory ?? '', again.directory ?? ''), name);
      expect(readFileSync(other).equals(readFileSync(join(parentPath, name))), name).toBe(true);
    }
  });

  it('is caught when any byte of any file of the pack is flipped', async () => {
    const copy = join(work, 'copy');
    cpSync(demo.pack.directory ?? '', copy, { recursive: true });
    const files = readdirSync(copy, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(30);
    for (const [i, { parentPath, name }] of files.entries()) {
      // Every third file, so that the test stays short; packs/ has the suite that goes deeper.
      if (i % 3 !== 0) continue;
      const path = join(parentPath, name);
      const bytes = readFileSync(path);
      const flipped = Buffer.from(bytes);
      const at = Math.floor(bytes.length / 2);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      writeFileSync(path, flipped);
      expect((await verifyPack(copy, {})).ok, path).toBe(false);
      writeFileSync(path, bytes);
    }
    expect((await verifyPack(copy, {})).ok).toBe(true);
  }, 120_000);

  it('is not written over another pack', async () => {
    const config = loadConfig({ cwd: demo.directory, uid: null });
    await expect(createPackCommand(context(demo.directory), { config, out: 'pack', form: 'both' })).rejects.toThrow('exists already');
  });
});
