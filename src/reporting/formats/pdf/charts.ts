/** Charts of counts: a stacked bar with its labels beside it, and a strip with one mark per requirement. Vectors, no legend needed. */
import type { OutcomeCounts, ReportFramework, ReportRequirement, ShownOutcome } from '../../report-model.ts';
import { shownOutcomes } from '../../report-model.ts';
import { drawMark, drawSegment } from './marks.ts';
import type { Element, Paper } from './paper.ts';
import { ink, lineHeight, quiet, sizes } from './style.ts';

interface Label {
  readonly shown: ShownOutcome;
  readonly text: string;
  readonly width: number;
}

const barHeight = 15;
const labelSize = sizes.small;
const labelMark = 6.5;
const between = 12;

/** One bar over the full width: counts inside their segments where they fit, and words with counts below, in the same order. */
export function drawBar(paper: Paper, framework: Pick<ReportFramework, 'counts' | 'total' | 'verdicts' | 'title'>): void {
  const { counts, total, verdicts, title } = framework;
  const shown = shownOutcomes.filter((outcome) => counts[outcome] > 0);
  const segments = placeSegments(paper, counts, total, shown);
  const labels = shown.map((outcome): Label => {
    const text = `${counts[outcome]} ${verdicts[outcome].word}`;
    return { shown: outcome, text, width: labelMark + 3 + paper.labelWidth(text, labelSize, 'regular') };
  });
  const rows = placeLabels(labels, paper.left, paper.width);
  const rowHeight = labelSize * lineHeight + 2;
  const alt = `${title}: ${labels.map((label) => label.text).join(', ')}, of ${total}.`;
  paper.figure(alt, barHeight + 4 + rows.length * rowHeight, () => {
    for (const segment of segments) {
      drawSegment(paper.doc, segment.outcome, segment.x, paper.y, segment.width, barHeight);
      drawCount(paper, segment, String(counts[segment.outcome]));
    }
    for (const [index, row] of rows.entries()) {
      const middle = paper.y + barHeight + 4 + (index + 0.5) * rowHeight;
      for (const { label, x } of row) {
        drawMark(paper.doc, label.shown, x + labelMark / 2, middle, labelMark);
        paper.label(label.text, x + labelMark + 3, middle + labelSize * 0.36, labelSize, 'regular', ink);
      }
    }
  });
}

interface Segment {
  readonly outcome: ShownOutcome;
  readonly x: number;
  readonly width: number;
}

/** White on what is solid and dark, ink on what is light; nothing over hatching. */
function drawCount(paper: Paper, { outcome, x, width }: Segment, count: string): void {
  const taken = paper.labelWidth(count, labelSize, 'medium');
  if (outcome === 'exception' || taken + 8 > width) return;
  const colour = outcome === 'pass' || outcome === 'fail' ? '#FFFFFF' : ink;
  paper.label(count, x + (width - taken) / 2, paper.y + barHeight / 2 + labelSize * 0.36, labelSize, 'medium', colour);
}

/** Widths by count, none thinner than can be seen; the space that takes is given by the others. */
function placeSegments(paper: Paper, counts: OutcomeCounts, total: number, shown: readonly ShownOutcome[]): Segment[] {
  const space = 1.5;
  const thinnest = 4;
  const usable = paper.width - space * Math.max(0, shown.length - 1);
  const wide = shown.filter((outcome) => (counts[outcome] / total) * usable >= thinnest);
  const left = usable - thinnest * (shown.length - wide.length);
  const wideTotal = wide.reduce((sum, outcome) => sum + counts[outcome], 0);
  let x = paper.left;
  return shown.map((outcome) => {
    const width = wide.includes(outcome) ? (left * counts[outcome]) / wideTotal : thinnest;
    const segment = { outcome, x, width };
    x += width + space;
    return segment;
  });
}

/** Labels side by side, in as few rows as they need. */
function placeLabels(labels: readonly Label[], left: number, width: number): { label: Label; x: number }[][] {
  const rows: { label: Label; x: number }[][] = [[]];
  let x = left;
  for (const label of labels) {
    if (x > left && x + label.width > left + width) {
      rows.push([]);
      x = left;
    }
    rows.at(-1)?.push({ label, x });
    x += label.width + between;
  }
  return rows;
}

/** Marks in the framework's order, each a link to its requirement. Returns nothing; moves the cursor below. */
export function drawStrip(paper: Paper, title: string, requirements: readonly ReportRequirement[], linked: boolean): void {
  const titleWidth = paper.width * 0.36;
  const step = 11.5;
  const mark = 7.5;
  const perRow = Math.floor((paper.width - titleWidth - 30) / step);
  const rows = Math.ceil(requirements.length / perRow);
  const titleLines = paper.set([{ text: title }], sizes.table, titleWidth - 12);
  const height = Math.max(rows * step, titleLines.length * sizes.table * lineHeight) + 4;
  const words = shownOutcomes
    .map((shown) => requirements.filter(({ verdict }) => verdict.shown === shown))
    .filter((group) => group.length > 0)
    .map((group) => `${group.length} ${group[0]?.verdict.word ?? ''}`);
  paper.ensure(height);
  const label = paper.element('P');
  for (const [index, line] of titleLines.entries()) {
    paper.drawLine(line, paper.left, paper.y + 1 + index * sizes.table * lineHeight, sizes.table, label);
  }
  label.end();
  const top = paper.y;
  const spots = requirements.map((requirement, index) => ({
    requirement,
    x: paper.left + titleWidth + (index % perRow) * step,
    y: top + Math.floor(index / perRow) * step,
  }));
  paper.figure(`${title}: ${words.join(', ')}, of ${requirements.length}.`, height, (element: Element) => {
    for (const { requirement, x, y } of spots) drawMark(paper.doc, requirement.verdict.shown, x + step / 2, y + step / 2 + 0.5, mark);
    const count = String(requirements.length);
    const width = paper.labelWidth(count, sizes.table, 'regular');
    paper.label(count, paper.left + paper.width - width, top + step / 2 + sizes.table * 0.36 + 0.5, sizes.table, 'regular', quiet);
    for (const { requirement, x, y } of linked ? spots : []) {
      const link = paper.element('Link', {}, element);
      paper.annotate(`requirement ${requirement.key}`, x, y, step, step, requirement.id, link);
      link.end();
    }
  });
  paper.hairline(paper.y, '#E6E8EA', 0.3);
  paper.space(2);
}
