/** Runs whose evidence comes from files: recordings, each of whose runs becomes a run of the ledger, and directories of manifests. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { enabledCollectors } from '../../collectors/index.ts';
import type { ClusterIdentity, Instant } from '../../model/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { isRecording } from '../../sources/index.ts';
import { describeProblem } from '../describe-problem.ts';
import type { CollectOptions, CollectReport } from './collect.ts';
import { describePlan, openWorker, statusOf } from './collect.ts';
import type { AppContext } from '../context.ts';
import { startWorker } from './worker-client.ts';

/**
 * Null when `path` is no recording. The runs keep when they were observed; the log says when they were taken over. `slot`: of the schedule,
 * where it is known that the recorded run took it.
 */
export async function replayIntoLedger(
  context: AppContext,
  options: CollectOptions,
  path: string,
  slot: Instant | null = null,
): Promise<CollectReport[] | null> {
  if (!existsSync(path))
    throw new KubevidenceError('usage', `there is no ${visible(path)}`, { next: 'Name a recording, or a directory or file of manifests.' });
  if (!isRecording(path)) return null;
  if (options.scheduled)
    throw new KubevidenceError('usage', 'the runs of a recording were not run by this schedule', { next: 'Leave --scheduled out.' });
  const { config, cluster } = options;
  const worker = startWorker();
  try {
    await openWorker(worker, context, config, options);
    const runs = await worker.replay(path, cluster.name, {
      scheduled: slot === null ? null : { slot },
      ...describePlan(enabledCollectors(config.collectors), config),
    });
    const checkpoint = await worker.checkpoint();
    return runs.map(({ run, identity, listings }) => ({
      run,
      status: run.status === 'succeeded' ? 'succeeded' : 'partial',
      identity,
      listings,
      requests: 0,
      bytes: 0,
      milliseconds: 0,
      warnings: [],
      fileProblems: [],
      clockSkewMs: null,
      checkpoint,
    }));
  } finally {
    await worker.close();
  }
}

/** One run over manifests: scope `files`, class `configured`; kinds that no file holds are gaps. */
export async function collectFiles(
  context: AppContext,
  options: CollectOptions,
  path: string,
  worker = startWorker(),
): Promise<CollectReport> {
  const { config, cluster } = options;
  const started = context.clock();
  const plan = describePlan(enabledCollectors({ ...config.collectors, secrets: true }), config);
  try {
    await openWorker(worker, context, config, options);
    await worker.plan({ cluster: cluster.name, uuid: randomUUID(), scheduled: options.scheduled ?? null, ...plan });
    const identity = identityOf(cluster.name);
    await worker.start(identity, 'files');
    const report = await worker.files(
      [path],
      // The ledger's own listings come from no file.
      plan.listings.map((listing) => listing.kind).filter((kind) => !kind.startsWith('kubevidence.')),
    );
    const status = statusOf(report.listings);
    const run = await worker.end({
      status,
      error: status === 'failed' ? 'nothing could be read' : null,
      identity,
      serverClockSkewMs: null,
      endedAt: context.clock().toISOString(),
    });
    const checkpoint = await worker.checkpoint();
    return {
      run,
      status,
      identity,
      listings: report.listings,
      requests: 0,
      bytes: 0,
      milliseconds: context.clock().getTime() - started.getTime(),
      warnings: report.problems.map(describeProblem),
      fileProblems: report.problems,
      clockSkewMs: null,
      checkpoint,
    };
  } finally {
    await worker.close();
  }
}

function identityOf(name: string): ClusterIdentity {
  return { name, uid: null, version: null, server: null, caFingerprint: null, actor: null };
}
