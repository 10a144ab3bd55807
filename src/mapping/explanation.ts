/**
 * `frameworks show FRAMEWORK REQUIREMENT -o json`, schema `kubevidence/requirement/v1`: one requirement from the evidence to its verdict.
 * What the catalog declares is always there; the present outcome only where a snapshot was judged.
 */
import { z } from 'zod';
import { type Assessment, assessmentSchema, describeRule, type Framework, type Requirement } from '../model/index.ts';
import { traceRequirement, type TraceSources } from './trace.ts';

const { scope, cluster, at, run, controls, requirements } = assessmentSchema.shape;
const { outcome, counts } = requirements.element.shape;
const { strength, covers } = requirements.element.shape.controls.element.shape;

export const explanationSchema = z.strictObject({
  schema: z.literal('kubevidence/requirement/v1'),
  framework: z.strictObject({
    id: z.string(),
    version: z.string().describe('2.0.1, or 2.0.1 (not published for 1.36)'),
    title: z.string(),
    kind: z.enum(['benchmark', 'law', 'policy']),
    source: z.string(),
  }),
  id: z.string(),
  title: z.string(),
  section: z.string(),
  level: z.union([z.literal(1), z.literal(2)]).nullable(),
  assessment: z.enum(['automated', 'manual']).nullable().describe("the benchmark's own status"),
  obligation: z.enum(['required', 'addressable']).nullable(),
  decided: z.enum(['whole', 'part', 'person']).describe('how far evidence decides it'),
  rule: z.string().describe('how the outcomes of the controls become that of the requirement'),
  from: z.enum(['api', 'nodes', 'file']).nullable().describe('what brings the evidence; null: a person'),
  orNodes: z.boolean().describe('the evidence of nodes brings it where programs of the control plane do not run as static pods'),
  onManaged: z.enum(['provider', 'person', 'same']).describe('who answers for it where a provider runs the control plane'),
  controls: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      severity: controls.element.shape.severity,
      strength,
      covers,
      because: z.string().nullable(),
      population: z.strictObject({ name: z.string(), doc: z.string() }),
      leftToAPerson: z.string().nullable().describe('what of its rows no evidence decides'),
    }),
  ),
  evidence: z.array(
    z.strictObject({
      kind: z.string(),
      collector: z.string(),
      optIn: z.boolean(),
      required: z.boolean().describe('true: not to have read it is a gap; false: the population says what that means'),
      rights: z.array(z.string()).describe('what the collector must be allowed to do'),
      withoutIt: z.string(),
      controls: z.array(z.string()),
    }),
  ),
  recommendations: z
    .array(z.strictObject({ id: z.string(), title: z.string(), controls: z.array(z.string()) }))
    .describe('of a law: the CIS recommendations behind it; those without a control count as not assessed'),
  needs: z.string().nullable().describe('which evidence a person must bring'),
  present: z
    .strictObject({ scope, cluster, at, run, outcome, counts, controls })
    .nullable()
    .describe('as the snapshot shows it; its controls are results as in kubevidence/assessment/v1'),
  notJudged: z.string().nullable().describe('why there is no present outcome'),
});

export type Explanation = z.infer<typeof explanationSchema>;

export interface ExplanationInput extends TraceSources {
  readonly framework: Framework;
  readonly requirement: Requirement;
  /** The general benchmark in the version whose recommendations a law names. */
  readonly benchmark: Framework | undefined;
  /** One that speaks of the requirement; or why there is none. */
  readonly assessment: Assessment | { readonly missing: string };
}

export function explainRequirement(input: ExplanationInput): Explanation {
  const { framework, requirement, benchmark, assessment } = input;
  const trace = traceRequirement(requirement, framework, input);
  const result =
    'missing' in assessment
      ? undefined
      : assessment.requirements.find((each) => each.framework === framework.id && each.id === requirement.id);
  const ids = new Set(requirement.controls.map(({ id }) => id));
  return {
    schema: 'kubevidence/requirement/v1',
    framework: {
      id: framework.id,
      version: result?.version ?? framework.version,
      title: framework.title,
      kind: framework.kind,
      source: framework.source,
    },
    id: requirement.id,
    title: requirement.title,
    section: framework.sections.find(({ id }) => id === requirement.section)?.title ?? requirement.section,
    level: requirement.level ?? null,
    assessment: requirement.assessment ?? null,
    obligation: requirement.obligation ?? null,
    decided: trace.decided,
    rule: ruleOf(framework, requirement),
    from: trace.decided === 'person' ? null : trace.from,
    orNodes: trace.decided !== 'person' && trace.orNodes,
    onManaged: trace.onManaged,
    controls: trace.controls.map(({ link, control, population }) => ({
      id: control.id,
      title: control.title,
      severity: control.severity,
      strength: link.strength,
      covers: link.covers,
      because: link.because ?? null,
      population: { name: population.name, doc: population.doc },
      leftToAPerson: control.undecided?.outcome === 'manual' ? control.undecided.because : null,
    })),
    evidence: trace.listings.map(({ collector, listing, required, controls: reading }) => ({
      kind: listing.kind,
      collector: collector.title,
      optIn: collector.optIn === true,
      required,
      rights: listing.needs.map(describeRule),
      withoutIt: listing.withoutIt,
      controls: [...reading],
    })),
    recommendations: (requirement.cis ?? []).flatMap((id) => {
      const found = benchmark?.requirements.find((each) => each.id === id);
      return found === undefined ? [] : [{ id, title: found.title, controls: found.controls.map((link) => link.id) }];
    }),
    needs: result?.needs ?? requirement.needs ?? null,
    present:
      'missing' in assessment || result === undefined
        ? null
        : {
            scope: assessment.scope,
            cluster: assessment.cluster,
            at: assessment.at,
            run: assessment.run,
            outcome: result.outcome,
            counts: result.counts,
            controls: assessment.controls.filter(({ id }) => ids.has(id)),
          },
    notJudged: 'missing' in assessment ? assessment.missing : null,
  };
}

/** The roll-up in words; see roll-up. */
function ruleOf({ kind }: Framework, { controls, partsAreExact, kubernetes }: Requirement): string {
  const partial = controls.filter(({ strength }) => strength === 'partial');
  if (kind !== 'benchmark') {
    if (kubernetes === 'none') return 'The cluster shows nothing of it.';
    if (partial.length === 0) return 'Its lines are context; what decides it, a person brings.';
    const law = kind === 'law' ? ' No deviation found does not mean that the law is met.' : '';
    return `A partial line that deviates is a deviation, one that is open leaves it open; supporting lines are context.${law}`;
  }
  if (controls.length === 0) return 'No control decides it.';
  const broader = controls.some(({ covers }) => covers === 'broader')
    ? ' A broader line asks for more than the recommendation: its failure is none of the recommendation.'
    : '';
  if (partsAreExact === true) return `It passes when all of its parts do; they are the whole together.${broader}`;
  if (controls.some(({ covers }) => covers === 'exact'))
    return `What fails a line fails it; it passes when every line is decided and none fails.${broader}`;
  const pass = broader === '' ? 'passing parts leave the rest to a person' : 'it passes when a broader line does';
  return `A part that fails fails it; ${pass}.${broader}`;
}
