/** Who can climb to cluster-admin: the worst paths as a drawing, what to take away, and what was not read. */
import type { ReportModel, ReportPaths } from '../../report-model.ts';
import { exposureText, plural, timeText } from '../wording.ts';
import type { Paper } from './paper.ts';
import { drawArrow, drawPathTree, mostLanes } from './path-drawing.ts';
import { lanesOf } from './path-tree.ts';
import { boundsSpans } from './period.ts';
import { type Report, sheetTitle } from './report.ts';
import { ink, quiet, sizes } from './style.ts';
import { drawTable } from './table.ts';
import { name, type Span, text } from './typeset.ts';

/** Rows and names of the PDF. */
const gapsShown = 12;
const cutShown = 12;
const movedShown = 20;

export function drawPaths(report: Report): void {
  const { paper, model } = report;
  const { paths } = model;
  paper.paragraph(`${countsText(paths)} ${searchedText(model)}`, { after: 8 });
  const lanes = lanesOf(paths.paths, mostLanes);
  if (lanes.length > 0) {
    drawKey(paper);
    const drawn = drawPathTree(paper, lanes);
    const rest = lanes.slice(drawn);
    const subjects = rest.reduce((sum, lane) => sum + lane.subjects.length, 0);
    const more = subjects === 0 ? '' : `${plural(subjects, 'more subject')} ${subjects === 1 ? 'has' : 'have'} other paths. `;
    const sheet = `Every path, step by step, with the less privileged ones, is in the workbook's sheet ${sheetTitle(model, 'paths')}.`;
    paper.paragraph(`${more}${sheet}`, { size: sizes.table });
  }
  drawMoved(report);
  drawRemovals(paper, paths);
  drawGaps(paper, paths, sheetTitle(model, 'paths'));
  paper.paragraph(whatPathsAre(paths), { size: sizes.table, colour: quiet });
}

/** What came out, in a sentence or two; also for the first pages. */
export function countsText({ certain, possible, builtin, techniques, gaps }: ReportPaths): string {
  const count = certain + possible;
  const found = techniques === 0 ? 'Paths to cluster-admin were not looked for' : foundText(count, certain);
  const unknown =
    gaps.length === 0
      ? ''
      : count === 0
        ? '; that there is none is not known, as not everything was read'
        : '; there may be more, as not everything was read';
  const more =
    builtin === 0 ? '' : ` ${plural(builtin, 'subject')} of the control plane can by what the API server or the installer granted.`;
  return `${found}${unknown}.${more}`;
}

function foundText(count: number, certain: number): string {
  if (count === 0) return 'By no right that somebody granted does a path lead to cluster-admin';
  const how =
    certain === count ? 'certainly' : certain === 0 ? 'possibly, none certainly' : `${certain} certainly and ${count - certain} possibly`;
  return `${plural(count, 'subject')} can climb to cluster-admin by what somebody granted, ${how}`;
}

function searchedText({ paths: { run, at }, runs, period }: ReportModel): string {
  if (run === null) return `As of ${timeText(at)}.`;
  const outside = period !== null && runs.some(({ number, place }) => number === run && place !== 'inside');
  return `As of run ${run}, ${timeText(at)}${outside ? ', which lies outside the period' : ''}.`;
}

function drawKey(paper: Paper): void {
  const entries = [
    [true, 'certain: the evidence shows every condition'],
    [false, 'possible: a condition is in no evidence'],
  ] as const;
  paper.figure('Solid arrows are certain, dashed ones possible.', 15, () => {
    let x = paper.left;
    for (const [certain, word] of entries) {
      drawArrow(paper, x, paper.y + 6, x + 24, paper.y + 6, certain);
      paper.label(word, x + 29, paper.y + 8.6, sizes.small, 'regular', ink);
      x += 29 + paper.labelWidth(word, sizes.small, 'regular') + 16;
    }
  });
}

