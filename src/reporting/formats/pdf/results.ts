/** What was concluded and on what: what deviates at the end, open points, each requirement. */
import type { ReportControl, ReportFinding, ReportFramework, ReportRequirement } from '../../report-model.ts';
import { reachText, standingText } from '../wording.ts';
import { sectionTitle, spaced } from './front.ts';
import { findingsByControl, link, linkList, type Report, sheetTitle } from './report.ts';
import { quiet, sizes } from './style.ts';
import { type Cell, drawTable, type Group, type TableRow } from './table.ts';
import { name, type Span, text } from './typeset.ts';

/** Rows of one control in the PDF; the workbook has all. */
const findingsPerControl = 15;

export function drawFindings(report: Report): void {
  const { paper, model } = report;
  const groups = findingsByControl(model);
  if (groups.size === 0) {
    paper.paragraph('No item failed a control. That covers what could be read only; see what could not be concluded.');
    return;
  }
  drawTable(
    paper,
    [
      { title: 'Finding', share: 9 },
      { title: 'Item', share: 37 },
      { title: 'What was found', share: 54 },
    ],
    [...groups].flatMap(([id, findings]) => findingRows(report, id, findings)),
    { dense: true },
  );
}

function findingRows(report: Report, id: string, findings: readonly ReportFinding[]): (TableRow | Group)[] {
  const { model } = report;
  const control = model.controls.find((candidate) => candidate.id === id);
  if (control === undefined) return [];
  const { population, severity } = control;
  const about = [
    text(severity, { face: 'medium' }),
    text(`, ${findings.length} of ${population.tested} ${spaced(population.name)} tested · control `, { colour: quiet }),
    link(report, 'control', id),
    text(' · exhibits ', { colour: quiet }),
    ...linkList(report, 'exhibit', control.exhibits, 8),
    text('To close: ', { face: 'medium', below: true }),
    text(control.remediation),
  ];
  const rows = findings
    .slice(0, findingsPerControl)
    .map((finding): TableRow => ({ cells: [[name(finding.id, { whole: true })], [name(finding.item)], foundSpans(finding)] }));
  const more = findings.length - findingsPerControl;
  const rest = `${more} more items of ${id} are in the workbook's sheet ${sheetTitle(model, 'findings')}.`;
  return [
    { group: `${id}  ${control.title}`, about, key: `finding ${id}`, bookmark: 2 },
    ...rows,
    ...(more > 0 ? [{ cells: ['', '', rest] }] : []),
  ];
}

/** Few have an exception, so that it needs no column. */
function foundSpans({ message, owner, exception }: ReportFinding): Span[] {
  return [
    text(message),
    ...(owner === 'cluster' ? [] : [text(`owner: ${owner}`, { colour: quiet, below: true })]),
    ...(exception === null ? [] : [text('under exception ', { face: 'medium', below: true }), name(exception)]),
  ];
}

export function drawOpenPoints(report: Report): void {
  const { paper, model } = report;
  if (model.open.length === 0) paper.paragraph('No control lacks evidence.');
  else {
    drawTable(
      paper,
      [
        { title: 'What would close it', share: 28 },
        { title: 'What is missing', share: 28 },
        { title: 'Controls', share: 16 },
        { title: 'Requirements it keeps open', share: 28 },
      ],
      model.open.map((point) => ({
        cells: [
          point.closedBy,
          gapSpans(point.gaps, 4),
          linkList(report, 'control', point.controls, 6),
          requirementSpans(report, point.requirements, 3),
        ],
      })),
      { dense: true },
    );
  }
  paper.heading('What people and the provider must show', 2);
  paper.paragraph(
    `The cluster cannot show these. The list of requirements says for each which evidence to bring; the workbook's sheet ${sheetTitle(model, 'open')} has them as a worklist.`,
  );
  drawTable(
    paper,
    [
      { title: 'Framework', share: 55 },
      { title: 'Needs a person', share: 22, align: 'right' },
      { title: "Provider's part", share: 23, align: 'right' },
    ],
    model.frameworks.map((framework) => ({
      cells: [framework.title, String(framework.counts.manual), String(framework.counts.providerResponsibility)],
    })),
  );
}

export function gapSpans(gaps: ReportControl['gaps'], limit: number): Span[] {
  const spans: Span[] = [];
  for (const gap of gaps.slice(0, limit)) {
    if (spans.length > 0) spans.push(text('; '));
    spans.push(name(gap.what), text(` (${gap.reason})`, { colour: quiet }));
    if (gap.detail !== null) spans.push(text(`: ${gap.detail}`, { colour: quiet }));
  }
  if (gaps.length > limit) spans.push(text(`; and ${gaps.length - limit} more in the workbook`, { colour: quiet }));
  return spans;
}

