/** How the evidence came to be, and how to check it: runs, changes, IPE, limitations, verification, exhibits. */
import type { ReportModel, ReportRun } from '../../report-model.ts';
import { clockText, durationText, plural, timeText } from '../wording.ts';
import { drawCalendar } from './calendar.ts';
import { link, linkList, type Report, sheetTitle } from './report.ts';
import { quiet, sizes } from './style.ts';
import { drawFacts, drawTable } from './table.ts';
import { name, type Span, text } from './typeset.ts';

/** Rows of the PDF; the workbook has all. */
const runsShown = 60;
const requestsPerExhibit = 3;

export function drawCoverage(report: Report): void {
  const { paper, model } = report;
  const { coverage, runs } = model;
  const gap = coverage.longestGap;
  drawFacts(paper, [
    [
      'Scheduled runs',
      coverage.expected === 0
        ? 'none'
        : `${coverage.expected} expected: ${coverage.succeeded} succeeded, ${coverage.partial} partial, ${coverage.failed} failed, ${coverage.missed} missed`,
    ],
    [
      'Coverage',
      coverage.percent === null ? 'cannot be measured without a schedule' : `${coverage.percent} % of scheduled runs read the cluster`,
    ],
    ['Runs started by a person', String(coverage.manual)],
    [
      'Longest time unseen',
      gap === null ? 'not known from a single run' : `${durationText(gap.from, gap.to)}, from ${timeText(gap.from)} to ${timeText(gap.to)}`,
    ],
    ['Log started', timeText(model.checkpoint.logStarted)],
  ]);
  drawCalendar(paper, runs);
  drawTable(
    paper,
    [
      { title: 'Run', share: 6, align: 'right' },
      { title: 'Kind', share: 12 },
      { title: 'Status', share: 13 },
      { title: 'Planned (UTC)', share: 22 },
      { title: 'Ended (UTC)', share: 22 },
      { title: 'Read, remarks', share: 36 },
    ],
    runs.slice(-runsShown).map((run) => ({
      cells: [
        String(run.number),
        run.kind,
        [text(run.status, { face: run.status === 'succeeded' ? 'regular' : 'medium' })],
        clockText(run.plannedAt),
        clockText(run.endedAt),
        remarks(run),
      ],
    })),
  );
  if (runs.length > runsShown)
    paper.paragraph(`Earlier runs, ${runs.length - runsShown} of them, are in the workbook's sheet ${sheetTitle(model, 'runs')}.`, {
      size: sizes.table,
    });
}

function remarks(run: ReportRun): string {
  const { clockSkewSeconds: skew, listings } = run;
  return [
    listings.total === 0 ? 'nothing read' : `${listings.complete} of ${plural(listings.total, 'source')}, ${plural(run.items, 'item')}`,
    run.error,
    run.observedAt === null ? null : `replayed; observed ${timeText(run.observedAt)}`,
    skew === null || Math.abs(skew) <= 60 ? null : `clocks differ by ${skew} s`,
  ]
    .filter((remark) => remark !== null)
    .join('; ');
}

export function drawChanges(report: Report, changes: NonNullable<ReportModel['changes']>): void {
  const { paper } = report;
  paper.paragraph(`From run ${changes.fromRun} to run ${changes.toRun}.`);
  paper.heading('Outcomes that changed', 2);
  if (changes.outcomes.length === 0) paper.paragraph('No control changed its outcome.');
  else {
    drawTable(
      paper,
      [
        { title: 'Control', share: 14 },
        { title: 'Title', share: 46 },
        { title: `Run ${changes.fromRun}`, share: 20 },
        { title: `Run ${changes.toRun}`, share: 20 },
      ],
      changes.outcomes.map(({ control, title, before, after }) => ({
        cells: [
          [after === null ? name(control, { whole: true }) : link(report, 'control', control)],
          title,
          before === null ? [text('not tested', { colour: quiet })] : { mark: before.shown, spans: [text(before.word)] },
          after === null ? [text('not tested', { colour: quiet })] : { mark: after.shown, spans: [text(after.word)] },
        ],
      })),
    );
  }
  paper.heading('Objects that changed', 2);
  const moved = changes.objects.filter(({ added, removed, changed }) => added + removed + changed > 0);
  if (moved.length === 0) paper.paragraph('No object differs between the two snapshots.');
  else {
    drawTable(
      paper,
      [
        { title: 'Kind of evidence', share: 52 },
        { title: 'Added', share: 16, align: 'right' },
        { title: 'Removed', share: 16, align: 'right' },
        { title: 'Changed', share: 16, align: 'right' },
      ],
      moved.map(({ kind, added, removed, changed }) => ({ cells: [[name(kind)], String(added), String(removed), String(changed)] })),
    );
  }
}

