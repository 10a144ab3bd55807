/** Frameworks with all their requirements, in the framework's own order, each with the words of its kind and the exhibits behind it. */
import { isLabelOf } from '../catalog/index.ts';
import { type Assessment, type Framework, KubevidenceError, type Requirement, type RequirementResult } from '../model/index.ts';
import { type ExhibitSource, exhibitsOf } from './build-exhibits.ts';
import type { ReportInputs } from './report-inputs.ts';
import type { ReportControlLink, ReportFramework, ReportRequirement } from './report-model.ts';
import type { ReportStanding } from './report-period.ts';
import { countShown, isExcepted, periodVerdictsOf, shownOf, verdictsOf } from './verdict.ts';

export function keyOf(requirement: { readonly framework: string; readonly id: string }): string {
  return `${requirement.framework} ${requirement.id}`;
}

/** Of controls over the period, by id. */
type Standings = ReadonlyMap<string, ReportStanding | null>;

/** Frameworks in the catalog's order, those that the assessment speaks about, each in the version that it was assessed by. */
export function buildFrameworks(inputs: ReportInputs, sources: readonly ExhibitSource[], standings: Standings): readonly ReportFramework[] {
  const { requirements } = inputs.assessment;
  const assessed = inputs.catalog.frameworks
    .map((framework) => {
      return { framework, results: requirements.filter((each) => each.framework === framework.id && isLabelOf(framework, each.version)) };
    })
    .filter(({ results }) => results.length > 0);
  const known = new Set(assessed.flatMap(({ results }) => results));
  const unknown = requirements.find((each) => !known.has(each));
  if (unknown !== undefined) {
    const { framework, version } = unknown;
    throw new KubevidenceError('integrity', `the framework ${framework} ${version} was assessed but is not in the catalog of this report`);
  }
  return assessed.map(({ framework, results }) => buildFramework(framework, results, inputs, sources, standings));
}

function buildFramework(
  framework: Framework,
  results: readonly RequirementResult[],
  inputs: ReportInputs,
  sources: readonly ExhibitSource[],
  standings: Standings,
): ReportFramework {
  const byId = new Map(results.map((result) => [result.id, result]));
  const requirements = framework.requirements.map((requirement) => {
    const result = byId.get(requirement.id);
    if (result === undefined)
      throw new KubevidenceError('integrity', `${keyOf({ framework: framework.id, id: requirement.id })} has no outcome`);
    return buildRequirement(framework, requirement, result, inputs, sources, standings);
  });
  if (byId.size !== requirements.length)
    throw new KubevidenceError('integrity', `${framework.id} has outcomes for requirements that its catalog does not name`);
  const { id, title, kind, source, notice } = framework;
  return {
    id,
    title,
    kind,
    source,
    notice,
    version: framework.version,
    versionLabel: versionLabel(framework, inputs.assessment),
    total: requirements.length,
    counts: countShown(requirements.map(({ verdict }) => verdict)),
    periodCounts: inputs.judged === null ? null : countShown(requirements.flatMap(({ period }) => period ?? [])),
    periodVerdicts: periodVerdictsOf(inputs.definition, kind),
    verdicts: verdictsOf(inputs.definition, kind),
    sections: framework.sections
      .map((section) => ({ ...section, requirements: requirements.filter((requirement) => requirement.section === section.id) }))
      .filter((section) => section.requirements.length > 0),
  };
}

function buildRequirement(
  framework: Framework,
  requirement: Requirement,
  result: RequirementResult,
  inputs: ReportInputs,
  sources: readonly ExhibitSource[],
  standings: Standings,
): ReportRequirement {
  const because = new Map(requirement.controls.map((link) => [link.id, link.because ?? null]));
  const benchmark = verdictsOf(inputs.definition, 'benchmark');
  const assessed = result.controls.map((link) => {
    const control = inputs.assessment.controls.find((candidate) => candidate.id === link.id);
    if (control === undefined) throw new KubevidenceError('integrity', `${keyOf(result)} names ${link.id}, which was not assessed`);
    return { link, control };
  });
  const controls = assessed.map(
    ({ link, control }): ReportControlLink => ({
      id: link.id,
      title: control.title,
      strength: link.strength,
      covers: link.covers ?? null,
      because: because.get(link.id) ?? null,
      verdict: benchmark[shownOf(control.outcome, isExcepted(control))],
    }),
  );
  const failing = assessed.filter(
    ({ link, control }) => control.outcome === 'fail' && link.covers !== 'broader' && countsFor(framework, link.strength),
  );
  const excepted = failing.length > 0 && failing.every(({ control }) => isExcepted(control));
  const used = new Set(assessed.flatMap(({ control }) => exhibitsOf(control, sources)));
  return {
    key: keyOf({ framework: framework.id, id: requirement.id }),
    framework: framework.id,
    id: requirement.id,
    title: requirement.title,
    section: requirement.section,
    obligation: requirement.obligation ?? null,
    level: requirement.level ?? null,
    assessment: requirement.assessment ?? null,
    verdict: verdictsOf(inputs.definition, framework.kind)[shownOf(result.outcome, excepted)],
    period: periodOf(framework, result, inputs, standings),
    counts: countsText(result),
    controls,
    exhibits: sources.map(({ id }) => id).filter((id) => used.has(id)),
    needs: result.needs,
  };
}

/** What its controls were over the whole period, rolled up as their outcomes are. */
function periodOf(framework: Framework, { id, controls }: RequirementResult, { judged, definition }: ReportInputs, standings: Standings) {
  const rolledUp = judged?.requirements.find((each) => each.framework === framework.id && each.id === id);
  if (rolledUp === undefined) return null;
  const failing = controls
    .filter(({ strength, covers }) => covers !== 'broader' && countsFor(framework, strength))
    .flatMap((link) => standings.get(link.id) ?? [])
    .filter(({ verdict }) => verdict.outcome === 'fail');
  const excepted = failing.length > 0 && failing.every(({ verdict }) => verdict.shown === 'exception');
  return periodVerdictsOf(definition, framework.kind)[shownOf(rolledUp.outcome, excepted)];
}

/** Supporting lines never move the outcome of a law (docs/examples, roll-up). */
function countsFor(framework: Framework, strength: 'partial' | 'supporting'): boolean {
  return framework.kind !== 'law' || strength === 'partial';
}

function countsText({ counts }: RequirementResult): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total === 0) return '';
  const failed = counts['fail'] ?? 0;
  const open = counts['notAssessed'] ?? 0;
  const deviate = `${failed} of ${total} ${total === 1 ? 'control' : 'controls'} ${failed === 1 ? 'deviates' : 'deviate'}`;
  return open === 0 ? deviate : `${deviate}; ${open} not assessed`;
}

function versionLabel(framework: Framework, assessment: Assessment): string {
  const minor = /^v?(\d+\.\d+)/.exec(assessment.cluster.version ?? '')?.[1];
  const listed = framework.kubernetesVersions;
  if (listed === undefined || minor === undefined || listed.includes(minor)) return framework.version;
  return `${framework.version}, not published for Kubernetes ${minor}`;
}
