/** A join's scarcest premise: whoever has the join has it, so it stands in for the join where more may be claimed than is had, but not less. */
import type { Graph } from './graph.ts';
import { adjacency } from './graph.ts';

/** Join → the premise that the fewest grants and abilities give. Joins that nobody can have, for want of a premise, are left out. */
export function scarcestPremises(graph: Graph): ReadonlyMap<number, number> {
  const into = adjacency(graph, 'to');
  const counts = new Map<number, number>();
  const count = (node: number): number => {
    const known = counts.get(node);
    if (known !== undefined) return known;
    counts.set(node, 0);
    let sum = 0;
    for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) {
      const edge = into.edges[i] as number;
      const from = graph.from[edge] as number;
      const kind = graph.kindOf(from);
      if (!graph.joinCosts.has(edge)) sum += kind === 'right' || kind === 'choice' || kind === 'join' ? count(from) : 1;
    }
    const premises = graph.joins.get(node)?.premises ?? [];
    if (premises.length > 0) sum = Math.min(...premises.map(count));
    counts.set(node, sum);
    return sum;
  };
  const scarcest = new Map<number, number>();
  for (const [join, { premises }] of graph.joins) {
    const [first] = premises.toSorted((a, b) => count(a) - count(b));
    if (first !== undefined && count(first) > 0) scarcest.set(join, first);
  }
  return scarcest;
}
