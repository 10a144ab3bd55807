/** Holds and erasure as somebody types them, on the recording that ships: who may, what is said, and what the next pack shows. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AppContext } from '../../src/app/index.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { exitCodeOf } from '../../src/model/index.ts';
import { verifyPack } from '../../src/packs/index.ts';
import { writeRecording } from '../recordings.ts';

let work: string;
let collected: string;
const now = () => new Date();

function contextIn(cwd: string): AppContext {
  const env = { XDG_STATE_HOME: join(cwd, 'state') };
  return { cwd, env, clock: now, uid: process.getuid?.() ?? null, warn: () => {}, progress: () => {} };
}

/** One command; its exit code and everything that it printed. */
async function type(cwd: string, ...argv: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const lines: string[] = [];
  const take = (text = '') => void lines.push(text);
  const terminal: Terminal = { columns: 200, print: take, note: take, status: () => {}, style: (_, text) => text };
  let code = 0;
  try {
    await buildProgram({ app: contextIn(cwd), terminal }, (result) => (code = result)).parseAsync(argv, { from: 'user' });
  } catch (error) {
    lines.push((error as Error).message);
    code = exitCodeOf(error);
  }
  return { code, said: lines.join('\n') };
}

/** A directory of its own with the ledger as collected. */
function given(): string {
  const cwd = mkdtempSync(join(work, 'case-'));
  cpSync(collected, cwd, { recursive: true });
  return cwd;
}

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'kubevidence-erase-'));
  collected = join(work, 'collected');
  const recording = writeRecording(join(work, 'recording.jsonl.gz'));
  mkdirSync(collected);
  writeFileSync(
    join(collected, 'kubevidence.yaml'),
    'organization: Example Clinic\nclusters: [{name: demo}]\nretention: {people: 400d}\n',
    { mode: 0o600 },
  );
  const { code, said } = await type(collected, 'collect', '--from', recording);
  if (code !== 0) throw new Error(said);
}, 60_000);
afterAll(() => rmSync(work, { recursive: true }));

const who = ['--legal-basis', 'GDPR Art. 17, ticket 4711', '--requester', 'DPO', '--approver', 'CISO'];
const bob = ['ledger', 'erase', '--cluster', 'demo', '--person', 'bob'];
const binding = ['ledger', 'erase', '--cluster', 'demo', '--object', 'ClusterRoleBinding/support-desk'];

