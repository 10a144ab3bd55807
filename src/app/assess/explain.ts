/**
 * One requirement from the evidence to its verdict: what the catalog declares, and the present outcome where a snapshot can be judged.
 * Without a configuration, a ledger or a run it still explains, and says why it cannot tell the outcome.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarkOfLaw, isLabelOf } from '../../catalog/index.ts';
import { collectors } from '../../collectors/index.ts';
import { type Explanation, explainRequirement } from '../../mapping/index.ts';
import type { Assessment, Catalog, Framework } from '../../model/index.ts';
import { clip, findNearest, KubevidenceError, visible } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import { loadCatalogInForce } from '../catalog.ts';
import { loadConfig, loadConfigOrDefaults } from '../config.ts';
import type { AppContext } from '../context.ts';
import { assessCommand, type AssessOptions } from './assess.ts';

export interface ExplainOptions extends Pick<AssessOptions, 'configPath' | 'cluster' | 'from' | 'at' | 'run'> {
  /** `cis-kubernetes`, or one version of it: `cis-kubernetes@1.12.0`. */
  readonly framework: string;
  readonly requirement: string;
}

/** Errors: `usage` for what the catalog does not have, and for evidence that was asked for and cannot be judged. */
export async function explainCommand(context: AppContext, options: ExplainOptions): Promise<Explanation> {
  const inForce = loadCatalogInForce(
    options.from === undefined ? loadConfigOrDefaults({ cwd: context.cwd, path: options.configPath, uid: context.uid }) : null,
  );
  const { catalog } = inForce;
  const named = findFramework(catalog, options.framework);
  // So that a misspelt one costs no judging. By the id alone it is the version that the cluster is held against: any that has it.
  const versions = options.framework === named.id ? catalog.frameworks.filter(({ id }) => id === named.id) : [named];
  const having = versions.find(({ requirements }) => requirements.some(({ id }) => id === options.requirement));
  findRequirement(having ?? named, options.requirement, catalog);
  const judged = await judgeIt(context, options, catalog, named);
  const assessment = fitsVersion(judged, named, options.framework);
  const framework = 'missing' in assessment ? named : judgedBy(catalog, named.id, assessment);
  return explainRequirement({
    framework,
    requirement: findRequirement(framework, options.requirement, catalog),
    benchmark: benchmarkOfLaw(framework, catalog.frameworks),
    controls: catalog.controls,
    populations,
    collectors,
    assessment,
  });
}

/** By its id in the newest version, or by id@version. Errors: `usage`. */
export function findFramework({ frameworks }: Pick<Catalog, 'frameworks'>, name: string): Framework {
  const found = frameworks.find(({ id, version }) => id === name || `${id}@${version}` === name);
  if (found !== undefined) return found;
  const near = findNearest(
    name,
    frameworks.flatMap(({ id, version }) => [id, `${id}@${version}`]),
  );
  throw new KubevidenceError('usage', `there is no framework ${visible(clip(name, 80))}`, {
    next: near === undefined ? `Known: ${[...new Set(frameworks.map(({ id }) => id))].join(', ')}` : `Did you mean "${near}"?`,
  });
}

/** Ids mean something else in another version: which one has it is said, never shown in place of it. */
function findRequirement({ id, version, requirements }: Framework, wanted: string, { frameworks }: Pick<Catalog, 'frameworks'>) {
  const found = requirements.find((requirement) => requirement.id === wanted);
  if (found !== undefined) return found;
  const other = frameworks.find((each) => each.id === id && each.requirements.some((requirement) => requirement.id === wanted));
  if (other !== undefined)
    throw new KubevidenceError('usage', `${id} ${version} has no requirement ${visible(clip(wanted, 80))}, but ${other.version} has`, {
      next: `See it: kubevidence frameworks show ${id}@${other.version} ${wanted}`,
    });
  const near = findNearest(
    wanted,
    requirements.map((requirement) => requirement.id),
  );
  throw new KubevidenceError('usage', `${id} ${version} has no requirement ${visible(clip(wanted, 80))}`, {
    next: `${near === undefined ? '' : `Did you mean "${near}"? `}See them: kubevidence frameworks show ${id}`,
  });
}

type Judged = Assessment | { readonly missing: string };

/** Only the controls of the requirement are judged. Nothing is recorded. */
async function judgeIt(context: AppContext, options: ExplainOptions, catalog: Catalog, named: Framework): Promise<Judged> {
  const { configPath, cluster, from, at, run, requirement } = options;
  const isAsked = [cluster, from, at, run].some((each) => each !== undefined);
  if (!isAsked) {
    const missing = whyNot(context, configPath);
    if (missing !== null) return { missing };
  }
  const framework = named.id;
  try {
    const evidence = { configPath, cluster, from, at, run };
    return (await assessCommand(context, { ...evidence, framework, controls: controlsOf(catalog, framework, requirement) })).assessment;
  } catch (error) {
    if (isAsked || !(error instanceof KubevidenceError) || error.code !== 'usage') throw error;
    return { missing: error.message };
  }
}

/** In all versions, because only the evidence says which one is for the cluster; undefined, so all, where one has none. */
function controlsOf({ frameworks }: Catalog, framework: string, requirement: string): readonly string[] | undefined {
  const named = frameworks
    .filter(({ id }) => id === framework)
    .flatMap(({ requirements }) => requirements.filter(({ id }) => id === requirement));
  return named.some(({ controls }) => controls.length === 0) ? undefined : named.flatMap(({ controls }) => controls.map(({ id }) => id));
}

/** What keeps the configuration from saying which evidence is to be judged. */
function whyNot({ cwd, uid }: AppContext, path: string | undefined): string | null {
  if (path === undefined && !existsSync(join(cwd, 'kubevidence.yaml'))) return 'there is no kubevidence.yaml here, so no ledger';
  const { clusters, ledgerPath } = loadConfig({ cwd, path, uid });
  if (!existsSync(ledgerPath)) return 'nothing has been collected yet';
  return clusters.length > 1 ? `the ledger is for ${clusters.length} clusters: name one with --cluster` : null;
}

/** A cluster is held against one version: no other has an outcome. */
function fitsVersion(judged: Judged, named: Framework, wanted: string): Judged {
  if ('missing' in judged) return judged;
  const label = judged.requirements[0]?.version;
  if (label === undefined) return { missing: 'it was not judged' };
  if (wanted === named.id || isLabelOf(named, label)) return judged;
  return { missing: `${judged.cluster.name} is held against version ${label}` };
}

function judgedBy({ frameworks }: Catalog, id: string, { requirements }: Assessment): Framework {
  const label = requirements[0]?.version ?? '';
  const found = frameworks.find((framework) => framework.id === id && isLabelOf(framework, label));
  if (found === undefined) throw new KubevidenceError('integrity', `${id} ${label} was judged but is not in the catalog`);
  return found;
}
