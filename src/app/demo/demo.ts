/**
 * The whole main job over a quarter, in a directory of its own: recordings of a real cluster are replayed into a new ledger on the story's
 * clock, each is judged, people decide what they decide, and the pack is built and verified. Nothing in it is special to the demo but the
 * recordings, their times, and the word DEMO on every page.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { RunSummary } from '../../model/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { type PackVerification, verifyPack } from '../../packs/index.ts';
import { type AssessReport, assessCommand } from '../assess/assess.ts';
import { openWorker } from '../collect/collect.ts';
import { replayIntoLedger } from '../collect/collect-files.ts';
import { type Config, loadConfig, pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { approveDefinitions } from '../govern/definition-changes.ts';
import { openStoryTime, readStory, recordingOf, type Step, type Story } from './demo-story.ts';
import { addException, approveException } from '../govern/exceptions.ts';
import { createPackCommand, type PackReport } from '../pack/pack.ts';
import { startWorker } from '../collect/worker-client.ts';
import { openLedgerForReading } from '../open-ledger.ts';

export interface DemoReport {
  readonly directory: string;
  /** All, the missed one too. */
  readonly runs: readonly RunSummary[];
  /** The story's present. */
  readonly now: Date;
  readonly judged: AssessReport;
  readonly pack: PackReport;
  readonly verification: PackVerification;
}

/** Throws `usage` when `out` is there and is not empty. Every step is told through `tell` as it begins. */
export async function runDemo(context: AppContext, out: string, tell: (text: string) => void): Promise<DemoReport> {
  const directory = resolve(context.cwd, out);
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new KubevidenceError('usage', `${visible(out)} is there already and is not empty`, {
      next: 'Remove it, or name another directory with --out.',
    });
  mkdirSync(directory, { recursive: true });
  const story = readStory();
  const time = openStoryTime(context.clock);
  const inside: AppContext = { ...context, cwd: directory, clock: time.clock };
  let config = configure(inside, story, story.params);
  let judged: AssessReport | undefined;
  let pack: PackReport | undefined;
  tell(`a quarter of ${story.cluster}: replaying what was recorded on a real cluster, run by run`);
  time.set(story.begins);
  await makeLedger(inside, config);
  for (const step of story.steps) {
    time.set(step.at);
    if ('run' in step) {
      await replay(inside, config, step);
      judged = await assessCommand(inside, {});
    } else if ('exception' in step) await addException(inside, config, step.exception);
    else if ('approve' in step) await approveException(inside, config, step.approve, step.approver);
    else if ('params' in step) {
      const { reason, requester, approver, ticket } = step;
      config = configure(inside, story, { ...story.params, ...step.params });
      await approveDefinitions(inside, config, { reason: `${reason} (${ticket})`, requester, approver }, undefined);
    } else {
      tell('building and signing the audit pack');
      pack = await createPackCommand(inside, { config, period: step.pack, out: 'pack', form: 'both', demo: true });
    }
  }
  if (judged === undefined || pack === undefined) throw new KubevidenceError('defect', "the demo's story has no run or no pack");
  tell('verifying the pack as an auditor would');
  const verification = await verifyPack(pack.zip ?? '', { trust: pack.fingerprint });
  return { directory, runs: readRuns(inside, config), judged, pack, verification, now: time.clock() };
}

/** With its keys, before the first run. */
async function makeLedger(context: AppContext, config: Config): Promise<void> {
  const worker = startWorker();
  try {
    await openWorker(worker, context, config, { record: null, dryRun: false });
  } finally {
    await worker.close();
  }
}

function readRuns({ clock }: AppContext, config: Config): RunSummary[] {
  const ledger = openLedgerForReading({ clock }, config);
  try {
    return ledger.runs();
  } finally {
    ledger.close();
  }
}

async function replay(context: AppContext, config: Config, { run, slot }: Extract<Step, { run: string }>): Promise<void> {
  const options = { config, cluster: pickCluster(config, undefined), files: [], record: null, dryRun: false };
  await replayIntoLedger(context, options, recordingOf(run), slot === undefined ? null : new Date(slot).toISOString());
}

function configure(
  { cwd: directory, uid }: AppContext,
  { organization, cluster, timezone, schedule, timeToLive, keepAnnotations, collectors }: Story,
  params: Config['params'],
): Config {
  const configuration = {
    organization,
    ledger: 'sqlite:ledger/ledger.db',
    clusters: [{ name: cluster }],
    timezone,
    schedule: { collect: schedule },
    timeToLive: { default: timeToLive },
    keepAnnotations,
    collectors,
    params,
    signing: { checkpoints: 'checkpoints' },
  };
  const head = "# The demo's own configuration; yours is made by: kubevidence init\n";
  writeFileSync(join(directory, 'kubevidence.yaml'), `${head}${stringify(configuration)}`, { mode: 0o600 });
  return loadConfig({ cwd: directory, uid });
}
