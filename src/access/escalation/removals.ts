/**
 * What to take away first: for single bindings, how many subjects lose their last path to the target. Exact for each binding that is
 * named. Only a binding on a subject's own path can cut that subject off, which bounds how many a binding can cut, so the search ends as
 * soon as no other can cut more.
 */
import type { Graph } from './graph.ts';
import { closeJoins } from './joins.ts';
import { scarcestPremises } from './premises.ts';
import { relevantPart } from './relevant.ts';
import { Search } from './search.ts';

export interface Removable {
  readonly graph: Graph;
  readonly goal: number;
  /** Subjects with a path that somebody added a grant for. */
  readonly sources: ReadonlyMap<string, number>;
  readonly search: Search;
}

export interface Removal {
  /** `ClusterRoleBinding/friday`; also `… (what was added to its role)`. */
  readonly binding: string;
  readonly role: string;
  /** How many subjects then have no path that somebody added a grant for. */
  readonly cuts: number;
  readonly of: number;
}

const wanted = 5;
/** Bindings that are tried; with more, those that could cut the most. */
const mostTries = 24;
/** Closing the joins anew takes time with the size of the graph: small ones may be closed often. */
const mostEdges = 1_000_000;

export function bestRemovals(removable: Removable): readonly Removal[] {
  const { graph, sources } = removable;
  const users = usersOf(removable);
  const byBound = [...users].sort(([a, usedBy], [b, also]) => also.length - usedBy.length || (graph.textOf(a) < graph.textOf(b) ? -1 : 1));
  const count = counter(removable);
  const found: Removal[] = [];
  for (const [grant, usedBy] of byBound.slice(0, mostTries)) {
    if (found.length >= wanted && (found[wanted - 1]?.cuts ?? 0) >= usedBy.length) break;
    const cuts = count(grant, usedBy);
    const binding = graph.grants.get(grant)?.binding;
    if (cuts === undefined || cuts === 0 || binding === undefined) continue;
    found.push({ binding: graph.textOf(grant), role: binding.roleKey, cuts, of: sources.size });
    found.sort((a, b) => b.cuts - a.cuts || (a.binding < b.binding ? -1 : 1));
  }
  return found.slice(0, wanted);
}

/** Added grants with the sources whose shortest path leads over them, but for those that another step of theirs surely saves. */
function usersOf({ graph, sources, search }: Removable): ReadonlyMap<number, readonly number[]> {
  const users = new Map<number, number[]>();
  const question = { measure: 'hops', certain: false, builtin: false } as const;
  for (const source of sources.values()) {
    const [first, ...others] = [...search.waysFrom(source, question)].map((way) => search.grantsOn(way));
    for (const grant of first ?? []) {
      if (graph.grants.get(grant)?.builtin !== false || others.some((grants) => !grants.has(grant))) continue;
      const known = users.get(grant);
      if (known === undefined) users.set(grant, [source]);
      else known.push(source);
    }
  }
  return users;
}

/** How many of the sources a grant's removal cuts. Most are decided without closing the joins anew; undefined when that was too often. */
function counter(removable: Removable): (grant: number, usedBy: readonly number[]) => number | undefined {
  let closings = Math.max(2, Math.floor(mostEdges / removable.graph.from.length));
  const { graph, goal, search } = removable;
  const loose = scarcestPremises(graph);
  const gathered = gatheredJoins(search);
  let part: Graph | undefined;
  return (grant, usedBy) => {
    const lost = leaningOn(graph, search, gathered, grant);
    // First as if the scarcest premise of a join were all of it, then as if nothing that leaned on the grant had another way.
    const most = reaching(removable, grant, lost, loose);
    const least = reaching(removable, grant, lost, null);
    const maybe = usedBy.filter((source) => search.starts(source, most, () => false));
    const undecided = maybe.filter((source) => !search.starts(source, least, (edge) => !lost.has(edge)));
    const cut = usedBy.length - maybe.length;
    if (undecided.length === 0) return cut;
    if (closings === 0) return undefined;
    closings -= 1;
    part ??= relevantPart(graph, search, goal, removable.sources.values());
    const rest = part.without(new Set([grant]));
    closeJoins(rest, goal, true);
    const without = new Search(rest, goal);
    return (
      cut + undecided.filter((source) => without.wayFrom(source, { measure: 'hops', certain: false, builtin: false }) === undefined).length
    );
  };
}

/** Grant → edges that close a join by rights gathered on the way over it. */
type GatheredJoins = ReadonlyMap<number, readonly number[]>;

function gatheredJoins(search: Search): GatheredJoins {
  const gathered = new Map<number, number[]>();
  for (const edge of search.gathered)
    for (const grant of search.grantsOn([edge])) {
      const edges = gathered.get(grant);
      if (edges === undefined) gathered.set(grant, [edge]);
      else edges.push(edge);
    }
  return gathered;
}

/** Edges that close a join by a way over the grant. */
function leaningOn(graph: Graph, search: Search, gathered: GatheredJoins, grant: number): ReadonlySet<number> {
  const leaning = new Set(gathered.get(grant));
  const { into, out } = search;
  // What one identity holds by itself leans on grants that it has.
  const holders = new Set([grant]);
  for (const node of holders)
    for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) {
      const from = graph.from[into.edges[i] as number] as number;
      if (graph.kindOf(from) === 'state') holders.add(from);
    }
  for (const node of holders)
    for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
      const edge = out.edges[i] as number;
      if (graph.joinCosts.get(edge)?.hops === 0 && search.grantsOn([edge]).has(grant)) leaning.add(edge);
    }
  return leaning;
}

/** Nodes with a way to the goal that leads neither over the grant nor over the edges that are lost; `loose`: joins are had by these premises. */
function reaching(
  { graph, goal, search: { into } }: Removable,
  grant: number,
  lost: ReadonlySet<number>,
  loose: ReadonlyMap<number, number> | null,
): Uint8Array {
  const found = new Uint8Array(graph.size);
  const queue = [goal];
  const add = (node: number) => {
    if (found[node] === 1 || node === grant) return;
    found[node] = 1;
    queue.push(node);
  };
  found[goal] = 1;
  for (const node of queue) {
    const premise = loose?.get(node);
    if (premise !== undefined) add(premise);
    for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) {
      const edge = into.edges[i] as number;
      if (loose === null ? !lost.has(edge) : !graph.joinCosts.has(edge)) add(graph.from[edge] as number);
    }
  }
  return found;
}
