/**
 * Audit periods: named, half-open, from midnight to midnight in the organization's timezone, kept as UTC instants. Daylight-saving
 * changes make some of their days 23 or 25 hours long, which is why the bounds are found in the zone and not by adding hours.
 */
import type { Instant } from '../model/index.ts';
import { KubevidenceError, visible, zoneOf } from '../model/index.ts';

export interface Period {
  readonly name: string;
  readonly start: Instant;
  readonly end: Instant;
}

const forms = 'Write 2026-Q3, 2026-08, 2026, or two days like 2026-07-01/2026-10-01 (the second is not included).';

/** Throws `usage` for anything but the forms above. */
export function parsePeriod(name: string, timezone: string): Period {
  const bounds = boundsOf(name);
  if (bounds === null) throw new KubevidenceError('usage', `${visible(name)} is not a period`, { next: forms });
  const [start, end] = bounds.map((day) => midnight(day, timezone)) as [Instant, Instant];
  if (start >= end) throw new KubevidenceError('usage', `the period ${visible(name)} ends before it starts`, { next: forms });
  return { name, start, end };
}

/** The quarter in which an instant lies. */
export function quarterOf(instant: Instant, timezone: string): Period {
  const at = Date.parse(instant);
  const local = new Date(at + zoneOf(timezone).offset(at));
  return parsePeriod(`${local.getUTCFullYear()}-Q${Math.floor(local.getUTCMonth() / 3) + 1}`, timezone);
}

type Day = readonly [year: number, month: number, day: number];

function boundsOf(name: string): readonly [Day, Day] | null {
  const quarter = /^(\d{4})-Q([1-4])$/.exec(name);
  if (quarter) return months(Number(quarter[1]), Number(quarter[2]) * 3 - 2, 3);
  const month = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name);
  if (month) return months(Number(month[1]), Number(month[2]), 1);
  const year = /^(\d{4})$/.exec(name);
  if (year) return months(Number(year[1]), 1, 12);
  const range = /^(\d{4})-(\d{2})-(\d{2})\/(\d{4})-(\d{2})-(\d{2})$/.exec(name);
  if (range === null) return null;
  const [, y1, m1, d1, y2, m2, d2] = range.map(Number) as [number, number, number, number, number, number, number];
  const days: readonly [Day, Day] = [
    [y1, m1, d1],
    [y2, m2, d2],
  ];
  return days.every(isDay) ? days : null;
}

function months(year: number, month: number, count: number): readonly [Day, Day] {
  const after = month - 1 + count;
  return [
    [year, month, 1],
    [year + Math.floor(after / 12), (after % 12) + 1, 1],
  ];
}

function isDay([year, month, day]: Day): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** The first instant of a day in a zone. Where midnight does not exist (a clock put forward at 0:00), the first one after it. */
function midnight([year, month, day]: Day, timezone: string): Instant {
  const wanted = Date.UTC(year, month - 1, day);
  const zone = zoneOf(timezone);
  // The offset on either side of the day's start; the earlier instant that shows this day is its beginning.
  const candidates = [wanted - zone.offset(wanted - 86_400_000), wanted - zone.offset(wanted), wanted - zone.offset(wanted + 86_400_000)];
  const fits = candidates.filter((at) => Math.floor((at + zone.offset(at)) / 86_400_000) * 86_400_000 === wanted);
  return new Date(Math.min(...(fits.length > 0 ? fits : candidates))).toISOString();
}
