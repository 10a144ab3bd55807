/**
 * The PDF: a tagged, byte-deterministic print of the report model. Sections stand in the order of the report definition. It is unsigned;
 * the caller's `prepareSignature` may add a signature field just before the document ends.
 */
import type { ReportModel } from '../../report-model.ts';
import { harmless, spanText } from '../wording.ts';
import { drawChanges, drawCoverage, drawExhibits, drawIpe, drawLimitations, drawVerification } from './evidence.ts';
import { drawCover, drawFrameworks, drawScope, drawSummary } from './front.ts';
import { Paper } from './paper.ts';
import type { Report } from './report.ts';
import { drawControls, drawFindings, drawOpenPoints, drawRequirements } from './results.ts';
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
}

export async function renderPdf(model: ReportModel, options: PdfOptions = {}): Promise<Uint8Array> {
  const title = `${model.meta.title}, ${harmless(model.meta.organization)}, ${spanText(model.meta)}`;
  const report: Report = { paper: new Paper(model.meta, title), model };
  for (const [index, section] of model.sections.entries()) {
    if (section.id === 'changes' && model.changes === null) continue;
    if (index > 0 && !sharesPage(section.id)) report.paper.newPage();
    else if (index > 0) report.paper.space(14);
    drawSection(report, section);
  }
  const { prepareSignature } = options;
  return report.paper.finish(
    (page, pages) => drawHeadAndFoot(report, page, pages),
    prepareSignature && ((doc, form) => prepareSignature(doc as unknown as SignableDocument, form)),
  );
}

function sharesPage(id: string): boolean {
  return id === 'changes' || id === 'verification';
}

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
  else if (id === 'changes') {
    if (model.changes !== null) drawChanges(report, model.changes);
  } else if (id === 'requirements') drawRequirements(report);
  else if (id === 'controls') drawControls(report);
  else if (id === 'ipe') drawIpe(report);
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
