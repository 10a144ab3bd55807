/**
 * Ways through a closed graph. Backwards from a target it finds for every node at once the first edge of its cheapest way, so that all
 * sources cost one search; forwards it finds one way, for what a join needs. Cycles only make ways dearer, so all of it ends.
 */
import type { Adjacency, Graph } from './graph.ts';

/** By which a way is cheapest: the number of hops, or the sum of what their techniques ask for. */
export type Measure = 'hops' | 'privilege';

export interface Ways {
  /** Cost by node; -1 where there is no way. */
  readonly cost: Int32Array;
  /** First edge by node; -1 at the target and where there is no way. */
  readonly next: Int32Array;
}

/** One step of a measure. What is left of a number decides between ways that are equal by it: certain before possible, then the other measure. */
export const unit = 1024;
const doubt = 64;

export function costOfEdge(graph: Graph, edge: number, measure: Measure): number {
  const technique = graph.abilities.get(graph.to[edge] as number)?.technique;
  const own = technique === undefined ? 0 : measure === 'hops' ? unit + 5 - technique.privilege : unit * technique.privilege + 1;
  return own + (graph.reason[edge] === 0 ? 0 : doubt) + (graph.joinCosts.get(edge)?.[measure] ?? 0);
}

/** `into`: the graph's edges by their end. Costs are small whole numbers, so buckets stand in for a heap. */
export function waysTo(graph: Graph, into: Adjacency, target: number, measure: Measure, certain: boolean): Ways {
  const cost = new Int32Array(graph.size).fill(-1);
  const next = new Int32Array(graph.size).fill(-1);
  const buckets: number[][] = [[target]];
  cost[target] = 0;
  const done = new Uint8Array(graph.size);
  for (let level = 0; level < buckets.length; level++) {
    const bucket = (buckets[level] ??= []);
    for (let node = bucket.pop(); node !== undefined; node = bucket.pop()) {
      if (done[node] === 1) continue;
      done[node] = 1;
      for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) {
        const edge = into.edges[i] as number;
        if (certain && graph.reason[edge] !== 0) continue;
        const from = graph.from[edge] as number;
        const through = level + costOfEdge(graph, edge, measure);
        const known = cost[from] as number;
        if (known !== -1 && known <= through) continue;
        cost[from] = through;
        next[from] = edge;
        (buckets[through] ??= []).push(from);
      }
    }
  }
  return { cost, next };
}

/**
 * What a state or a grant has without a hop: the way over its groups, a grant and a right that the wanted one follows from. Undefined when
 * there is none. Few nodes have to be looked at, so this is asked for every join.
 */
function ownWay(graph: Graph, { out, into }: Ends, from: number, to: number, before: number): readonly number[] | undefined {
  /** Rights that give the wanted one, with the edges on. */
  const wider = new Map<number, readonly number[]>([[to, []]]);
  for (const [node, on] of wider)
    if (graph.kindOf(node) === 'right')
      for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) {
        const edge = into.edges[i] as number;
        const right = graph.from[edge] as number;
        if (graph.kindOf(right) !== 'right') break;
        if (!wider.has(right)) wider.set(right, [edge, ...on]);
      }
  const look = (node: number, way: readonly number[]): readonly number[] | undefined => {
    if (node === to) return way;
    for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
      const edge = out.edges[i] as number;
      if (edge >= before || graph.reason[edge] !== 0) continue;
      const next = graph.to[edge] as number;
      const on = wider.get(next);
      if (on !== undefined && (graph.joinCosts.get(edge)?.hops ?? 0) === 0) return [...way, edge, ...on];
      const kind = graph.kindOf(next);
      if (kind !== 'grant' && !(kind === 'state' && graph.kindOf(node) === 'state')) continue;
      const found = look(next, [...way, edge]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return look(from, []);
}

/** Edges by their start and by their end. */
export interface Ends {
  readonly out: Adjacency;
  readonly into: Adjacency;
}

/** The edges of a way with the fewest hops, over edges with numbers below `before` only; undefined when there is none. */
export function cheapestWay(
  graph: Graph,
  ends: Ends,
  from: number,
  to: number,
  certain: boolean,
  before: number,
): readonly number[] | undefined {
  return ownWay(graph, ends, from, to, before) ?? cheapestWays(graph, ends.out, from, new Set([to]), certain, before).get(to);
}

/** The same to several ends at once. */
export function cheapestWays(
  graph: Graph,
  out: Adjacency,
  from: number,
  to: ReadonlySet<number>,
  certain: boolean,
  before: number,
): ReadonlyMap<number, readonly number[]> {
  const cost = new Map<number, number>([[from, 0]]);
  const last = new Map<number, number>();
  const buckets: number[][] = [[from]];
  const done = new Set<number>();
  const ways = new Map<number, readonly number[]>();
  for (let level = 0; level < buckets.length; level++) {
    const bucket = (buckets[level] ??= []);
    for (let node = bucket.pop(); node !== undefined; node = bucket.pop()) {
      if (done.has(node)) continue;
      done.add(node);
      if (to.has(node)) ways.set(node, backTo(graph, last, from, node));
      if (ways.size === to.size) return ways;
      for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
        const edge = out.edges[i] as number;
        if (edge >= before || (certain && graph.reason[edge] !== 0)) continue;
        const next = graph.to[edge] as number;
        const through = level + costOfEdge(graph, edge, 'hops');
        if ((cost.get(next) ?? Infinity) <= through) continue;
        cost.set(next, through);
        last.set(next, edge);
        (buckets[through] ??= []).push(next);
      }
    }
  }
  return ways;
}

function backTo(graph: Graph, last: ReadonlyMap<number, number>, from: number, to: number): readonly number[] {
  const edges: number[] = [];
  for (let node = to; node !== from; ) {
    const edge = last.get(node) as number;
    edges.push(edge);
    node = graph.from[edge] as number;
  }
  return edges.reverse();
}
