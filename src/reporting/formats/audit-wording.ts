/** What an audit policy records, in words that the PDF and the workbook share. */
import type { ReportAuditCell, ReportAuditMistake, ReportAuditPolicy } from '../report-model.ts';
import { plural } from './wording.ts';

export function ruleText(rule: number | null): string {
  return rule === null ? 'no rule' : `rule ${rule}`;
}

/** `Metadata (rule 5)`, `None (rule 1), Request (rule 4); for some None (rule 2)`. */
export function cellText(cell: ReportAuditCell | null): string {
  if (cell === null) return 'does not apply';
  const told = (whom: 'all' | 'some') =>
    cell.parts
      .filter((part) => part.whom === whom)
      .map(({ level, rule }) => `${level} (${ruleText(rule)})`)
      .join(', ');
  const some = told('some');
  return `${told('all')}${some === '' ? '' : `; for some ${some}`}`;
}

export const mistakeWords = {
  bodies: 'content in the log',
  hidden: 'hidden by an earlier rule',
  unrecorded: 'not recorded',
} as const satisfies Record<ReportAuditMistake['kind'], string>;

/** What it does, in a sentence. */
export function mistakeText({ kind, rule, level, whom, instead }: ReportAuditMistake): string {
  const some = whom === 'some' ? ' for some callers, namespaces or names' : '';
  if (kind === 'bodies') return `${subject(rule)} writes bodies to the log (${level})${some}.`;
  if (kind === 'unrecorded')
    return rule === null
      ? `No rule matches, so nothing is recorded${some}.`
      : `${subject(rule)} records nothing${some}, and neither does a later rule.`;
  return `${subject(rule)} records nothing${some}; behind it, ${ruleText(instead?.rule ?? null)} would record ${instead?.level ?? 'it'}.`;
}

function subject(rule: number | null): string {
  const text = ruleText(rule);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** The first of them, and how many more there are. */
export function shortList(all: readonly string[], shown: number, noun: string): string {
  const more = all.length - shown;
  return `${all.slice(0, shown).join(', ')}${more > 0 ? ` and ${plural(more, `more ${noun}`)}` : ''}`;
}

/** What came out, in a sentence. */
export function policyText({ problem, rules, mistakes }: ReportAuditPolicy): string {
  if (problem !== null) return `No API server starts with it: ${problem}.`;
  const count = (kind: ReportAuditMistake['kind']) => mistakes.filter((mistake) => mistake.kind === kind).length;
  const found = [
    [count('bodies'), 'writes content to the log that is secret', 'write content to the log that is secret'],
    [count('hidden'), 'hides an event before a later one records it', 'hide events before a later one records them'],
  ] as const;
  const told = found.flatMap(([n, one, many]) => (n === 0 ? [] : [`${n} ${n === 1 ? one : many}`]));
  const without = count('unrecorded') === 0 ? '' : ' Some events are not recorded at all.';
  return `${plural(rules.length, 'rule')}${told.length === 0 ? '; none writes secret content to the log or hides one of these events' : `: ${told.join(', ')}`}.${without}`;
}
