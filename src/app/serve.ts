/**
 * `serve`: what the scheduler asks of the application (its port), over the ledger, the cluster and the configuration. A stopped run has some
 * seconds to finish, then reading is given up, then the thread is ended; the ledger says what became of it in every case.
 */
import { readFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Ledger } from '../ledger/index.ts';
import { type Instant, KubevidenceError, reasonOf, type RunSummary, visible } from '../model/index.ts';
import {
  type Alarm,
  type AssessResult,
  type CollectResult,
  createAlarm,
  parseSchedule,
  serve,
  type ServeApp,
  type ServeEvent,
  type ServePlan,
} from '../schedule/index.ts';
import type { AssessMessage, AssessOrder } from './assess/assess-thread.ts';
import { collectFiles, replayIntoLedger } from './collect/collect-files.ts';
import type { CollectOptions } from './collect/collect.ts';
import { collectLive } from './collect/live-run.ts';
import { type ClusterConfig, type Config, loadConfig } from './config.ts';
import type { AppContext } from './context.ts';
import { describeDefinitions } from './govern/definitions.ts';
import { openLedgerForReading, openLedgerForWriting } from './open-ledger.ts';
import { attemptsSince, recordDefinitions } from './collect/prepare-run.ts';
import { stampWhenDue } from './keys/timestamps.ts';
import { startWorker } from './collect/worker-client.ts';

export type { ServeEvent } from '../schedule/index.ts';

/** After the signal: a run may finish until then; then reading is given up; then its thread is ended. Less than ten seconds in all. */
const finishMs = 4000;
const giveUpMs = 7500;

export interface ServeCommand {
  readonly configPath?: string | undefined;
  readonly log: (event: ServeEvent) => void;
  readonly stop: AbortSignal;
}

/** Resolves after `stop`. Throws `configuration` where nothing is scheduled, and `integrity` for a ledger that does not hold. */
export async function serveCommand(context: AppContext, { configPath, log, stop }: ServeCommand): Promise<void> {
  const tell = (event: Pick<ServeEvent, 'level' | 'event' | 'message'>) => log({ at: context.clock().toISOString(), ...event });
  const warn = (message: string) => tell({ level: 'warning', event: 'warning', message });
  const app = createServeApp({ ...context, warn, progress: () => {} }, configPath);
  const alarm: Alarm = await createAlarm(app.plan().collect.second);
  try {
    await serve(app, { alarm, clock: context.clock, log, stop });
  } finally {
    alarm.close();
  }
}

/** Reads the configuration now, so that what is wrong with it is told at once. */
export function createServeApp(context: AppContext, configPath: string | undefined): ServeApp {
  let config = loadConfig({ cwd: context.cwd, path: configPath, uid: context.uid });
  let plan = planOf(config);
  const file = config.file ?? '';
  let text = textOf(file);

  const clusterOf = (name: string): ClusterConfig => {
    const found = config.clusters.find((each) => each.name === name);
    if (found === undefined) throw new KubevidenceError('defect', `the cluster ${visible(name)} is not configured any more`);
    return found;
  };

  return {
    plan() {
      const present = textOf(file);
      if (present === text) return plan;
      text = present;
      try {
        const changed = loadConfig({ cwd: context.cwd, path: configPath, uid: context.uid });
        plan = planOf(changed);
        config = changed;
      } catch (error) {
        if (!(error instanceof KubevidenceError)) throw error;
        const where = [error.place?.line, error.place?.key].filter((each) => each !== undefined).join(': ');
        context.warn(`${visible(file)} changed and is not used: ${where === '' ? '' : `${visible(where)}: `}${error.message}`);
      }
      return plan;
    },
    async begin() {
      if (!existsSync(config.ledgerPath)) return [];
      const ledger = await openLedgerForWriting(context, config);
      try {
        const before = ledger.clusters().map(({ name, lastRun }) => ({ name, number: lastRun.number }));
        await recordDefinitions(ledger, describeDefinitions(config), { now: context.clock().toISOString() });
        ledger.checkpoint();
        return before.flatMap(({ name, number }) => runsAfter(ledger, name, number));
      } finally {
        ledger.close();
      }
    },
    history: (cluster, slot) =>
      reading(context, config, { dueSince: null, missed: false, attempts: [] }, (ledger) => ({
        dueSince: ledger.dueSince(cluster),
        missed: ledger.runsOfSlot(cluster, slot).some(({ status }) => status === 'missed'),
        attempts: attemptsSince(ledger, cluster, slot),
      })),
    collect: (name, slot, stop) => collect(context, config, clusterOf(name), slot, stop),
    assess: (cluster, stop) => assess(context, { cwd: context.cwd, config: file, cluster, uid: context.uid }, stop),
  };
}

function planOf({ schedule, timezone, clusters, file }: Config): ServePlan {
  if (schedule.collect === null)
    throw new KubevidenceError('configuration', 'there is no schedule to serve', {
      place: { ...(file !== null && { file }), key: 'schedule.collect' },
      next: 'Add it, e.g. `schedule: {collect: "0 6 * * *"}`.',
    });
  return {
    collect: parseSchedule(schedule.collect),
    assess: schedule.assess === null ? null : parseSchedule(schedule.assess, 'schedule.assess'),
    timezone,
    clusters: clusters.map(({ name }) => name),
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return reasonOf(error); // loading says what is wrong
  }
}