export function drawIpe(report: Report): void {
  const { paper, model } = report;
  const first = model.ipe[0];
  if (first === undefined) {
    paper.paragraph('This report has no exhibit.');
    return;
  }
  drawFacts(
    paper,
    [
      ['Source', [name(first.source)]],
      ['Actor', [...new Set(model.ipe.map(({ actor }) => actor))].join('; ')],
      ['Tool', `Kubevidence ${model.meta.toolVersion}; collector versions are in the workbook's sheet ${sheetTitle(model, 'ipe')}`],
      ['Clocks', 'Times are of the collector; the server’s own time of each answer is in the workbook'],
      [
        'Handling',
        `Fields outside a keep-list were dropped or marked before hashing; how many, by rule, is in the workbook's sheet ${sheetTitle(model, 'ipe')}`,
      ],
    ],
    0.13,
  );
  drawTable(
    paper,
    [
      { title: 'Exhibit', share: 11 },
      { title: 'Query', share: 35 },
      { title: 'HTTP status', share: 8, align: 'right' },
      { title: 'Pages, items', share: 13, align: 'right' },
      { title: 'Started', share: 15 },
      { title: 'Completeness', share: 22 },
    ],
    model.ipe.flatMap((entry) => {
      const { requests } = entry;
      const shown = requests.slice(0, requestsPerExhibit);
      const more = requests.length - shown.length;
      const completeness: Span[] = [
        text(entry.completeness),
        ...(more > 0 ? [text(` ${more} more requests are in the workbook.`, { colour: quiet })] : []),
      ];
      if (shown.length === 0)
        return [
          { cells: [[link(report, 'exhibit', entry.exhibit)], [text('no request was made', { colour: quiet })], '', '', '', completeness] },
        ];
      return shown.map((request, index) => ({
        cells: [
          index === 0 ? [link(report, 'exhibit', entry.exhibit)] : '',
          [name(request.query)],
          request.status === null ? '' : String(request.status),
          `${request.pages}, ${request.items}`,
          timeText(request.startedAt),
          index === 0 ? completeness : '',
        ],
      }));
    }),
  );
}

export function drawLimitations({ paper, model }: Report): void {
  for (const [index, limitation] of model.limitations.entries()) {
    paper.paragraph([text(`${index + 1}  `, { colour: quiet }), text(limitation)], { after: 5 });
  }
}

export function drawVerification({ paper, model }: Report): void {
  for (const [index, step] of model.verification.entries()) {
    paper.ensure(70);
    paper.paragraph([text(`${index + 1}  ${step.title}`, { face: 'medium' })], { after: 1 });
    paper.paragraph(step.text, { indent: 12, after: 2 });
    if (step.command !== null)
      paper.paragraph([text('Type  ', { colour: quiet }), name(step.command)], { indent: 12, after: 2, size: sizes.table });
    if (step.expect !== null)
      paper.paragraph([text('Expect  ', { colour: quiet }), name(step.expect)], { indent: 12, after: 2, size: sizes.table });
    paper.space(6);
  }
}

export function drawExhibits(report: Report): void {
  const { paper, model } = report;
  drawTable(
    paper,
    [
      { title: 'Exhibit', share: 11 },
      { title: 'Title, run, observed', share: 31 },
      { title: 'Items', share: 8, align: 'right' },
      { title: 'Log leaf, record hash', share: 17 },
      { title: 'Listing', share: 17 },
      { title: 'Cited by', share: 26 },
    ],
    model.exhibits.map((exhibit) => ({
      key: `exhibit ${exhibit.id}`,
      cells: [
        [name(exhibit.id, { whole: true })],
        [
          name(exhibit.title),
          text(`run ${exhibit.run}, ${timeText(exhibit.observedAt)}, ${exhibit.assurance}`, { colour: quiet, below: true }),
          ...(exhibit.complete ? [] : [text(', not complete', { face: 'medium' })]),
        ],
        String(exhibit.items),
        [text(`leaf ${exhibit.leaf}`), name(`${exhibit.recordHash.slice(0, 12)}…`, { whole: true, below: true })],
        [name(`${exhibit.listing.slice(0, 12)}…`, { whole: true })],
        citedBy(report, exhibit),
      ],
    })),
  );
  paper.paragraph(
    `Hashes are shortened here; the workbook's sheet ${sheetTitle(model, 'evidence')} and the files in the folder evidence have them whole.`,
    { size: sizes.table },
  );
}

/** Every exhibit leads back to the controls and requirements that stand on it. */
function citedBy(report: Report, exhibit: ReportModel['exhibits'][number]): Span[] {
  const controls = linkList(report, 'control', exhibit.controls, 4);
  if (controls.length === 0) return [text('no control of this report', { colour: quiet })];
  const requirements = linkList(report, 'requirement', exhibit.requirements, 4, (key) => key.slice(key.indexOf(' ') + 1));
  return requirements.length === 0 ? controls : [...controls, text('requirements ', { colour: quiet, below: true }), ...requirements];
}
