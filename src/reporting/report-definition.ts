/**
 * A report definition says which sections and sheets a report has, in which order, and in which words: `reports/<name>.yaml`. It decides
 * nothing about outcomes. A definition that loads names every outcome in the words of both kinds of framework, and no word of a law
 * claims compliance.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { sectionIds, sheetIds } from './report-model.ts';

const sentence = z.string().min(1);
/** What Excel allows as the name of a sheet, less what a formula would have to quote. */
const sheetTitle = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _-]{0,30}$/);
const outcomeWords = z.strictObject({ word: sentence, sentence });
const wordsOfKind = z.strictObject({
  pass: outcomeWords,
  fail: outcomeWords,
  exception: outcomeWords,
  notAssessed: outcomeWords,
  manual: outcomeWords,
  providerResponsibility: outcomeWords,
  notApplicable: outcomeWords,
});

const definitionSchema = z.strictObject({
  schema: z.literal('kubevidence/report/v1'),
  language: z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]+)*$/),
  title: sentence,
  documentClass: sentence,
  paper: z.enum(['A4', 'Letter']),
  fonts: z
    .strictObject({ regular: sentence, medium: sentence, bold: sentence, mono: sentence })
    .describe('a module path or a file beside this one, whole TrueType'),
  sections: z.array(z.strictObject({ id: z.enum(sectionIds), title: sentence, intro: z.string().default('') })).min(1),
  sheets: z.array(z.strictObject({ id: z.enum(sheetIds), title: sheetTitle, about: sentence, source: sentence })).min(1),
  outcomes: z.strictObject({
    benchmark: wordsOfKind,
    law: wordsOfKind.refine((words) => !/complian|conform|certif/i.test(JSON.stringify(words)), {
      error: 'a law is never worded as compliance: the evidence cannot show it',
    }),
    period: wordsOfKind.describe('benchmarks, policies and controls over a period; laws keep their own words'),
  }),
  result: sentence.describe('placeholders {controls} {failed} {findings} {open} {complete} {sources}'),
  resultWithoutRuns: sentence.describe('of a period in which nothing was read; placeholder {controls}'),
  resultOfPeriod: sentence.describe('placeholders as in result, and {deviated} {closed} {uncovered} {clean}'),
  scope: z.strictObject({ included: z.array(sentence), excluded: z.array(sentence) }),
  closedBy: z
    .strictObject({ forbidden: sentence, absent: sentence, error: sentence, stale: sentence, redacted: sentence, provider: sentence })
    .describe('what closes a gap that does not say so itself; {what}'),
  limitations: z.array(sentence).min(1),
  conditions: z
    .strictObject({
      noTimestamp: sentence,
      authorityUnknown: sentence,
      timestampGap: sentence,
      timestampGapsMore: sentence,
      periodNotBegun: sentence,
      periodNotOver: sentence,
      logStartedLate: sentence,
      logStartedAfter: sentence,
      noRunInPeriod: sentence,
      doubtfulClock: sentence,
      replayed: sentence,
      benchmarkChanged: sentence.describe('placeholders {title} {version} {before}'),
      noSchedule: sentence,
      clockSkew: sentence,
      pseudonyms: sentence,
      pseudonymsInRuns: sentence,
      passedOnPseudonyms: sentence,
    })
    .describe('limitations that hold for some packs only'),
  verification: z
    .array(z.strictObject({ title: sentence, text: sentence, command: sentence.optional(), expect: sentence.optional() }))
    .min(1),
});

export type ReportDefinition = z.infer<typeof definitionSchema>;

/** Reads and checks a definition. Errors: `configuration`, naming file, line and key. Relative font files are resolved beside it. */
export function loadReportDefinition(path: string): ReportDefinition {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubevidenceError('configuration', `the report definition cannot be read: ${visible(reasonOf(cause))}`, {
      place: { file: path },
      cause,
    });
  }
  const document = parseDocument(text, { uniqueKeys: true });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const line = broken.linePos?.[0].line;
    const place = line === undefined ? { file: path } : { file: path, line };
    throw new KubevidenceError(
      'configuration',
      `the report definition is not valid YAML: ${visible(broken.message.split('\n')[0] ?? '')}`,
      { place },
    );
  }
  const checked = definitionSchema.safeParse(document.toJS());
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const key = issue?.path.join('.') ?? '';
    throw new KubevidenceError('configuration', `the report definition is not valid: ${visible(issue?.message ?? '')}`, {
      place: { file: path, key },
    });
  }
  for (const [list, entries] of [
    ['sections', checked.data.sections],
    ['sheets', checked.data.sheets],
  ] as const) {
    const twice = entries.find((entry, index) => entries.findIndex((other) => other.id === entry.id) !== index);
    if (twice !== undefined) {
      throw new KubevidenceError('configuration', `the report definition names ${twice.id} twice`, { place: { file: path, key: list } });
    }
  }
  const beside = (font: string): string => (font.startsWith('.') && !isAbsolute(font) ? resolve(path, '..', font) : font);
  const { regular, medium, bold, mono } = checked.data.fonts;
  return { ...checked.data, fonts: { regular: beside(regular), medium: beside(medium), bold: beside(bold), mono: beside(mono) } };
}
