/** Judging in a thread of its own, for a process that has to stay responsive: the latest run of one cluster, recorded as `assess` records it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, KubevidenceError, type Outcome, reasonOf } from '../../model/index.ts';
import { assessCommand } from './assess.ts';

export interface AssessOrder {
  readonly cwd: string;
  /** kubevidence.yaml. */
  readonly config: string;
  readonly cluster: string;
  readonly uid: number | null;
}

export type AssessMessage =
  | { readonly warning: string }
  | { readonly run: number; readonly outcomes: Partial<Record<Outcome, number>> }
  | { readonly code: ErrorCode | 'unexpected'; readonly message: string; readonly next: ErrorDetails['next'] };

const order = workerData as AssessOrder | null;
const say = (message: AssessMessage) => parentPort?.postMessage(message);

/** As a thread; whoever imports the types starts nothing. */
if (parentPort !== null && order !== null) {
  const context = {
    cwd: order.cwd,
    env: process.env,
    clock: () => new Date(),
    uid: order.uid,
    warn: (warning: string) => say({ warning }),
    progress: () => {},
  };
  try {
    const { assessment, run } = await assessCommand(context, { configPath: order.config, cluster: order.cluster });
    const outcomes: Partial<Record<Outcome, number>> = {};
    for (const { outcome } of assessment.controls) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    say({ run: run?.number ?? 0, outcomes });
  } catch (error) {
    const known = error instanceof KubevidenceError;
    say({ code: known ? error.code : 'unexpected', message: reasonOf(error), next: known ? error.next : undefined });
  }
}
