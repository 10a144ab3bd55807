/**
 * Whether the audit log of the time in which somebody could do something can still be there. How long its files were kept is read at the
 * runs from the last one before it, and a setting is taken to hold until the next that was read. By age only: files may go sooner by number
 * and size, and later where none is rotated.
 * kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver, `--audit-log-maxage`
 */
import type { Instant } from '../model/index.ts';
import type { ReportDeviation } from './report-period.ts';
import type { AuditLogSetting, ReportTrail } from './report-trail.ts';

/** Whether the items of a control are what somebody may do. */
export function showsWhoCould(control: { readonly population: string }): boolean {
  return control.population === 'grants';
}

interface TrailRun {
  readonly number: number;
  readonly at: Instant;
}

export interface TrailInputs {
  /** Those that read something, in the order of their times. */
  readonly runs: readonly TrailRun[];
  readonly settingAt: (run: number) => AuditLogSetting;
  /** When the checkpoint was made. */
  readonly now: Instant;
}

/** At most so many are looked at, in equal steps, beside those that a deviation names: a quarter may have thousands. */
const mostLooks = 96;

type Deviated = Pick<ReportDeviation, 'lastGood' | 'firstBad' | 'lastBad' | 'onset' | 'end'>;
type Look = TrailRun & { readonly setting: AuditLogSetting };

export function trailOf(deviation: Deviated, inputs: TrailInputs): ReportTrail {
  const { firstBad, lastBad, onset, end } = deviation;
  const { now } = inputs;
  const looks = lookAt(deviation, inputs);
  const read = looks.filter(({ setting }) => keptBy(setting) !== 'unread');
  const [begin, finish] = [firstBad, lastBad].map((run) => inputs.runs.find(({ number }) => number === run)?.at ?? onset.by);
  const during = read.filter(({ at }) => at >= (begin as Instant) && at <= (finish as Instant));
  const [first] = during;
  if (first === undefined) return { kept: 'unread', run: firstBad, partly: false };
  // What was not written then, no later setting brings back.
  const kept = keptBy((during.find(({ setting }) => keptBy(setting) === 'files') ?? first).setting);
  if (kept !== 'files') return { kept, run: first.number, partly: during.some(({ setting }) => !setting.complete) };
  const files = read.filter(({ setting }) => keptBy(setting) === 'files');
  const goneFirst = onset.after === null ? null : goneAt(onset.after, files);
  const goneLast = end === null ? null : goneAt(end.by, files);
  const isGone = goneLast !== null && goneLast.at <= now;
  const mayLack = onset.after === null ? files.some(({ setting }) => setting.days !== null) : goneFirst !== null && goneFirst.at <= now;
  const unwritten = read.filter(({ at }) => at <= (finish as Instant)).length > files.filter(({ at }) => at <= (finish as Instant)).length;
  const { number: run, setting } = (isGone ? goneLast.look : files.at(-1)) ?? first;
  return {
    kept: 'files',
    run,
    partly: looks.length > read.length || files.some((each) => !each.setting.complete || each.setting.withoutFile > 0),
    unwritten,
    days: setting.days,
    standing: isGone ? 'gone' : mayLack || unwritten ? 'part' : 'whole',
    firstGone: goneFirst?.at ?? null,
    lastGone: goneLast?.at ?? null,
  };
}

/** From the last run that did not see it on. */
function lookAt({ lastGood, firstBad, lastBad }: Deviated, { runs, settingAt }: TrailInputs): readonly Look[] {
  const step = Math.ceil(runs.length / mostLooks);
  const named = new Set([lastGood, firstBad, lastBad]);
  const start = runs.findIndex(({ number }) => number === (lastGood ?? firstBad));
  return runs
    .filter(({ number }, index) => index >= start && (index % step === 0 || index === runs.length - 1 || named.has(number)))
    .map(({ number, at }) => ({ number, at, setting: settingAt(number) }));
}

/** When files of a moment could first be deleted, and the run that shows it; null: never. */
function goneAt(moment: Instant, files: readonly Look[]): { readonly at: Instant; readonly look: Look } | null {
  for (const [index, look] of files.entries()) {
    const { days } = look.setting;
    if (days === null) continue;
    const old = new Date(Date.parse(moment) + days * 86_400_000).toISOString();
    // A setting deletes what is too old already when it comes into force, and holds until the next is read.
    const at = old < look.at ? look.at : old;
    const next = files[index + 1];
    if (next === undefined || at <= next.at) return { at, look };
  }
  return null;
}

function keptBy({ servers, withoutFile, elsewhere }: AuditLogSetting): ReportTrail['kept'] {
  if (servers === 0) return 'unread';
  if (withoutFile < servers) return 'files';
  return elsewhere > 0 ? 'elsewhere' : 'none';
}
