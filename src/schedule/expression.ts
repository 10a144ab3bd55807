/**
 * Cron expressions as people write them: five fields (minute hour day month weekday) or six with seconds first, lists, ranges, steps, names
 * of months and weekdays, and `@daily` and its like. What is accepted fires at least once in any eight years and at most once a minute;
 * everything else is refused with a sentence. Where both day fields are restricted, either of them is enough (POSIX crontab).
 */
import { clip, KubevidenceError } from '../model/index.ts';

/** What an expression names, each list sorted. */
export interface Schedule {
  readonly expression: string;
  /** 0 to 59; one of them. */
  readonly second: number;
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Of the month, 1 to 31. */
  readonly days: ReadonlySet<number>;
  /** 1 to 12. */
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
}

const presets = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

interface Field {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { name: 'second', low: 0, high: 59 },
  { name: 'minute', low: 0, high: 59 },
  { name: 'hour', low: 0, high: 23 },
  { name: 'day of the month', low: 1, high: 31 },
  {
    name: 'month',
    low: 1,
    high: 12,
    names: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  // 7 is Sunday too.
  { name: 'weekday', low: 0, high: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

/** Errors: `configuration`. `key` names the place in kubevidence.yaml. */
export function parseSchedule(expression: string, key = 'schedule.collect'): Schedule {
  const refuse = (why: string): never => {
    throw new KubevidenceError('configuration', `"${clip(expression, 80)}" is not a schedule: ${why}`, {
      place: { key },
      next: 'Write five fields, minute hour day month weekday: "0 6 * * 1" is Mondays at 06:00.',
    });
  };
  const text = expression.trim().toLowerCase();
  const parts = (presets.get(text) ?? text).split(/\s+/);
  if (parts.length === 5) parts.unshift('0');
  if (parts.length !== 6) refuse(`it has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'}`);
  const [seconds, minutes, hours, days, months, weekdays] = fields.map((field, index) => readField(field, parts[index] ?? '', refuse));
  const second = [...(seconds ?? [])];
  if (second.length !== 1) refuse('it fires more than once a minute');
  const schedule: Schedule = {
    expression,
    second: second[0] ?? 0,
    minutes: sorted(minutes),
    hours: sorted(hours),
    days: days ?? new Set(),
    months: months ?? new Set(),
    weekdays: new Set([...(weekdays ?? [])].map((day) => day % 7)),
  };
  if (!everFires(schedule)) refuse('no year has such a day, so it never fires');
  return schedule;
}

/** Whether a date of the proleptic Gregorian calendar is one of the schedule's. */
export function firesOn({ days, months, weekdays }: Schedule, month: number, day: number, weekday: number): boolean {
  if (!months.has(month)) return false;
  const [anyDay, anyWeekday] = [days.size === 31, weekdays.size === 7];
  if (anyDay || anyWeekday) return (anyDay || days.has(day)) && (anyWeekday || weekdays.has(weekday));
  return days.has(day) || weekdays.has(weekday);
}

const longest = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function everFires({ days, months, weekdays }: Schedule): boolean {
  if (weekdays.size < 7) return true; // every month has every weekday
  const first = Math.min(...days);
  return [...months].some((month) => first <= (longest[month] ?? 0));
}

function readField({ name, low, high, names }: Field, text: string, refuse: (why: string) => never): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\*|[a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?(?:\/(\d{1,2}))?$/.exec(part);
    const [, from = '', to, by] = match ?? refuse(`"${clip(part, 40)}" is no ${name}`);
    if (from === '*' && to !== undefined) refuse(`"${clip(part, 40)}" is no ${name}`);
    const numberOf = (word: string): number => {
      const value = /^\d/.test(word) ? Number(word) : (names?.indexOf(word) ?? -1);
      return value >= low && value <= high ? value : refuse(`"${clip(word, 40)}" is no ${name}`);
    };
    const step = by === undefined ? 1 : Number(by);
    if (step === 0) refuse(`the ${name} has a step of zero`);
    const start = from === '*' ? low : numberOf(from);
    const end = to !== undefined ? numberOf(to) : from === '*' || by !== undefined ? high : start;
    if (end < start) refuse(`the ${name} ${clip(part, 40)} ends before it starts`);
    for (let value = start; value <= end; value += step) values.add(value);
  }
  return values;
}

function sorted(values: ReadonlySet<number> | undefined): readonly number[] {
  return [...(values ?? [])].sort((a, b) => a - b);
}
