/**
 * Timelines: one row per control or item, the period as x axis with its runs above, segments by state. Height and outline tell the states
 * apart without colour: failing is a full block, passing a thin line, unknown an empty dashed box. Labels never overlap.
 */
import type { ReportModel, ReportPeriod, ReportRun, TimelineBounds, TimelineSegment } from '../../report-model.ts';
import { clockText, localParts, months, plural, shownState, stateWords } from '../wording.ts';
import { drawRunMark, runWords, stateOfRun } from './calendar.ts';
import { drawSegment } from './marks.ts';
import type { Paper } from './paper.ts';
import { hairline, ink, lineHeight, outcomeColours, quiet, sizes } from './style.ts';
import type { Span } from './typeset.ts';

export interface TimelineRow {
  /** Beside the bar; at most twelve lines are shown, so that the rest must stand elsewhere. */
  readonly label: readonly Span[];
  /** For those who cannot see the bar. */
  readonly name: string;
  readonly segments: readonly TimelineSegment[];
  readonly right: readonly string[];
  /** When it began and ended, as far as is known: a bracket where it is not exact. */
  readonly bounds?: readonly TimelineBounds[];
  /** Place that links to this row lead to. */
  readonly key?: string;
}

export interface Chart {
  readonly period: ReportPeriod;
  readonly runs: readonly ReportRun[];
  readonly timezone: string;
}

export function chartOf({ period, runs, meta }: ReportModel): Chart | null {
  return period === null ? null : { period, runs, timezone: meta.timezone };
}

const labelShare = 0.36;
const rightShare = 0.13;
const gap = 8;
const bar = 9;
const thin = 3;
const tick = 6.5;
const labelLines = 12;
const leading = sizes.small * lineHeight;

interface Axis {
  readonly left: number;
  readonly width: number;
  readonly at: (instant: string) => number;
}

function axisOf(paper: Paper, { from, to }: ReportPeriod): Axis {
  const left = paper.left + paper.width * labelShare;
  const width = paper.width * (1 - labelShare - rightShare) - gap;
  const [start, end] = [Date.parse(from), Date.parse(to)];
  return { left, width, at: (instant) => left + (Math.min(end, Math.max(start, Date.parse(instant))) - start) * (width / (end - start)) };
}

/** `title` stands above them, on the page of the first row. */
export function drawTimelines(paper: Paper, chart: Chart, rows: readonly TimelineRow[], title?: string): void {
  const axis = axisOf(paper, chart.period);
  for (const [index, row] of rows.entries()) {
    const lines = paper.set(row.label, sizes.small, paper.width * labelShare - gap).slice(0, labelLines);
    const dates = placeDates(paper, chart, axis, row);
    const height = Math.max(lines.length * leading, row.right.length * leading, bar + 4 + (dates.length > 0 ? leading : 0)) + 5;
    if (index === 0 || paper.room < height) {
      if (index > 0) paper.newPage();
      else paper.ensure(height + axisHeight + (title === undefined ? 0 : titleHeight));
      if (index === 0 && title !== undefined) paper.heading(title, 2);
      drawAxis(paper, chart, axis);
    }
    if (row.key !== undefined) paper.place(row.key);
    const top = paper.y + 2;
    const label = paper.element('P');
    for (const [line, set] of lines.entries()) paper.drawLine(set, paper.left, top + line * leading, sizes.small, label);
    label.end();
    paper.figure(altOf(row), height, () => {
      for (const at of monthStarts(chart)) drawGrid(paper, axis.at(at), paper.y, height);
      for (const segment of row.segments) drawState(paper, axis, segment, top);
      for (const bounds of row.bounds ?? []) drawBounds(paper, axis, bounds, top);
      for (const { text, x } of dates) paper.label(text, x, top + bar + leading * 0.86, tick, 'regular', quiet);
      for (const [line, text] of row.right.entries()) {
        const x = paper.left + paper.width - paper.labelWidth(text, sizes.small, 'regular');
        paper.label(text, x, top + leading * (line + 0.78), sizes.small, 'regular', line === 0 ? ink : quiet);
      }
    });
    paper.hairline(paper.y, hairline, 0.3);
  }
  paper.space(10);
}

