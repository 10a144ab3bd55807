/**
 * The fewest bindings that leave no path which somebody added a grant for: a minimum cut (Menger, by Dinic's flow), every binding weighing
 * one and everything else without limit. It is the minimum where every technique on the paths needs one right; where some need several
 * it is a cut that really cuts, with no binding in it that could stay, and says that it may not be the smallest.
 */
import type { Adjacency, Graph } from './graph.ts';
import { adjacency } from './graph.ts';
import { closeJoins, closeOwnJoins } from './joins.ts';
import type { Removable, Removal } from './removals.ts';
import { scarcestPremises } from './premises.ts';
import { heldBy, relevantPart } from './relevant.ts';
import { Search } from './search.ts';

export interface Cut {
  /** `RoleBinding/ns/name`, sorted; also `… (what was added to its role)`. */
  readonly bindings: readonly string[];
  /** Subjects that it cuts off. */
  readonly cuts: number;
  /** Subjects that keep a path by what the cluster is made with. */
  readonly keep: number;
  /** Proven to be the smallest. */
  readonly minimum: boolean;
}

const unlimited = 1 << 30;
/** A cut of at most so many bindings is tried for one that could stay. */
const mostTries = 24;

/** `removals`: the best single ones; none is smaller than one that cuts all. */
export function smallestCut(removable: Removable, removals: readonly Removal[]): Cut | null {
  const { graph, goal, sources } = removable;
  if (sources.size === 0) return null;
  const added = [...graph.grants].filter(([, { builtin }]) => !builtin).map(([node]) => node);
  const single = removals.find(({ cuts: all }) => all === sources.size);
  if (single !== undefined) return { bindings: [single.binding], cuts: single.cuts, keep: 0, minimum: true };
  const relevant = relevantPart(graph, removable.search, goal, sources.values());
  const part = { graph: relevant, goal, out: adjacency(relevant, 'from') };
  const bare = reached(part, [...sources.values()], new Set(added));
  const cuttable = [...sources.values()].filter((source) => !bare.has(source));
  const fewest = new Network(part, cuttable).cut();
  const grants = cuts(part, fewest, cuttable) ? fewest : cutOfJoins(part, premisesOfHad(graph), cuttable);
  return {
    bindings: [...grants].map((grant) => graph.textOf(grant)).sort(),
    cuts: cuttable.length,
    keep: sources.size - cuttable.length,
    // No fewer leave no way without a join.
    minimum: grants.size === fewest.size,
  };
}

function cutOfJoins(part: Part, premises: ReadonlyMap<number, number>, cuttable: readonly number[]): ReadonlySet<number> {
  return leaner(part, completed(part, new Network(part, cuttable, premises).cut(), cuttable), cuttable);
}

/** What decides whether the sources have a way. */
interface Part {
  readonly graph: Graph;
  readonly goal: number;
  /** Edges by their start. */
  readonly out: Adjacency;
}

/** Of the sources those that still have a way, by whatever grant. */
function reached(part: Part, sources: readonly number[], without: ReadonlySet<number>): ReadonlySet<number> {
  const rest = restOf(part, sources, without);
  return rest === undefined ? new Set() : reachedIn(rest, part.goal, sources);
}

/** What the sources could still come to; undefined when the goal is not among it. */
function restOf({ graph, goal, out }: Part, sources: readonly number[], without: ReadonlySet<number>): Graph | undefined {
  const held = heldBy(graph, out, goal, sources, { without });
  return held.has(goal) ? graph.only((from, to) => held.has(from) && held.has(to)) : undefined;
}

function reachedIn(rest: Graph, goal: number, sources: readonly number[]): ReadonlySet<number> {
  closeJoins(rest, goal, true);
  const search = new Search(rest, goal);
  return new Set(sources.filter((source) => search.wayFrom(source, { measure: 'hops', certain: false, builtin: true }) !== undefined));
}

/** Most that do not cut leave a way that needs no join, or only such as one identity has. */
function cuts(part: Part, grants: ReadonlySet<number>, cuttable: readonly number[]): boolean {
  const { graph, goal, out } = part;
  if (heldBy(graph, out, goal, cuttable, { without: grants, joins: false }).has(goal)) return false;
  const rest = restOf(part, cuttable, grants);
  if (rest === undefined) return true;
  closeOwnJoins(rest, goal);
  if (heldBy(rest, adjacency(rest, 'from'), goal, cuttable, { joins: false }).has(goal)) return false;
  return reachedIn(rest, goal, cuttable).size === 0;
}

