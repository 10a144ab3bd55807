/**
 * Whether the audit log of the time in which somebody could do something can still be there. How long its files were kept is read at the
 * runs that saw the deviation, and at the last run before they could be deleted, as the setting may have changed by then. By age only:
 * files may go sooner by number and size, and later where none is rotated.
 * kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver, `--audit-log-maxage`
 */
import type { Instant } from '../model/index.ts';
import type { ReportDeviation } from './report-period.ts';
import type { AuditLogSetting, ReportTrail } from './report-trail.ts';

/** Whether the items of a control are what somebody may do. */
export function showsWhoCould(control: { readonly population: string }): boolean {
  return control.population === 'grants';
}

export interface TrailInputs {
  /** Those that read something, in the order of their times. */
  readonly runs: readonly { readonly number: number; readonly at: Instant }[];
  readonly settingAt: (run: number) => AuditLogSetting;
  /** When the checkpoint was made. */
  readonly now: Instant;
}

interface Seen {
  readonly run: number;
  readonly setting: AuditLogSetting;
}

type Deviated = Pick<ReportDeviation, 'firstBad' | 'lastBad' | 'onset' | 'end'>;

export function trailOf({ firstBad, lastBad, onset, end }: Deviated, inputs: TrailInputs): ReportTrail {
  const { settingAt, now } = inputs;
  const first = { run: firstBad, setting: settingAt(firstBad) };
  const followed = follow({ run: lastBad, setting: settingAt(lastBad) }, end?.by ?? now, inputs);
  const seen = [first, ...followed];
  // What was not written then, no later setting brings back.
  for (const { run, setting } of seen.slice(0, 2)) {
    const kept = keptBy(setting);
    if (kept !== 'files') return { kept, run, partly: !setting.complete };
  }
  const partly = seen.some(({ setting }) => !setting.complete || setting.withoutFile > 0);
  const { run, setting } = seen.at(-1) ?? first;
  const least = Math.min(...seen.map(({ setting: { days } }) => days ?? Infinity));
  const firstGone = onset.after === null ? null : daysAfter(onset.after, least);
  const deleted = end === null ? null : daysAfter(end.by, setting.days ?? Infinity);
  // A setting that was shortened deletes when it comes into force, not before.
  const lastGone = deleted === null ? null : latest(deleted, inputs.runs.find(({ number }) => number === run)?.at ?? deleted);
  const mayLack = least !== Infinity && (firstGone === null || firstGone <= now);
  const standing = lastGone !== null && lastGone <= now ? 'gone' : mayLack ? 'part' : 'whole';
  return { kept: 'files', run, partly, days: setting.days, standing, firstGone, lastGone };
}

/** Each the last run before what the one before it would have deleted is gone. */
function follow(start: Seen, end: Instant, { runs, settingAt, now }: TrailInputs): readonly Seen[] {
  const seen = [start];
  for (;;) {
    const { run, setting: before } = seen.at(-1) ?? start;
    const place = runs.findIndex(({ number }) => number === run);
    const until = daysAfter(end, before.days ?? Infinity) ?? now;
    const next = runs.findLastIndex(({ at }) => at <= until);
    const later = runs[next];
    if (later === undefined || next <= place) return seen;
    const setting = settingAt(later.number);
    if (keptBy(setting) !== 'files') return seen;
    seen.push({ run: later.number, setting });
  }
}

function keptBy({ servers, withoutFile, elsewhere }: AuditLogSetting): ReportTrail['kept'] {
  if (servers === 0) return 'unread';
  if (withoutFile < servers) return 'files';
  return elsewhere > 0 ? 'elsewhere' : 'none';
}

/** Null: never. */
function daysAfter(instant: Instant, days: number): Instant | null {
  return days === Infinity ? null : new Date(Date.parse(instant) + days * 86_400_000).toISOString();
}

function latest(a: Instant, b: Instant): Instant {
  return a < b ? b : a;
}
