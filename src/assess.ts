/**
 * A whole assessment of one snapshot: the benchmark that fits the cluster, all controls, and what they mean for every requirement. Joins
 * assessment and mapping, which do not know of each other. Pure: it reads no clock, no file and no network.
 */
import { assessControls, type AssessmentInput } from './assessment/index.ts';
import { pickFrameworks } from './catalog/index.ts';
import { rollUp, summarize } from './mapping/index.ts';
import { type Assessment, type Catalog, KubevidenceError, clip, findNearest } from './model/index.ts';

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
  const fitting = pickFrameworks(catalog.frameworks, reader.cluster.version);
  refuseUnknown('framework', wanted, fitting);
  refuseUnknown('control', controlIds, catalog.controls);

  const frameworks = wanted === undefined ? fitting : fitting.filter((framework) => wanted.includes(framework.id));
  const named = new Set(
    frameworks.flatMap((framework) => framework.requirements.flatMap((requirement) => requirement.controls.map((link) => link.id))),
  );
  const controls = catalog.controls.filter(({ id }) =>
    controlIds === undefined ? wanted === undefined || named.has(id) : controlIds.includes(id),
  );
  const results = assessControls(controls, options);

  const benchmark = fitting.find((framework) => framework.kind === 'benchmark');
  const requirements = rollUp(frameworks, results, { managed: typeof managed === 'string', benchmark }).filter(
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
