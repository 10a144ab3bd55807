/**
 * Control results → requirement outcomes. Every requirement of every framework gets an outcome, also one that no control supports. Nothing
 * here can make a pass out of less than passes: a control without a result counts as not assessed.
 */
import type { ControlLink, ControlResult, Framework, Outcome, Requirement, RequirementResult } from '../model/index.ts';
import { outcomes } from '../model/index.ts';

export interface RollUpContext {
  /** True when a provider runs the control plane. */
  readonly managed?: boolean;
  /** The benchmark whose recommendations a law refers to: its newest version. Default: the one that is among the frameworks. */
  readonly benchmarkOf?: ((law: Framework) => Framework | undefined) | undefined;
}

/** Outcomes of one requirement's controls, each with the line that names it. */
interface Line {
  readonly link: ControlLink;
  readonly outcome: Outcome;
}

/** One version of each framework in, all of their requirements out, in the order of the files. */
export function rollUp(
  frameworks: readonly Framework[],
  results: readonly ControlResult[],
  context: RollUpContext = {},
): readonly RequirementResult[] {
  const outcomeOf = new Map(results.map((result) => [result.id, result.outcome]));
  const general = frameworks.find(({ kind, platform }) => kind === 'benchmark' && platform === undefined);
  return frameworks.flatMap((framework) => {
    const benchmark = context.benchmarkOf === undefined ? general : context.benchmarkOf(framework);
    const undecided = new Set(
      benchmark?.requirements.filter((requirement) => requirement.controls.length === 0).map((requirement) => requirement.id),
    );
    return framework.requirements.map((requirement): RequirementResult => {
      const lines = requirement.controls.map((link) => ({ link, outcome: outcomeOf.get(link.id) ?? 'notAssessed' }));
      const outcome =
        framework.kind === 'benchmark'
          ? decideRecommendation(requirement, lines, context.managed === true)
          : decideLawRequirement(requirement, lines);
      const counts = countOutcomes(lines.map((line) => line.outcome));
      const open = (requirement.cis ?? []).filter((id) => undecided.has(id)).length;
      if (open > 0) counts['notAssessed'] = (counts['notAssessed'] ?? 0) + open;
      return {
        framework: framework.id,
        version: framework.version,
        id: requirement.id,
        title: requirement.title,
        outcome,
        controls: lines.map(({ link: { id, strength, covers } }) => (covers === undefined ? { id, strength } : { id, strength, covers })),
        counts,
        needs: requirement.needs ?? (outcome === 'manual' ? `evidence from a person: ${requirement.title}` : null),
      };
    });
  });
}

/**
 * A CIS recommendation. `exact` and `part` lines can fail it; a `broader` line tests more than it asks, so its failure may lie outside
 * and only its pass says something. Parts that pass are a pass only where the mapping says that together they are the whole; a part may
 * then test more than is asked (`broader`, `partial`), and where it fails, nothing is decided.
 */
function decideRecommendation(requirement: Requirement, lines: readonly Line[], managed: boolean): Outcome {
  if (lines.length === 0) return managed && requirement.providerOnManaged === true ? 'providerResponsibility' : 'manual';
  const has = (outcome: Outcome) => lines.some((line) => line.outcome === outcome);
  if (lines.some((line) => line.outcome === 'fail' && line.link.covers !== 'broader')) return 'fail';
  if (has('notAssessed')) return 'notAssessed';
  if (has('manual')) return 'manual';
  if (has('providerResponsibility')) return 'providerResponsibility';
  if (lines.every((line) => line.outcome === 'notApplicable')) return 'notApplicable';
  const whole =
    requirement.partsAreExact === true
      ? lines.every(({ link, outcome }) => outcome !== 'fail' || link.strength === 'supporting')
      : lines.some(({ link, outcome }) => link.covers === 'exact' || (link.covers === 'broader' && outcome === 'pass'));
  return whole && has('pass') ? 'pass' : 'notAssessed';
}

/** A requirement of a law or policy: only `partial` lines move it, and a `pass` means no deviation found, never that the law is met. */
function decideLawRequirement(requirement: Requirement, lines: readonly Line[]): Outcome {
  const moving = lines.filter((line) => line.link.strength === 'partial').map((line) => line.outcome);
  if (requirement.kubernetes === 'none' || moving.length === 0) return 'manual';
  return lawOrder.find((outcome) => moving.includes(outcome)) ?? 'notApplicable';
}

const lawOrder: readonly Outcome[] = ['fail', 'notAssessed', 'manual', 'providerResponsibility', 'pass'];

function countOutcomes(all: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of all) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Framework id → outcome → how many requirements; every outcome is there, also with 0. */
export function summarize(requirements: readonly RequirementResult[]): Record<string, Record<string, number>> {
  const summary: Record<string, Record<string, number>> = {};
  for (const { framework, outcome } of requirements) {
    const counts = (summary[framework] ??= Object.fromEntries(outcomes.map((each) => [each, 0])));
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return summary;
}