function reading<T>({ clock }: Pick<AppContext, 'clock'>, { ledgerPath }: Config, none: T, read: (ledger: Ledger) => T): T {
  if (!existsSync(ledgerPath)) return none;
  const ledger = openLedgerForReading({ clock }, { ledgerPath });
  try {
    return read(ledger);
  } finally {
    ledger.close();
  }
}

async function collect(
  context: AppContext,
  config: Config,
  cluster: ClusterConfig,
  slot: Instant,
  stop: AbortSignal,
): Promise<CollectResult> {
  const numberNow = () => reading(context, config, 0, (ledger) => lastRun(ledger, cluster.name)?.number ?? 0);
  const before = numberNow();
  const giveUp = new AbortController();
  const worker = startWorker();
  const end = afterStop(stop, [
    [finishMs, () => giveUp.abort()],
    [giveUpMs, () => void worker.close()],
  ]);
  const options: CollectOptions = { config, cluster, files: [], record: null, dryRun: false, scheduled: { slot }, signal: giveUp.signal };
  let run: RunSummary | null = null;
  let problem: KubevidenceError | null = null;
  try {
    const { directory } = cluster;
    if (directory !== undefined) await replayIntoLedger(context, options, directory); // refuses a recording
    const report = await (directory === undefined
      ? collectLive(context, options, worker)
      : collectFiles(context, options, directory, worker));
    for (const warning of report.warnings.slice(0, 3)) context.warn(`${visible(cluster.name)}: ${visible(warning)}`);
    run = report.run;
    if (!stop.aborted) await stampWhenDue(context, config);
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
    problem = error;
  } finally {
    end();
    await worker.close();
  }
  // A thread that was ended left its run open: opening the ledger says what became of it.
  if (stop.aborted && run === null) await openAndClose(context, config);
  const made = reading(context, config, [], (ledger) => runsAfter(ledger, cluster.name, before));
  const own =
    run ?? (problem === null ? undefined : made.findLast(({ status }) => status === 'failed' || status === 'interrupted')) ?? null;
  // Nothing may go on in a ledger that does not hold; another cluster behind a known name is a run that failed.
  if (problem !== null && own === null && ['integrity', 'defect'].includes(problem.code)) throw problem;
  return {
    run: own,
    problem: problem === null ? null : { message: problem.message, ...(problem.next !== undefined && { next: problem.next }) },
    missed: made.filter(({ status, number }) => status === 'missed' && (own === null || number < own.number)),
  };
}

async function openAndClose(context: AppContext, config: Config): Promise<void> {
  try {
    if (existsSync(config.ledgerPath)) (await openLedgerForWriting(context, config)).close();
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error; // the next start does it
  }
}

function lastRun(ledger: Ledger, cluster: string): RunSummary | undefined {
  return ledger.clusters().find(({ name }) => name === cluster)?.lastRun;
}

function runsAfter(ledger: Ledger, cluster: string, number: number): RunSummary[] {
  const runs: RunSummary[] = [];
  for (let next = number + 1, run = ledger.run(cluster, next); run !== undefined; run = ledger.run(cluster, ++next)) runs.push(run);
  return runs;
}

/** Calls each after its milliseconds since `stop`, or since now where it is aborted already. Returns how to call it off. */
function afterStop(stop: AbortSignal, calls: readonly (readonly [number, () => void])[]): () => void {
  const timers: NodeJS.Timeout[] = [];
  const start = () => {
    for (const [milliseconds, call] of calls) timers.push(setTimeout(call, milliseconds));
  };
  if (stop.aborted) start();
  else stop.addEventListener('abort', start, { once: true });
  return () => {
    stop.removeEventListener('abort', start);
    for (const timer of timers) clearTimeout(timer);
  };
}

/** In a thread: judging a large cluster takes seconds in which a signal would not be heard. */
async function assess({ env, warn }: AppContext, order: AssessOrder, stop: AbortSignal): Promise<AssessResult> {
  const thread = new Worker(
    new URL(import.meta.url.endsWith('.ts') ? './assess/assess-thread.ts' : './assess/assess-thread.js', import.meta.url),
    {
      workerData: order,
      env,
    },
  );
  const end = () => void thread.terminate();
  stop.addEventListener('abort', end, { once: true });
  try {
    return await new Promise<AssessResult>((resolve, reject) => {
      thread.on('message', (message: AssessMessage) => {
        if ('warning' in message) return warn(`${visible(order.cluster)}: ${message.warning}`);
        if ('run' in message) return resolve(message);
        const { code, message: text, next } = message;
        reject(code === 'unexpected' ? new Error(text) : new KubevidenceError(code, text, { ...(next !== undefined && { next }) }));
      });
      thread.on('error', reject);
      thread.on('exit', () => reject(new KubevidenceError('incomplete', 'judging was stopped')));
    });
  } finally {
    stop.removeEventListener('abort', end);
    await thread.terminate();
  }
}
