/**
 * The coverage calendar: a square for every day of the period with what its runs came to, the worst of a day, and a dot for a run that a
 * person started. Without a period, one square per run, in order.
 */
import type { ReportPeriod, ReportRun } from '../../report-model.ts';
import { localParts, months } from '../wording.ts';
import type { Doc, Paper } from './paper.ts';
import { hairline, ink, outcomeColours, quiet, sizes } from './style.ts';

export type RunState = 'succeeded' | 'partial' | 'failed' | 'missed' | 'manual';

export const runWords: Readonly<Record<RunState, string>> = {
  succeeded: 'read completely',
  partial: 'partial',
  failed: 'failed or interrupted',
  missed: 'missed',
  manual: 'started by a person',
};
/** Worst first. */
const states: readonly RunState[] = ['failed', 'missed', 'partial', 'succeeded', 'manual'];

/** A run that a person started is a dot when it read something; one that failed is shown as failed. */
export function stateOfRun({ status, kind }: ReportRun): RunState {
  if (status === 'missed') return 'missed';
  if (status !== 'succeeded' && status !== 'partial') return 'failed';
  return kind === 'manual' ? 'manual' : status;
}

/** Full, half, crossed, empty, a dot: states that need no colour. */
export function drawRunMark(doc: Doc, state: RunState, x: number, y: number, size: number): void {
  const line = size > 6 ? 0.8 : 0.6;
  doc.save().lineWidth(line);
  const inner = [x + line / 2, y + line / 2, size - line, size - line] as const;
  if (state === 'succeeded') doc.rect(x, y, size, size).fill(outcomeColours.pass);
  else if (state === 'manual') doc.circle(x + size / 2, y + size / 2, size * 0.36).fill(ink);
  else if (state === 'partial') {
    doc.rect(...inner).stroke(outcomeColours.pass);
    doc.polygon([x, y + size], [x + size, y + size], [x, y]).fill(outcomeColours.pass);
  } else if (state === 'failed') {
    doc
      .rect(...inner)
      .moveTo(x, y)
      .lineTo(x + size, y + size)
      .moveTo(x + size, y)
      .lineTo(x, y + size)
      .stroke(outcomeColours.fail);
  } else
    doc
      .dash(1.6, { space: 1.1 })
      .rect(...inner)
      .stroke(outcomeColours.fail);
  doc.restore();
}

/** `unrecorded`: missed slots that no run stands for. */
function describeCounts(runs: readonly ReportRun[], unrecorded = 0): { readonly state: RunState; readonly text: string }[] {
  const groups = Map.groupBy(runs, stateOfRun);
  return states.toReversed().flatMap((state) => {
    const alone = state === 'missed' ? unrecorded : 0;
    const count = (groups.get(state) ?? []).reduce((sum, run) => sum + run.slots, alone);
    return count === 0 ? [] : [{ state, text: `${count} ${runWords[state]}` }];
  });
}

