/**
 * Builds the ONE {@link ReportModel}. Pure: the same inputs give the same model. It refuses (`integrity`) inputs that do not belong
 * together: a result whose evidence is in no run, a requirement without an outcome, a control that the catalog does not know. So every
 * verdict in a model has an exhibit, a gap, or says which evidence a person must bring.
 */
import { buildControls, buildOpenPoints } from './build-controls.ts';
import { buildChanges, buildCoverage, describeRun, placeOf } from './build-coverage.ts';
import { describeExhibit, describeGap, describeIpe, selectExhibits } from './build-exhibits.ts';
import { buildFrameworks } from './build-frameworks.ts';
import { buildPeriod, draftDeviations, finishDeviations, standingOf } from './build-period.ts';
import { timeText } from './formats/wording.ts';
import { isLabelOf } from '../catalog/index.ts';
import type { Assessment } from '../model/index.ts';
import type { ReportInputs } from './report-inputs.ts';
import type { ReportCoverage, ReportDeviation, ReportModel, ReportRun } from './report-model.ts';

/** A difference of clocks above this is a gap (docs/audit-pack, trust and time). */
const toleratedSkewSeconds = 60;

export function buildReportModel(inputs: ReportInputs): ReportModel {
  const { definition, checkpoint, cluster, signer } = inputs;
  const drafts = draftDeviations(inputs);
  const sources = selectExhibits(
    inputs,
    drafts.flatMap(({ evidence }) => evidence),
  );
  const deviations = finishDeviations(drafts, sources);
  const standings = new Map(inputs.assessment.controls.map(({ id }) => [id, standingOf(id, inputs, deviations)]));
  const custody = inputs.custody.map((each) => `${each.charAt(0).toUpperCase()}${each.slice(1)}.`);
  const frameworks = buildFrameworks(inputs, sources, standings);
  const requirements = frameworks.flatMap((framework) => framework.sections.flatMap((section) => section.requirements));
  const requirementsOf = (control: string): readonly string[] =>
    requirements.filter((requirement) => requirement.controls.some(({ id }) => id === control)).map(({ key }) => key);
  const { controls, findings } = buildControls(inputs, sources, requirementsOf, standings);
  const runs = inputs.runs.map((run) => describeRun(run, inputs.period)).toSorted((a, b) => a.number - b.number);
  const coverage = buildCoverage(inputs, runs);
  const citing = citingInPeriod(deviations);
  const exhibits = sources.map((source) =>
    describeExhibit(
      source,
      controls.filter(({ id, exhibits }) => exhibits.includes(source.id) || citing.get(source.id)?.has(id)).map(({ id }) => id),
      requirements.filter((requirement) => requirement.exhibits.includes(source.id)).map(({ key }) => key),
    ),
  );
  const assessedRun = exhibits.filter((exhibit) => exhibit.run === inputs.assessment.run?.number);
  const period = buildPeriod(inputs, [...standings.values()], deviations, noticesOf(inputs));
  const deviated = controls.filter((control) => control.period?.verdict.outcome === 'fail');
  const values = {
    deviated: deviated.length,
    closed: deviated.filter(({ verdict }) => verdict.outcome === 'pass' || verdict.outcome === 'notApplicable').length,
    uncovered: period?.counts.notAssessed ?? 0,
    clean: period === null ? 0 : period.counts.pass + period.counts.notApplicable,
    controls: controls.length,
    failed: controls.filter(({ verdict }) => verdict.outcome === 'fail').length,
    findings: findings.length,
    open: controls.filter(({ verdict }) => verdict.outcome === 'notAssessed').length,
    complete: assessedRun.filter(({ complete }) => complete).length,
    sources: assessedRun.length,
    fingerprint: signer.fingerprint,
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: checkpoint.root,
    logStarted: timeText(checkpoint.logStarted),
  };
  const isTold = ({ id }: { readonly id: string }) => id !== 'auditPolicies' || inputs.auditPolicies.length > 0;
  return {
    meta: {
      organization: inputs.organization,
      title: definition.title,
      pack: inputs.pack,
      period: inputs.period === null ? null : { ...inputs.period, over: inputs.period.end <= checkpoint.time },
      asOf: inputs.assessment.at,
      timezone: inputs.timezone,
      demo: inputs.demo,
      draft: inputs.draft,
      toolVersion: inputs.toolVersion,
      generatedAt: checkpoint.time,
      language: definition.language,
      documentClass: definition.documentClass,
      paper: definition.paper,
      fonts: definition.fonts,
    },
    cluster,
    checkpoint,
    signer,
    logKey: inputs.logKey,
    custody,
    result: fill(resultIn(inputs), values),
    scope:
      inputs.platform === undefined ? definition.scope : { ...definition.scope, included: [...definition.scope.included, inputs.platform] },
    frameworks,
    controls,
    findings,
    open: buildOpenPoints(controls, requirements, definition),
    exceptions: inputs.exceptions,
    reviews: inputs.reviews,
    definitionChanges: inputs.definitionChanges,
    runs,
    coverage,
    period,
    changes: buildChanges(inputs),
    bindings: { rows: inputs.bindings.rows, gaps: inputs.bindings.gaps.map(describeGap) },
    paths: { ...inputs.paths, gaps: inputs.paths.gaps.map(describeGap), moved: movedPaths(inputs, deviations) },
    auditPolicies: inputs.auditPolicies,
    exhibits,
    ipe: sources.map((source) => describeIpe(source, cluster, inputs.toolVersion)),
    keeping: inputs.keeping,
    redactions: inputs.redactions,
    limitations: [...definition.limitations, ...custody, ...conditionalLimitations(inputs, runs, coverage)],
    verification: definition.verification.map(({ title, text, command, expect }) => ({
      title,
      text: fill(text, values),
      command: command === undefined ? null : fill(command, values),
      expect: expect === undefined ? null : fill(expect, values),
    })),
    sections: definition.sections.filter(isTold),
    sheets: definition.sheets.filter(isTold),
  };
}

