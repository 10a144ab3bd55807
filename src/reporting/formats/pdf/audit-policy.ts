/** What audit policies record: a matrix of events and callers as a drawing, what is wrong, and the rules that decide. */
import type { ReportAuditCell, ReportAuditLevel, ReportAuditPolicy } from '../../report-model.ts';
import { cellText, mistakeText, mistakeWords, policyText, shortList } from '../audit-wording.ts';
import type { Doc, Paper } from './paper.ts';
import { type Report, sheetTitle } from './report.ts';
import { hairline, ink, lineHeight, outcomeColours, quiet, sizes } from './style.ts';
import { drawTable } from './table.ts';
import { name, text } from './typeset.ts';

const order: readonly ReportAuditLevel[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const columnWidth = 53;
const square = 6;
const step = 7.6;
/** Of the PDF; the workbook has all. */
const rulesShown = 40;
const eventsShown = 4;
const requestsShown = 4;

export function drawAuditPolicies(report: Report): void {
  const { paper, model } = report;
  for (const policy of model.auditPolicies) {
    paper.heading(policy.files.length === 1 ? 'Policy' : `Policy, the same in ${policy.files.length} files`, 2);
    paper.paragraph(
      policy.files.slice(0, 6).flatMap((file, i) => [text(i === 0 ? '' : ', '), name(file)]),
      { size: sizes.table, after: 3 },
    );
    paper.paragraph(policyText(policy), { after: 8 });
    if (policy.problem !== null) continue;
    drawKey(paper);
    drawMatrix(paper, policy);
    drawMistakes(paper, policy);
    drawRules(paper, policy, sheetTitle(model, 'auditPolicies'));
  }
  paper.paragraph(
    'Decided as the API server decides: the first rule that matches. A request that impersonates is decided for who sends it, and one whose ' +
      'credential was refused for nobody. A policy that was handed in need not be the one in force.',
    { size: sizes.table, colour: quiet },
  );
}

function drawKey(paper: Paper): void {
  paper.figure(`Squares: ${order.join(', ')}. Beside them the number of the rule that decides.`, 30, () => {
    let x = paper.left;
    const word = (shown: string, width: number) => {
      paper.label(shown, x + width + 4, paper.y + 8.2, sizes.small, 'regular', ink);
      x += width + 4 + paper.labelWidth(shown, sizes.small, 'regular') + 14;
    };
    for (const level of order) {
      drawLevels(paper.doc, x, paper.y + 2.6, level, level);
      word(level, step * 3 - 1);
    }
    x = paper.left;
    paper.y += 13;
    drawLevels(paper.doc, x, paper.y + 2.6, 'None', 'Request');
    word('some of the requests reach further', step * 3 - 1);
    drawLess(paper.doc, x, paper.y + 3);
    word('less for some callers, namespaces or names, by this rule', 6);
    paper.y -= 13;
  });
  paper.space(4);
}

/** Empty: not recorded. Full up to the lowest, half up to the highest. */
function drawLevels(doc: Doc, x: number, y: number, lowest: ReportAuditLevel, highest: ReportAuditLevel): void {
  const colour = outcomeColours.pass;
  const [full, half] = [order.indexOf(lowest), order.indexOf(highest)];
  for (let i = 0; i < 3; i++) {
    const at = x + i * step;
    doc.save().lineWidth(0.6);
    if (i < full) doc.rect(at, y, square, square).fill(colour);
    else {
      if (i < half) doc.polygon([at, y + square], [at + square, y + square], [at, y]).fill(colour);
      doc.rect(at + 0.3, y + 0.3, square - 0.6, square - 0.6).stroke(i < half ? colour : outcomeColours.notAssessed);
    }
    doc.restore();
  }
}

function drawLess(doc: Doc, x: number, y: number): void {
  doc
    .save()
    .polygon([x, y], [x + 5.4, y], [x + 2.7, y + 5.2])
    .fill(outcomeColours.fail)
    .restore();
}

function drawMatrix(paper: Paper, { columns, rows }: ReportAuditPolicy): void {
  const size = sizes.table;
  const leading = size * lineHeight;
  const labels = paper.width - columns.length * columnWidth;
  const heads = columns.map((title) => paper.set([text(title, { face: 'medium', colour: quiet })], sizes.small, columnWidth - 6));
  const headHeight = Math.max(1, ...heads.map((lines) => lines.length)) * sizes.small * lineHeight + 6;
  const set = rows.map(({ title }) => paper.set([text(title)], size, labels - 8));
  const heights = set.map((lines, i) => Math.max(lines.length, ...(rows[i]?.cells ?? []).map(linesOf)) * leading + 6);
  const described = rows.map(
    ({ title, cells }) => `${title}: ${cells.map((cell, i) => `${columns[i] ?? ''} ${cellText(cell)}`).join('; ')}.`,
  );
  paper.figure(described.join(' '), headHeight + heights.reduce((sum, height) => sum + height, 0), () => {
    const columnAt = (i: number) => paper.left + labels + i * columnWidth;
    for (const [i, lines] of heads.entries())
      for (const [n, line] of lines.entries()) paper.labelSet(line, columnAt(i), paper.y + n * sizes.small * lineHeight, sizes.small);
    let y = paper.y + headHeight;
    for (const [i, row] of rows.entries()) {
      const height = heights[i] ?? 0;
      paper.doc
        .save()
        .lineWidth(0.4)
        .strokeColor(hairline)
        .moveTo(paper.left, y)
        .lineTo(paper.left + paper.width, y)
        .stroke()
        .restore();
      for (const [n, line] of (set[i] ?? []).entries()) paper.labelSet(line, paper.left, y + 3 + n * leading, size);
      for (const [column, cell] of row.cells.entries()) drawCell(paper, cell, columnAt(column), y + 3, leading);
      y += height;
    }
  });
  paper.space(10);
}

/** A second line where a rule gives less to some. */
function linesOf(cell: ReportAuditCell | null): number {
  return cell === null || cell.lowestForSome === null ? 1 : 2;
}

function drawCell(paper: Paper, cell: ReportAuditCell | null, x: number, y: number, leading: number): void {
  if (cell === null) {
    paper.label('–', x, y + leading * 0.72, sizes.small, 'regular', quiet);
    return;
  }
  drawLevels(paper.doc, x, y + (leading - square) / 2, cell.lowest, cell.highest);
  paper.label(rulesText(cell, 'all'), x + step * 3 + 2, y + leading * 0.72, sizes.small, 'regular', quiet);
  if (cell.lowestForSome === null) return;
  drawLess(paper.doc, x, y + leading + (leading - square) / 2 + 0.4);
  paper.label(rulesText(cell, 'some'), x + 9, y + leading * 1.72, sizes.small, 'regular', quiet);
}

function rulesText({ parts, lowest }: ReportAuditCell, whom: 'all' | 'some'): string {
  const found = parts.filter((part) => part.whom === whom && (whom === 'all' || order.indexOf(part.level) < order.indexOf(lowest)));
  const shown = found.slice(0, 2).map(({ rule }) => (rule === null ? 'none' : String(rule)));
  return `${shown.join(', ')}${found.length > 2 ? ' …' : ''}`;
}

function drawMistakes(paper: Paper, { mistakes }: ReportAuditPolicy): void {
  if (mistakes.length === 0) return;
  paper.heading('What is wrong with it, worst first', 3);
  drawTable(
    paper,
    [
      { title: 'Rule', share: 8, align: 'right' },
      { title: 'Mistake', share: 20 },
      { title: 'What it does', share: 34 },
      { title: 'Events, and requests among them', share: 50 },
    ],
    mistakes.map((mistake) => ({
      cells: [
        mistake.rule === null ? 'none' : String(mistake.rule),
        {
          ...(mistake.kind === 'unrecorded' ? {} : { mark: 'fail' as const }),
          spans: [text(mistakeWords[mistake.kind], { face: mistake.kind === 'unrecorded' ? 'regular' : 'medium' })],
        },
        mistakeText(mistake),
        [
          text(shortList(mistake.events, eventsShown, 'event')),
          text(shortList(mistake.requests, requestsShown, 'request'), { below: true, colour: quiet }),
        ],
      ],
    })),
  );
}

function drawRules(paper: Paper, { rules }: ReportAuditPolicy, sheet: string): void {
  paper.heading('Its rules, in their order', 3);
  drawTable(
    paper,
    [
      { title: 'Rule', share: 8, align: 'right' },
      { title: 'Level', share: 20 },
      { title: 'What it is for', share: 84 },
    ],
    rules.slice(0, rulesShown).map(({ level, text: about }, i) => ({ cells: [String(i + 1), level, [name(about)]] })),
    { dense: true },
  );
  if (rules.length > rulesShown)
    paper.paragraph(`${rules.length - rulesShown} more rules; those that decide about an event are in the workbook's sheet ${sheet}.`, {
      size: sizes.table,
    });
}
