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
import { margin, quiet, rule, sizes } from './style.ts';

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

/** Head: whose, which time, which pack, DEMO or DRAFT. Foot: page, checkpoint, class of the document. Nothing else. */
function drawHeadAndFoot({ paper, model }: Report, page: number, pages: number): void {
  const { meta, checkpoint } = model;
  const size = sizes.small;
  const head = margin - 4;
  const foot = paper.doc.page.height - margin + 6;
  const flags = [meta.demo ? 'DEMO' : '', meta.draft ? 'DRAFT' : ''].filter((flag) => flag !== '').join(' ');
  const flagWidth = flags === '' ? 0 : paper.fonts.width(flags, 'bold') * 9 + 10;
  const right = `pack ${harmless(meta.pack)}`;
  const middle = spanText(meta);
  const rightWidth = paper.fonts.width(right, 'regular') * size;
  const middleWidth = paper.fonts.width(middle, 'regular') * size;
  const room = paper.width - flagWidth - rightWidth - middleWidth - 36;
  paper.drawText(fitted(paper, meta.organization, size, room), paper.left, head, size, 'medium', quiet);
  paper.drawText(
    fitted(paper, middle, size, paper.width / 3),
    paper.left + paper.width - flagWidth - rightWidth - middleWidth - 18,
    head,
    size,
    'regular',
    quiet,
  );
  paper.drawText(
    fitted(paper, right, size, paper.width / 4),
    paper.left + paper.width - flagWidth - rightWidth,
    head,
    size,
    'regular',
    quiet,
  );
  if (flags !== '') paper.drawText(flags, paper.left + paper.width - flagWidth + 10, head, 9, 'bold');
  const { doc } = paper;
  doc.save().lineWidth(0.4).strokeColor(rule);
  doc
    .moveTo(paper.left, head + 5)
    .lineTo(paper.left + paper.width, head + 5)
    .stroke();
  doc
    .moveTo(paper.left, foot - 10)
    .lineTo(paper.left + paper.width, foot - 10)
    .stroke()
    .restore();
  const number = `page ${page} of ${pages}`;
  const numberWidth = paper.fonts.width(number, 'regular') * size;
  const class_ = fitted(paper, meta.documentClass, size, paper.width / 2);
  paper.drawText(class_, paper.left, foot, size, 'regular', quiet);
  const mark = `checkpoint ${checkpoint.root.slice(0, 12)}`;
  paper.drawText(mark, paper.left + (paper.width - paper.fonts.width(mark, 'regular') * size) / 2, foot, size, 'regular', quiet);
  paper.drawText(number, paper.left + paper.width - numberWidth, foot, size, 'regular', quiet);
}

/** As much of a text as fits, with an ellipsis; the cover has it whole. */
function fitted(paper: Paper, value: string, size: number, width: number): string {
  const line = paper.set([{ text: value }], size, Number.POSITIVE_INFINITY)[0];
  const shown = line?.pieces.map((piece) => piece.text).join('') ?? '';
  if (paper.fonts.width(shown, 'regular') * size <= width) return shown;
  const characters = Array.from(shown);
  while (characters.length > 1 && paper.fonts.width(`${characters.join('')}…`, 'regular') * size > width) characters.pop();
  return `${characters.join('')}…`;
}
