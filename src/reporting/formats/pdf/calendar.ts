/** The coverage calendar: one square per planned run, in order, so that what failed or was missed is seen at a glance. */
import type { RunStatus } from '../../../model/index.ts';
import type { ReportRun } from '../../report-model.ts';
import type { Doc, Paper } from './paper.ts';
import { ink, outcomeColours, quiet, sizes } from './style.ts';

const square = 8;
const step = 10.5;
const labelWidth = 58;
/** More squares than this fill more than a page; the runs are all in the workbook. */
const shownAtMost = 1200;

const words: Readonly<Record<string, string>> = {
  succeeded: 'read completely',
  partial: 'partial',
  failed: 'failed or interrupted',
  missed: 'missed',
};

export function drawCalendar(paper: Paper, all: readonly ReportRun[]): void {
  const runs = all.slice(-shownAtMost);
  const perRow = Math.floor((paper.width - labelWidth) / step);
  const groups = Map.groupBy(runs, (run) => stateOf(run.status));
  const key = Object.entries(words).flatMap(([state, word]) => {
    const count = groups.get(state)?.length ?? 0;
    return count === 0 ? [] : [{ state, text: `${count} ${word}` }];
  });
  const rows = Array.from({ length: Math.ceil(runs.length / perRow) }, (_, row) => runs.slice(row * perRow, (row + 1) * perRow));
  const note =
    runs.length === all.length
      ? 'One square per run, in order; dates are of the first in a row.'
      : `The last ${runs.length} of ${all.length} runs, one square each, in order.`;
  paper.paragraph(note, { size: sizes.small, colour: quiet, after: 4 });
  drawKey(paper, key);
  for (const row of rows) {
    const described = [...Map.groupBy(row, (run) => stateOf(run.status))]
      .map(([state, group]) => `${group.length} ${words[state] ?? state}`)
      .join(', ');
    paper.figure(`Runs ${row[0]?.number ?? 0} to ${row.at(-1)?.number ?? 0}: ${described}.`, step + 1, () => {
      paper.label(row[0]?.plannedAt.slice(0, 10) ?? '', paper.left, paper.y + square - 1, sizes.small, 'regular', quiet);
      for (const [index, run] of row.entries()) drawSquare(paper.doc, stateOf(run.status), paper.left + labelWidth + index * step, paper.y);
    });
  }
  paper.space(10);
}

function stateOf(status: RunStatus): string {
  return status === 'succeeded' || status === 'partial' || status === 'missed' ? status : 'failed';
}

function drawKey(paper: Paper, key: readonly { readonly state: string; readonly text: string }[]): void {
  paper.figure(`${key.map(({ text }) => text).join(', ')}.`, 16, () => {
    let x = paper.left;
    for (const { state, text } of key) {
      drawSquare(paper.doc, state, x, paper.y);
      paper.label(text, x + square + 4, paper.y + square - 1, sizes.small, 'regular', ink);
      x += square + 4 + paper.labelWidth(text, sizes.small, 'regular') + 14;
    }
  });
}

/** Full, half, crossed, empty: four states that need no colour. */
function drawSquare(doc: Doc, state: string, x: number, y: number): void {
  doc.save().lineWidth(0.8);
  if (state === 'succeeded') doc.rect(x, y, square, square).fill(outcomeColours.pass);
  else if (state === 'partial') {
    doc.rect(x + 0.4, y + 0.4, square - 0.8, square - 0.8).stroke(outcomeColours.pass);
    doc.polygon([x, y + square], [x + square, y + square], [x, y]).fill(outcomeColours.pass);
  } else if (state === 'failed') {
    doc
      .rect(x + 0.4, y + 0.4, square - 0.8, square - 0.8)
      .moveTo(x, y)
      .lineTo(x + square, y + square)
      .moveTo(x + square, y)
      .lineTo(x, y + square)
      .stroke(outcomeColours.fail);
  } else
    doc
      .dash(1.6, { space: 1.2 })
      .rect(x + 0.4, y + 0.4, square - 0.8, square - 0.8)
      .stroke(outcomeColours.notAssessed);
  doc.restore();
}
