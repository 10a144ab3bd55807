/**
 * All escalation paths to a target: for each subject its shortest path, certain where there is one, and the least privileged where that is
 * another; apart from those that the cluster is made with. What was not read comes as gaps: no path is then not known to be none.
 */
import type { EvidenceReader, Gap, Technique } from '../../model/index.ts';
import type { AccessIndex } from '../access-index.ts';
import { createAccessIndex } from '../access-index.ts';
import type { Drawing } from './draw.ts';
import { drawGraph } from './draw.ts';
import { closeJoins } from './joins.ts';
import { impliedGroups, nodeState, secretState } from './states.ts';
import type { Cut } from './cut.ts';
import { smallestCut } from './cut.ts';
import type { Removal } from './removals.ts';
import { bestRemovals } from './removals.ts';
import type { Hop } from './tell.ts';
import { tell } from './tell.ts';
import { Search } from './search.ts';
import { costOfEdge, unit } from './ways.ts';
import type { World } from './world.ts';
import { readWorld } from './world.ts';

export type Target =
  | { readonly kind: 'cluster-admin' }
  | { readonly kind: 'secret'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node'; readonly name: string };

export interface Path {
  /** `User/alice`, `Group/dev`, `ServiceAccount/ns/name`. */
  readonly from: string;
  /** `cluster-admin`, `secret:NS/NAME`, `node:NAME`. */
  readonly to: string;
  readonly kind: 'shortest' | 'leastPrivileged';
  /** Every hop is. */
  readonly certain: boolean;
  /** The path's first grant was made by the API server or the installer. */
  readonly builtin: boolean;
  readonly hops: readonly Hop[];
  /** Keys of the bindings that it stands on. */
  readonly bindings: readonly string[];
}

export interface PathsReport {
  readonly target: string;
  /** By their `from`; the shortest before the least privileged. */
  readonly paths: readonly Path[];
  /** Subjects that only built-in grants lead to the target; their paths are left out unless asked for. */
  readonly builtin: number;
  /** Subjects with a path that somebody added a grant for. */
  readonly sources: number;
  readonly removals: readonly Removal[];
  readonly cut: Cut | null;
  /** What was not read, and which hops are missing for it. */
  readonly gaps: readonly Gap[];
}

export interface PathsQuestion {
  readonly target: Target;
  /** Only paths from this one: `User/alice`. */
  readonly subject?: string;
  /** Also the paths that the cluster is made with. */
  readonly builtin?: boolean;
  /** Leave out what to remove. */
  readonly withoutRemovals?: boolean;
  /** Hops say what gives their rights one by one. */
  readonly withGrants?: boolean;
}

function describeTarget(target: Target): string {
  if (target.kind === 'cluster-admin') return 'cluster-admin';
  return target.kind === 'node' ? `node:${target.name}` : `secret:${target.namespace}/${target.name}`;
}

/** `index`: that of the same snapshot, where it is at hand. */
export function findPaths(
  reader: EvidenceReader,
  techniques: readonly Technique[],
  question: PathsQuestion,
  index: AccessIndex = createAccessIndex(reader),
): PathsReport {
  return findPathsIn(readWorld(reader, index), techniques, question);
}

/** By source, in no order: the shortest way to cluster-admin that begins with a grant of somebody's, certain where there is one. */
export function shortestPaths({ graph, everything, sources }: Drawing): ReadonlyMap<string, Path> {
  closeJoins(graph, everything);
  const search = new Search(graph, everything);
  const paths = new Map<string, Path>();
  for (const [from, node] of sources) {
    if (node === everything) continue;
    const way = shortestWay(search, node, false);
    if (way === undefined) continue;
    const to = describeTarget({ kind: 'cluster-admin' });
    paths.set(from, { from, to, ...describePath(search, 'shortest', way, false), builtin: false });
  }
  return paths;
}

function findPathsIn(world: World, techniques: readonly Technique[], question: PathsQuestion): PathsReport {
  const { target, subject } = question;
  const drawing = drawGraph(world, techniques, target.kind === 'secret' ? [[target.namespace, target.name]] : []);
  const { graph } = drawing;
  const sources = new Map(drawing.sources);
  if (subject !== undefined && !sources.has(subject)) sources.set(subject, addSubject(drawing, subject));
  const goal = goalOf(drawing, target);
  closeJoins(graph, goal);

  const search = new Search(graph, goal);
  const paths: Path[] = [];
  const shown = new Map<string, number>();
  let builtin = 0;
  for (const [text, node] of [...sources].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (node === goal) continue;
    const added = pathsFrom(search, node, false, question.withGrants);
    if (added.length > 0) shown.set(text, node);
    const found = added.length > 0 ? added : pathsFrom(search, node, true, question.withGrants);
    if (added.length === 0 && found.length > 0) builtin += 1;
    if (subject !== undefined && subject !== text) continue;
    if (added.length === 0 && question.builtin !== true) continue;
    for (const path of found) paths.push({ from: text, to: describeTarget(target), ...path, builtin: added.length === 0 });
  }
  const removable = question.withoutRemovals === true ? null : { graph, goal, sources: shown, search };
  const removals = removable === null ? [] : bestRemovals(removable);
  return {
    target: describeTarget(target),
    paths,
    builtin,
    sources: shown.size,
    removals,
    cut: removable === null ? null : smallestCut(removable, removals),
    gaps: world.gaps,
  };
}

function goalOf({ graph, everything }: Drawing, target: Target): number {
  if (target.kind === 'cluster-admin') return everything;
  return graph.node('state', target.kind === 'node' ? nodeState(target.name) : secretState(target.namespace, target.name));
}

/** Somebody whom no binding names has what the groups of everybody have. */
function addSubject({ graph }: Drawing, text: string): number {
  const node = graph.node('state', text);
  const [kind, ...rest] = text.split('/');
  const [namespace, name] = kind === 'ServiceAccount' ? [rest[0] ?? '', rest.slice(1).join('/')] : ['', rest.join('/')];
  if (kind === 'User' || kind === 'Group' || kind === 'ServiceAccount')
    for (const group of impliedGroups(kind, name, namespace)) {
      const known = graph.find('state', `Group/${group}`);
      if (known !== undefined) graph.edge(node, known);
    }
  return node;
}

interface Way {
  readonly certain: boolean;
  readonly edges: readonly number[];
}

function shortestWay(search: Search, source: number, builtin: boolean): Way | undefined {
  for (const certain of [true, false]) {
    const edges = search.wayFrom(source, { measure: 'hops', certain, builtin });
    if (edges !== undefined) return { certain, edges };
  }
  return undefined;
}

type FoundPath = Pick<Path, 'kind' | 'certain' | 'hops' | 'bindings'>;

/** The shortest path of a source, and the least privileged where that is another; certain ones where there are any. */
function pathsFrom(search: Search, source: number, builtin: boolean, withGrants = false): readonly FoundPath[] {
  const privilege = ({ edges }: Way) =>
    Math.floor(edges.reduce((sum, edge) => sum + costOfEdge(search.graph, edge, 'privilege'), 0) / unit);
  const shortest = shortestWay(search, source, builtin);
  if (shortest === undefined) return [];
  const { certain } = shortest;
  const edges = search.wayFrom(source, { measure: 'privilege', certain, builtin });
  const least = edges === undefined ? shortest : { certain, edges };
  const path = describePath(search, 'shortest', shortest, withGrants);
  return privilege(least) < privilege(shortest) ? [path, describePath(search, 'leastPrivileged', least, withGrants)] : [path];
}

function describePath(search: Search, kind: Path['kind'], { certain, edges }: Way, withGrants: boolean): FoundPath {
  return { kind, certain, hops: tell(search.graph, search, edges, certain, withGrants), bindings: bindingsOn(search, edges) };
}

function bindingsOn(search: Search, way: readonly number[]): readonly string[] {
  return [...new Set([...search.grantsOn(way)].flatMap((grant) => search.graph.grants.get(grant)?.binding.key ?? []))];
}
