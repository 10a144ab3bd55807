/** The state of controls over the period, and every deviation with its bounds. */
import { severities } from '../../../model/index.ts';
import type { ReportControl, ReportDeviation, ReportPeriod, TimelineBounds } from '../../report-model.ts';
import { exposureText, lengthText, localText, plural, stateWords, trailText } from '../wording.ts';
import { drawBar } from './charts.ts';
import { link, linkList, type Report, sheetTitle, toldDeviations, verdictCell } from './report.ts';
import { quiet, sizes } from './style.ts';
import { drawTable, type TableRow } from './table.ts';
import { chartOf, drawTimelineKey, drawTimelines, type TimelineRow } from './timelines.ts';
import { name, type Span, text } from './typeset.ts';

/** Rows of the PDF; the workbook has all. */
const lastingShown = 60;

export function drawPeriodStates(report: Report, period: ReportPeriod): void {
  const { paper, model } = report;
  drawBar(paper, { counts: period.counts, total: period.total, verdicts: period.verdicts, title: 'Controls over the period' });
  paper.space(8);
  const chart = chartOf(model);
  const told = model.controls.filter(({ period: standing }) => standing !== null);
  const drawn = told.filter(({ period: standing }) => standing?.changed === true || standing?.verdict.outcome === 'fail');
  if (chart !== null && drawn.length > 0) {
    drawTimelineKey(paper);
    for (const [title, isWanted] of [
      ['Controls whose state changed', true],
      ['Controls that deviated for as long as anything is known', false],
    ] as const) {
      const rows = alikeRows(
        report,
        drawn.filter(({ period: standing }) => standing?.changed === isWanted),
      );
      if (rows.length === 0) continue;
      drawTimelines(paper, chart, rows, title);
    }
  }
  drawUnchanged(
    report,
    told.filter((control) => !drawn.includes(control)),
  );
}

/** Controls with the same segments share a row; rows worst first. */
function alikeRows(report: Report, controls: readonly ReportControl[]): TimelineRow[] {
  const worstFirst = controls.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
  const groups = Map.groupBy(worstFirst, ({ period }) =>
    JSON.stringify(period?.timeline.segments.map(({ from, to, state, excepted }) => [from, to, state, excepted])),
  );
  return [...groups.values()].map((group) => controlRow(report, group as [ReportControl, ...ReportControl[]]));
}

function controlRow(report: Report, controls: readonly [ReportControl, ...ReportControl[]]): TimelineRow {
  const [first, ...others] = controls;
  const percent = first.period?.timeline.percent;
  const ids = controls.map(({ id }) => id);
  const label =
    others.length === 0
      ? [link(report, 'control', first.id), text(` ${first.severity} `, { colour: quiet }), text(first.title, { below: true })]
      : [
          text(`${controls.length} controls, up to ${first.severity}: `, { colour: quiet }),
          ...linkList(report, 'control', ids, ids.length),
        ];
  return {
    label,
    name: `${ids.join(', ')} ${others.length === 0 ? first.title : ''}`,
    segments: first.period?.timeline.segments ?? [],
    right: [`fail ${percent?.fail ?? 0} %`, `unknown ${percent?.unknown ?? 0} %`],
  };
}

/** In one table, those with the same states together. */
function drawUnchanged(report: Report, controls: readonly ReportControl[]): void {
  const { paper } = report;
  if (controls.length === 0) return;
  paper.ensure(170);
  paper.heading('Controls without a deviation, whose state did not change', 2);
  const groups = Map.groupBy(controls, ({ period }) =>
    JSON.stringify([
      period?.verdict.word,
      period?.timeline.opening?.state,
      period?.timeline.segments.map(({ from, to, state }) => [from, to, state]),
    ]),
  );
  drawTable(
    paper,
    [
      { title: 'Verdict for the period', share: 22 },
      { title: 'State', share: 16 },
      { title: '% known', share: 9, align: 'right' },
      { title: '% unknown', share: 10, align: 'right' },
      { title: 'Controls', share: 50 },
    ],
    [...groups.values()].map((group): TableRow => {
      const standing = group[0]?.period;
      const percent = standing?.timeline.percent;
      const states = new Set(standing?.timeline.segments.flatMap(({ state }) => (state === 'unknown' ? [] : [stateWords[state]])));
      const unknown = percent?.unknown ?? 0;
      const ids = group.map(({ id }) => id);
      return {
        cells: [
          standing === null || standing === undefined ? '' : verdictCell(standing.verdict),
          [...states].join(', ') || 'unknown',
          String(Math.round((standing?.timeline.segments.length === 0 ? 0 : 100 - unknown) * 10) / 10),
          String(unknown),
          linkList(report, 'control', ids, ids.length),
        ],
      };
    }),
    { dense: true },
  );
}

