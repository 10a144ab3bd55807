/** What was concluded and on what: deviations, open points, each requirement, each control. */
import type { ReportControl, ReportRequirement } from '../../report-model.ts';
import { plural, reachText, standingText } from '../wording.ts';
import { severityText, spaced } from './front.ts';
import { findingsByControl, link, linkList, type Report, sheetTitle, verdictCell } from './report.ts';
import { quiet, sizes } from './style.ts';
import { type Cell, drawFacts, drawTable, type Group, type TableRow } from './table.ts';
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
        text(severityText(control.severity), { face: 'medium' }),
        text(`, ${findings.length} of ${population.tested} ${spaced(population.name)} tested · control `, { colour: quiet }),
        link(report, 'control', id),
        text(' · exhibits ', { colour: quiet }),
        ...linkList(report, 'exhibit', control.exhibits, 12),
      ],
      { size: sizes.table, after: 3 },
    );
    paper.paragraph(control.why, { after: 2 });
    paper.paragraph([text('To close: ', { face: 'medium' }), text(control.remediation)], { after: 5 });
    drawTable(
      paper,
      [
        { title: 'Finding', share: 10 },
        { title: 'Item', share: 38 },
        { title: 'What was found', share: 37 },
        { title: 'Exception', share: 15 },
      ],
      findings.slice(0, findingsPerControl).map((finding) => ({
        cells: [
          [name(finding.id, { whole: true })],
          [name(finding.item)],
          finding.message,
          finding.exception === null ? [text('none', { colour: quiet })] : [name(finding.exception)],
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
        { title: 'What would close it', share: 30 },
        { title: 'What is missing', share: 32 },
        { title: 'Controls', share: 18 },
        { title: 'Requirements it keeps open', share: 20 },
      ],
      model.open.map((point) => ({
        cells: [
          point.closedBy,
          gapSpans(point.gaps, 4),
          linkList(report, 'control', point.controls, 6),
          linkList(report, 'requirement', point.requirements, 6, (key) => key.slice(key.indexOf(' ') + 1)),
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
  const spans = gaps
    .slice(0, limit)
    .flatMap((gap, index) => [
      ...(index === 0 ? [] : [text('; ')]),
      name(gap.what),
      text(` (${gap.reason})`, { colour: quiet }),
      ...(gap.detail === null ? [] : [text(`: ${gap.detail}`, { colour: quiet })]),
    ]);
  return gaps.length > limit ? [...spans, text(`; and ${gaps.length - limit} more in the workbook`, { colour: quiet })] : spans;
}

export function drawRequirements(report: Report): void {
  const { paper, model } = report;
  for (const framework of model.frameworks) {
    paper.ensure(160);
    paper.heading(`${framework.title}  ${framework.versionLabel}`, 2);
    drawTable(
      paper,
      [
        { title: 'Requirement', share: 17 },
        { title: 'Title, and what it still needs', share: 36 },
        { title: 'Outcome', share: 19 },
        { title: 'Controls', share: 19 },
        { title: 'Exhibits', share: 11 },
      ],
      framework.sections.flatMap((section): (TableRow | Group)[] => [
        { group: `${section.id}  ${section.title}` },
        ...section.requirements.map((requirement) => requirementRow(report, requirement)),
      ]),
    );
  }
}

function requirementRow(report: Report, requirement: ReportRequirement): TableRow {
  const standing = standingText(requirement);
  const controls = requirement.controls
    .slice(0, 6)
    .flatMap((entry, index): Span[] => [
      ...(index === 0 ? [] : [text(', ')]),
      link(report, 'control', entry.id),
      text(` ${entry.verdict.word}${reachText(entry) === 'exact' ? '' : ` (${reachText(entry)})`}`, { colour: quiet }),
    ]);
  const more = requirement.controls.length - 6;
  const title: Span[] = [
    text(requirement.title),
    ...(standing === '' ? [] : [text(`  ${standing}`, { colour: quiet })]),
    ...(requirement.needs === null ? [] : [text(`  Bring: ${requirement.needs}`, { colour: quiet })]),
  ];
  const outcome: Cell = {
    mark: requirement.verdict.shown,
    spans: [
      text(requirement.verdict.word, { face: requirement.verdict.outcome === 'fail' ? 'medium' : 'regular' }),
      ...(requirement.counts === '' ? [] : [text(`  ${requirement.counts}`, { colour: quiet })]),
    ],
  };
  return {
    key: `requirement ${requirement.key}`,
    cells: [
      [name(requirement.id)],
      title,
      outcome,
      more > 0 ? [...controls, text(` and ${more} more in the workbook`, { colour: quiet })] : controls,
      linkList(report, 'exhibit', requirement.exhibits, 4),
    ],
  };
}

export function drawControls(report: Report): void {
  const { paper } = report;
  for (const control of report.model.controls) {
    paper.ensure(190);
    paper.heading(`${control.id}  ${control.title}`, 2, `control ${control.id}`);
    drawFacts(paper, controlFacts(report, control), 0.16);
  }
}

function controlFacts(report: Report, control: ReportControl): (readonly [string, Cell | readonly Span[] | string])[] {
  const { population } = control;
  const result = verdictCell(control.verdict);
  const facts: (readonly [string, Cell | readonly Span[] | string] | null)[] = [
    [
      'Result',
      {
        ...result,
        spans: [...result.spans, text(`, severity ${severityText(control.severity)}. ${control.verdict.sentence}.`, { colour: quiet })],
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
    control.requirements.length === 0 ? null : ['Supports', requirementSpans(report, control)],
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

function requirementSpans(report: Report, control: ReportControl): Span[] {
  const titles = new Map(report.model.frameworks.map((framework) => [framework.id, framework.title]));
  const groups = Map.groupBy(control.requirements, (key) => key.slice(0, key.indexOf(' ')));
  return [...groups].flatMap(([framework, keys], index) => [
    text(`${index === 0 ? '' : '; '}${titles.get(framework) ?? framework}: `, { colour: quiet }),
    ...linkList(report, 'requirement', keys, 8, (key) => key.slice(key.indexOf(' ') + 1)),
  ]);
}
