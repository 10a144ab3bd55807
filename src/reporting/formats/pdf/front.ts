/** The pages a manager reads: cover, everything in short, scope, and one page per framework. */
import type { ReportFramework, ReportModel } from '../../report-model.ts';
import { shownOutcomes } from '../../report-model.ts';
import { durationText, exposureText, localParts, localText, plural, timeText } from '../wording.ts';
import { drawBar, drawStrip } from './charts.ts';
import { countsText } from './paths.ts';
import { findingsByControl, hasSection, link, linkList, type Report, sheetTitle, titleLink, toldDeviations } from './report.ts';
import { panel, quiet, sizes } from './style.ts';
import { drawFacts, drawTable, type Fact } from './table.ts';
import { name, text } from './typeset.ts';

export function drawCover(report: Report): void {
  const { paper, model } = report;
  const { meta, cluster, checkpoint, signer } = model;
  paper.bookmark(meta.title, 1);
  paper.place('section cover');
  paper.space(46);
  paper.paragraph([text(meta.title, { face: 'bold' })], { size: sizes.title, tag: 'H1', after: 2 });
  paper.paragraph([text(meta.organization, { face: 'medium' })], { size: 15, after: 14 });
  paper.paragraph([text(model.result)], { size: 11.5, after: 14 });
  drawNotices(report);
  drawFacts(paper, [
    meta.period === null ? ['As of', timeText(meta.asOf)] : ['Period', periodText(meta.period, meta.timezone)],
    ['Cluster', [name(cluster.name), text(`, Kubernetes ${cluster.version ?? 'version not recorded'}`)]],
    ['kube-system UID', [name(cluster.uid ?? 'not recorded')]],
    ['API server', [name(cluster.server ?? 'not recorded')]],
    ['CA certificate, SHA-256', [name(cluster.caFingerprint ?? 'not recorded')]],
    [meta.period === null ? 'State shown' : 'State at the end', stateText(model)],
    ...coverageFacts(model),
    ['Checkpoint', [name(checkpoint.origin), text(`, size ${checkpoint.size}, ${timeText(checkpoint.time)}`)]],
    ['Root hash', [name(checkpoint.root)]],
    ['Log started', timeText(checkpoint.logStarted)],
    ['Signed by', [text(signer.subject)]],
    ['Document key, SHA-256', [name(signer.fingerprint)]],
    ['Log key', [name(model.logKey)]],
    ['Made by', [text(`Kubevidence ${meta.toolVersion}, pack `), name(meta.pack)]],
  ]);
  drawHowToVerify(report);
}

function drawNotices({ paper, model }: Report): void {
  const { meta } = model;
  const notices = [
    meta.demo ? 'DEMO. This pack was made from a recorded test cluster. It says nothing about any organization.' : null,
    meta.draft ? 'DRAFT. This pack is not issued.' : null,
    ...(model.period?.notices ?? []),
  ].filter((notice) => notice !== null);
  for (const notice of notices) paper.paragraph([text(notice, { face: 'medium' })], { after: 10 });
}

function periodText({ name: title, start, end }: NonNullable<ReportModel['meta']['period']>, timezone: string): string {
  return `${title}: from ${timeText(start)} up to, not including, ${timeText(end)} (in ${timezone}: ${localTime(start, timezone)} to ${localTime(end, timezone)})`;
}

function localTime(instant: string, timezone: string): string {
  const { date, time } = localParts(instant, timezone);
  return `${date} ${time}`;
}

function stateText({ runs, meta }: ReportModel): string {
  const last = runs.findLast(({ place, listings }) => place === 'inside' && listings.total > 0);
  if (meta.period === null) return `${timeText(meta.asOf)}${last === undefined ? '' : `, run ${last.number}`}`;
  return last === undefined
    ? 'not known: no run of the period read anything'
    : `${timeText(meta.asOf)}, run ${last.number}, the last one of the period`;
}

