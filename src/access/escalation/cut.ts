/**
 * The fewest bindings that leave no path which somebody added a grant for: a minimum cut (Menger, by Dinic's flow), every binding weighing
 * one and everything else without limit. It is the minimum where every technique on the paths needs one right; where some need several
 * it is a cut that really cuts, with no binding in it that could stay, and says that it may not be the smallest.
 */
import type { Graph } from './graph.ts';
import { closeJoins } from './joins.ts';
import type { Removable, Removal } from './removals.ts';
import { scarcestPremises } from './premises.ts';
import { relevantPart } from './relevant.ts';
import { Search } from './search.ts';

export interface Cut {
  /** `RoleBinding/ns/name`, sorted. */
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
  const part = { graph: relevantPart(graph, removable.search, goal, sources.values()), goal, sources };
  const bare = reached(part, new Set(added));
  const cuttable = [...sources.values()].filter((source) => !bare.has(source));
  const single = removals.find(({ cuts: all }) => all === sources.size);
  if (single !== undefined) return { bindings: [single.binding], cuts: single.cuts, keep: 0, minimum: true };
  const network = new Network(graph, goal, cuttable);
  const cut = network.cut();
  const grants = network.joined ? leaner(part, completed(part, cut, cuttable), cuttable) : cut;
  return {
    bindings: [...grants].map((grant) => graph.grants.get(grant)?.binding.key ?? '').sort(),
    cuts: cuttable.length,
    keep: sources.size - cuttable.length,
    minimum: !network.joined,
  };
}

type Part = Omit<Removable, 'search'>;

/** The sources that still have a way, by whatever grant. */
function reached({ graph, goal, sources }: Part, without: ReadonlySet<number>): ReadonlySet<number> {
  const rest = graph.without(without);
  closeJoins(rest, goal, true);
  const search = new Search(rest, goal);
  return new Set(
    [...sources.values()].filter((source) => search.wayFrom(source, { measure: 'hops', certain: false, builtin: true }) !== undefined),
  );
}

function cuts(removable: Part, grants: ReadonlySet<number>, cuttable: readonly number[]): boolean {
  const still = reached(removable, grants);
  return !cuttable.some((source) => still.has(source));
}

/** A cut that is surely one: while somebody has a way left, the first added grant of each such way goes, too. */
function completed({ graph, goal }: Part, cut: ReadonlySet<number>, cuttable: readonly number[]): ReadonlySet<number> {
  const grants = new Set(cut);
  for (;;) {
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
function leaner(removable: Part, cut: ReadonlySet<number>, cuttable: readonly number[]): ReadonlySet<number> {
  if (cut.size > mostTries) return cut;
  const grants = new Set(cut);
  for (const grant of cut) {
    grants.delete(grant);
    if (!cuts(removable, grants, cuttable)) grants.add(grant);
  }
  return grants;
}

/** A flow network over the graph: bindings are split in two with one unit between; a join is had through its scarcest premise. */
class Network {
  /** Some way leads over a join. */
  joined = false;
  readonly #graph: Graph;
  readonly #source: number;
  readonly #sink: number;
  readonly #heads: number[][] = [];
  readonly #to: number[] = [];
  readonly #room: number[] = [];

  constructor(graph: Graph, goal: number, sources: readonly number[]) {
    this.#graph = graph;
    this.#source = 2 * graph.size;
    this.#sink = 2 * goal;
    const leads = this.#leadsTo(goal);
    for (let node = 0; node < graph.size; node++)
      if (leads.has(node)) this.#add(2 * node, 2 * node + 1, graph.grants.get(node)?.builtin === false ? 1 : unlimited);
    for (let edge = 0; edge < graph.from.length; edge++) {
      const [from, to] = [graph.from[edge] as number, graph.to[edge] as number];
      if (leads.has(to) && leads.has(from) && !graph.joinCosts.has(edge)) this.#add(2 * from + 1, 2 * to, unlimited);
    }
    for (const [join, premise] of scarcestPremises(graph)) {
      if (!leads.has(join)) continue;
      this.joined = true;
      this.#add(2 * premise + 1, 2 * join, unlimited);
    }
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

  /** Nodes with some way to the goal; of a join, all its premises count. */
  #leadsTo(goal: number): ReadonlySet<number> {
    const into = new Map<number, number[]>();
    const note = (to: number, from: number) => {
      const list = into.get(to);
      if (list === undefined) into.set(to, [from]);
      else list.push(from);
    };
    for (let edge = 0; edge < this.#graph.from.length; edge++)
      if (!this.#graph.joinCosts.has(edge)) note(this.#graph.to[edge] as number, this.#graph.from[edge] as number);
    const had = new Set<number>();
    for (const edge of this.#graph.joinCosts.keys()) had.add(this.#graph.to[edge] as number);
    // A join that nobody has is on no way.
    for (const join of had) for (const premise of this.#graph.joins.get(join)?.premises ?? []) note(join, premise);
    const found = new Set([goal]);
    for (const node of found)
      for (const from of into.get(node) ?? []) if (this.#graph.kindOf(from) !== 'join' || had.has(from)) found.add(from);
    return found;
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