/** Of controls that say what their findings open, as a label. */
function movedPaths({ catalog }: ReportInputs, deviations: readonly ReportDeviation[]): readonly string[] {
  const opening = new Set(catalog.controls.flatMap(({ id, labels }) => (labels?.['opens'] === 'cluster-admin' ? [id] : [])));
  return deviations.flatMap(({ id, controls, throughout }) => (!throughout && controls.some((each) => opening.has(each.id)) ? [id] : []));
}

/** Exhibit → ids of the controls that deviated by it. */
function citingInPeriod(deviations: readonly ReportDeviation[]): ReadonlyMap<string, ReadonlySet<string>> {
  const citing = new Map<string, Set<string>>();
  for (const { controls, exhibits } of deviations)
    for (const exhibit of exhibits) {
      const ids = citing.get(exhibit) ?? new Set();
      for (const { id } of controls) ids.add(id);
      citing.set(exhibit, ids);
    }
  return citing;
}

function resultIn({ definition, ...inputs }: ReportInputs): string {
  if (inputs.judged === null) return definition.result;
  return isRead(inputs) ? definition.resultOfPeriod : definition.resultWithoutRuns;
}

/** The run that is shown lies in the period. */
function isRead({ period, runs, assessment }: Pick<ReportInputs, 'period' | 'runs' | 'assessment'>): boolean {
  return runs.some(({ summary }) => summary.number === assessment.run?.number && placeOf(summary, period) === 'inside');
}

/** What keeps a period from being covered at all, or as a whole. */
function noticesOf(inputs: ReportInputs): readonly string[] {
  const { period, judged, checkpoint, definition } = inputs;
  if (period === null) return [];
  const { conditions } = definition;
  const notBegun = checkpoint.time <= period.start;
  const holds: readonly (readonly [boolean, string])[] = [
    [notBegun, conditions.periodNotBegun],
    [!notBegun && period.end > checkpoint.time, conditions.periodNotOver],
    [checkpoint.logStarted >= period.end, conditions.logStartedAfter],
    [checkpoint.logStarted > period.start && checkpoint.logStarted < period.end, conditions.logStartedLate],
    [!notBegun && !isRead(inputs), conditions.noRunInPeriod],
    [(judged?.timeline.doubtful.length ?? 0) > 0, conditions.doubtfulClock],
  ];
  return [...holds.filter(([applies]) => applies).map(([, sentence]) => sentence), ...benchmarksChanged(inputs)];
}

/** A period has one version of each benchmark: that of the cluster at its end. */
function benchmarksChanged({ first, assessment, catalog, definition }: ReportInputs): readonly string[] {
  const versionIn = (of: Assessment, id: string) => of.requirements.find(({ framework }) => framework === id)?.version;
  return catalog.frameworks.flatMap((framework) => {
    const { id, title, kind } = framework;
    const version = versionIn(assessment, id);
    const before = first === null ? undefined : versionIn(first.assessment, id);
    if (kind !== 'benchmark' || version === undefined || before === undefined || !isLabelOf(framework, version)) return [];
    return isLabelOf(framework, before) ? [] : [fill(definition.conditions.benchmarkChanged, { title, version, before })];
  });
}

function conditionalLimitations(inputs: ReportInputs, runs: readonly ReportRun[], coverage: ReportCoverage): readonly string[] {
  const { conditions } = inputs.definition;
  const { timestamped } = inputs;
  const holds: readonly (readonly [boolean, string])[] = [
    ...noticesOf(inputs).map((notice) => [true, notice] as const),
    [coverage.expected === 0, conditions.noSchedule],
    [runs.some((run) => run.observedAt !== null), conditions.replayed],
    [!timestamped, conditions.noTimestamp],
    [inputs.authorityUnknown, conditions.authorityUnknown],
    ...inputs.timestampGaps.slice(0, mostGaps).map((gap) => [true, fill(conditions.timestampGap, utc(gap))] as const),
    [inputs.timestampGaps.length > mostGaps, fill(conditions.timestampGapsMore, { count: inputs.timestampGaps.length - mostGaps })],
    [runs.some((run) => Math.abs(run.clockSkewSeconds ?? 0) > toleratedSkewSeconds), conditions.clockSkew],
  ];
  return holds.filter(([applies]) => applies).map(([, sentence]) => sentence);
}

/** More are told by their number. */
const mostGaps = 10;

/** `2026-07-01 00:00 UTC`. */
function utc({ from, to }: ReportInputs['timestampGaps'][number]): { from: string; to: string } {
  const minutes = (time: string) => `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
  return { from: minutes(from), to: minutes(to) };
}

/** Replaces `{name}`; what it does not know stays as it is. */
function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}