function coverageFacts({ period, coverage }: ReportModel): Fact[] {
  if (period === null) return [];
  const { expected, succeeded, partial, percent, manual } = coverage;
  const read = `${succeeded + partial} of ${plural(expected, 'scheduled run')} read the cluster (${percent ?? 0} %)`;
  return [
    [
      'Coverage',
      `${percent === null ? 'insufficient coverage: no scheduled run was due' : read}${manual === 0 ? '' : `, and ${plural(manual, 'run')} started by a person`}`,
    ],
  ];
}

function drawHowToVerify(report: Report): void {
  const { paper, model } = report;
  const steps = [
    [text('Get the fingerprint of the document key from the organization through a second channel, and compare it with the one above.')],
    [text('Check everything offline: '), name(`kubevidence verify PACK --trust ${model.signer.fingerprint}`)],
    [
      text('Or with common tools only: README-verify.txt in the pack, and '),
      titleLink(report, 'section', 'verification', titleOf(model, 'verification')),
      text('.'),
    ],
  ];
  const size = sizes.table;
  const inset = 10;
  const heights = steps.map(
    (step, index) => paper.set([text(`${index + 1}  `), ...step], size, paper.width - 2 * inset).length * size * 1.35 + 2,
  );
  const height = heights.reduce((sum, next) => sum + next, 0) + 34;
  paper.ensure(height);
  const top = paper.y;
  paper.artifact(() => paper.doc.save().rect(paper.left, top, paper.width, height).fill(panel).restore());
  paper.space(9);
  paper.paragraph([text('How to verify', { face: 'bold' })], { tag: 'H2', indent: inset, after: 3 });
  for (const [index, step] of steps.entries())
    paper.paragraph([text(`${index + 1}  `, { colour: quiet }), ...step], {
      size,
      indent: inset,
      width: paper.width - 2 * inset,
      after: 2,
    });
  paper.y = Math.max(paper.y, top + height);
}

function titleOf(model: ReportModel, id: ReportModel['sections'][number]['id']): string {
  return model.sections.find((section) => section.id === id)?.title ?? id;
}

export function drawSummary(report: Report): void {
  const { paper, model } = report;
  paper.paragraph(model.result, { after: 10 });
  if (model.period !== null) {
    const { counts, total, verdicts } = model.period;
    paper.paragraph(
      [
        titleLink(report, 'section', 'timelines', 'Controls over the period'),
        text(`  ${plural(total, 'control')}; a deviation counts even if it was closed since`, { colour: quiet }),
      ],
      { after: 2 },
    );
    drawBar(paper, { counts, total, verdicts, title: 'Controls over the period' });
    paper.space(8);
  }
  const atEnd = model.period === null ? '' : ', at the end';
  for (const framework of model.frameworks) {
    paper.ensure(60);
    paper.paragraph(
      [
        titleLink(report, 'framework', framework.id, framework.title),
        text(`  ${framework.versionLabel}, ${plural(framework.total, 'requirement')}${atEnd}`, { colour: quiet }),
      ],
      { after: 2 },
    );
    drawBar(paper, framework);
    paper.space(8);
  }
  drawMoved(report);
  drawWorst(report);
  drawClosers(report);
  drawCoverageLine(report);
  drawPathsLine(report);
}

/** As many as a manager reads; the worst. */
const movedShown = 6;

function drawMoved(report: Report): void {
  const { paper, model } = report;
  const moved = toldDeviations(model);
  if (moved.length === 0) return;
  const zone = model.meta.timezone;
  paper.heading('What began or ended in the period', 2);
  drawTable(
    paper,
    [
      { title: 'Severity', share: 10 },
      { title: 'Item', share: 44 },
      { title: `Seen or named from (${zone})`, share: 20 },
      { title: 'Ended by', share: 17 },
      { title: 'Exposure', share: 22 },
    ],
    moved.slice(0, movedShown).map(({ severity, item, controls, onset, end, exposure }) => ({
      cells: [
        severity,
        [name(item ?? controls[0]?.title ?? '')],
        localText(onset.by, zone),
        end === null ? [text('lasts', { face: 'medium' })] : localText(end.by, zone),
        exposureText(exposure),
      ],
    })),
    { dense: true },
  );
  const more = (model.period?.deviations.filter(({ throughout }) => !throughout).length ?? 0) - movedShown;
  if (more > 0)
    paper.paragraph([text(`${more} more: `), titleLink(report, 'section', 'deviations', titleOf(model, 'deviations')), text('.')]);
}

