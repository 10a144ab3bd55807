/**
 * Who can climb to a target in one snapshot and not in another, and since what: the first thing on the path that the other snapshot had
 * not, or had otherwise. Paths that the cluster is made with are nobody's gain. What a snapshot did not read can hold a path, so that
 * nothing is gained or lost for want of reading alone. The two sides swapped, gained and lost are swapped.
 */
import type { Gap, ListingKind } from '../../model/index.ts';
import type { AccessCause } from '../access-drift.ts';
import type { AccessIndex } from '../access-index.ts';
import type { Binding } from '../bindings.ts';
import { nameOf } from '../names.ts';
import { describeRule } from '../rules.ts';
import type { Path, PathsReport } from './find-paths.ts';
import type { Hop, HopGrant } from './tell.ts';

export interface PathCause {
  /** As of access; `object`: it came or went; `change`: it is otherwise. */
  readonly what: AccessCause | 'object' | 'change';
  /** `ClusterRoleBinding/friday`, `Pod/web/shell`. Untrusted text. */
  readonly object: string;
}

export interface PathChange {
  /** `User/alice`. */
  readonly subject: string;
  /** Of the path below: every hop is certain. */
  readonly certain: boolean;
  /** The shortest path of the side that has one; of two sides, the certain one. */
  readonly hops: readonly Hop[];
  /** Null where no one thing on the path differs. */
  readonly cause: PathCause | null;
  /** False where what the other snapshot did not read may have held another path. */
  readonly known: boolean;
}

export interface PathDrift {
  readonly target: string;
  readonly gained: readonly PathChange[];
  readonly lost: readonly PathChange[];
  /** Possible before, certain now. */
  readonly confirmed: readonly PathChange[];
  /** Certain before, possible now. */
  readonly weakened: readonly PathChange[];
  /** Subjects of whose paths one snapshot, not read whole, says nothing. */
  readonly unknown: number;
  /** What either snapshot did not read. */
  readonly gaps: readonly Gap[];
}

export interface PathSide {
  /** With built-in paths and with grants. */
  readonly report: PathsReport;
  readonly index: AccessIndex;
}

/** Objects of {@link pathListings} that differ, as paths name them, told from the earlier snapshot to the later. */
export type PathDifferences = ReadonlyMap<string, 'added' | 'removed' | 'changed'>;

/** Fields that change by themselves and decide no path; of a node only its name does. `paths`: as {@link KindDifference} of the ledger has them. */
export function concernsPaths(kind: ListingKind, change: string, paths: readonly string[], more: number): boolean {
  if (change !== 'changed' || more > 0) return true;
  if (kind === 'k8s.nodes/nodes') return false;
  const decides = (path: string) =>
    kind === 'k8s.pods/pods'
      ? /^(spec|status\.phase|metadata\.(ownerReferences|annotations))/.test(path) || path === 'status'
      : !/^(status|metadata\.(?!labels))/.test(path);
  return paths.some(decides);
}

/** By subject. `differences`: what {@link concernsPaths}. */
export function comparePaths(before: PathSide, after: PathSide, differences: PathDifferences): PathDrift {
  const [was, is] = [shortest(before.report), shortest(after.report)];
  const [forth, back] = [causeFinder(before.index, differences, 'added'), causeFinder(after.index, differences, 'removed')];
  const gaps = [...new Map([...before.report.gaps, ...after.report.gaps].map((gap) => [JSON.stringify(gap), gap])).values()];
  let unknown = 0;
  /** `without`: the side that has not this path. */
  const change = (path: Path, without: PathSide): readonly PathChange[] => {
    const cause = (without === before ? forth : back)(path.hops);
    const known = without.report.gaps.length === 0;
    // Had the other side been read, it might have shown the same.
    if (!known && (cause === null || cause.what === 'change')) {
      unknown += 1;
      return [];
    }
    const hops = path.hops.map(told);
    return [{ subject: path.from, certain: path.certain, hops, cause, known }];
  };
  const added = (paths: ReadonlyMap<string, Path>) => [...paths.values()].filter(({ builtin }) => !builtin);
  return {
    target: after.report.target,
    gained: added(is).flatMap((path) => (was.has(path.from) ? [] : change(path, before))),
    lost: added(was).flatMap((path) => (is.has(path.from) ? [] : change(path, after))),
    confirmed: added(is).flatMap((path) => (path.certain && isPossible(was.get(path.from)) ? change(path, before) : [])),
    weakened: added(was).flatMap((path) => (path.certain && isPossible(is.get(path.from)) ? change(path, after) : [])),
    unknown,
    gaps,
  };
}

