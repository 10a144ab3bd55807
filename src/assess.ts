/**
 * A whole assessment of one snapshot: the benchmark that fits the cluster, all controls, and what they mean for every requirement. Joins
 * assessment and mapping, which do not know of each other. Pure: it reads no clock, no file and no network.
 */
import { assessControls, type AssessmentInput } from './assessment/index.ts';
import { benchmarkOfLaw, pickFrameworks } from './catalog/index.ts';
import { rollUp, summarize } from './mapping/index.ts';
import { type Assessment, type Catalog, type Control, type Framework, KubevidenceError, clip, findNearest } from './model/index.ts';

export interface AssessOptions extends AssessmentInput {
  readonly catalog: Catalog;
  /** Ids of frameworks; then only they and the controls that they name. */
  readonly frameworks?: readonly string[] | undefined;
  /** Ids of controls; then only they and the requirements that they support. */
  readonly controlIds?: readonly string[] | undefined;
}

/** Errors: `usage` for an id that the catalog does not have, `configuration` for parameters that do not fit. */
export function assess(options: AssessOptions): Assessment {
  const { catalog, reader, frameworks: wanted, controlIds, managed } = options;
  const fitting = pickFrameworks(catalog.frameworks, { version: reader.cluster.version, managed });
  refuseUnknown('framework', wanted, catalog.frameworks);
  refuseUnknown('control', controlIds, catalog.controls);

  const frameworks = wanted === undefined ? fitting : fitting.filter((framework) => wanted.includes(framework.id));
  if (frameworks.length === 0 && wanted !== undefined && wanted.length > 0) throw unfitting(wanted, catalog.frameworks);
  const controls =
    controlIds === undefined
      ? wanted === undefined
        ? catalog.controls
        : controlsNamedBy(frameworks, catalog.controls)
      : catalog.controls.filter(({ id }) => controlIds.includes(id));
  const results = assessControls(controls, { ...options, techniques: catalog.techniques });

  const benchmarkOf = (law: Framework) => benchmarkOfLaw(law, catalog.frameworks);
  const requirements = rollUp(frameworks, results, { managed: typeof managed === 'string', benchmarkOf }).filter(
    (requirement) => controlIds === undefined || requirement.controls.some((link) => controlIds.includes(link.id)),
  );
  const { name, uid, version } = reader.cluster;
  return {
    schema: 'kubevidence/assessment/v1',
    scope: reader.scope,
    cluster: { name, uid, version },
    at: reader.at,
    run: reader.run === null ? null : { number: reader.run.number, startedAt: reader.run.startedAt, endedAt: reader.run.endedAt },
    controls: [...results],
    requirements,
    summary: summarize(requirements),
  };
}

/** Those of `controls` that support anything in the frameworks. */
export function controlsNamedBy(frameworks: readonly Framework[], controls: readonly Control[]): readonly Control[] {
  const named = new Set(frameworks.flatMap(({ requirements }) => requirements.flatMap((each) => each.controls.map(({ id }) => id))));
  return controls.filter(({ id }) => named.has(id));
}

/** Of several frameworks those that do not fit are left out: one configuration is for clusters of several kinds. */
function unfitting(wanted: readonly string[], known: readonly Framework[]): KubevidenceError {
  const { id, platform } = known.find((framework) => wanted.includes(framework.id)) ?? { id: wanted[0] ?? '', platform: undefined };
  return new KubevidenceError(
    'usage',
    `${id} is for clusters that ${platform?.toUpperCase() ?? 'a provider'} runs, and this is none of them`,
    {
      next: 'If it is one, say so in kubevidence.yaml: clusters[].managed',
    },
  );
}

function refuseUnknown(what: string, wanted: readonly string[] | undefined, known: readonly { readonly id: string }[]): void {
  const ids = known.map((each) => each.id);
  for (const id of wanted ?? []) {
    if (ids.includes(id)) continue;
    const near = findNearest(id, ids);
    throw new KubevidenceError('usage', `there is no ${what} "${clip(id, 80)}"`, {
      next: near === undefined ? `List them: kubevidence ${what}s list` : `Did you mean "${near}"?`,
    });
  }
}
