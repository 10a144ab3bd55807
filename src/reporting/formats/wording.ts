/** Words and forms that all formats share, so that a time, a severity or a status reads the same everywhere. */
import { visible } from '../../model/index.ts';
import type {
  ReportCatchUp,
  ReportControlLink,
  ReportMeta,
  ReportRequirement,
  ReportTrail,
  ShownOutcome,
  TimelineSegment,
  TimelineState,
} from '../report-model.ts';

/** `visible`, and combining marks beyond the third on one letter as `\u{hex}`: a pile of them covers the lines above. */
export function harmless(text: string): string {
  return visible(text).replace(
    /(\p{M}{3})(\p{M}+)/gu,
    (_, kept: string, rest: string) => kept + Array.from(rest, escapeCharacter).join(''),
  );
}

export function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** `2026-09-30 23:59:58`, where a header says UTC. */
export function clockText(instant: string | null): string {
  return instant === null ? '' : `${instant.slice(0, 10)} ${instant.slice(11, 19)}`;
}

/** `2026-09-30 23:59:58 UTC`. */
export function timeText(instant: string | null): string {
  return instant === null ? '' : `${clockText(instant)} UTC`;
}

/** `3 days 4 h`, `26 h`, `14 min`. */
export function durationText(from: string, to: string): string {
  const minutes = Math.round((Date.parse(to) - Date.parse(from)) / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.floor(hours / 24)} days${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
}

/** `period 2026-Q3` or `as of 2026-09-30 23:59:58 UTC`. */
export function spanText(meta: ReportMeta): string {
  return meta.period === null ? `as of ${timeText(meta.asOf)}` : `period ${harmless(meta.period.name)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `addressable`, `level 1, automated`: what the framework itself says about a requirement. */
export function standingText(requirement: ReportRequirement): string {
  const { obligation, level, assessment } = requirement;
  return [obligation, level === null ? null : `level ${level}`, assessment].filter((part) => part !== null).join(', ');
}

/** `exact`, `part`, `broader`, `supporting`: how far a control speaks for a requirement. */
export function reachText(link: ReportControlLink): string {
  return link.strength === 'supporting' ? 'supporting' : (link.covers ?? 'partial');
}

/** Glyphs for media that draw text; the PDF draws the same shapes as vectors. */
export const glyphs: Readonly<Record<ShownOutcome, string>> = {
  pass: '●',
  fail: '▲',
  exception: '△',
  notAssessed: '◌',
  manual: '□',
  providerResponsibility: '◇',
  notApplicable: '–',
};

/** States of an exception, as a reader sees them. */
export const exceptionStates = {
  requested: 'waits for approval, without effect',
  inForce: 'in force',
  unused: 'in force, unused: its item is gone, or passes',
  expired: 'expired',
  revoked: 'revoked',
  rebound: 'over: the name stands for another cluster',
} as const;

/** What stands where nobody answers for a change. */
export const notGiven = { reason: 'reason not given', approver: 'none' } as const;

/** A length of time, rounded to hours from a day on: `2 d 12 h`, `17 h 20 min`, `8 min`. At least is rounded down, at most up. */
export function lengthText(milliseconds: number, round: 'down' | 'up'): string {
  const whole = round === 'down' ? Math.floor : Math.ceil;
  const minutes = whole(milliseconds / 60_000);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
  const hours = whole(milliseconds / 3_600_000);
  return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
}

/** `between 2 d 12 h and 2 d 18 h`, `8 d 23 h` where the evidence names both ends, `at least 2 d`. */
export function exposureText({ least, most }: { readonly least: number; readonly most: number | null }): string {
  if (most === null) return `at least ${lengthText(least, 'down')}`;
  if (most === least) return lengthText(least, 'down');
  return least < 60_000
    ? `at most ${lengthText(most, 'up')}; seen once`
    : `between ${lengthText(least, 'down')} and ${lengthText(most, 'up')}`;
}

/** Where the audit log of a deviation's time is, and what to do. */
export function trailText(trail: ReportTrail, zone: string): string {
  const { kept, run, partly } = trail;
  if (kept === 'files') {
    const lacking = trail.unwritten ? ' At some run of that time, or the last before it, none was written.' : '';
    return `${keptText(trail, zone)}${lacking}${partly ? ' Not every API server was read at every run, or not every one writes a file.' : ''}`;
  }
  if (kept === 'unread') return `Unknown: run ${run} could not read the flags of any API server.`;
  if (kept === 'elsewhere')
    return `In no file of an API server, as run ${run} shows: events go to a webhook or to standard output. Ask whoever keeps them.`;
  return `None was written${partly ? ' by any API server that was read' : ''}, as run ${run} shows: what was done was not recorded.`;
}

/** With its year: what is deleted later may be so in another. */
function dateText(instant: string, zone: string): string {
  const { date, time } = localParts(instant, zone);
  return `${date} ${time}`;
}

function keptText({ run, days, standing, firstGone, lastGone }: Extract<ReportTrail, { kept: 'files' }>, zone: string): string {
  const kept = days === null ? 'Files are not deleted by age' : `Files are kept for ${plural(days, 'day')}`;
  const [first, last] = [firstGone, lastGone].map((instant) => (instant === null ? null : dateText(instant, zone)));
  if (standing === 'gone')
    return `${kept}, as run ${run} shows, the last before ${last}, when all of this time could be deleted: unless a copy was kept, what was done can no longer be told.`;
  if (standing === 'whole')
    return `${kept}, as run ${run} shows${first === null ? '' : `; none of this time before ${first}. Secure them before then`}.`;
  const began = first === null ? 'The beginning may be gone' : `The beginning may be gone since ${first}`;
  return `${kept}, as run ${run} shows. ${began}; ${last === null ? 'the rest is there for now' : `the end may go from ${last} on`}. Secure them now.`;
}

/** What a state is shown as; unknown time has the mark of what was not assessed. */
export function shownState({ state, excepted = 'none' }: { readonly state: TimelineState; readonly excepted?: string }): ShownOutcome {
  if (state === 'unknown') return 'notAssessed';
  return state === 'fail' && excepted === 'all' ? 'exception' : state;
}

export const stateWords: Readonly<Record<TimelineState, string>> = {
  pass: 'pass',
  fail: 'fail',
  unknown: 'unknown',
  manual: 'needs a person',
  providerResponsibility: "provider's part",
  notApplicable: 'not applicable',
};

/** `total`: controls of the report. */
export function catchUpText({ slot, slots, missed, run, status, at, unknown }: ReportCatchUp, total: number, timezone: string): string {
  const which =
    slots > 1 ? `${plural(slots, 'slot')} from ${localText(slot, timezone)} on were` : `the slot ${localText(slot, timezone)} was`;
  const sameDay = localParts(slot, timezone).date === localParts(at, timezone).date;
  const when = sameDay ? localParts(at, timezone).time : localText(at, timezone);
  const made = `${which} missed (run ${missed}); a ${status === 'partial' ? 'partial ' : ''}catch-up run at ${when} (run ${run}) filled in from then on`;
  if (unknown === null) return `${made}; no time between became unknown: what had been read still held`;
  const whose = unknown.controls === total ? 'all' : String(unknown.controls);
  return `${made}; unknown from ${localText(unknown.from, timezone)} to ${localText(unknown.to, timezone)} for ${whose} of ${plural(total, 'control')}, where times to live had ended`;
}

/** Why a segment begins. */
export const causeWords: Readonly<Record<TimelineSegment['cause'], string>> = {
  run: 'a run saw it',
  evidence: 'the evidence names the moment',
  expired: 'what was read last no longer held',
  unread: 'the run could not read it',
  failed: 'the run read nothing',
  notJudged: 'the run was not judged by this control',
  clock: 'the clock of a run contradicts the log',
  unproven: 'only an unsigned import says it',
  noRun: 'nothing was read before',
  beforeGenesis: 'the log did not exist yet',
};

/** In a zone: `2026-08-14`, `17:52`, and `Fri 14 Aug`. */
export function localParts(instant: string, timezone: string): { readonly date: string; readonly time: string; readonly day: string } {
  const parts = new Map<string, string>(
    formatFor(timezone)
      .formatToParts(new Date(instant))
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: string): string => parts.get(type) ?? '';
  const month = months[Number(part('month')) - 1] ?? '';
  return {
    date: `${part('year')}-${part('month')}-${part('day')}`,
    time: `${part('hour')}:${part('minute')}`,
    day: `${part('weekday')} ${Number(part('day'))} ${month}`,
  };
}

export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `Fri 14 Aug 17:52`. */
export function localText(instant: string, timezone: string): string {
  const { day, time } = localParts(instant, timezone);
  return `${day} ${time}`;
}

/** Kinds of what paths lead through, as a reader says them. */
export const pathKinds: Readonly<Record<string, readonly [one: string, many: string]>> = {
  User: ['user', 'users'],
  Group: ['group', 'groups'],
  ServiceAccount: ['service account', 'service accounts'],
  Pod: ['pod', 'pods'],
  Node: ['node', 'nodes'],
  Secret: ['Secret', 'Secrets'],
};

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formatters.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formatters.set(timeZone, format);
  }
  return format;
}