/** As documents have it. */
function told({ technique, from, to, right, through, certain, because }: Hop): Hop {
  return { technique, from, to, right, through, certain, ...(because === undefined ? {} : { because }) };
}

function isPossible(path: Path | undefined): boolean {
  return path !== undefined && !path.builtin && !path.certain;
}

function shortest({ paths }: PathsReport): ReadonlyMap<string, Path> {
  return new Map(paths.filter(({ kind }) => kind === 'shortest').map((path) => [path.from, path]));
}

const decidesBeyond = /^(Validating|Flagz\/|Pod\/kube-system\/kube-(apiserver|controller-manager)-)/;

/**
 * What on a path the `other` snapshot had not, hop by hop; where it had all of it, what of it is otherwise. `came`: how an object is called
 * that only the path's own side has.
 */
function causeFinder(
  other: AccessIndex,
  differences: PathDifferences,
  came: 'added' | 'removed',
): (hops: readonly Hop[]) => PathCause | null {
  const bindings = new Map(other.bindings.map((binding) => [binding.key, binding]));
  return (hops) => {
    for (const { from, to, grants = [] } of hops) {
      for (const grant of grants) {
        const cause = grantCause(grant, bindings.get(grant.binding), differences, came);
        if (cause !== null) return cause;
      }
      const object = [from, to].find((state) => differences.get(state) === came);
      if (object !== undefined) return { what: 'object', object };
    }
    const places = hops.flatMap(({ from, to, right, grants = [] }) => [
      from,
      to,
      ...namespacesOf(from, to, right),
      ...grants.flatMap(({ binding, role }) => [binding, role]),
    ]);
    const changed = places.find((place) => differences.get(place) === 'changed');
    if (changed !== undefined) return { what: 'change', object: changed };
    // Conditions look beyond the path: at what is admitted, and at the flags of the control plane.
    const [beyond, ...others] = [...differences.keys()].filter((key) => decidesBeyond.test(key));
    return beyond === undefined || others.length > 0 ? null : { what: 'change', object: beyond };
  };
}

function grantCause(
  { subject, binding, role, rule }: HopGrant,
  other: Binding | undefined,
  differences: PathDifferences,
  came: 'added' | 'removed',
): PathCause | null {
  const difference = differences.get(binding);
  if (difference === came) return { what: 'binding', object: binding };
  if (difference === 'changed' && other !== undefined) {
    if (other.roleKey !== role) return { what: 'binding', object: binding };
    if (!other.subjects.some(({ text, account }) => text === subject || `ServiceAccount/${account}` === subject))
      return { what: 'subject', object: binding };
  }
  const roleDifference = differences.get(role);
  if (roleDifference === came) return { what: 'role', object: role };
  if (roleDifference !== 'changed' || rule === '' || other?.role === undefined) return null;
  if (other.role.rules.some((each) => describeRule(each) === rule)) return null;
  return { what: other.role.aggregated ? 'aggregation' : 'role', object: role };
}

/** Those that a hop happens in: their labels decide which pods are admitted. */
function namespacesOf(from: string, to: string, right: string): readonly string[] {
  const names = [from, to].flatMap((state) => /^(?:Pod|ServiceAccount|Secret)\/([^/]+)\//.exec(state)?.[1] ?? []);
  const place = / in (\S+)$/.exec(right)?.[1];
  return [...names, ...(place === undefined ? [] : [place])].map((name) => nameOf('Namespace', '', name));
}
