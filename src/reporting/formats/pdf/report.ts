/** What every section needs: the paper, the model, and links that exist only where the report has the section they lead to. */
import type { ReportDeviation, ReportFinding, ReportModel, Verdict } from '../../report-model.ts';
import type { Paper } from './paper.ts';
import type { Cell } from './table.ts';
import { quiet } from './style.ts';
import { reference, type Span, text } from './typeset.ts';

/** Kinds of places, and the section in which each stands. */
const homes = {
  requirement: 'requirements',
  control: 'controls',
  exhibit: 'exhibits',
  finding: 'findings',
  framework: 'frameworks',
} as const;
type Kind = keyof typeof homes | 'section';

export interface Report {
  readonly paper: Paper;
  readonly model: ReportModel;
}

export function hasSection(report: Pick<Report, 'model'>, id: string): boolean {
  return report.model.sections.some((section) => section.id === id);
}

/** Words in the text that lead somewhere, where that is part of this report. */
export function titleLink(report: Report, kind: Kind, id: string, shown: string): Span {
  const { link: target } = link(report, kind, id);
  return target === undefined ? text(shown) : text(shown, { link: target });
}

/** An id, linked where its place is part of this report. */
export function link(report: Report, kind: Kind, id: string, shown = id): Span {
  const present = kind === 'section' ? hasSection(report, id) : hasSection(report, homes[kind]);
  return present ? reference(shown, `${kind} ${id}`) : text(shown, { face: 'mono', whole: true });
}

/** Ids with commas; more than `limit` are counted, the rest is in the workbook. */
export function linkList(
  report: Report,
  kind: Kind,
  ids: readonly string[],
  limit: number,
  shown: (id: string) => string = (id) => id,
): Span[] {
  const listed = ids
    .slice(0, limit)
    .flatMap((id, index) => (index === 0 ? [link(report, kind, id, shown(id))] : [text(', '), link(report, kind, id, shown(id))]));
  return ids.length > limit ? [...listed, text(` and ${ids.length - limit} more`, { colour: quiet })] : listed;
}

/** Rows of the PDF; the workbook has all. */
const deviationsShown = 120;

/** Deviations with a row of their own: those that began or ended in the period, worst first. */
export function toldDeviations(model: ReportModel): readonly ReportDeviation[] {
  return (model.period?.deviations ?? []).filter(({ throughout }) => !throughout).slice(0, deviationsShown);
}

export function verdictCell(verdict: Verdict): Cell {
  return { mark: verdict.shown, spans: [text(verdict.word, { face: verdict.outcome === 'fail' ? 'medium' : 'regular' })] };
}

export function sheetTitle(model: ReportModel, id: ReportModel['sheets'][number]['id']): string {
  return model.sheets.find((sheet) => sheet.id === id)?.title ?? id;
}

/** Findings by control, in the order of the report: worst first. */
export function findingsByControl(model: ReportModel): ReadonlyMap<string, readonly ReportFinding[]> {
  return Map.groupBy(model.findings, (finding) => finding.control);
}
