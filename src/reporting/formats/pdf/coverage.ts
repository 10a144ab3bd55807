/** How well runs cover the time of the report: counts, what is unknown and why, the calendar, and the runs. */
import type { ReportModel, ReportPeriod, ReportRun } from '../../report-model.ts';
import { catchUpText, causeWords, clockText, durationText, lengthText, localText, plural, timeText } from '../wording.ts';
import { drawPeriodCalendar, drawRunSquares, stateOfRun } from './calendar.ts';
import { type Report, sheetTitle } from './report.ts';
import { quiet, sizes } from './style.ts';
import { drawFacts, drawTable, type Fact } from './table.ts';
import { type Span, text } from './typeset.ts';

/** Rows of the PDF; the workbook has all. */
const runsShown = 60;

export function drawCoverage(report: Report): void {
  const { paper, model } = report;
  const { period } = model;
  for (const notice of period?.notices ?? []) paper.paragraph([text(notice, { face: 'medium' })], { after: 6 });
  drawFacts(paper, coverageFacts(model));
  if (period === null) drawRunSquares(paper, model.runs);
  else drawPeriodCalendar(paper, period, model.runs, model.meta.timezone);
  drawRuns(report);
}

function coverageFacts({ coverage, checkpoint, custody, period, meta }: ReportModel): Fact[] {
  const gap = coverage.longestGap;
  return [
    [
      'Scheduled runs',
      coverage.expected === 0
        ? 'none was due'
        : `${coverage.expected} expected: ${coverage.succeeded} succeeded, ${coverage.partial} partial, ${coverage.failed} failed, ${coverage.missed} missed`,
    ],
    [
      'Coverage',
      coverage.percent === null
        ? 'insufficient coverage: it cannot be measured without a schedule'
        : `${coverage.percent} % of scheduled runs read the cluster`,
    ],
    ...catchUpFacts(coverage, period, meta.timezone),
    ['Runs started by a person', String(coverage.manual)],
    [
      'Longest time unseen',
      gap === null ? 'not known from a single run' : `${durationText(gap.from, gap.to)}, from ${timeText(gap.from)} to ${timeText(gap.to)}`,
    ],
    ...unknownFacts(period, meta.timezone),
    ...(period?.doubtful ?? []).map(({ run, claimed, after, before }): Fact => {
      return ['Clock', `run ${run} says ${timeText(claimed)}; by the log it took place between ${timeText(after)} and ${timeText(before)}`];
    }),
    ['Log started', timeText(checkpoint.logStarted)],
    ...custody.map((each): Fact => ['Keeping of the log', each]),
  ];
}

const catchUpsShown = 4;

function catchUpFacts({ catchUps }: ReportModel['coverage'], period: ReportPeriod | null, timezone: string): Fact[] {
  if (period === null || catchUps.length === 0) return [];
  const more = catchUps.length - catchUpsShown;
  const lines = [
    ...catchUps.slice(-catchUpsShown).map((each) => catchUpText(each, period.total, timezone)),
    ...(more > 0 ? [`${more} earlier ones in the workbook`] : []),
  ];
  return [[`Missed, then made good (${timezone})`, lines.map((line, index) => text(line, index === 0 ? {} : { below: true }))]];
}

const unknownShown = 4;

/** What concerns most controls first. */
function unknownFacts(period: ReportPeriod | null, timezone: string): Fact[] {
  if (period === null) return [];
  const shown = period.unknown.toSorted((a, b) => b.controls - a.controls).slice(0, unknownShown);
  const spans = shown.flatMap(({ from, to, cause, run, missed, gaps, controls }): Span[] => {
    const why = [
      `${causeWords[cause]}${run === null ? '' : ` (run ${run})`}`,
      ...(gaps.length === 0
        ? []
        : [
            gaps
              .slice(0, 3)
              .map(({ what, reason }) => `${what} ${reason}`)
              .join(', '),
          ]),
      ...(missed.length === 0 || cause !== 'expired' ? [] : [`missed: run ${missed.join(', ')}`]),
    ];
    return [
      text(`${localText(from, timezone)} to ${localText(to, timezone)}`, { below: true }),
      text(
        `, ${lengthText(Date.parse(to) - Date.parse(from), 'up')}, ${controls === period.total ? 'all' : controls} of ${plural(period.total, 'control')}: ${why.join('; ')}`,
        { colour: quiet },
      ),
    ];
  });
  const more = period.unknown.length - shown.length;
  const rest = more > 0 ? [text(`${more} more in the workbook`, { colour: quiet, below: true })] : [];
  return [
    [
      `Unknown (${timezone})`,
      spans.length > 0 ? [...spans, ...rest] : period.progress === 'notBegun' ? 'all of the period' : 'no time of the period',
    ],
  ];
}

/** All of them; of many those that say more than that everything was read. */
function drawRuns({ paper, model }: Report): void {
  const { runs, meta } = model;
  const shown = (
    runs.length <= runsShown
      ? runs
      : runs.filter((run, index) => stateOfRun(run) !== 'succeeded' || index === 0 || index === runs.length - 1)
  ).slice(-runsShown);
  const opening = runs.findLast(({ place, listings }) => place === 'before' && listings.total > 0);
  drawTable(
    paper,
    [
      { title: 'Run', share: 6, align: 'right' },
      { title: 'Kind', share: 12 },
      { title: 'Status', share: 12 },
      { title: `Slot or start (${meta.timezone})`, share: 20 },
      { title: 'Ended (UTC)', share: 20 },
      { title: 'Read, remarks', share: 36 },
    ],
    shown.map((run) => ({
      cells: [
        String(run.number),
        run.kind,
        [text(run.status, { face: run.status === 'succeeded' ? 'regular' : 'medium' })],
        localText(run.slot ?? run.observedAt ?? run.startedAt ?? run.plannedAt, meta.timezone),
        run.status === 'missed' ? '' : clockText(run.endedAt),
        remarks(run, run === opening),
      ],
    })),
    { dense: true },
  );
  if (shown.length < runs.length)
    paper.paragraph(
      `${runs.length - shown.length} more runs, most of which read everything, are in the workbook's sheet ${sheetTitle(model, 'runs')}.`,
      { size: sizes.table },
    );
}

function remarks(run: ReportRun, isOpening: boolean): string {
  const { clockSkewSeconds: skew, listings, observedAt, endedAt, place } = run;
  const late = observedAt !== null && Math.abs(Date.parse(observedAt) - Date.parse(endedAt ?? observedAt)) > 3_600_000;
  return [
    isOpening ? 'before the period: its opening state' : place === 'inside' ? null : `${place} the period`,
    listings.total === 0 ? 'nothing read' : `${listings.complete} of ${plural(listings.total, 'source')}, ${plural(run.items, 'item')}`,
    run.error,
    observedAt === null ? null : late ? `replayed; observed ${timeText(observedAt)}` : 'replayed',
    skew === null || Math.abs(skew) <= 60 ? null : `clocks differ by ${skew} s`,
  ]
    .filter((remark) => remark !== null)
    .join('; ');
}