/** What every mark in the charts means, in one line. */
export function drawTimelineKey(paper: Paper): void {
  const entries = [
    ['fail', 'fail'],
    ['exception', 'fail, under exception'],
    ['pass', 'pass'],
    ['notAssessed', 'unknown'],
    ['manual', 'other'],
  ] as const;
  paper.figure('Blocks are failing, hatched ones under an exception; lines are passing; empty dashed boxes are unknown.', 14, () => {
    let x = paper.left;
    for (const [shown, word] of entries) {
      drawShape(paper, shown, x, paper.y, 20);
      paper.label(word, x + 24, paper.y + bar - 1.5, sizes.small, 'regular', ink);
      x += 24 + paper.labelWidth(word, sizes.small, 'regular') + 14;
    }
    drawBracket(paper, x, x + 20, paper.y + bar - 2);
    paper.label('began or ended in here', x + 24, paper.y + bar - 1.5, sizes.small, 'regular', ink);
  });
  paper.space(4);
}

const axisHeight = 30;
/** A heading with the space around it. */
const titleHeight = sizes.subheading * lineHeight + 16;

/** Months, and above them every run at its time. */
function drawAxis(paper: Paper, chart: Chart, axis: Axis): void {
  const { runs, period, timezone } = chart;
  const inside = runs.filter(({ place }) => place === 'inside');
  const counts = [...Map.groupBy(inside, stateOfRun)].map(([state, group]) => `${group.length} ${runWords[state]}`);
  paper.figure(`The period with its runs: ${counts.join(', ') || 'none'}.`, axisHeight, () => {
    const base = paper.y + axisHeight - 2;
    paper.label('Runs', paper.left, paper.y + 8, sizes.small, 'regular', quiet);
    // Of many runs a mark each would be a smear: those that did not read everything are shown.
    const marked =
      inside.length * 6 <= axis.width
        ? inside
        : inside.filter((run) => stateOfRun(run) !== 'succeeded').slice(0, Math.floor(axis.width / 6));
    for (const run of marked) drawRunMark(paper.doc, stateOfRun(run), axis.at(momentOf(run)) - 2.5, paper.y + 2.5, 5);
    const starts = monthStarts(chart);
    let free = axis.left - 1;
    for (const [index, start] of [period.from, ...starts].entries()) {
      const x = axis.at(start);
      const { date, day } = localParts(start, timezone);
      const name = months[Number(date.slice(5, 7)) - 1] ?? '';
      const text = index === 0 && !date.endsWith('-01') ? day.slice(4) : name;
      if (x < free) continue;
      paper.label(text, x + 2, base - 4, sizes.small, 'medium', quiet);
      free = x + 6 + paper.labelWidth(text, sizes.small, 'medium');
    }
    paper.doc
      .save()
      .lineWidth(0.7)
      .strokeColor('#8A9097')
      .moveTo(paper.left, base)
      .lineTo(paper.left + paper.width, base)
      .stroke()
      .restore();
    if (period.until < period.to) {
      const x = axis.at(period.until);
      paper.label('not yet known', Math.min(x + 3, axis.left + axis.width - 50), paper.y + 8, sizes.small, 'regular', quiet);
    }
  });
}

export function momentOf({ observedAt, slot, endedAt, startedAt, plannedAt, status }: ReportRun): string {
  return observedAt ?? (status === 'missed' ? slot : null) ?? endedAt ?? startedAt ?? plannedAt;
}

/** First instants of months inside the period, in its zone, without the period's own first one. */
function monthStarts({ period, timezone }: Chart): readonly string[] {
  const found: string[] = [];
  let before = localParts(period.from, timezone).date.slice(0, 7);
  const day = 86_400_000;
  for (let at = Date.parse(period.from) + day; at < Date.parse(period.to); at += day) {
    const instant = new Date(at).toISOString();
    const month = localParts(instant, timezone).date.slice(0, 7);
    if (month !== before) found.push(instant);
    before = month;
  }
  return found;
}

function drawGrid(paper: Paper, x: number, y: number, height: number): void {
  paper.doc
    .save()
    .lineWidth(0.3)
    .strokeColor(hairline)
    .moveTo(x, y)
    .lineTo(x, y + height)
    .stroke()
    .restore();
}

function drawState(paper: Paper, axis: Axis, segment: TimelineSegment, y: number): void {
  const [from, to] = [axis.at(segment.from), axis.at(segment.to)];
  // What is short is drawn so that it can be seen: a cluster-admin for an hour is no less a fact.
  const width = Math.max(to - from, segment.state === 'fail' ? 1.6 : 0.4);
  drawShape(paper, shownState(segment), from, y, width);
}