export function drawDeviations(report: Report, period: ReportPeriod): void {
  const { paper, model } = report;
  const chart = chartOf(model);
  const { deviations } = period;
  if (deviations.length === 0) {
    paper.paragraph('No run of the period found a deviation. That covers what could be read, and the time that is known, only.');
    return;
  }
  const moved = deviations.filter(({ throughout }) => !throughout);
  const lasting = deviations.filter(({ throughout }) => throughout);
  paper.heading(`Began or ended in the period: ${moved.length}`, 2);
  if (moved.length === 0) paper.paragraph('None.');
  else {
    const shown = toldDeviations(model);
    if (chart !== null) {
      drawTimelineKey(paper);
      drawTimelines(
        paper,
        chart,
        shown.map((each) => itemRow(each)),
      );
    }
    drawMoved(report, shown);
    drawTrails(report, shown);
    if (shown.length < moved.length) drawRest(report, moved.length - shown.length);
  }
  if (lasting.length > 0) drawLasting(report, lasting);
}

function drawRest({ paper, model }: Report, count: number): void {
  paper.paragraph(`${count} more are in the workbook's sheet ${sheetTitle(model, 'deviations')}.`, { size: sizes.table });
}

function itemRow({ id, severity, item, controls, timeline, exposure, onset, end }: ReportDeviation): TimelineRow {
  return {
    label: [
      name(id, { whole: true }),
      text(` ${severity}, ${controls.length === 1 ? (controls[0]?.id ?? '') : plural(controls.length, 'control')} `, { colour: quiet }),
      name(item ?? controls[0]?.title ?? '', { below: true }),
    ],
    name: `${id} ${item ?? ''}`,
    segments: timeline.segments,
    right: exposure.most === exposure.least ? [lengthText(exposure.least, 'down')] : rightOf(exposure),
    bounds: end === null ? [onset] : [onset, end],
  };
}

function rightOf({ least, most }: ReportDeviation['exposure']): readonly string[] {
  return [`≥ ${lengthText(least, 'down')}`, ...(most === null ? [] : [`≤ ${lengthText(most, 'up')}`])];
}

function drawMoved(report: Report, deviations: readonly ReportDeviation[]): void {
  const { paper, model } = report;
  const zone = model.meta.timezone;
  drawTable(
    paper,
    [
      { title: 'Id', share: 9.5 },
      { title: 'Item, what was found, by which controls', share: 32 },
      { title: `Began, detected (${zone})`, share: 24 },
      { title: `Ended, retested (${zone})`, share: 23 },
      { title: 'Exposure, exceptions', share: 14 },
      { title: 'Exhibits', share: 10 },
    ],
    deviations.map(
      (each): TableRow => ({
        key: `deviation ${each.id}`,
        cells: [
          [name(each.id, { whole: true }), text(each.severity, { colour: quiet, below: true })],
          [
            name(each.item ?? ''),
            ...(each.message === null ? [] : [text(each.message, { below: true })]),
            text(`owner: ${each.owner}`, { colour: quiet, below: true }),
            { ...text('', { below: true }) },
            ...linkList(
              report,
              'control',
              each.controls.map(({ id }) => id),
              12,
            ),
          ],
          [
            ...boundsSpans(each.onset, zone),
            text(`found by run ${each.firstBad}, ${localText(each.detectedAt, zone)}`, { colour: quiet, below: true }),
            ...(each.lastGood === null ? [] : [text(`last good: run ${each.lastGood}`, { colour: quiet, below: true })]),
          ],
          each.end === null
            ? [text('lasts', { face: 'medium' }), text(`last seen by run ${each.lastBad}`, { colour: quiet, below: true })]
            : [
                ...boundsSpans(each.end, zone),
                text(`retested by run ${each.firstGood ?? ''}`, { colour: quiet, below: true }),
                ...(each.retestedAt === null ? [] : [text(`, ${localText(each.retestedAt, zone)}`, { colour: quiet })]),
              ],
          [
            text(exposureText(each.exposure)),
            ...(each.exceptions.length === 0 ? [] : [text(`under ${each.exceptions.join(', ')}`, { face: 'medium', below: true })]),
          ],
          each.exhibits.length === 0 ? [text('in the ledger', { colour: quiet })] : linkList(report, 'exhibit', each.exhibits, 4),
        ],
      }),
    ),
  );
}

