/**
 * Each control: what it says at the end and over the period, what was tested and how, on what, and for which requirements. Those that
 * tested nothing for one and the same reason, or because nothing of theirs is there, stand together: the reason once, and a line for each.
 */
import type { ReportControl } from '../../report-model.ts';
import { lengthText, plural, stateWords } from '../wording.ts';
import { drawMark } from './marks.ts';
import { hasSection, link, linkList, type Report, toldDeviations } from './report.ts';
import { gapSpans } from './results.ts';
import { hairline, lineHeight, quiet, sizes } from './style.ts';
import { drawTable } from './table.ts';
import { name, reference, type Span, text } from './typeset.ts';

/** One block per control, on one page; those of one reason where the first of them stands. */
export function drawControls(report: Report): void {
  const { paper } = report;
  const together = new Map<string, readonly ReportControl[]>();
  for (const [reason, members] of Map.groupBy(report.model.controls, reasonOf))
    if (reason !== null && members.length >= fewest) together.set(reason, members);
  for (const control of report.model.controls) {
    const reason = reasonOf(control);
    const members = reason === null ? undefined : together.get(reason);
    if (members !== undefined) {
      if (members[0] === control) drawTogether(report, control, members);
      continue;
    }
    const paragraphs = controlParagraphs(report, control);
    const lines = paragraphs.reduce((sum, spans) => sum + paper.set(spans, sizes.small, paper.width).length, 0);
    const height = lines * sizes.small * lineHeight + paragraphs.length * between + 40;
    paper.ensure(Math.min(height, 190));
    paper.bookmark(`${control.id}  ${control.title}`, 2);
    paper.place(`control ${control.id}`);
    const mark = 7;
    paper.artifact(() => drawMark(paper.doc, control.verdict.shown, paper.left + mark / 2, paper.y + 6.5, mark));
    paper.paragraph([text(`${control.id}  ${control.title}`, { face: 'bold' })], { tag: 'H2', indent: mark + 5, after: 0 });
    for (const spans of paragraphs) paper.paragraph(spans, { size: sizes.small, after: between });
    paper.hairline(paper.y + 1, hairline, 0.3);
    paper.space(6);
  }
}

const between = 1;
/** Fewer of one reason are told one by one. */
const fewest = 3;

/** What controls have in common that tested nothing; null for all others. */
function reasonOf({ population, verdict, findings, gaps, exhibits, period }: ReportControl): string | null {
  if (population.size > 0 || findings.length > 0 || (gaps.length === 0 && verdict.outcome !== 'notApplicable')) return null;
  if (period === null) return JSON.stringify([verdict, gaps, exhibits]);
  if (period.deviations.length > 0) return null;
  const { percent, opening } = period.timeline;
  return JSON.stringify([verdict, gaps, exhibits, period.verdict, percent, opening?.state]);
}

function drawTogether(report: Report, first: ReportControl, members: readonly ReportControl[]): void {
  const { paper } = report;
  const { verdict, gaps, exhibits } = first;
  paper.ensure(190);
  const mark = 7;
  paper.artifact(() => drawMark(paper.doc, verdict.shown, paper.left + mark / 2, paper.y + 6.5, mark));
  const none = gaps.length === 0;
  const title = `${members.length} controls: ${verdict.word}, ${none ? 'as nothing is there that they test' : 'for one reason'}`;
  paper.paragraph([text(title, { face: 'bold' })], { tag: 'H2', indent: mark + 5, after: 0 });
  const paragraphs = [
    [text(none ? 'All was read, and holds none' : 'Nothing was read that they test', { face: 'medium' }), ...standingSpans(report, first)],
    ...(none ? [] : [[label('Missing'), ...gapSpans(gaps, 6)]]),
    [label('Exhibits'), ...(exhibits.length === 0 ? [text('none')] : linkList(report, 'exhibit', exhibits, 12))],
  ];
  for (const spans of paragraphs) paper.paragraph(spans, { size: sizes.small, after: between });
  paper.space(3);
  drawTable(
    paper,
    [
      { title: 'Control', share: 43 },
      { title: 'Severity', share: 8 },
      { title: 'Supports', share: 49 },
    ],
    members.map((control) => ({
      key: `control ${control.id}`,
      bookmark: `${control.id}  ${control.title}`,
      cells: [
        [name(control.id, { whole: true }), text(`  ${control.title}`)],
        control.severity,
        supportedSpans(report, control.requirements),
      ],
    })),
    { dense: true },
  );
}

