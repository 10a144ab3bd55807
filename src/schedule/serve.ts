/**
 * The serving loop: whenever the alarm rings, it collects what is due and judges what was read, one at a time. It keeps nothing that the
 * ledger does not know, so it may be killed at any moment, and others may run the same schedule on the same ledger. What goes wrong is told
 * once, and tried again; only a broken ledger and a defect end it.
 */
import { type Instant, KubevidenceError, type RunSummary, visible } from '../model/index.ts';
import type { ServeApp, ServeEvent, ServeOptions, ServePlan } from './serve-port.ts';
import { type RunDuty, runDuty } from './serve-duty.ts';
import { nextSlot, slotsBetween } from './slots.ts';

type Told = Omit<ServeEvent, 'at'>;

/** Resolves after `stop` is aborted and what was under way has ended. Throws `integrity`, and defects. */
export async function serve(app: ServeApp, { alarm, clock, log, stop }: ServeOptions): Promise<void> {
  const now = (): Instant => clock().toISOString();
  const tell = ({ level, event, ...told }: Told) => log({ at: now(), level, event, ...told });
  /** What was told last of what is waited for, by cluster; '' is the schedule itself. */
  const waiting = new Map<string, string>();
  let onRecord: string | null = null;
  let assessedUntil = now();

  const wait = (about: string, told: Omit<Told, 'level' | 'event'>) => {
    if (waiting.get(about) !== told.message) tell({ ...told, level: 'warning', event: 'waiting' });
    waiting.set(about, told.message);
  };

  const tellMissed = (cluster: string, missed: readonly RunSummary[]) => {
    if (missed.length > 0) tell({ cluster, level: 'warning', event: 'missed', message: describeMissed(missed) });
  };

  /** True once the plan is on record; until then nothing can be said of its slots. */
  const record = async (plan: ServePlan): Promise<boolean> => {
    const text = JSON.stringify([plan.collect.expression, plan.assess?.expression, plan.timezone, plan.clusters]);
    if (text === onRecord) return true;
    const error = await expected(async () => {
      const missed = await app.begin();
      for (const cluster of new Set(missed.map((run) => run.cluster)))
        tellMissed(
          cluster,
          missed.filter((run) => run.cluster === cluster),
        );
    });
    if (error !== null) {
      wait('', error);
      return false;
    }
    waiting.delete('');
    tell({ level: 'info', event: onRecord === null ? 'started' : 'planned', message: describePlan(plan, now()) });
    onRecord = text;
    return true;
  };

  const collect = async (plan: ServePlan, cluster: string, { slot, attempts }: RunDuty): Promise<void> => {
    const began = clock().getTime();
    const late = began - Date.parse(slot);
    if (!waiting.has(cluster)) {
      const how = `${late > 60_000 ? `, ${lengthOf(late)} late` : ''}${attempts > 0 ? `, attempt ${attempts + 1}` : ''}`;
      tell({ cluster, slot, level: 'info', event: 'collecting', message: `slot ${slot}${how}` });
    }
    const { run, problem, missed } = await app.collect(cluster, slot, stop);
    if (run !== null) waiting.delete(cluster);
    tellMissed(cluster, missed);
    const next = () => runDuty(plan.collect, plan.timezone, now(), (latest) => app.history(cluster, latest));
    if (run === null) {
      const reason = problem ?? { message: 'no run was planned' };
      if (stop.aborted || next() !== null) return wait(cluster, { cluster, slot, ...reason });
      // Another process was faster.
      return tell({ cluster, slot, level: 'info', event: 'taken', message: reason.message });
    }
    const which = { cluster, run: run.number, status: run.status, slot: run.slot };
    const message = `run ${run.number} ${run.status}`;
    if (run.status === 'succeeded' || run.status === 'partial') {
      const took = lengthOf(clock().getTime() - began);
      tell({ ...which, level: run.status === 'partial' ? 'warning' : 'info', event: 'collected', message: `${message} in ${took}` });
      if (plan.assess === null && !stop.aborted) await assess(cluster);
      return;
    }
    const retry = stop.aborted ? null : next();
    const reason = problem ?? { message: run.error ?? 'nothing could be read' };
    const again = retry === null ? '' : `; again at ${retry.notBefore}`;
    tell({ ...which, ...reason, level: 'error', event: 'failed', message: `${message}: ${reason.message}${again}` });
  };

  const assess = async (cluster: string): Promise<void> => {
    const error = await expected(async () => {
      const { run, outcomes } = await app.assess(cluster, stop);
      const counts = (['fail', 'notAssessed', 'pass'] as const).map((outcome) => `${outcomes[outcome] ?? 0} ${words[outcome]}`);
      tell({ cluster, run, level: 'info', event: 'assessed', message: `run ${run}: ${counts.join(', ')}` });
    });
    if (error !== null && !stop.aborted) tell({ cluster, ...error, level: 'warning', event: 'failed' });
  };

  const look = async (plan: ServePlan, cluster: string): Promise<void> => {
    const error = await expected(async () => {
      const duty = runDuty(plan.collect, plan.timezone, now(), (slot) => app.history(cluster, slot));
      if (duty !== null && duty.notBefore <= now()) await collect(plan, cluster, duty);
      else waiting.delete(cluster);
    });
    if (error !== null) wait(cluster, { cluster, ...error });
  };

  while (!stop.aborted) {
    const plan = app.plan();
    if (await record(plan)) {
      for (const cluster of plan.clusters) if (!stop.aborted) await look(plan, cluster);
      const until = now();
      const due = plan.assess !== null && slotsBetween(plan.assess, plan.timezone, assessedUntil, until).length > 0;
      for (const cluster of due ? plan.clusters : []) if (!stop.aborted) await assess(cluster);
      assessedUntil = until;
    }
    await alarm.wait(stop);
  }
}

const words = { fail: 'fail', notAssessed: 'not assessed', pass: 'pass' };

interface Reason {
  readonly message: string;
  readonly next?: string;
}

/** What can be waited for or tried again; a broken ledger and defects are thrown. */
async function expected(act: () => Promise<void>): Promise<Reason | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (!(error instanceof KubevidenceError) || error.code === 'integrity' || error.code === 'defect') throw error;
    return { message: error.message, ...(error.next !== undefined && { next: error.next }) };
  }
}

function describePlan({ collect, timezone, clusters }: ServePlan, now: Instant): string {
  const names = clusters.slice(0, 5).map(visible).join(', ') + (clusters.length > 5 ? ` and ${clusters.length - 5} more` : '');
  return `collects ${names} at "${visible(collect.expression)}" in ${timezone}; next slot ${nextSlot(collect, timezone, now)}`;
}

function describeMissed(missed: readonly RunSummary[]): string {
  const [first, last] = [missed[0], missed.at(-1)];
  if (missed.length === 1) return `the slot ${first?.slot} was missed; recorded as run ${first?.number}`;
  return `slots from ${first?.slot} to ${last?.slot} were missed; recorded as runs ${first?.number} to ${last?.number}`;
}

function lengthOf(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  return seconds < 5400
    ? `${Math.round(seconds / 60)} min`
    : seconds < 129_600
      ? `${Math.round(seconds / 3600)} h`
      : `${Math.round(seconds / 86_400)} d`;
}
