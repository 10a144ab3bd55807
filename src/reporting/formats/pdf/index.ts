/**
 * The PDF: a tagged, byte-deterministic print of the report model. Sections stand in the order of the report definition. It is unsigned;
 * the caller's `prepareSignature` may add a signature field just before the document ends.
 */
import type { ReportModel } from '../../report-model.ts';
import { harmless, spanText } from '../wording.ts';
import { drawChanges, drawExhibits, drawIpe, drawLimitations, drawRedactions, drawVerification } from './evidence.ts';
import { drawAuditPolicies } from './audit-policy.ts';
import { drawControls } from './controls.ts';
import { drawCoverage } from './coverage.ts';
import { drawDefinitions, drawExceptions, drawReviews } from './decisions.ts';
import { drawCover, drawFrameworks, drawScope, drawSummary } from './front.ts';
import { Paper } from './paper.ts';
import { drawPaths } from './paths.ts';
import { drawDeviations, drawPeriodStates } from './period.ts';
import type { Report } from './report.ts';
import { drawFindings, drawOpenPoints, drawRequirements } from './results.ts';
import { type Face, ink, margin, quiet, rule, sizes } from './style.ts';

/** What a signature field needs of the document. */
export interface SignableDocument {
  readonly page: { readonly annotations: unknown[]; readonly dictionary: unknown };
  ref(data: Record<string, unknown>): { end(): void };
  annotate(x: number, y: number, width: number, height: number, options: Record<string, unknown>): unknown;
  initForm(): unknown;
}

export interface PdfOptions {
  /** Called once, on the first page, with a font set; `structParent` is the structure element that owns the field. */
  readonly prepareSignature?: (doc: SignableDocument, structParent: unknown) => void;
  /** After each section. */
  readonly onSection?: () => void;
}

export async function renderPdf(model: ReportModel, options: PdfOptions = {}): Promise<Uint8Array> {
  const title = `${model.meta.title}, ${harmless(model.meta.organization)}, ${spanText(model.meta)}`;
  const report: Report = { paper: await Paper.open(model.meta, title), model };
  for (const [index, section] of model.sections.entries()) {
    if (section.id === 'changes' && model.changes === null) continue;
    if ((section.id === 'timelines' || section.id === 'deviations') && model.period === null) continue;
    if (index > 0 && !(sharesPage.has(section.id) && report.paper.room > leastRoom)) report.paper.newPage();
    else if (index > 0) report.paper.space(14);
    drawSection(report, section);
    options.onSection?.();
  }
  const { prepareSignature } = options;
  return report.paper.finish(
    (page, pages) => drawHeadAndFoot(report, page, pages),
    prepareSignature && ((doc, form) => prepareSignature(doc as unknown as SignableDocument, form)),
  );
}

/** Sections that begin on the page on which the one before ends, where it leaves some room. */
const sharesPage = new Set<string>([
  'scope',
  'deviations',
  'open',
  'exceptions',
  'reviews',
  'changes',
  'definitions',
  'redactions',
  'limitations',
  'verification',
]);
const leastRoom = 220;

function drawSection(report: Report, { id, title, intro }: ReportModel['sections'][number]): void {
  const { paper, model } = report;
  if (id === 'cover') {
    drawCover(report);
    return;
  }
  paper.heading(title, 1, `section ${id}`);
  if (intro !== '' && id !== 'frameworks') paper.paragraph(intro, { colour: quiet, after: 10 });
  if (id === 'summary') drawSummary(report);
  else if (id === 'scope') drawScope(report);
  else if (id === 'frameworks') drawFrameworks(report, intro);
  else if (id === 'findings') drawFindings(report);
  else if (id === 'open') drawOpenPoints(report);
  else if (id === 'coverage') drawCoverage(report);
  else if (id === 'timelines') {
    if (model.period !== null) drawPeriodStates(report, model.period);
  } else if (id === 'deviations') {
    if (model.period !== null) drawDeviations(report, model.period);
  } else if (id === 'changes') {
    if (model.changes !== null) drawChanges(report, model.changes);
  } else if (id === 'requirements') drawRequirements(report);
  else if (id === 'controls') drawControls(report);
  else if (id === 'ipe') drawIpe(report);
  else if (id === 'exceptions') drawExceptions(report);
  else if (id === 'reviews') drawReviews(report);
  else if (id === 'paths') drawPaths(report);
  else if (id === 'auditPolicies') drawAuditPolicies(report);
  else if (id === 'definitions') drawDefinitions(report);
  else if (id === 'redactions') drawRedactions(report);
  else if (id === 'limitations') drawLimitations(report);
  else if (id === 'verification') drawVerification(report);
  else drawExhibits(report);
}

/** Head: whose, which time, which pack, DEMO or DRAFT. Foot: class of the document, checkpoint, page. Nothing else. */
function drawHeadAndFoot({ paper, model }: Report, page: number, pages: number): void {
  const { meta, checkpoint } = model;
  const { width, left, doc } = paper;
  const size = sizes.small;
  const head = margin - 4;
  const foot = doc.page.height - margin + 6;
  const space = 18;
  let right = left + width;
  const placeRight = (value: string, face: Face, at: number, colour: string, textSize: number = size): void => {
    if (value === '') return;
    right -= paper.labelWidth(value, textSize, face);
    paper.label(value, right, at, textSize, face, colour);
    right -= space;
  };
  placeRight([meta.demo ? 'DEMO' : '', meta.draft ? 'DRAFT' : ''].filter((flag) => flag !== '').join(' '), 'bold', head, ink, 9);
  placeRight(fitted(paper, `pack ${meta.pack}`, 'regular', width / 4), 'regular', head, quiet);
  placeRight(fitted(paper, spanText(meta), 'regular', width / 3), 'regular', head, quiet);
  paper.label(fitted(paper, meta.organization, 'medium', right - left), left, head, size, 'medium', quiet);
  doc.save().lineWidth(0.4).strokeColor(rule);
  for (const y of [head + 5, foot - 10]) {
    doc
      .moveTo(left, y)
      .lineTo(left + width, y)
      .stroke();
  }
  doc.restore();
  const mark = `checkpoint ${checkpoint.root.slice(0, 12)}`;
  paper.label(fitted(paper, meta.documentClass, 'regular', width / 3), left, foot, size, 'regular', quiet);
  paper.label(mark, left + (width - paper.labelWidth(mark, size, 'regular')) / 2, foot, size, 'regular', quiet);
  right = left + width;
  placeRight(`page ${page} of ${pages}`, 'regular', foot, quiet);
}

/** As much of a text as fits, with an ellipsis; the cover has it whole. */
function fitted(paper: Paper, value: string, face: Face, width: number): string {
  const fits = (text: string): boolean => paper.labelWidth(text, sizes.small, face) <= width;
  if (fits(value)) return value;
  const characters = Array.from(value).slice(0, 300);
  while (characters.length > 1 && !fits(`${characters.join('')}…`)) characters.pop();
  return `${characters.join('')}…`;
}