/** What opened or closed while nobody may have looked: the rights themselves, and ways to them. */
function drawMoved(report: Report): void {
  const { paper, model } = report;
  const zone = model.meta.timezone;
  const moved = (model.period?.deviations ?? []).filter(({ id }) => model.paths.moved.includes(id));
  if (moved.length === 0) return;
  paper.heading('Opened or closed in the period', 2);
  drawTable(
    paper,
    [
      { title: 'Id', share: 9 },
      { title: 'What opened it', share: 41 },
      { title: `Began (${zone})`, share: 22 },
      { title: `Ended (${zone})`, share: 22 },
      { title: 'Open for', share: 14 },
    ],
    moved.slice(0, movedShown).map(({ id, item, message, onset, end, exposure }) => ({
      cells: [
        [name(id, { whole: true })],
        [text(message ?? item ?? '')],
        boundsSpans(onset, zone),
        end === null ? [text('lasts', { face: 'medium' })] : boundsSpans(end, zone),
        exposureText(exposure),
      ],
    })),
  );
  if (moved.length > movedShown)
    paper.paragraph(`And ${moved.length - movedShown} more, in the workbook's sheet ${sheetTitle(model, 'deviations')}.`, {
      size: sizes.table,
    });
}

function drawRemovals(paper: Paper, { removals, cut }: ReportPaths): void {
  if (removals.length === 0 && cut === null) return;
  paper.heading('Which bindings to remove', 2);
  if (removals.length > 0)
    drawTable(
      paper,
      [
        { title: 'Binding', share: 44 },
        { title: 'Role', share: 30 },
        { title: 'Subjects that lose their last path', share: 26, align: 'right' },
      ],
      removals.map(({ binding, role, cuts, of }) => ({ cells: [[name(binding)], [name(role)], `${cuts} of ${of}`] })),
      { dense: true },
    );
  if (cut !== null) paper.paragraph(cutSpans(cut), { size: sizes.table });
}

function cutSpans({ bindings, cuts, keep, minimum }: NonNullable<ReportPaths['cut']>): readonly Span[] {
  const kept = keep === 0 ? '' : ` ${plural(keep, 'subject')} ${keep === 1 ? 'keeps' : 'keep'} a path by what the cluster is made with.`;
  if (bindings.length === 0) return [text(`No binding that somebody made can be taken away to end these paths.${kept}`)];
  const all = `${plural(bindings.length, 'binding')} ${bindings.length === 1 ? 'ends' : 'together end'} the paths of ${plural(cuts, 'subject')}`;
  const told = minimum ? `No fewer than ${all}` : `These ${all}; a smaller set may do, too`;
  const more = bindings.length - cutShown;
  return [
    text(`${told}: `),
    ...bindings.slice(0, cutShown).flatMap((binding, index) => [text(index === 0 ? '' : ', '), name(binding)]),
    text(more > 0 ? ` and ${more} more; in the workbook the steps that stand on them are marked.` : '.'),
    text(kept),
  ];
}

function drawGaps(paper: Paper, { gaps }: ReportPaths, sheet: string): void {
  if (gaps.length === 0) return;
  paper.heading('What was not read, so that paths through it are not known', 2);
  const groups = [...Map.groupBy(gaps, ({ reason, detail, closedBy }) => JSON.stringify([reason, detail, closedBy])).values()];
  drawTable(
    paper,
    [
      { title: 'Not read', share: 34 },
      { title: 'Why, and what is missing for it', share: 40 },
      { title: 'What would close it', share: 34 },
    ],
    groups.slice(0, gapsShown).map((group) => {
      const { reason, detail, closedBy } = group[0] as ReportPaths['gaps'][number];
      const whats = [...new Set(group.map(({ what }) => what))];
      return { cells: [whats.join(', '), detail === null ? reason : `${reason}: ${detail}`, closedBy === null ? '' : [name(closedBy)]] };
    }),
    { dense: true },
  );
  if (groups.length > gapsShown)
    paper.paragraph(`${groups.length - gapsShown} more are in the workbook's sheet ${sheet}.`, { size: sizes.table });
}

function whatPathsAre({ techniques, notes }: ReportPaths): string {
  const searched =
    techniques === 0 ? '' : ` Searched with ${plural(techniques, 'technique')}, whose texts are in the pack's file controls/catalog.json.`;
  const others = notes.map((note) => ` ${note.charAt(0).toUpperCase()}${note.slice(1)}.`).join('');
  return (
    'A path is a chain of steps that RBAC allows, each by a technique that is known. It shows what somebody could do, never what they did, ' +
    `and nothing of flaws in software or of credentials that lie elsewhere.${searched}${others}`
  );
}