const worstShown = 5;

function drawWorst(report: Report): void {
  const { paper, model } = report;
  const groups = [...findingsByControl(model)];
  paper.heading(model.period === null ? 'What deviates most' : 'What deviates most at the end', 2);
  if (groups.length === 0) {
    paper.paragraph('No item failed a control. That covers what could be read only.');
    return;
  }
  drawTable(
    paper,
    [
      { title: 'Severity', share: 11 },
      { title: 'Control', share: 14 },
      { title: 'What it asks', share: 55 },
      { title: 'Items that fail', share: 20, align: 'right' },
    ],
    groups.slice(0, worstShown).map(([id, findings]) => {
      const control = model.controls.find((candidate) => candidate.id === id);
      const tested = control?.population.tested ?? findings.length;
      return {
        cells: [
          findings[0]?.severity ?? '',
          [link(report, 'control', id)],
          control?.title ?? '',
          `${findings.length} of ${tested} ${spaced(control?.population.name ?? '')}`,
        ],
      };
    }),
    { dense: true },
  );
  if (groups.length > worstShown && hasSection(report, 'findings')) {
    paper.paragraph([
      text(`${groups.length - worstShown} more controls deviate: `),
      titleLink(report, 'section', 'findings', titleOf(model, 'findings')),
      text('.'),
    ]);
  }
}