it.each<[string, string[], number, RegExp]>([
  ['nothing is named', ['ledger', 'erase', '--cluster', 'demo', ...who], 2, /say what to erase/],
  ['the cluster is not known', ['ledger', 'erase', '--cluster', 'prod', '--person', 'bob', ...who], 2, /there is no cluster prod/],
  ['nothing matches', ['ledger', 'erase', '--cluster', 'demo', '--person', 'zoe', ...who], 2, /nothing in the ledger matches/],
  ['the legal basis is left out', [...bob, '--requester', 'DPO', '--approver', 'CISO'], 2, /needs a legal basis/],
  ['one person asks and approves', [...bob, ...who.slice(0, 4), '--approver', 'dpo'], 2, /same person/],
  ['retention lasts', [...bob, ...who], 2, /to be kept \(the last of it until 20\d\d-/],
  ['an object is written wrongly', ['ledger', 'erase', '--object', 'a/b/c/d', ...who], 2, /names no object/],
  ['an id is none', ['ledger', 'erase', '--id', 'abc', ...who], 2, /is no id/],
  ['a record is none', ['ledger', 'erase', '--payload', 'x', ...who], 2, /is no number of a record/],
  ['the record has no payload', ['ledger', 'erase', '--payload', '1', ...who], 2, /record 1 \(key-bound\) has no payload/],
  ['the record does not exist', ['ledger', 'erase', '--payload', '999', ...who], 2, /there is no record 999/],
  ['a hold has no reason', ['ledger', 'hold', '--by', 'legal'], 2, /by somebody, for a reason/],
  ['a hold on a run names no cluster', ['ledger', 'hold', '--run', '1', '--reason', 'r', '--by', 'b'], 2, /needs the cluster/],
  [
    'a hold is on a run that is not there',
    ['ledger', 'hold', '--cluster', 'demo', '--run', '9', '--reason', 'r', '--by', 'b'],
    2,
    /no run 9/,
  ],
  ['a hold is listed and placed', ['ledger', 'hold', '--list', '--cluster', 'demo'], 2, /one at a time/],
  ['a released hold was never placed', ['ledger', 'hold', '--release', 'H-77', '--reason', 'r', '--by', 'b'], 2, /there is no hold H-77/],
])('refuses it in a sentence when %s', async (_, argv, code, message) => {
  const result = await type(collected, ...argv);
  expect(result.said).toMatch(message);
  expect(result.code).toBe(code);
});

it('shows what would go, and changes nothing', async () => {
  const { code, said } = await type(collected, ...binding, '--dry-run');
  expect(code).toBe(0);
  expect(said).toMatch(/would erase 1 version of objects; nothing was changed/);
  expect(said).toMatch(/ClusterRoleBinding\/support-desk +1–3 +\d{4}-\d\d-\d\d/);
  expect((await type(collected, 'ledger', 'status')).said).toMatch(/evidence 6y, assessments 6y, people 400d; nothing is erased by itself/);
});

it('erases a person, judges nothing as passed that stood on it, and shows it in the next pack', async () => {
  const cwd = given();
  expect((await type(cwd, 'assess')).code).toBe(0);
  const hold = await type(cwd, 'ledger', 'hold', '--cluster', 'demo', '--run', '2', '--reason', 'case 7', '--by', 'legal');
  const [, id = ''] = /placed (H-\d+) on run 2 of demo/.exec(hold.said) ?? [];
  const refused = await type(cwd, ...bob, ...who, '--override-retention');
  expect(refused).toMatchObject({ code: 2, said: expect.stringContaining(`under a hold (${id})`) as string });
  expect((await type(cwd, 'ledger', 'hold', '--release', id, '--reason', 'closed', '--by', 'legal')).code).toBe(0);
  expect((await type(cwd, 'ledger', 'hold', '--list')).said).toMatch(new RegExp(`${id} +released .*case 7, legal`));

  const erased = await type(cwd, ...bob, ...who, '--override-retention');
  expect(erased.said).toMatch(/erased 1 version of objects, 1 assessment: their bytes and salts are destroyed; see records/);
  expect(erased.said).toMatch(/Backups, exports, recordings and packs made before still hold it/);
  expect(erased.code).toBe(0);
  expect((await type(cwd, 'ledger', 'verify')).code).toBe(0);
  expect((await type(cwd, 'ledger', 'status')).said).toMatch(/erased so far: 1 objects, 1 assessments/);

  const judged = JSON.parse((await type(cwd, 'assess', '-o', 'json')).said) as {
    controls: { outcome: string; evidence: { kind: string; complete: boolean }[]; gaps: { reason: string }[] }[];
  };
  const standing = judged.controls.filter(({ evidence }) => evidence.some(({ kind }) => kind === 'k8s.rbac/clusterrolebindings'));
  expect(standing.length).toBeGreaterThan(5);
  expect(standing.filter(({ outcome }) => outcome === 'pass' || outcome === 'notApplicable')).toEqual([]);
  expect(standing.every(({ gaps }) => gaps.some(({ reason }) => reason === 'redacted'))).toBe(true);

  const packed = await type(cwd, 'pack', 'create', '--out', 'pack', '--no-zip');
  expect(packed.code, packed.said).toBe(0);
  const { ok, problems, notProved } = await verifyPack(join(cwd, 'pack'), {});
  expect({ ok, problems }).toEqual({ ok: true, problems: [] });
  expect(notProved.join()).toMatch(/the content of 3 items, which was erased/);
  expect((await type(cwd, 'ledger', 'hold', '--list')).said).toMatch(/P-\d+ +in force +runs 1 to 3 of demo/);
  expect((await type(cwd, 'ledger', 'verify')).code).toBe(0);
}, 60_000);
