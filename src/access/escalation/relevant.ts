/**
 * The part of a graph that can decide whether given sources have a way to the goal, whatever grants are taken away: what they come to at
 * most, and from where something leads to the goal. Taking away is tried many times, on this part instead of on the whole.
 */
import type { Adjacency, Graph } from './graph.ts';

export function relevantPart(
  graph: Graph,
  { out, into }: { readonly out: Adjacency; readonly into: Adjacency },
  goal: number,
  sources: Iterable<number>,
): Graph {
  const [held, leading] = [heldBy(graph, out, goal, sources), leadingTo(graph, into, goal)];
  return graph.only((from, to) => held.has(from) && leading.has(from) && leading.has(to));
}

/**
 * All that the sources together could come to: of a join that is not closed too, as soon as one of them each has its premises. What they do
 * not come to even so, none of them comes to alone. Nobody has to go on from the goal. `without`: nodes that are taken away; `joins`: whether
 * what they gather counts.
 */
export function heldBy(
  graph: Graph,
  out: Adjacency,
  goal: number,
  sources: Iterable<number>,
  { without, joins = true }: { readonly without?: ReadonlySet<number>; readonly joins?: boolean } = {},
): ReadonlySet<number> {
  const joinsOf = new Map<number, number[]>();
  for (const [join, { premises }] of joins ? graph.joins : [])
    for (const premise of premises) {
      const list = joinsOf.get(premise);
      if (list === undefined) joinsOf.set(premise, [join]);
      else list.push(join);
    }
  const held = new Set(sources);
  for (const node of held) {
    if (node === goal) continue;
    for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
      const to = graph.to[out.edges[i] as number] as number;
      if (without?.has(to) !== true) held.add(to);
    }
    for (const join of joinsOf.get(node) ?? []) if (graph.joins.get(join)?.premises.every((premise) => held.has(premise))) held.add(join);
  }
  return held;
}

/** Nodes that a way to the goal may lead over, or that are premises of such. */
function leadingTo(graph: Graph, into: Adjacency, goal: number): ReadonlySet<number> {
  const leading = new Set([goal]);
  for (const node of leading) {
    for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++)
      leading.add(graph.from[into.edges[i] as number] as number);
    for (const premise of graph.joins.get(node)?.premises ?? []) leading.add(premise);
  }
  return leading;
}
