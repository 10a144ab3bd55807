/**
 * The instants at which a schedule is due. Every wall-clock time that the expression names gives one slot a day, also in the nights in
 * which clocks change: a time that the clocks skip is due at the first instant after the skip, and one that they show twice is due the
 * first time. An expression that names every hour is due in the repeated hour as well, so that an hourly run stays hourly. Pure.
 */
import { type Instant, type Zone, zoneOf } from '../model/index.ts';
import { firesOn, type Schedule } from './expression.ts';

const day = 86_400_000;

/** Slots after `from`, up to and including `to`, in order. Nothing when `to` is not after `from`. */
export function slotsBetween(schedule: Schedule, timezone: string, from: Instant, to: Instant): Instant[] {
  const [after, until] = [Date.parse(from), Date.parse(to)];
  const slots: Instant[] = [];
  for (const slot of slotsAfter(schedule, timezone, after, until)) slots.push(new Date(slot).toISOString());
  return slots;
}

/** The next slot after an instant; every schedule has one in the next eight years. */
export function nextSlot(schedule: Schedule, timezone: string, after: Instant): Instant {
  const from = Date.parse(after);
  for (const slot of slotsAfter(schedule, timezone, from, from + 9 * 366 * day)) return new Date(slot).toISOString();
  throw new RangeError(`${schedule.expression} is not due in eight years`);
}

/** The latest slot at or before an instant, looking back eight years at most. */
export function latestSlot(schedule: Schedule, timezone: string, at: Instant): Instant | undefined {
  const until = Date.parse(at);
  for (const days of [2, 16, 128, 1024, 9 * 366]) {
    let latest: number | undefined;
    for (const slot of slotsAfter(schedule, timezone, until - days * day, until)) latest = slot;
    if (latest !== undefined) return new Date(latest).toISOString();
  }
  return undefined;
}

/** Milliseconds of slots in (after, until]. */
export function* slotsAfter(schedule: Schedule, timezone: string, after: number, until: number): Generator<number> {
  if (!(until > after)) return;
  const zone = zoneOf(timezone);
  let last = after;
  // Local days, as if their wall clock were UTC; a day more on either side, because a zone is at most 15 hours from UTC.
  const end = Math.floor(until / day) * day + 2 * day;
  for (let date = Math.floor(after / day) * day - day; date <= end; date += day) {
    const local = new Date(date);
    if (!firesOn(schedule, local.getUTCMonth() + 1, local.getUTCDate(), local.getUTCDay())) continue;
    for (const slot of slotsOfDay(schedule, zone, date)) {
      if (slot <= last) continue;
      if (slot > until) break;
      last = slot;
      yield slot;
    }
  }
}

/** In order, each once. */
function slotsOfDay({ hours, minutes, second }: Schedule, zone: Zone, date: number): number[] {
  const walls = hours.flatMap((hour) => minutes.map((minute) => date + ((hour * 60 + minute) * 60 + second) * 1000));
  const [before, behind] = [zone.offset(date - day), zone.offset(date + 2 * day)];
  // No change of the clocks anywhere near.
  if (before === behind && zone.offset(date) === before && zone.offset(date + day) === before) return walls.map((wall) => wall - before);
  const all = walls.flatMap((wall) => instantsOf(zone, wall, hours.length === 24));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** When the zone's clocks show a wall time: once; never, which is the end of the skip; or twice, the second only where `both`. */
function instantsOf(zone: Zone, wall: number, both: boolean): number[] {
  const offsets = [...new Set([zone.offset(wall - day), zone.offset(wall + day)])];
  const shown = offsets
    .map((offset) => wall - offset)
    .filter((at) => at + zone.offset(at) === wall)
    .sort((a, b) => a - b);
  if (shown.length > 0) return both ? shown : shown.slice(0, 1);
  // Skipped: the change lies between the two readings of the wall time.
  let [low, high] = [wall - Math.max(...offsets), wall - Math.min(...offsets)];
  const old = zone.offset(low);
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (zone.offset(middle) === old) low = middle;
    else high = middle;
  }
  return [high];
}
