/**
 * What is recorded before a run is planned: the slots of the schedule that nobody ran, by the schedule that was in force until now, and
 * then every change of definitions. A scheduled run takes the latest slot that is due, once; what comes too late for its slot is a run of
 * the schedule without one, and the slot stays missed.
 */
import type { Explanation, Ledger, PresentDefinitions } from '../../ledger/index.ts';
import type { Instant, RunKind, RunSummary } from '../../model/index.ts';
import { KubevidenceError, textAt, visible } from '../../model/index.ts';
import type { Schedule } from '../../schedule/index.ts';

export interface RunRequest {
  readonly cluster: string;
  readonly definitions: PresentDefinitions;
  /** Null for a run that a person started; `slot` null: the latest one that is due. */
  readonly scheduled: { readonly slot: Instant | null } | null;
  readonly now: Instant;
}

export interface PreparedRun {
  /** Digest of the definitions in force, as `run-planned` names it. */
  readonly definitions: string;
  readonly kind: RunKind;
  readonly slot: Instant | null;
}

interface InForce {
  readonly schedule: Schedule;
  readonly timezone: string;
}

/** A scheduler's clock may be this much ahead of ours. */
const aheadMs = 60_000;

/** Throws `configuration` for a schedule that is none, and `usage` for a slot that is not due. */
export async function prepareRun(ledger: Ledger, { cluster, definitions, scheduled, now }: RunRequest): Promise<PreparedRun> {
  const next = await readSchedule(definitions.list);
  const slot = scheduled === null ? null : await chooseSlot(ledger, cluster, next, scheduled.slot, now);
  const digest = await recordDefinitions(ledger, definitions, { now, running: { cluster, slot } });
  return { definitions: digest, kind: scheduled === null ? 'manual' : 'scheduled', slot };
}

/**
 * Records what changed, and before it the slots that are missed: of the cluster that runs, and of all of them where a change of the
 * schedule ends the old one. Returns the digest of the definitions that hold now.
 */
export async function recordDefinitions(
  ledger: Ledger,
  definitions: PresentDefinitions,
  options: {
    readonly now: Instant;
    readonly running?: { readonly cluster: string; readonly slot: Instant | null };
    readonly explanation?: Explanation;
  },
): Promise<string> {
  const { now, running, explanation } = options;
  const differing = ledger.differingDefinitions(definitions);
  if (differing === undefined || differing.old !== null) {
    const old = differing?.old?.list ?? definitions.list;
    const ends = differing !== undefined && scheduleText(old) !== scheduleText(definitions.list);
    const inForce = await readSchedule(old);
    const clusters = ends || running === undefined ? ledger.clusters().map(({ name }) => name) : [running.cluster];
    for (const cluster of inForce === null ? [] : clusters)
      await recordMissed(ledger, cluster, inForce, { now, grace: !ends, running: cluster === running?.cluster ? running.slot : null });
  }
  return ledger.recordDefinitions(definitions, explanation);
}

async function recordMissed(
  ledger: Ledger,
  cluster: string,
  inForce: InForce | null,
  when: { readonly now: Instant; readonly grace: boolean; readonly running: Instant | null },
): Promise<void> {
  const after = ledger.dueSince(cluster);
  if (after === null || inForce === null) return;
  const { missedSlots } = await import('../../schedule/index.ts');
  const missed = missedSlots({ ...inForce, after, ...when });
  if (missed.length > 0) ledger.recordMissedSlots(cluster, missed);
}

async function chooseSlot(
  ledger: Ledger,
  cluster: string,
  inForce: InForce | null,
  wanted: Instant | null,
  now: Instant,
): Promise<Instant | null> {
  if (inForce === null)
    throw new KubevidenceError('usage', '--scheduled needs a schedule, and kubevidence.yaml has none', {
      next: 'Add it, e.g. `schedule: {collect: "0 6 * * 1"}`, or leave --scheduled out.',
    });
  const { latestSlot, missedSlots, nextSlot, slotsBetween } = await import('../../schedule/index.ts');
  const { schedule, timezone } = inForce;
  const refuse = (why: string): never => {
    throw new KubevidenceError('usage', why, { next: 'Leave --scheduled out for a run apart from the schedule; it counts as manual.' });
  };
  const isTaken = (slot: Instant) => ledger.runsOfSlot(cluster, slot).some(({ status }) => status === 'succeeded' || status === 'partial');
  const latest = latestSlot(schedule, timezone, now) ?? refuse('no slot of the schedule has come yet');
  const soon = nextSlot(schedule, timezone, now);
  const early = Date.parse(soon) - Date.parse(now) <= aheadMs;
  const slot = wanted ?? (early && isTaken(latest) ? soon : latest);
  const before = new Date(Date.parse(slot) - 1).toISOString();
  if (slotsBetween(schedule, timezone, before, slot).length === 0)
    refuse(`${slot} is no slot of the schedule ${visible(schedule.expression)} in ${timezone}`);
  if (slot > latest && !(early && slot === soon)) refuse(`the slot ${slot} has not come yet`);
  const [run] = ledger.runsOfSlot(cluster, slot);
  if (isTaken(slot)) refuse(`the slot ${slot} of ${visible(cluster)} was run already, as run ${run?.number}`);
  const isLate = missedSlots({ schedule, timezone, after: before, now, running: null, grace: true }).some((each) => each.slot === slot);
  if (run?.status === 'missed' || (isLate && slot === latest)) {
    const instead = attemptsSince(ledger, cluster, slot).find(({ status }) => status === 'succeeded' || status === 'partial');
    return instead === undefined
      ? null
      : refuse(`the slot ${slot} of ${visible(cluster)} is over, and run ${instead.number} was made instead`);
  }
  const last = ledger.lastSlot(cluster);
  if (last !== null && slot < last) refuse(`the slot ${slot} is over: ${last} is on record already`);
  return slot;
}

/** Runs of the schedule since a slot came: those that took it, and those that came too late for theirs; in order. */
export function attemptsSince(ledger: Ledger, cluster: string, slot: Instant): RunSummary[] {
  const found: RunSummary[] = [];
  const last = ledger.clusters().find(({ name }) => name === cluster)?.lastRun;
  for (let number = last?.number ?? 0; number > 0; number--) {
    const run = ledger.run(cluster, number);
    // A run may have begun a little before its slot.
    if (run === undefined || (run.plannedAt < slot && run.slot !== slot)) break;
    if (run.kind === 'scheduled' && run.status !== 'missed' && (run.slot ?? slot) === slot) found.unshift(run);
  }
  return found;
}

type DefinitionList = PresentDefinitions['list'];

/** Null where nothing is scheduled. */
async function readSchedule(list: DefinitionList): Promise<InForce | null> {
  const expression = textAt(valueOf(list, 'schedule'), 'collect');
  const timezone = valueOf(list, 'timezone');
  if (expression === undefined || typeof timezone !== 'string') return null;
  const { parseSchedule } = await import('../../schedule/index.ts');
  return { schedule: parseSchedule(expression), timezone };
}

function scheduleText(list: DefinitionList): string {
  return JSON.stringify([textAt(valueOf(list, 'schedule'), 'collect') ?? null, valueOf(list, 'timezone')]);
}

function valueOf(list: DefinitionList, what: string) {
  return list.find((each) => each.what === what)?.value ?? null;
}
