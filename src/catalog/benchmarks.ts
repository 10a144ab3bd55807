/**
 * Which benchmarks a cluster is held against, and in which version. Recommendation ids mean something else in another version and in
 * another benchmark, so exactly one version of each is chosen and ids never cross.
 */
import type { Framework } from '../model/index.ts';

/**
 * The benchmarks whose recommendations laws refer to, by their ids: of each that is for any cluster the newest version, whichever version
 * the cluster is held against. So what a law's requirement counts does not change with the cluster's version.
 */
export function benchmarksOfLaws(frameworks: readonly Framework[]): readonly Framework[] {
  const general = frameworks.filter(({ kind, platform }) => kind === 'benchmark' && platform === undefined);
  return [...Map.groupBy(general, ({ id }) => id).values()].map((versions) => newestFirst(versions)[0] as Framework);
}

/** Of those, the one that has most of the recommendations that a law names: a user's own benchmark may stand beside it. */
export function benchmarkOfLaw(law: Framework, frameworks: readonly Framework[]): Framework | undefined {
  const named = new Set(law.requirements.flatMap(({ cis = [] }) => cis));
  const shared = ({ requirements }: Framework) => requirements.filter(({ id }) => named.has(id)).length;
  const [first, ...others] = benchmarksOfLaws(frameworks);
  return others.reduce((best, next) => (best === undefined || shared(next) > shared(best) ? next : best), first);
}

export interface ClusterFacts {
  /** A gitVersion without `v`, or null when nobody knows. */
  readonly version: string | null;
  /** Who runs the control plane (`eks`, ...); null or nothing: the cluster's owner, or nobody knows. */
  readonly managed?: string | null | undefined;
}

/**
 * One version of each benchmark, and everything that is no benchmark. A provider's benchmark is there for its clusters only, beside the
 * general one: what that one says of the control plane is the provider's part then, and the provider's benchmark says what of it a
 * customer can show. Chosen is the newest version that lists the cluster's minor version; else the nearest older one (else the oldest),
 * labelled in its `version` field: "2.0.1 (not published for 1.36)".
 */
export function pickFrameworks(frameworks: readonly Framework[], { version, managed }: ClusterFacts): readonly Framework[] {
  const fitting = frameworks.filter(({ platform }) => platform === undefined || platform === managed);
  const ids = [...new Set(fitting.map((framework) => framework.id))];
  return ids.flatMap((id) => {
    const versions = fitting.filter((framework) => framework.id === id);
    return versions.every((framework) => framework.kind === 'benchmark') ? [pickBenchmark(versions, version)] : versions;
  });
}

function pickBenchmark(versions: readonly Framework[], clusterVersion: string | null): Framework {
  const ordered = newestFirst(versions);
  const newest = ordered[0] as Framework;
  const minor = /^v?(\d+\.\d+)/.exec(clusterVersion ?? '')?.[1];
  if (minor === undefined || newest.kubernetesVersions === undefined) return newest;
  const exact = ordered.find((framework) => framework.kubernetesVersions?.includes(minor));
  if (exact) return exact;
  const byAge = ordered
    .filter((framework) => framework.kubernetesVersions !== undefined)
    .sort((a, b) => compareVersions(latestOf(b), latestOf(a)));
  const nearest = byAge.find((framework) => compareVersions(latestOf(framework), minor) < 0) ?? byAge.at(-1) ?? newest;
  return { ...nearest, version: `${nearest.version} (not published for ${minor})` };
}

function newestFirst(versions: readonly Framework[]): readonly Framework[] {
  return [...versions].sort((a, b) => compareVersions(b.version, a.version));
}

/** Whether an outcome whose `version` is this label was decided by the framework: "2.0.1", or "2.0.1 (not published for 1.36)". */
export function isLabelOf({ version }: Pick<Framework, 'version'>, label: string): boolean {
  return label === version || label.startsWith(`${version} (not published for `);
}

function latestOf(framework: Framework): string {
  return [...(framework.kubernetesVersions ?? [])].sort(compareVersions).at(-1) ?? '0.0';
}

/** Below zero when `a` is the older one: by their numbers. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