/** `serviceAccounts` as `service accounts`. */
export function spaced(population: string): string {
  return population.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

function drawClosers(report: Report): void {
  const { paper, model } = report;
  if (model.open.length === 0) return;
  paper.heading('What would let us conclude more', 2);
  drawTable(
    paper,
    [
      { title: 'What to do', share: 70 },
      { title: 'Controls', share: 13, align: 'right' },
      { title: 'Requirements', share: 17, align: 'right' },
    ],
    model.open.slice(0, 4).map((point) => ({ cells: [point.closedBy, String(point.controls.length), String(point.requirements.length)] })),
    { dense: true },
  );
}

function drawCoverageLine({ paper, model }: Report): void {
  const { coverage, runs } = model;
  const measured =
    coverage.percent === null
      ? `${plural(runs.length, 'run')}, none of them scheduled, so coverage cannot be measured`
      : `${coverage.succeeded + coverage.partial} of ${plural(coverage.expected, 'scheduled run')} read the cluster (${coverage.percent} %)`;
  const gap =
    coverage.longestGap === null
      ? ''
      : `; the longest time without a reading is ${durationText(coverage.longestGap.from, coverage.longestGap.to)}`;
  paper.paragraph([text('Coverage: ', { face: 'medium' }), text(`${measured}${gap}.`)]);
}

function drawPathsLine(report: Report): void {
  const { paper, model } = report;
  if (!hasSection(report, 'paths')) return;
  paper.paragraph([titleLink(report, 'section', 'paths', titleOf(model, 'paths')), text(`: ${countsText(model.paths)}`)]);
}

export function drawScope(report: Report): void {
  const { paper, model } = report;
  paper.heading('Inside', 2);
  drawList(report, model.scope.included);
  drawTable(
    paper,
    [
      { title: 'Framework', share: 40 },
      { title: 'Version', share: 30 },
      { title: 'Source', share: 30 },
    ],
    model.frameworks.map((framework) => ({ cells: [framework.title, framework.versionLabel, [name(framework.source)]] })),
  );
  paper.heading('Outside', 2);
  drawList(report, model.scope.excluded);
  const incomplete = model.exhibits.filter((exhibit) => !exhibit.complete);
  paper.heading('Sources that were not read completely', 2);
  if (incomplete.length === 0) paper.paragraph('None: every source that was asked answered to its last page.');
  else
    paper.paragraph([
      text(`${plural(incomplete.length, 'source')}: `),
      ...linkList(
        report,
        'exhibit',
        incomplete.map(({ id }) => id),
        40,
      ),
      text('. Nothing that rests on them is counted as good.'),
    ]);
}

function drawList({ paper }: Report, items: readonly string[]): void {
  for (const item of items) paper.paragraph([text('–  ', { colour: quiet }), text(item)], { after: 2 });
  paper.space(8);
}

export function drawFrameworks(report: Report, intro: string): void {
  const { paper, model } = report;
  for (const [index, framework] of model.frameworks.entries()) {
    if (index > 0) paper.newPage();
    paper.heading(framework.title, 2, `framework ${framework.id}`);
    paper.paragraph([text(`${framework.versionLabel} · ${plural(framework.total, 'requirement')} · `), name(framework.source)], {
      size: sizes.table,
      after: 8,
      colour: quiet,
    });
    drawFrameworkBars(report, framework);
    drawOutcomeKey(report, framework);
    paper.paragraph(intro, { size: sizes.table, colour: quiet, after: 4 });
    for (const section of framework.sections)
      drawStrip(paper, sectionTitle(section), section.requirements, hasSection(report, 'requirements'));
    paper.space(8);
    drawDeviating(report, framework);
    if (framework.notice !== '') paper.paragraph(framework.notice, { size: sizes.small, colour: quiet });
  }
}

function drawFrameworkBars({ paper, model }: Report, framework: ReportFramework): void {
  const { periodCounts, periodVerdicts, total, title } = framework;
  if (periodCounts !== null && model.period !== null) {
    const note =
      'Over the whole period: a deviation counts even if it was closed since, and what is not covered all the time is not concluded';
    paper.paragraph(note, { size: sizes.table, after: 2 });
    drawBar(paper, { counts: periodCounts, total, verdicts: periodVerdicts, title: `${title}, over the period` });
    paper.space(6);
    paper.paragraph('At the end of the period', { size: sizes.table, after: 2 });
  }
  drawBar(paper, framework);
  paper.space(10);
}

function drawOutcomeKey({ paper }: Report, framework: ReportFramework): void {
  drawTable(
    paper,
    [
      { title: 'Outcome', share: 32 },
      { title: 'Requirements', share: 13, align: 'right' },
      { title: 'What it means', share: 55 },
    ],
    shownOutcomes
      .filter((shown) => framework.counts[shown] > 0)
      .map((shown) => {
        const { word, sentence } = framework.verdicts[shown];
        return { cells: [{ mark: shown, spans: [text(word)] }, String(framework.counts[shown]), sentence] };
      }),
  );
}

/** `1.2 API server`; an id that is only a word says nothing beside the title. */
export function sectionTitle(section: { readonly id: string; readonly title: string }): string {
  return /^\d/.test(section.id) ? `${section.id}  ${section.title}` : section.title;
}

/** As many as the framework's one page has room for. */
function drawDeviating(report: Report, framework: ReportFramework): void {
  const { paper, model } = report;
  const failing = framework.sections.flatMap((section) => section.requirements).filter(({ verdict }) => verdict.outcome === 'fail');
  if (failing.length === 0) return;
  const limit = Math.min(10, Math.floor((paper.room - 110) / 29));
  if (limit >= 2) {
    paper.heading('Deviating requirements', 3);
    drawTable(
      paper,
      [
        { title: 'Requirement', share: 21 },
        { title: 'Title', share: 46 },
        { title: 'Controls', share: 33 },
      ],
      failing.slice(0, limit).map((requirement) => ({
        cells: [[link(report, 'requirement', requirement.key, requirement.id)], requirement.title, requirement.counts],
      })),
    );
  }
  const rest = failing.length - Math.max(0, limit >= 2 ? limit : 0);
  if (rest > 0) {
    const all = rest === failing.length ? `${plural(rest, 'requirement')} with deviations` : `${rest} more`;
    paper.paragraph(`${all}: in the list of requirements, and in the workbook's sheet ${sheetTitle(model, 'requirements')}.`, {
      size: sizes.table,
    });
  }
}
