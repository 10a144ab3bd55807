/**
 * Answers for every source of one graph and one goal: its cheapest ways, over certain edges or over all. A way counts for whoever it is
 * asked for only when its first grant is of the wanted sort, so that what the cluster is made with does not hide what people added.
 */
import type { Adjacency, Graph } from './graph.ts';
import { adjacency } from './graph.ts';
import type { Measure, Ways } from './ways.ts';
import { cheapestWay, costOfEdge, waysTo } from './ways.ts';

export interface WayQuestion {
  readonly measure: Measure;
  /** Only over edges that are certain. */
  readonly certain: boolean;
  /** Whether the first grant may be one that the cluster is made with. */
  readonly builtin: boolean;
}

/** A step from a state: to a group of its own, and so on, or to what is no subject and leads on. */
interface Step {
  readonly cost: number;
  readonly edge: number;
  readonly on: Step | null;
}

export class Search {
  readonly graph: Graph;
  readonly out: Adjacency;
  readonly #goal: number;
  readonly into: Adjacency;
  /** Edges that close a join by rights gathered on the way. */
  readonly gathered: readonly number[];
  readonly #ways = new Map<string, Ways>();
  readonly #starts = new Map<string, Map<number, Step | null>>();

  constructor(graph: Graph, goal: number) {
    this.graph = graph;
    this.#goal = goal;
    this.out = adjacency(graph, 'from');
    this.into = adjacency(graph, 'to');
    this.gathered = [...graph.joinCosts].filter(([, { hops }]) => hops > 0).map(([edge]) => edge);
  }

  /** The edges of the cheapest way, through the groups that the source is in; undefined when there is none. */
  wayFrom(source: number, question: WayQuestion): readonly number[] | undefined {
    const edges: number[] = [];
    for (let step = this.#startOf(source, question); step !== null; step = step.on) edges.push(step.edge);
    return edges.length === 0 ? undefined : this.#follow(edges, this.#waysBy(question).next);
  }

  /** The cheapest of its steps; the first of several. A group's is the same for all who are in it. */
  #startOf(source: number, question: WayQuestion): Step | null {
    const starts = this.#startsBy(question);
    const known = starts.get(source);
    if (known !== undefined) return known;
    const { cost } = this.#waysBy(question);
    let best: Step | null = null;
    for (let i = this.out.start[source] as number; i < (this.out.start[source + 1] as number); i++) {
      const edge = this.out.edges[i] as number;
      if (question.certain && this.graph.reason[edge] !== 0) continue;
      const to = this.graph.to[edge] as number;
      if (this.graph.kindOf(to) === 'state') {
        const on = this.#startOf(to, question);
        if (on !== null && (best === null || on.cost < best.cost)) best = { cost: on.cost, edge, on };
        continue;
      }
      const ahead = cost[to] as number;
      if (ahead === -1) continue;
      const all = costOfEdge(this.graph, edge, question.measure) + ahead;
      if ((best === null || all < best.cost) && (question.builtin || this.#isAdded(edge))) best = { cost: all, edge, on: null };
    }
    starts.set(source, best);
    return best;
  }

  /** The cheapest way by each first step that the source has. */
  *waysFrom(source: number, question: WayQuestion): Iterable<readonly number[]> {
    const { next } = this.#waysBy(question);
    for (const edges of this.#startsOf(source, question))
      if (question.builtin || this.#isAdded(edges.at(-1) as number)) yield this.#follow(edges, next);
  }

  /** Steps from the source, over groups, to what is no subject and leads on. */
  *#startsOf(source: number, question: WayQuestion, before: readonly number[] = []): Iterable<readonly number[]> {
    const { cost } = this.#waysBy(question);
    for (let i = this.out.start[source] as number; i < (this.out.start[source + 1] as number); i++) {
      const edge = this.out.edges[i] as number;
      if (question.certain && this.graph.reason[edge] !== 0) continue;
      const to = this.graph.to[edge] as number;
      if (this.graph.kindOf(to) === 'state') yield* this.#startsOf(to, question, [...before, edge]);
      else if (cost[to] !== -1) yield [...before, edge];
    }
  }

  #follow(start: readonly number[], next: Int32Array): readonly number[] {
    const edges = [...start];
    for (let node = this.graph.to[edges.at(-1) as number] as number; node !== this.#goal; ) {
      const edge = next[node] as number;
      edges.push(edge);
      node = this.graph.to[edge] as number;
    }
    return edges;
  }

  /**
   * Whether a way begins at the source whose first grant somebody added. `reaching`: nodes from which one goes on; `holds`: whether an edge
   * that closes a join may be taken.
   */
  starts(source: number, reaching: Uint8Array, holds: (edge: number) => boolean): boolean {
    for (let i = this.out.start[source] as number; i < (this.out.start[source + 1] as number); i++) {
      const edge = this.out.edges[i] as number;
      const to = this.graph.to[edge] as number;
      if (this.graph.joinCosts.has(edge) && !holds(edge)) continue;
      if (this.graph.kindOf(to) === 'state' ? this.starts(to, reaching, holds) : reaching[to] === 1 && this.#isAdded(edge)) return true;
    }
    return false;
  }

  /** Grants on a way, and on the ways to the premises of its joins. */
  grantsOn(way: readonly number[]): ReadonlySet<number> {
    const grants = new Set<number>();
    for (const edge of way) {
      const [from, to] = [this.graph.from[edge] as number, this.graph.to[edge] as number];
      for (const node of [from, to]) if (this.graph.grants.has(node)) grants.add(node);
      if (!this.graph.joinCosts.has(edge)) continue;
      for (const premise of this.graph.joins.get(to)?.premises ?? [])
        for (const each of this.grantsOn(cheapestWay(this.graph, this, from, premise, false, edge) ?? [])) grants.add(each);
    }
    return grants;
  }

  #startsBy({ measure, certain, builtin }: WayQuestion): Map<number, Step | null> {
    const key = `${measure} ${certain} ${builtin}`;
    let starts = this.#starts.get(key);
    if (starts === undefined) this.#starts.set(key, (starts = new Map()));
    return starts;
  }

  #waysBy({ measure, certain }: WayQuestion): Ways {
    const key = `${measure} ${certain}`;
    let ways = this.#ways.get(key);
    if (ways === undefined) this.#ways.set(key, (ways = waysTo(this.graph, this.into, this.#goal, measure, certain)));
    return ways;
  }

  /** An edge from a state that a grant of somebody's stands behind. Only `system:masters` needs none. */
  #isAdded(edge: number): boolean {
    const [from, to] = [this.graph.from[edge] as number, this.graph.to[edge] as number];
    const grant = this.graph.grants.get(to);
    if (grant !== undefined) return !grant.builtin;
    if (!this.graph.joinCosts.has(edge)) return !this.graph.textOf(from).startsWith('Group/');
    // What a component of the control plane gathers by its own rights is its own, whoever it gathers it from.
    return (this.graph.joins.get(to)?.premises ?? []).some((premise) => {
      const way = cheapestWay(this.graph, this, from, premise, false, edge) ?? [];
      const first = way.find((each) => this.graph.kindOf(this.graph.to[each] as number) !== 'state');
      return first !== undefined && this.#isAdded(first);
    });
  }
}
