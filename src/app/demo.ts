/**
 * The whole main job on a recording of a real cluster, in a directory of its own: replay into a new ledger, judge, pack, verify. Nothing
 * in it is special to the demo but the recording and the word DEMO on every page.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunSummary } from '../model/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import { type PackVerification, verifyPack } from '../packs/index.ts';
import { type AssessReport, assessCommand } from './assess.ts';
import { replayIntoLedger } from './collect-files.ts';
import { loadConfig, pickCluster } from './config.ts';
import { type AppContext, packageRoot } from './context.ts';
import { createPackCommand, type PackReport } from './pack.ts';

export interface DemoReport {
  readonly directory: string;
  readonly runs: readonly RunSummary[];
  readonly judged: AssessReport;
  readonly pack: PackReport;
  readonly verification: PackVerification;
}

export const demoRecording = join(packageRoot, 'demo', 'recording.jsonl.gz');

const configuration = `# The demo's own configuration; yours is made by: kubevidence init
organization: Example Clinic (demo)
ledger: sqlite:ledger/ledger.db
clusters:
  - name: clinic-prod
`;

/** Throws `usage` when `out` is there and is not empty. Every step is told through `step` as it begins. */
export async function runDemo(context: AppContext, out: string, step: (text: string) => void): Promise<DemoReport> {
  const directory = resolve(context.cwd, out);
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new KubevidenceError('usage', `${visible(out)} is there already and is not empty`, {
      next: 'Remove it, or name another directory with --out.',
    });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'kubevidence.yaml'), configuration);
  const inside: AppContext = { ...context, cwd: directory };
  const config = loadConfig({ cwd: directory, uid: context.uid });

  step('replaying a recording of a real cluster into a new ledger');
  const reports = await replayIntoLedger(
    inside,
    { config, cluster: pickCluster(config, undefined), files: [], record: null, dryRun: false },
    demoRecording,
  );
  const runs = (reports ?? []).flatMap(({ run }) => run ?? []);
  step('judging every run');
  for (const run of runs.slice(0, -1)) await assessCommand(inside, { run: run.number });
  const judged = await assessCommand(inside, {});
  step('building and signing the audit pack');
  const pack = await createPackCommand(inside, { config, out: 'pack', form: 'both', demo: true });
  step('verifying the pack as an auditor would');
  const verification = await verifyPack(pack.zip ?? '', { trust: pack.fingerprint });
  return { directory, runs, judged, pack, verification };
}
