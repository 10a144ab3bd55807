/** How the evidence came to be, and how to check it: runs, changes, IPE, limitations, verification, exhibits. */
import type { ReportModel } from '../../report-model.ts';
import { clockText, timeText } from '../wording.ts';
import { link, linkList, type Report, sheetTitle } from './report.ts';
import { quiet, sizes } from './style.ts';
import { drawFacts, drawTable, type Group, type TableRow } from './table.ts';
import { name, type Span, text } from './typeset.ts';

/** Rows of the PDF; the workbook has all. */
const requestsPerExhibit = 3;

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
      { title: 'Query', share: 46 },
      { title: 'HTTP status', share: 8, align: 'right' },
      { title: 'Completeness', share: 27 },
      { title: 'Exhibits', share: 31 },
    ],
    [...Map.groupBy(model.ipe, queriesOf)].flatMap(([queries, entries]) => requestRows(report, queries, entries)),
    { dense: true },
  );
  const sheet = sheetTitle(model, 'ipe');
  paper.paragraph(`When each was asked, and how many pages and items the answer had, is in the workbook's sheet ${sheet}.`, {
    size: sizes.table,
  });
}

type Ipe = ReportModel['ipe'][number];

/** Exhibits that were asked for alike stand below their query. */
function queriesOf({ requests }: Ipe): string {
  const [first, ...others] = [...new Set(requests.map(({ query }) => query))];
  if (first === undefined) return 'No request was made';
  // Of many the first stands for the rest: they differ by namespace.
  const shown = others.length < requestsPerExhibit ? others : [];
  const more = others.length - shown.length;
  return [first, ...shown, ...(more > 0 ? [`and ${more} more queries, which are in the workbook`] : [])].join(', ');
}

/** A row for all that were answered alike; the exhibit index says of which run each is, and how many items it holds. */
function requestRows(report: Report, queries: string, entries: readonly Ipe[]): TableRow[] {
  const exhibits = new Map(report.model.exhibits.map((exhibit) => [exhibit.id, exhibit]));
  const answers = Map.groupBy(entries, ({ exhibit, requests, completeness }) => {
    const statuses = [...new Set(requests.flatMap(({ status }) => status ?? []))].join(', ');
    return JSON.stringify([statuses, exhibits.get(exhibit)?.complete === true ? 'complete: read to the last page' : completeness]);
  });
  return [...answers].map(([answer, alike], index): TableRow => {
    const [statuses, completeness] = JSON.parse(answer) as [string, string];
    const ids = alike.map(({ exhibit }) => exhibit);
    return { cells: [index === 0 ? [name(queries)] : '', statuses, completeness, linkList(report, 'exhibit', ids, ids.length)] };
  });
}

export function drawRedactions({ paper, model }: Report): void {
  for (const sentence of model.keeping) paper.paragraph(sentence, { after: 4 });
  if (model.redactions.length === 0) {
    paper.paragraph('No record of the log says that anything was erased.');
    return;
  }
  drawTable(
    paper,
    [
      { title: 'Record', share: 8, align: 'right' },
      { title: 'Erased (UTC)', share: 16 },
      { title: 'What', share: 32 },
      { title: 'Legal basis', share: 28 },
      { title: 'Requested, approved', share: 24 },
    ],
    model.redactions.map((each) => ({
      cells: [
        String(each.leaf),
        clockText(each.at),
        [
          text(`${each.count} ${each.what}`),
          ...(each.kind === null ? [] : [name(each.kind, { below: true })]),
          ...(each.overrideRetention ? [text('before the end of its retention', { colour: quiet, below: true })] : []),
        ],
        each.legalBasis ?? [text('erased', { colour: quiet })],
        [text(each.requester ?? 'erased'), text(each.approver ?? 'erased', { below: true })],
      ],
    })),
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
      { title: 'Title', share: 31 },
      { title: 'Items', share: 7, align: 'right' },
      { title: 'Listing', share: 17 },
      { title: 'Cited by', share: 40 },
    ],
    [...Map.groupBy(model.exhibits, ({ run }) => run).values()].flatMap((exhibits) => exhibitRows(report, exhibits)),
    { dense: true },
  );
  paper.paragraph(
    `Hashes are shortened here; the workbook's sheet ${sheetTitle(model, 'evidence')} and the files in the folder evidence have them whole.`,
    { size: sizes.table },
  );
}

/** What one run gave, under the run's record. */
function exhibitRows(report: Report, exhibits: readonly ReportModel['exhibits'][number][]): (TableRow | Group)[] {
  const [first] = exhibits;
  if (first === undefined) return [];
  const group = `Run ${first.run}, observed ${timeText(first.observedAt)}: leaf ${first.leaf} of the log, record hash ${first.recordHash.slice(0, 16)}…`;
  const rows = exhibits.map(
    (exhibit): TableRow => ({
      key: `exhibit ${exhibit.id}`,
      cells: [
        [name(exhibit.id, { whole: true })],
        [
          name(exhibit.title),
          ...(exhibit.assurance === 'observed' ? [] : [text(`, ${exhibit.assurance}`, { colour: quiet })]),
          ...(exhibit.complete ? [] : [text(', not complete', { face: 'medium' })]),
        ],
        String(exhibit.items),
        [name(`${exhibit.listing.slice(0, 12)}…`, { whole: true })],
        citedBy(report, exhibit),
      ],
    }),
  );
  return [{ group, bookmark: 2 }, ...rows];
}

/** Every exhibit leads back to the controls and requirements that stand on it. */
function citedBy(report: Report, exhibit: ReportModel['exhibits'][number]): Span[] {
  const controls = linkList(report, 'control', exhibit.controls, 3);
  if (controls.length === 0) return [text('no control of this report', { colour: quiet })];
  const requirements = linkList(report, 'requirement', exhibit.requirements, 3, (key) => key.slice(key.indexOf(' ') + 1));
  return requirements.length === 0 ? controls : [...controls, text('; requirements ', { colour: quiet }), ...requirements];
}