/** A grant shows what somebody could do; where to look for what was done. */
function drawTrails(report: Report, deviations: readonly ReportDeviation[]): void {
  const { paper, model } = report;
  const traced = deviations.flatMap((each) => (each.trail === null ? [] : [{ ...each, trail: each.trail }]));
  if (traced.length === 0) return;
  paper.ensure(120);
  paper.heading('Was it used?', 2);
  paper.paragraph(
    'A grant shows what somebody could do, never what they did: that only the audit log of the API servers tells. Here is whether its files ' +
      'of that time can still be there, by their age and what runs read of the setting. They may go sooner by number and size, and copies ' +
      'elsewhere are not known here.',
  );
  drawTable(
    paper,
    [
      { title: 'Deviation', share: 12 },
      { title: 'Who could do something', share: 40 },
      { title: `The audit log of that time (${model.meta.timezone})`, share: 60 },
    ],
    traced.map(
      ({ id, item, trail }): TableRow => ({
        cells: [[name(id, { whole: true })], [name(item ?? '')], trailText(trail, model.meta.timezone)],
      }),
    ),
    { dense: true },
  );
}

/** `after Mon 27 Jul 06:00, by Mon 10 Aug 06:00`, or the exact moment with its source. */
export function boundsSpans({ after, by, source }: TimelineBounds, zone: string): Span[] {
  if (source !== null && after === by) return [text(localText(by, zone), { face: 'medium' }), text(source, { colour: quiet, below: true })];
  const upTo = [text('by ', { below: true, colour: quiet }), text(localText(by, zone), { face: 'medium' })];
  const from =
    after === null
      ? [text('before the log knows', { colour: quiet })]
      : [text('after ', { colour: quiet }), text(localText(after, zone), { face: 'medium' })];
  return [...from, ...upTo, ...(source === null ? [] : [text(source, { colour: quiet, below: true })])];
}

/** Of one control set each: the items are findings of the last run as well. */
function drawLasting(report: Report, deviations: readonly ReportDeviation[]): void {
  const { paper } = report;
  paper.ensure(120);
  paper.heading(`Lasted all the period, as far as is known: ${deviations.length}`, 2);
  const groups = [...Map.groupBy(deviations, ({ controls }) => controls.map(({ id }) => id).join(' ')).values()];
  drawTable(
    paper,
    [
      { title: 'Severity', share: 10 },
      { title: 'Controls', share: 30 },
      { title: 'Deviations', share: 16 },
      { title: 'Items', share: 44 },
    ],
    groups.slice(0, lastingShown).map((group): TableRow => {
      const [first] = group;
      const [from, to] = [first?.id ?? '', group.at(-1)?.id ?? ''];
      return {
        cells: [
          first?.severity ?? '',
          linkList(
            report,
            'control',
            (first?.controls ?? []).map(({ id }) => id),
            12,
          ),
          group.length === 1 ? [name(from, { whole: true })] : [name(from, { whole: true }), text(' to '), name(to, { whole: true })],
          itemSpans(group),
        ],
      };
    }),
    { dense: true },
  );
  if (groups.length > lastingShown)
    drawRest(
      report,
      groups.slice(lastingShown).reduce((sum, group) => sum + group.length, 0),
    );
}

const itemsShown = 8;

function itemSpans(group: readonly ReportDeviation[]): Span[] {
  const more = group.length - itemsShown;
  return [
    ...group.slice(0, itemsShown).map(({ item }) => name(item ?? 'the control as a whole', { below: true })),
    ...(more > 0 ? [text(`${more} more in the workbook`, { colour: quiet, below: true })] : []),
    text(ownersText([...new Set(group.map(({ owner }) => owner))]), { colour: quiet, below: true }),
  ];
}

const ownersShown = 4;

function ownersText(owners: readonly string[]): string {
  const more = owners.length > ownersShown ? ` and ${owners.length - ownersShown} more` : '';
  return `${owners.length === 1 ? 'owner' : 'owners'}: ${owners.slice(0, ownersShown).join(', ')}${more}`;
}
