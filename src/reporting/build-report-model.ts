/**
 * Builds the ONE {@link ReportModel}. Pure: the same inputs give the same model. It refuses (`integrity`) inputs that do not belong
 * together: a result whose evidence is in no run, a requirement without an outcome, a control that the catalog does not know. So every
 * verdict in a model has an exhibit, a gap, or says which evidence a person must bring.
 */
import { buildControls, buildOpenPoints } from './build-controls.ts';
import { buildChanges, buildCoverage, describeRun } from './build-coverage.ts';
import { describeExhibit, describeGap, describeIpe, selectExhibits } from './build-exhibits.ts';
import { buildFrameworks } from './build-frameworks.ts';
import { timeText } from './formats/wording.ts';
import type { ReportInputs } from './report-inputs.ts';
import type { ReportCoverage, ReportModel, ReportRun } from './report-model.ts';

/** A difference of clocks above this is a gap (docs/audit-pack, trust and time). */
const toleratedSkewSeconds = 60;

export function buildReportModel(inputs: ReportInputs): ReportModel {
  const { definition, checkpoint, cluster, signer } = inputs;
  const sources = selectExhibits(inputs);
  const frameworks = buildFrameworks(inputs, sources);
  const requirements = frameworks.flatMap((framework) => framework.sections.flatMap((section) => section.requirements));
  const requirementsOf = (control: string): readonly string[] =>
    requirements.filter((requirement) => requirement.controls.some(({ id }) => id === control)).map(({ key }) => key);
  const { controls, findings } = buildControls(inputs, sources, requirementsOf);
  const runs = inputs.runs.map(describeRun).toSorted((a, b) => a.number - b.number);
  const coverage = buildCoverage(inputs, runs);
  const exhibits = sources.map((source) =>
    describeExhibit(
      source,
      controls.filter((control) => control.exhibits.includes(source.id)).map(({ id }) => id),
      requirements.filter((requirement) => requirement.exhibits.includes(source.id)).map(({ key }) => key),
    ),
  );
  const assessedRun = exhibits.filter((exhibit) => exhibit.run === inputs.assessment.run?.number);
  const values = {
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
    result: fill(definition.result, values),
    scope: definition.scope,
    frameworks,
    controls,
    findings,
    open: buildOpenPoints(controls, requirements, definition),
    runs,
    coverage,
    changes: buildChanges(inputs),
    bindings: { rows: inputs.bindings.rows, gaps: inputs.bindings.gaps.map(describeGap) },
    exhibits,
    ipe: sources.map((source) => describeIpe(source, cluster, inputs.toolVersion)),
    limitations: [...definition.limitations, ...conditionalLimitations(inputs, runs, coverage)],
    verification: definition.verification.map(({ title, text, command, expect }) => ({
      title,
      text: fill(text, values),
      command: command === undefined ? null : fill(command, values),
      expect: expect === undefined ? null : fill(expect, values),
    })),
    sections: definition.sections,
    sheets: definition.sheets,
  };
}

function conditionalLimitations(inputs: ReportInputs, runs: readonly ReportRun[], coverage: ReportCoverage): readonly string[] {
  const { conditions } = inputs.definition;
  const { period, checkpoint, timestamped } = inputs;
  const holds: readonly (readonly [boolean, string])[] = [
    [period !== null && period.end > checkpoint.time, conditions.periodNotOver],
    [period !== null && checkpoint.logStarted > period.start, conditions.logStartedLate],
    [coverage.expected === 0, conditions.noSchedule],
    [runs.some((run) => run.observedAt !== null), conditions.replayed],
    [!timestamped, conditions.noTimestamp],
    [runs.some((run) => Math.abs(run.clockSkewSeconds ?? 0) > toleratedSkewSeconds), conditions.clockSkew],
  ];
  return holds.filter(([applies]) => applies).map(([, sentence]) => sentence);
}

/** Replaces `{name}`; what it does not know stays as it is. */
function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}
