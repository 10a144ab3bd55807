/**
 * Whether a run is due, from the ledger and the clock alone, so that a restart, a second process and a CronJob come to the same answer. The
 * latest slot is due once; a run that failed is tried again after 1, 2, 4, 8 … minutes, until the next slot comes or one has read something.
 * What was missed is made good by one run. A clock that was set back makes nothing due again. Pure.
 */
import type { Instant, RunSummary } from '../model/index.ts';
import type { Schedule } from './expression.ts';
import type { SlotHistory } from './serve-port.ts';
import { latestSlot } from './slots.ts';

const firstWaitMs = 60_000;

export interface RunDuty {
  readonly slot: Instant;
  /** Later than now: the next attempt has time until then. */
  readonly notBefore: Instant;
  readonly attempts: number;
}

export type SlotOf = (slot: Instant) => SlotHistory;

/** Null: nothing is due before the next slot. */
export function runDuty(schedule: Schedule, timezone: string, now: Instant, historyOf: SlotOf): RunDuty | null {
  const slot = latestSlot(schedule, timezone, now);
  if (slot === undefined) return null;
  const { dueSince, missed, attempts } = historyOf(slot);
  if (attempts.some(hasRead)) return null;
  const last = attempts.at(-1);
  if (last !== undefined) {
    const ended = Date.parse(last.endedAt ?? last.plannedAt);
    return {
      slot,
      notBefore: new Date(ended + firstWaitMs * 2 ** Math.min(attempts.length - 1, 20)).toISOString(),
      attempts: attempts.length,
    };
  }
  const due = dueSince === null || missed || slot > dueSince;
  return due ? { slot, notBefore: now, attempts: 0 } : null;
}

function hasRead({ status }: RunSummary): boolean {
  return status === 'succeeded' || status === 'partial';
}
