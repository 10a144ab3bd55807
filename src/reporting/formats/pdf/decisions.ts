/** What people decided: exceptions, and changes of the definitions that everything else was judged by. */
import type { ReportFlip, ReportPeriod } from '../../report-model.ts';
import { clockText, exceptionStates, localText, notGiven } from '../wording.ts';
import { link, type Report, sheetTitle } from './report.ts';
import { quiet } from './style.ts';
import { type Cell, drawTable } from './table.ts';
import { name, text } from './typeset.ts';

/** Rows of the PDF; the workbook has all. */
const changesShown = 60;

export function drawExceptions({ paper, model }: Report): void {
  if (model.exceptions.length === 0) {
    paper.paragraph('No exception could have had an effect in this time.');
    return;
  }
  drawTable(
    paper,
    [
      { title: 'Exception', share: 11 },
      { title: 'Control, item', share: 31 },
      { title: 'State', share: 17 },
      { title: 'Why', share: 25 },
      { title: 'Requested, approved', share: 24 },
    ],
    model.exceptions.map((each) => ({
      cells: [
        each.id,
        [text(each.control), name(each.item ?? 'erased', { below: true })],
        [
          text(exceptionStates[each.status]),
          text(`until ${clockText(each.expires)}`, { colour: quiet, below: true }),
          text(each.findings === 1 ? 'labels 1 finding' : `labels ${each.findings} findings`, { colour: quiet, below: true }),
        ],
        [
          text(each.justification ?? 'erased'),
          ...(each.compensatingControl === null ? [] : [text(`compensated by: ${each.compensatingControl}`, { below: true })]),
          ...(each.ticket === null ? [] : [text(each.ticket, { colour: quiet, below: true })]),
        ],
        [
          text(`${each.requester ?? 'erased'}, ${clockText(each.requestedAt)}`),
          text(each.approvedAt === null ? 'not approved' : `${each.approver ?? 'erased'}, ${clockText(each.approvedAt)}`, { below: true }),
          ...(each.revokedAt === null
            ? []
            : [text(`revoked by ${each.revokedBy ?? 'erased'}, ${clockText(each.revokedAt)}`, { below: true })]),
        ],
      ],
    })),
  );
}

export function drawReviews({ paper, model }: Report): void {
  if (model.reviews.length === 0) {
    paper.paragraph('The log records no access review in this time.');
    return;
  }
  drawTable(
    paper,
    [
      { title: 'Record, done (UTC)', share: 20 },
      { title: 'Of run', share: 8, align: 'right' },
      { title: 'Decisions', share: 30 },
      { title: 'Reviewed by', share: 28 },
      { title: 'Prepared by', share: 20 },
    ],
    model.reviews.map(({ leaf, at, run, keep, revoke, change, open, reviewer, preparer, complete }) => ({
      cells: [
        [text(String(leaf)), text(clockText(at), { below: true })],
        String(run),
        [
          text(`${keep} keep, ${revoke} revoke, ${change} change`),
          text(open === 0 ? 'none open' : `${open} open`, { colour: quiet, below: true }),
          ...(complete === false ? [text('not all roles and bindings were read', { below: true })] : []),
        ],
        reviewer?.join(', ') ?? 'erased',
        preparer ?? (reviewer === null ? 'erased' : 'not named'),
      ],
    })),
  );
}

export function drawDefinitions(report: Report): void {
  const { model, paper } = report;
  if (model.definitionChanges.length === 0) paper.paragraph('The log records no change of definitions since the period began.');
  else drawDefinitionChanges(report);
  if (model.period !== null) drawFlips(report, model.period);
}

function drawDefinitionChanges({ paper, model }: Report): void {
  const changes = model.definitionChanges;
  drawTable(
    paper,
    [
      { title: 'Record, changed (UTC)', share: 20 },
      { title: 'Definition', share: 20 },
      { title: 'Before, after', share: 37 },
      { title: 'Reason, requester, approver', share: 28 },
    ],
    changes.slice(-changesShown).map((each) => ({
      cells: [
        [text(String(each.leaf)), text(clockText(each.at), { colour: quiet, below: true })],
        [name(each.what)],
        [name(shortened(each.before)), name(shortened(each.after), { below: true })],
        each.approver === null
          ? [text(`${notGiven.reason}, approver ${notGiven.approver}`, { face: 'medium' })]
          : [
              text(each.reason ?? ''),
              text(`requested by ${each.requester ?? 'nobody'}, approved by ${each.approver}`, { colour: quiet, below: true }),
              ...(each.approvedLaterAt === null
                ? []
                : [text(`only at ${clockText(each.approvedLaterAt)}, when it was in force`, { face: 'medium', below: true })]),
            ],
      ],
    })),
    { dense: true },
  );
  const more = changes.length - changesShown;
  if (more > 0) paper.paragraph(`${more} earlier changes are in the workbook's sheet ${sheetTitle(model, 'definitions')}.`);
}

/** The workbook has digests whole. */
function shortened(side: string | null): string {
  return side === null ? 'none' : side.replace(/^(SHA-256 [0-9a-f]{16})[0-9a-f]+$/, '$1…');
}

/** Rows of the PDF; the workbook's timeline has all. */
const flipsShown = 60;

function drawFlips(report: Report, { flips }: ReportPeriod): void {
  const { paper, model } = report;
  paper.heading('Outcomes that flipped by definition', 2);
  if (flips.length === 0) {
    paper.paragraph('None: no outcome of the period is another one only because the definitions are.');
    return;
  }
  const sides = ({ before, after }: ReportFlip): Cell[] =>
    [before, after].map((verdict) => ({ mark: verdict.shown, spans: [text(verdict.word)] }));
  drawTable(
    paper,
    [
      { title: 'Control', share: 12 },
      { title: 'Title', share: 44 },
      { title: `Run (${model.meta.timezone})`, share: 22 },
      { title: 'By the old definitions', share: 20 },
      { title: 'By the new ones', share: 20 },
    ],
    flips.slice(0, flipsShown).map((flip) => ({
      cells: [
        [link(report, 'control', flip.control)],
        flip.title,
        `run ${flip.run}, ${localText(flip.at, model.meta.timezone)}`,
        ...sides(flip),
      ],
    })),
    { dense: true },
  );
  if (flips.length > flipsShown) paper.paragraph(`${flips.length - flipsShown} more, later ones.`);
}