/** A cut that is surely one: while somebody has a way left, the first added grant of each such way goes, too. */
function completed(part: Part, cut: ReadonlySet<number>, cuttable: readonly number[]): ReadonlySet<number> {
  const { graph, goal } = part;
  const grants = new Set(cut);
  for (;;) {
    if (cuts(part, grants, cuttable)) return grants;
    const rest = graph.without(grants);
    closeJoins(rest, goal);
    const search = new Search(rest, goal);
    const before = grants.size;
    for (const source of cuttable)
      for (const grant of search.grantsOn(search.wayFrom(source, { measure: 'hops', certain: false, builtin: true }) ?? []))
        if (rest.grants.get(grant)?.builtin === false) {
          grants.add(grant);
          break;
        }
    if (grants.size === before) return grants;
  }
}

/** Leaves out what is not needed, one by one. */
function leaner(part: Part, cut: ReadonlySet<number>, cuttable: readonly number[]): ReadonlySet<number> {
  if (cut.size > mostTries) return cut;
  const grants = new Set(cut);
  for (const grant of cut) {
    grants.delete(grant);
    if (!cuts(part, grants, cuttable)) grants.add(grant);
  }
  return grants;
}

/** The scarcest premise of each join that somebody has. */
function premisesOfHad(graph: Graph): ReadonlyMap<number, number> {
  const scarcest = scarcestPremises(graph);
  const had = new Map<number, number>();
  for (const edge of graph.joinCosts.keys()) {
    const join = graph.to[edge] as number;
    const premise = scarcest.get(join);
    if (premise !== undefined) had.set(join, premise);
  }
  return had;
}

/** A flow network over the graph: bindings are split in two with one unit between; a join is had through its scarcest premise. */
class Network {
  readonly #graph: Graph;
  readonly #source: number;
  readonly #sink: number;
  readonly #heads: number[][] = [];
  readonly #to: number[] = [];
  readonly #room: number[] = [];

  /** `premises`: of joins, what stands in for each; without them, the network has only ways over no join. */
  constructor({ graph, goal }: Part, sources: readonly number[], premises: ReadonlyMap<number, number> = new Map()) {
    this.#graph = graph;
    this.#source = 2 * graph.size;
    this.#sink = 2 * goal;
    const nodes = new Set(sources);
    for (let edge = 0; edge < graph.from.length; edge++) {
      const [from, to] = [graph.from[edge] as number, graph.to[edge] as number];
      nodes.add(from).add(to);
      this.#add(2 * from + 1, 2 * to, unlimited);
    }
    for (const [join, premise] of premises) if (nodes.has(join)) this.#add(2 * premise + 1, 2 * join, unlimited);
    for (const node of nodes) this.#add(2 * node, 2 * node + 1, graph.grants.get(node)?.builtin === false ? 1 : unlimited);
    for (const source of sources) this.#add(this.#source, 2 * source, unlimited);
  }

  /** Grants that the smallest cut goes through. */
  cut(): ReadonlySet<number> {
    for (let levels = this.#levels(); levels[this.#sink] !== -1; levels = this.#levels()) this.#push(levels);
    const near = this.#levels();
    const grants = new Set<number>();
    for (const [node, { builtin }] of this.#graph.grants)
      if (!builtin && near[2 * node] !== -1 && near[2 * node + 1] === -1) grants.add(node);
    return grants;
  }

  #add(from: number, to: number, room: number): void {
    (this.#heads[from] ??= []).push(this.#to.length);
    this.#to.push(to);
    this.#room.push(room);
    (this.#heads[to] ??= []).push(this.#to.length);
    this.#to.push(from);
    this.#room.push(0);
  }

  #levels(): Int32Array {
    const levels = new Int32Array(2 * this.#graph.size + 1).fill(-1);
    levels[this.#source] = 0;
    const queue = [this.#source];
    for (const node of queue)
      for (const arc of this.#heads[node] ?? []) {
        const to = this.#to[arc] as number;
        if ((this.#room[arc] as number) <= 0 || levels[to] !== -1) continue;
        levels[to] = (levels[node] as number) + 1;
        queue.push(to);
      }
    return levels;
  }

  /** A blocking flow along the levels, without recursion. */
  #push(levels: Int32Array): void {
    const position = new Int32Array(levels.length);
    const path: number[] = [];
    let node = this.#source;
    for (;;) {
      if (node === this.#sink) {
        const amount = Math.min(...path.map((arc) => this.#room[arc] as number));
        for (const arc of path) {
          this.#room[arc] = (this.#room[arc] as number) - amount;
          this.#room[arc ^ 1] = (this.#room[arc ^ 1] as number) + amount;
        }
        path.length = 0;
        node = this.#source;
        continue;
      }
      const arcs = this.#heads[node] ?? [];
      const at = position[node] as number;
      const arc = arcs[at];
      if (arc === undefined) {
        const last = path.pop();
        if (last === undefined) return;
        node = this.#to[last ^ 1] as number;
        position[node] = (position[node] as number) + 1;
        continue;
      }
      const to = this.#to[arc] as number;
      if ((this.#room[arc] as number) > 0 && levels[to] === (levels[node] as number) + 1) {
        path.push(arc);
        node = to;
      } else position[node] = at + 1;
    }
  }
}
