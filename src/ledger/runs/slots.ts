/**
 * The slots of a schedule as the log knows them: each was taken by a run or missed, in order, and the next one that is due comes after the
 * last of those. A record of a missed slot takes a run number; after a long outage one record may stand for a range of slots.
 */
import { randomUUID } from 'node:crypto';
import { allDefinitions } from '../../log/index.ts';
import { type Instant, KubevidenceError, type RunSummary, visible } from '../../model/index.ts';
import type { Stores } from '../stores.ts';

/** `slots` of them from `slot` to `through`; one when they are the same. */
export interface MissedSlots {
  readonly slot: Instant;
  readonly through: Instant;
  readonly slots: number;
}

export interface Slots {
  /** The last slot that a run of the cluster took or missed. */
  lastSlot(cluster: string): Instant | null;
  /** Slots after it are due: the last one, or since when the schedule holds, or when the cluster's runs began. Null: it has none yet. */
  dueSince(cluster: string): Instant | null;
  /** Runs that took the slot, or the one that missed it. */
  runsOfSlot(cluster: string, slot: Instant): RunSummary[];
  /** All at once, in order, each with the next run number. */
  recordMissedSlots(cluster: string, missed: readonly MissedSlots[]): void;
}

export function createSlots({ db, log, runs }: Stores, now: () => Instant): Slots {
  const changed = db
    .prepare<[], string>(
      `SELECT json_extract(CAST(bytes AS TEXT), '$.at') FROM log WHERE type = 'definition-changed' AND cluster IS NULL AND run IS NULL
         AND (json_extract(CAST(bytes AS TEXT), '$.what') IN ('schedule', 'timezone')
           OR json_extract(CAST(bytes AS TEXT), '$.what') = '${allDefinitions}' AND json_extract(CAST(bytes AS TEXT), '$.oldDigest') IS NULL)
         ORDER BY leaf DESC LIMIT 1`,
    )
    .pluck();
  /** From the latest run number down; manual runs are passed over. */
  function* slotsOf(cluster: string): Generator<{ readonly slot: Instant; readonly through: Instant; readonly run: number }> {
    for (let run = runs.next(cluster) - 1; run > 0; run--) {
      const plan = runs.planned(cluster, run)?.record;
      const slot = plan?.slot ?? null;
      if (slot !== null) yield { slot, through: slot, run };
      const missed = plan === undefined ? log.find('run-missed', cluster, run)[0]?.record : undefined;
      // A number that somebody made up must not make us look for all below it.
      if (plan === undefined && missed === undefined)
        throw new KubevidenceError('integrity', `run ${run} of ${visible(cluster)} is missing`, {
          next: 'See more: `kubevidence ledger verify`.',
        });
      if (missed !== undefined) yield { slot: missed.slot, through: missed.range?.through ?? missed.slot, run };
    }
  }
  const lastSlot = (cluster: string): Instant | null => {
    for (const { through } of slotsOf(cluster)) return through;
    return null;
  };
  return {
    lastSlot,
    dueSince(cluster) {
      const first = runs.get(cluster, 1)?.plannedAt;
      const schedule = changed.get();
      if (first === undefined || schedule === undefined) return null;
      const last = lastSlot(cluster);
      return [first, schedule, ...(last === null ? [] : [last])].sort().at(-1) ?? null;
    },
    runsOfSlot(cluster, slot) {
      const found: RunSummary[] = [];
      for (const each of slotsOf(cluster)) {
        if (each.through < slot) break;
        const run = each.slot <= slot ? runs.get(cluster, each.run) : undefined;
        if (run !== undefined) found.push(run);
      }
      return found;
    },
    recordMissedSlots(cluster, missed) {
      db.transaction(() => {
        for (const { slot, through, slots } of missed) {
          const range = slots > 1 ? { range: { through, slots } } : {};
          log.append({ type: 'run-missed', v: 1, at: now(), cluster, run: runs.next(cluster), uuid: randomUUID(), slot, ...range });
        }
      }).immediate();
    },
  };
}