interface Day {
  readonly date: string;
  /** 0 is Monday. */
  readonly weekday: number;
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

/** Weeks as columns, days as rows; as many bands of weeks as it takes. */
export function drawPeriodCalendar(paper: Paper, period: ReportPeriod, all: readonly ReportRun[], timezone: string): void {
  const runs = all.filter(({ place }) => place === 'inside');
  const days = daysOf(period, timezone);
  const byDay = Map.groupBy(runs, (run) => localParts(run.slot ?? run.observedAt ?? run.endedAt ?? run.plannedAt, timezone).date);
  const missedOn = Map.groupBy(period.unrecorded, (slot) => localParts(slot, timezone).date);
  const weeks = weeksOf(days);
  const left = 26;
  const step = Math.max(9, Math.min(13, (paper.width - left) / Math.max(1, weeks.length)));
  const perBand = Math.floor((paper.width - left) / step);
  const known = localParts(period.until, timezone);
  paper.paragraph(`Days are those of ${timezone}.`, { size: sizes.small, colour: quiet, after: 3 });
  drawKey(paper, describeCounts(runs, period.unrecorded.length));
  for (let first = 0; first < weeks.length; first += perBand) {
    const band = weeks.slice(first, first + perBand);
    const told = band.flat().flatMap(({ date }) => byDay.get(date) ?? []);
    const missed = band.flat().reduce((sum, { date }) => sum + (missedOn.get(date)?.length ?? 0), 0);
    const alt = `Runs from ${band[0]?.[0]?.date ?? ''} on: ${
      describeCounts(told, missed)
        .map(({ text }) => text)
        .join(', ') || 'none'
    }.`;
    paper.figure(alt, step * 7 + 18, () => {
      const top = paper.y + 12;
      for (const [row, name] of weekdays.entries())
        if (row % 2 === 0) paper.label(name, paper.left, top + row * step + step * 0.7, 6.5, 'regular', quiet);
      drawMonths(paper, band, paper.left + left, step);
      for (const [column, week] of band.entries())
        for (const day of week) {
          const [x, y] = [paper.left + left + column * step, top + day.weekday * step];
          const found = new Set((byDay.get(day.date) ?? []).map(stateOfRun));
          if (missedOn.has(day.date)) found.add('missed');
          drawDay(paper.doc, found, x, y, step - 2, day.date <= known.date && period.progress !== 'notBegun');
        }
    });
  }
  paper.space(6);
}

/** The month stands above the week that holds its first day. */
function drawMonths(paper: Paper, band: readonly (readonly Day[])[], left: number, step: number): void {
  for (const [column, week] of band.entries()) {
    const first = column === 0 ? week[0] : week.find(({ date }) => date.endsWith('-01'));
    const name = first === undefined ? '' : (months[Number(first.date.slice(5, 7)) - 1] ?? '');
    const next = band[column + 1]?.some(({ date }) => date.endsWith('-01')) === true && column === 0 && !first?.date.endsWith('-01');
    if (name !== '' && !next) paper.label(name, left + column * step, paper.y + 8, sizes.small, 'medium', quiet);
  }
}

function drawDay(doc: Doc, found: ReadonlySet<RunState>, x: number, y: number, size: number, known: boolean): void {
  const worst = states.find((state) => state !== 'manual' && found.has(state));
  if (worst !== undefined) drawRunMark(doc, worst, x, y, size);
  else {
    doc
      .save()
      .lineWidth(0.4)
      .rect(x + 0.2, y + 0.2, size - 0.4, size - 0.4);
    if (known) doc.stroke(hairline);
    else doc.fill('#ECEEF0');
    doc.restore();
  }
  if (!found.has('manual')) return;
  if (worst === undefined) drawRunMark(doc, 'manual', x + size * 0.1, y + size * 0.1, size * 0.8);
  else {
    doc
      .save()
      .circle(x + size, y + size, size * 0.34)
      .fill('#FFFFFF')
      .restore();
    drawRunMark(doc, 'manual', x + size * 0.66, y + size * 0.66, size * 0.68);
  }
}

function daysOf({ from, to }: ReportPeriod, timezone: string): readonly Day[] {
  const last = localParts(new Date(Date.parse(to) - 1).toISOString(), timezone).date;
  const days: Day[] = [];
  for (
    let at = Date.parse(`${localParts(from, timezone).date}T12:00:00Z`);
    days.at(-1)?.date !== last && days.length < 3700;
    at += 86_400_000
  ) {
    const noon = new Date(at);
    days.push({ date: noon.toISOString().slice(0, 10), weekday: (noon.getUTCDay() + 6) % 7 });
  }
  return days;
}

function weeksOf(days: readonly Day[]): readonly (readonly Day[])[] {
  const weeks: Day[][] = [];
  for (const day of days) {
    if (day.weekday === 0 || weeks.length === 0) weeks.push([]);
    weeks.at(-1)?.push(day);
  }
  return weeks;
}

const square = 8;
const perSquare = 10.5;
const labelWidth = 58;
/** More squares than this fill more than a page; the runs are all in the workbook. */
const shownAtMost = 1200;

/** For a report of one moment. */
export function drawRunSquares(paper: Paper, all: readonly ReportRun[]): void {
  const runs = all.slice(-shownAtMost);
  const perRow = Math.floor((paper.width - labelWidth) / perSquare);
  const rows = Array.from({ length: Math.ceil(runs.length / perRow) }, (_, row) => runs.slice(row * perRow, (row + 1) * perRow));
  const note =
    runs.length === all.length
      ? 'One square per run, in order; dates are of the first in a row.'
      : `The last ${runs.length} of ${all.length} runs, one square each, in order.`;
  paper.paragraph(note, { size: sizes.small, colour: quiet, after: 4 });
  drawKey(paper, describeCounts(runs));
  for (const row of rows) {
    const described = describeCounts(row)
      .map(({ text }) => text)
      .join(', ');
    paper.figure(`Runs ${row[0]?.number ?? 0} to ${row.at(-1)?.number ?? 0}: ${described}.`, perSquare + 1, () => {
      paper.label(row[0]?.plannedAt.slice(0, 10) ?? '', paper.left, paper.y + square - 1, sizes.small, 'regular', quiet);
      for (const [index, run] of row.entries())
        drawRunMark(paper.doc, stateOfRun(run), paper.left + labelWidth + index * perSquare, paper.y, square);
    });
  }
  paper.space(10);
}

function drawKey(paper: Paper, key: readonly { readonly state: RunState; readonly text: string }[]): void {
  if (key.length === 0) return;
  paper.figure(`${key.map(({ text }) => text).join(', ')}.`, 16, () => {
    let x = paper.left;
    for (const { state, text } of key) {
      drawRunMark(paper.doc, state, x, paper.y, square);
      paper.label(text, x + square + 4, paper.y + square - 1, sizes.small, 'regular', ink);
      x += square + 4 + paper.labelWidth(text, sizes.small, 'regular') + 14;
    }
  });
}
