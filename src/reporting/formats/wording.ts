/** Words and forms that all formats share, so that a time, a severity or a status reads the same everywhere. */
import { visible } from '../../model/index.ts';
import type { ReportControlLink, ReportMeta, ReportRequirement, ShownOutcome } from '../report-model.ts';

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
