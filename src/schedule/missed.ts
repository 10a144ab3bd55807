/**
 * Which slots nobody ran. A slot is missed once the next one has come or an hour has passed; until then a late start may still take it.
 * A long outage is told in as many words as anyone reads: the latest slots one by one, all earlier ones as one range. Pure.
 */
import type { Instant } from '../model/index.ts';
import type { Schedule } from './expression.ts';
import { slotsAfter } from './slots.ts';

/** How late a run may start and still be the one of its slot, unless the next slot comes first. */
export const graceMs = 60 * 60_000;
/** Slots of one outage that get a record each. */
export const mostMissed = 1000;

export interface Duty {
  readonly schedule: Schedule;
  readonly timezone: string;
  /** Slots after it are due: the last slot on record, or since when the schedule holds. */
  readonly after: Instant;
  readonly now: Instant;
  /** The slot that is being run now; it and later ones are not missed. */
  readonly running: Instant | null;
  /** False where the schedule ends now: then no late start is waited for. */
  readonly grace: boolean;
}

/** One slot, or `slots` of them from `slot` to `through`. */
export interface Missed {
  readonly slot: Instant;
  readonly through: Instant;
  readonly slots: number;
}

/** In order; slots one by one, but for the first entry of a long outage. */
export function missedSlots({ schedule, timezone, after, now, running, grace }: Duty): Missed[] {
  const until = Date.parse(now);
  const missed: number[] = [];
  for (const slot of slotsAfter(schedule, timezone, Date.parse(after), until)) {
    if (running !== null && slot >= Date.parse(running)) break;
    missed.push(slot);
  }
  const last = missed.at(-1);
  const followed = running !== null && last !== undefined && Date.parse(running) > last;
  if (last !== undefined && grace && !followed && last + graceMs > until) missed.pop();
  const early = missed.length > mostMissed ? missed.splice(0, missed.length - mostMissed + 1) : [];
  const entry = (first: number, through: number, slots: number): Missed => ({
    slot: new Date(first).toISOString(),
    through: new Date(through).toISOString(),
    slots,
  });
  const [start, end] = [early[0], early.at(-1)];
  const range = start === undefined || end === undefined ? [] : [entry(start, end, early.length)];
  return [...range, ...missed.map((slot) => entry(slot, slot, 1))];
}
