/** Groups nodes that lead to each other (Tarjan's strongly connected components), each group after all that it leads to. No recursion. */
import type { Adjacency, Graph } from './graph.ts';

export interface Condensation {
  readonly groupOf: Int32Array;
  readonly groups: readonly (readonly number[])[];
}

/** `certain`: only over edges that are certain. Nodes without any edge are in no group. */
export function condense(graph: Graph, out: Adjacency, certain: boolean): Condensation {
  const size = graph.size;
  const groupOf = new Int32Array(size).fill(-1);
  const order = new Int32Array(size).fill(-1);
  const touched = new Uint8Array(size);
  for (const node of graph.to) touched[node] = 1;
  const low = new Int32Array(size);
  const position = out.start.slice(0, size);
  const stack: number[] = [];
  const path: number[] = [];
  const groups: number[][] = [];
  let count = 0;
  const enter = (node: number) => {
    order[node] = low[node] = count++;
    stack.push(node);
    path.push(node);
  };
  for (let root = 0; root < size; root++) {
    if (order[root] !== -1 || (touched[root] === 0 && out.start[root] === out.start[root + 1])) continue;
    enter(root);
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const at = position[node] as number;
      if (at < (out.start[node + 1] as number)) {
        position[node] = at + 1;
        const edge = out.edges[at] as number;
        if (certain && graph.reason[edge] !== 0) continue;
        const to = graph.to[edge] as number;
        if (order[to] === -1) enter(to);
        else if (groupOf[to] === -1) low[node] = Math.min(low[node] as number, order[to] as number);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[node] as number);
      if (low[node] !== order[node]) continue;
      const members: number[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        groupOf[member] = groups.length;
        members.push(member);
        if (member === node) break;
      }
      groups.push(members);
    }
  }
  return { groupOf, groups };
}