export function drawRequirements(report: Report): void {
  const { paper, model } = report;
  for (const framework of model.frameworks) {
    paper.ensure(160);
    paper.heading(`${framework.title}  ${framework.versionLabel}`, 2);
    const ids = framework.sections.flatMap((section) => section.requirements).map(({ id }) => paper.fonts.width(id, 'mono') * sizes.small);
    const idShare = Math.min(28, Math.max(6, (Math.max(...ids) * 100) / (paper.width - 40)));
    const rest = 100 - idShare;
    drawTable(
      paper,
      [
        { title: 'Id', share: idShare },
        { title: 'Title', share: rest * 0.3 },
        { title: model.period === null ? 'Outcome' : 'At the end, over the period', share: rest * 0.29 },
        { title: 'Controls, exhibits, or what to bring', share: rest * 0.41 },
      ],
      requirementRows(report, framework),
      { dense: true },
    );
  }
}

function* requirementRows(report: Report, framework: ReportFramework): Iterable<TableRow | Group> {
  for (const section of framework.sections) {
    yield { group: sectionTitle(section) };
    for (const requirement of section.requirements) yield requirementRow(report, requirement, framework.kind === 'law');
  }
}

const controlsShown = 9;

/** A benchmark's requirement that was decided needs nothing more; that of a law always needs people. */
function requirementRow(report: Report, requirement: ReportRequirement, isLaw: boolean): TableRow {
  const { verdict, period, counts, needs } = requirement;
  const standing = standingText(requirement);
  const isDecided = !isLaw && ['pass', 'fail', 'notApplicable'].includes(verdict.outcome);
  const bring = needs === null || isDecided ? [] : [text(`Bring: ${needs}`, { colour: quiet, below: true })];
  const supported = requirement.controls.length > 0;
  const title: Span[] = [text(requirement.title), ...(standing === '' ? [] : [text(` (${standing})`, { colour: quiet })])];
  const outcome: Cell = {
    mark: verdict.shown,
    spans: [
      text(verdict.word, { face: verdict.outcome === 'fail' ? 'medium' : 'regular' }),
      // A pass says by itself that no control deviates, and one control stands beside it with its outcome.
      ...(counts === '' || verdict.outcome === 'pass' || requirement.controls.length === 1
        ? []
        : [text(counts, { colour: quiet, below: true })]),
      ...(period === null || period.shown === verdict.shown ? [] : [text(`period: ${period.word}`, { below: true })]),
    ],
  };
  return {
    key: `requirement ${requirement.key}`,
    cells: [[name(requirement.id, { whole: true })], title, outcome, supported ? [...supportSpans(report, requirement), ...bring] : bring],
  };
}

/** Controls with their outcomes, those of one reach together, and the exhibits below them. */
function supportSpans(report: Report, { controls, exhibits }: ReportRequirement): Span[] {
  const shown = controls.slice(0, controlsShown);
  const spans: Span[] = [];
  for (const [reach, group] of Map.groupBy(shown, reachText)) {
    for (const [index, { id, verdict }] of group.entries()) {
      const before = index > 0 ? ', ' : reach === 'exact' ? '' : `${reach}: `;
      spans.push(text(before, { colour: quiet, below: index === 0 && spans.length > 0 }), link(report, 'control', id));
      spans.push(text(` ${verdict.word}`, { colour: quiet }));
    }
  }
  if (controls.length > shown.length) spans.push(text(`, ${controls.length - shown.length} more in the workbook`, { colour: quiet }));
  return exhibits.length === 0 ? spans : [...spans, text('', { below: true }), ...linkList(report, 'exhibit', exhibits, 3)];
}

function requirementSpans(report: Report, requirements: readonly string[], limit: number): Span[] {
  const titles = new Map(report.model.frameworks.map((framework) => [framework.id, framework.title]));
  const groups = Map.groupBy(requirements, (key) => key.slice(0, key.indexOf(' ')));
  const spans: Span[] = [];
  for (const [framework, keys] of groups) {
    spans.push(text(`${spans.length === 0 ? '' : '; '}${titles.get(framework) ?? framework}: `, { colour: quiet }));
    spans.push(...linkList(report, 'requirement', keys, limit, (key) => key.slice(key.indexOf(' ') + 1)));
  }
  return spans;
}