const label = (word: string): Span => text(`${word} `, { face: 'medium' });

function controlParagraphs(report: Report, control: ReportControl): Span[][] {
  const { population, verdict, severity, findings, gaps, params, requirements, where } = control;
  const deviated = verdict.outcome === 'fail' || (control.period?.deviations.length ?? 0) > 0;
  // A test that was not made is told in the workbook, and so is everywhere why a control that never deviated matters.
  const wasTested = deviated || population.tested > 0;
  return [
    [
      text(verdict.word, { face: 'medium' }),
      text(`, severity ${severity}`, { colour: quiet }),
      ...standingSpans(report, control),
      text(' '),
      label('Tested'),
      name(population.name),
      text(`: ${population.size} read, ${population.tested} tested, `),
      ...(findings.length === 0
        ? [text('no finding')]
        : [text(`${plural(findings.length, 'finding')} `), ...findingSpans(report, control)]),
      text('. '),
      label('Exhibits'),
      ...(control.exhibits.length === 0 ? [text('none')] : linkList(report, 'exhibit', control.exhibits, 12)),
    ],
    ...(wasTested
      ? [
          [
            ...(deviated ? [label('Why'), text(`${control.why} `)] : []),
            label('Procedure'),
            text(`${control.procedure} `),
            ...(where === null ? [] : [label('Where'), name(where), text(' ')]),
            label('Expected'),
            name(control.expect),
            ...(params.length === 0 ? [] : [text(' '), label('Parameters'), ...params.flatMap(paramSpans)]),
          ],
        ]
      : []),
    ...(gaps.length === 0 ? [] : [[label('Missing'), ...gapSpans(gaps, 6)]]),
    ...(requirements.length === 0 ? [] : [[label('Supports'), ...supportedSpans(report, requirements)]]),
  ];
}

/** By the ids of frameworks, which are short. */
function supportedSpans(report: Report, requirements: readonly string[]): Span[] {
  const spans: Span[] = [];
  for (const [framework, keys] of Map.groupBy(requirements, (key) => key.slice(0, key.indexOf(' ')))) {
    spans.push(text(`${spans.length === 0 ? '' : '; '}${framework} `, { colour: quiet }));
    spans.push(...linkList(report, 'requirement', keys, 8, (key) => key.slice(key.indexOf(' ') + 1)));
  }
  return spans;
}

function standingSpans(report: Report, { period }: ReportControl): Span[] {
  if (period === null) return [text('.')];
  const { percent, longestFail, opening } = period.timeline;
  const other = Math.round((percent.manual + percent.providerResponsibility + percent.notApplicable) * 10) / 10;
  const parts = [
    `pass ${percent.pass} %`,
    `fail ${percent.fail} %`,
    `unknown ${percent.unknown} %`,
    ...(other > 0 ? [`other ${other} %`] : []),
  ];
  const longest =
    longestFail === null ? '' : `; longest fail ${lengthText(Date.parse(longestFail.to) - Date.parse(longestFail.from), 'down')}`;
  const began = opening === null ? '' : `opened with ${stateWords[opening.state]}; `;
  return [
    text('. Over the period '),
    text(period.verdict.word, { face: 'medium' }),
    text(` (${began}${parts.join(', ')}${longest})`, { colour: quiet }),
    ...(period.deviations.length === 0 ? [text('.')] : [text(': '), ...deviationSpans(report, period.deviations), text('.')]),
  ];
}

const deviationsOfControl = 8;

function deviationSpans({ model }: Report, ids: readonly string[]): Span[] {
  const placed = new Set(toldDeviations(model).map(({ id }) => id));
  const shown = ids.slice(0, deviationsOfControl);
  const more = ids.length - shown.length;
  const spans: Span[] = [];
  for (const id of shown) {
    if (spans.length > 0) spans.push(text(', '));
    const isTold = placed.has(id) && hasSection({ model }, 'deviations');
    spans.push(isTold ? reference(id, `deviation ${id}`) : name(id, { whole: true }));
  }
  return more > 0 ? [...spans, text(` and ${more} more`, { colour: quiet })] : spans;
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
