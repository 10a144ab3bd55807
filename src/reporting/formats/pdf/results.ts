/** What was concluded and on what: deviations, open points, each requirement, each control. */
import type { ReportControl, ReportFramework, ReportRequirement } from '../../report-model.ts';
import { plural, reachText, standingText } from '../wording.ts';
import { sectionTitle, spaced } from './front.ts';
import { findingsByControl, link, linkList, type Report, sheetTitle, verdictCell } from './report.ts';
import { quiet, sizes } from './style.ts';
import { type Cell, drawFacts, drawTable, type Fact, type Group, measureFacts, type TableRow } from './table.ts';
import { name, type Span, text } from './typeset.ts';

/** Rows of one control in the PDF; the workbook has all. */
const findingsPerControl = 15;

export function drawFindings(report: Report): void {
  const { paper, model } = report;
  const groups = findingsByControl(model);
  if (groups.size === 0) paper.paragraph('No item failed a control. That covers what could be read only; see what could not be concluded.');
  for (const [id, findings] of groups) {
    const control = model.controls.find((candidate) => candidate.id === id);
    if (control === undefined) continue;
    paper.ensure(150);
    paper.heading(`${id}  ${control.title}`, 2, `finding ${id}`);
    const { population } = control;
    paper.paragraph(
      [
        text(control.severity, { face: 'medium' }),
        text(`, ${findings.length} of ${population.tested} ${spaced(population.name)} tested · control `, { colour: quiet }),
        link(report, 'control', id),
        text(' · exhibits ', { colour: quiet }),
        ...linkList(report, 'exhibit', control.exhibits, 12),
      ],
      { size: sizes.table, after: 3 },
    );
    paper.paragraph(control.why, { after: 2 });
    paper.paragraph([text('To close: ', { face: 'medium' }), text(control.remediation)], { after: 5 });
    const excepted = findings.some(({ exception }) => exception !== null);
    drawTable(
      paper,
      [
        { title: 'Finding', share: 10 },
        { title: 'Item', share: 45 },
        { title: 'What was found', share: 45 },
        ...(excepted ? [{ title: 'Exception', share: 16 }] : []),
      ],
      findings.slice(0, findingsPerControl).map(({ id: number, item, message, exception }) => ({
        cells: [
          [name(number, { whole: true })],
          [name(item)],
          message,
          ...(excepted ? [exception === null ? [text('none', { colour: quiet })] : [name(exception)]] : []),
        ],
      })),
    );
    if (findings.length > findingsPerControl) {
      paper.paragraph(
        `${findings.length - findingsPerControl} more items of ${id} are in the workbook's sheet ${sheetTitle(model, 'findings')}.`,
        { size: sizes.table, after: 10 },
      );
    }
  }
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

function gapSpans(gaps: ReportControl['gaps'], limit: number): Span[] {
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
    const ids = framework.sections.flatMap((section) => section.requirements).map(({ id }) => paper.fonts.width(id, 'mono') * sizes.table);
    const idShare = Math.min(30, Math.max(12, (Math.max(...ids) * 100) / (paper.width - 40)));
    drawTable(
      paper,
      [
        { title: 'Requirement', share: idShare },
        { title: 'Title, and what it still needs', share: (100 - idShare) * 0.41 },
        { title: 'Outcome', share: (100 - idShare) * 0.22 },
        { title: 'Controls', share: (100 - idShare) * 0.25 },
        { title: 'Exhibits', share: (100 - idShare) * 0.12 },
      ],
      requirementRows(report, framework),
    );
  }
}

function* requirementRows(report: Report, framework: ReportFramework): Iterable<TableRow | Group> {
  for (const section of framework.sections) {
    yield { group: sectionTitle(section) };
    for (const requirement of section.requirements) yield requirementRow(report, requirement);
  }
}

function requirementRow(report: Report, requirement: ReportRequirement): TableRow {
  const standing = standingText(requirement);
  const controls = requirement.controls
    .slice(0, 6)
    .flatMap((entry): Span[] => [
      { ...link(report, 'control', entry.id), below: true },
      text(` ${entry.verdict.word}${reachText(entry) === 'exact' ? '' : ` (${reachText(entry)})`}`, { colour: quiet }),
    ]);
  const more = requirement.controls.length - 6;
  const title: Span[] = [
    text(requirement.title),
    ...(standing === '' ? [] : [text(standing, { colour: quiet, below: true })]),
    ...(requirement.needs === null ? [] : [text(`Bring: ${requirement.needs}`, { colour: quiet, below: true })]),
  ];
  const outcome: Cell = {
    mark: requirement.verdict.shown,
    spans: [
      text(requirement.verdict.word, { face: requirement.verdict.outcome === 'fail' ? 'medium' : 'regular' }),
      ...(requirement.counts === '' ? [] : [text(requirement.counts, { colour: quiet, below: true })]),
    ],
  };
  return {
    key: `requirement ${requirement.key}`,
    cells: [
      [name(requirement.id, { whole: true })],
      title,
      outcome,
      more > 0 ? [...controls, text(`${more} more in the workbook`, { colour: quiet, below: true })] : controls,
      linkList(report, 'exhibit', requirement.exhibits, 4),
    ],
  };
}

/** One block per control, on one page where it fits one. */
export function drawControls(report: Report): void {
  const { paper } = report;
  for (const control of report.model.controls) {
    const facts = controlFacts(report, control);
    const height = measureFacts(paper, facts, controlLabels) + 60;
    paper.ensure(height < paper.bottom - paper.top ? height : 190);
    paper.heading(`${control.id}  ${control.title}`, 2, `control ${control.id}`);
    drawFacts(paper, facts, controlLabels);
  }
}

/** Share of the labels' column. */
const controlLabels = 0.16;

function controlFacts(report: Report, control: ReportControl): Fact[] {
  const { population } = control;
  const result = verdictCell(control.verdict);
  const facts: (Fact | null)[] = [
    [
      'Result',
      {
        ...result,
        spans: [...result.spans, text(`, severity ${control.severity}. ${control.verdict.sentence}.`, { colour: quiet })],
      },
    ],
    ['Why', control.why],
    [
      'Population',
      [
        name(population.name),
        text(`: ${population.size} read, ${population.tested} tested, ${plural(control.findings.length, 'finding')}`),
      ],
    ],
    control.where === null ? null : ['Tested where', [name(control.where)]],
    ['Expected', [name(control.expect)]],
    control.params.length === 0 ? null : ['Parameters', control.params.flatMap(paramSpans)],
    ['Exhibits', control.exhibits.length === 0 ? [text('none', { colour: quiet })] : linkList(report, 'exhibit', control.exhibits, 12)],
    control.findings.length === 0 ? null : ['Findings', findingSpans(report, control)],
    control.gaps.length === 0 ? null : ['Missing', gapSpans(control.gaps, 6)],
    ['Test procedure', control.procedure],
    control.requirements.length === 0 ? null : ['Supports', requirementSpans(report, control.requirements, 8)],
  ];
  return facts.filter((fact) => fact !== null);
}

function paramSpans(parameter: ReportControl['params'][number], index: number): Span[] {
  return [
    ...(index === 0 ? [] : [text('; ')]),
    name(`${parameter.name} = ${parameter.value}`),
    text(parameter.changed ? ' (changed from the default)' : ' (default)', { colour: quiet }),
  ];
}

function findingSpans(report: Report, control: ReportControl): Span[] {
  const first = control.findings[0]?.id ?? '';
  const last = control.findings.at(-1)?.id ?? '';
  return [link(report, 'finding', control.id, first === last ? first : `${first} to ${last}`)];
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