function drawShape(paper: Paper, shown: ReturnType<typeof shownState>, x: number, y: number, width: number): void {
  const { doc } = paper;
  if (shown === 'fail' || shown === 'exception') drawSegment(doc, shown, x, y, width, bar);
  else if (shown === 'pass')
    doc
      .save()
      .rect(x, y + (bar - thin) / 2, width, thin)
      .fill(outcomeColours.pass)
      .restore();
  else if (shown === 'notAssessed')
    doc
      .save()
      .lineWidth(0.7)
      .strokeColor(outcomeColours.notAssessed)
      .dash(2, { space: 1.6 })
      .rect(x + 0.5, y + 1, Math.max(0.1, width - 1), bar - 2)
      .stroke()
      .restore();
  else
    doc
      .save()
      .lineWidth(0.7)
      .strokeColor(outcomeColours[shown])
      .rect(x + 0.4, y + (bar - thin) / 2, Math.max(0.1, width - 0.8), thin)
      .stroke()
      .restore();
}

function drawBounds(paper: Paper, axis: Axis, { after, by, source }: TimelineBounds, y: number): void {
  if (after === null || source !== null) return;
  const [from, to] = [axis.at(after), axis.at(by)];
  if (to - from > 2) drawBracket(paper, from, to, y + bar + 1.5);
}

function drawBracket(paper: Paper, from: number, to: number, y: number): void {
  const { doc } = paper;
  doc.save().lineWidth(0.7).strokeColor(outcomeColours.fail);
  doc
    .moveTo(from, y - 2)
    .lineTo(from, y)
    .lineTo(to, y)
    .lineTo(to, y - 2)
    .stroke()
    .restore();
}

/** Days at which the state changes, those of failing first; one that would touch another is left out. A short failing has one for both. */
function placeDates(paper: Paper, { period, timezone }: Chart, axis: Axis, { segments }: TimelineRow): { text: string; x: number }[] {
  const dayOf = (instant: string): string => localParts(instant, timezone).day.slice(4);
  const inside = (instant: string): boolean => instant > period.from && instant < period.until;
  const labels: { text: string; middle: number; rank: number }[] = [];
  const add = (instant: string, rank: number): void => {
    if (inside(instant)) labels.push({ text: dayOf(instant), middle: axis.at(instant), rank });
  };
  for (const { state, from, to } of joinStates(segments)) {
    const [left, right] = [axis.at(from), axis.at(to)];
    if (state === 'fail' && right - left < shortest && inside(from) && inside(to)) {
      const [begin, end] = [dayOf(from), dayOf(to)];
      const [day, month] = begin.split(' ') as [string, string];
      const text = begin === end ? begin : `${end.endsWith(month) ? day : begin}–${end}`;
      labels.push({ text, middle: (left + right) / 2, rank: 0 });
    } else if (state === 'fail') {
      add(from, 1);
      add(to, 1);
    } else add(from, 2);
  }
  const placed: { text: string; x: number; width: number }[] = [];
  for (const { text, middle } of labels.toSorted((a, b) => a.rank - b.rank || a.middle - b.middle)) {
    const width = paper.labelWidth(text, tick, 'regular');
    const x = Math.min(Math.max(axis.left, middle - width / 2), axis.left + axis.width - width);
    if (placed.every((other) => x + width + 4 < other.x || other.x + other.width + 4 < x)) placed.push({ text, x, width });
  }
  return placed;
}

/** Narrower than this, two dates would not stand side by side below it. */
const shortest = 50;

/** Neighbours of one state as one, whatever their exceptions are. */
function joinStates(segments: readonly TimelineSegment[]): Pick<TimelineSegment, 'state' | 'from' | 'to'>[] {
  const joined: Pick<TimelineSegment, 'state' | 'from' | 'to'>[] = [];
  for (const { state, from, to } of segments) {
    const last = joined.at(-1);
    if (last?.state === state) joined[joined.length - 1] = { ...last, to };
    else joined.push({ state, from, to });
  }
  return joined;
}

function altOf({ name, segments }: TimelineRow): string {
  const shown = segments.slice(0, 12).map(({ state, from }) => `${stateWords[state]} from ${clockText(from).slice(0, 16)}`);
  const more = segments.length - shown.length;
  return `${name}: ${shown.join(', ')}${more > 0 ? `, and ${plural(more, 'more segment')}` : ''}.`;
}
