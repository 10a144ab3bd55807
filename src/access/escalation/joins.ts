/**
 * Closes the joins of a graph: finds who has all premises of each, so that afterwards every edge means the same and one search is enough.
 * First what one identity holds by its own grants and groups. Then, to a fixed point, what somebody gathers on the way (alice asks for the
 * certificate, an account whose token she can take approves it): only for nodes from which nothing simpler leads to the goal, so whether
 * there is a way is complete, and a way that has to gather is told where there is no other. Joins of one request are closed by the first
 * alone.
 */
import type { Adjacency, Cost, Graph, JoinNode } from './graph.ts';
import { adjacency } from './graph.ts';
import { condense } from './condense.ts';
import { cheapestWays, costOfEdge } from './ways.ts';

const free: Cost = { hops: 0, privilege: 0 };
const doubtful = 'one of the rights comes by a hop that is only possible';

/** `reachability`: only whether there is a way to the goal has to come out right, not what it costs or how sure it is: that is much less work. */
export function closeJoins(graph: Graph, goal: number, reachability = false): void {
  const joins = joinsBefore(graph, goal);
  if (joins.length === 0) return;
  closeOwn(graph, new Bits(graph, joins));
  const gathered = joins.filter((join) => graph.joins.get(join)?.together === false);
  if (gathered.length === 0) return;
  const bits = new Bits(graph, gathered);
  if (reachability) while (closeGathered(graph, bits, goal, false, true)) continue;
  else for (const certain of [true, false]) while (closeGathered(graph, bits, goal, certain)) continue;
}

/** Only those that one identity has by its own grants and groups. */
export function closeOwnJoins(graph: Graph, goal: number): void {
  const joins = joinsBefore(graph, goal);
  if (joins.length > 0) closeOwn(graph, new Bits(graph, joins));
}

/** Joins from which some way leads to the goal. */
function joinsBefore(graph: Graph, goal: number): readonly number[] {
  const into = adjacency(graph, 'to');
  const found = new Uint8Array(graph.size);
  const queue = [goal];
  const find = (node: number) => {
    if (found[node] === 1) return;
    found[node] = 1;
    queue.push(node);
  };
  found[goal] = 1;
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) find(graph.from[into.edges[i] as number] as number);
    if (graph.kindOf(node) === 'join') for (const premise of graph.joins.get(node)?.premises ?? []) find(premise);
  }
  return [...graph.joins.keys()].filter((join) => found[join] === 1);
}

const rowsInPiece = 256;

/**
 * Rows of bits over all joins at once: block i says for each join whether its premise i is had, the last block whether the join itself is. So
 * one look at a word decides for 32 joins, which makes the closing of thousands of joins over a large cluster a matter of a second.
 */
class Bits {
  readonly #joins: readonly number[];
  readonly #words: number;
  /** Premises of the join with the most. */
  readonly #most: number;
  /** Node → positions of bits that it sets. */
  readonly #positions = new Map<number, number[]>();
  #piece = new Uint32Array();
  /** Where the piece is free from. */
  #at = 0;

  constructor(graph: Graph, joins: readonly number[]) {
    this.#joins = joins;
    this.#words = Math.ceil(joins.length / 32);
    this.#most = Math.max(...joins.map((join) => graph.joins.get(join)?.premises.length ?? 0));
    const note = (node: number, block: number, join: number) => {
      const position = block * this.#words * 32 + join;
      const positions = this.#positions.get(node);
      if (positions === undefined) this.#positions.set(node, [position]);
      else positions.push(position);
    };
    for (const [number, join] of this.#joins.entries()) {
      const { premises } = graph.joins.get(join) as JoinNode;
      // A premise that a join does not have is had by everybody who has its first.
      for (let block = 0; block < this.#most; block++) note(premises[block] ?? (premises[0] as number), block, number);
      note(join, this.#most, number);
    }
  }

  /** Cut from larger pieces, because there are many and each piece is memory outside of the heap. */
  row(): Uint32Array {
    const length = (this.#most + 1) * this.#words;
    if (this.#at + length > this.#piece.length) {
      this.#piece = new Uint32Array(length * rowsInPiece);
      this.#at = 0;
    }
    this.#at += length;
    return this.#piece.subarray(this.#at - length, this.#at);
  }

  copy(row: Uint32Array): Uint32Array {
    const copy = this.row();
    copy.set(row);
    return copy;
  }

  /** Whether the node is a premise or a join. */
  isNumbered(node: number): boolean {
    return this.#positions.has(node);
  }

  set(row: Uint32Array, node: number): void {
    for (const position of this.#positions.get(node) ?? []) row[position >>> 5] = (row[position >>> 5] as number) | (1 << (position & 31));
  }

  add(row: Uint32Array, more: Uint32Array): void {
    for (let word = 0; word < row.length; word++) row[word] = (row[word] as number) | (more[word] as number);
  }

  /** Joins whose premises are all in the row, and which are not; sets them. */
  close(row: Uint32Array): readonly number[] {
    const closed: number[] = [];
    for (let word = 0; word < this.#words; word++) {
      let bits = ~(row[this.#most * this.#words + word] as number);
      for (let block = 0; block < this.#most && bits !== 0; block++) bits &= row[block * this.#words + word] as number;
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits);
        bits &= ~(1 << bit);
        const join = this.#joins[word * 32 + bit];
        if (join === undefined) continue;
        this.set(row, join);
        closed.push(join);
      }
    }
    return closed;
  }
}

/** What grants and groups give at once: nodes behind edges that cost no hop. */
function closeOwn(graph: Graph, bits: Bits): void {
  const out = adjacency(graph, 'from');
  const empty = bits.row();
  const rows: Uint32Array[] = [];
  const found: (readonly [number, number])[] = [];

  const rowOf = (node: number): Uint32Array => {
    const known = rows[node];
    if (known !== undefined) return known;
    rows[node] = empty;
    let row: Uint32Array | undefined;
    const inRow = () => (row ??= bits.row());
    if (bits.isNumbered(node)) bits.set(inRow(), node);
    for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
      const to = graph.to[out.edges[i] as number] as number;
      const kind = graph.kindOf(to);
      if (kind === 'ability' || kind === 'join' || (kind === 'state' && graph.kindOf(node) !== 'state')) continue;
      const more = rowOf(to);
      if (more !== empty) bits.add(inRow(), more);
    }
    if (row === undefined) return empty;
    rows[node] = row;
    const kind = graph.kindOf(node);
    if (kind !== 'state' && kind !== 'grant') return row;
    // A join may be a premise of the next.
    for (let closed = bits.close(row); closed.length > 0; closed = bits.close(row)) for (const join of closed) found.push([node, join]);
    return row;
  };
  for (let node = 0; node < graph.size; node++) if (graph.kindOf(node) === 'state') rowOf(node);
  for (const [node, join] of found) graph.close(node, join, '', free);
}

/** One pass over everything that each node leads to. Returns whether it closed a join. */
function closeGathered(graph: Graph, bits: Bits, goal: number, certain: boolean, reachability = false): boolean {
  const out = adjacency(graph, 'from');
  const { groupOf, groups } = condense(graph, out, certain);
  const rows: Uint32Array[] = [];
  const closed: (readonly [number, number])[] = [];
  const empty = bits.row();
  /** Stands for everything that leads to the goal already. */
  const arrived = bits.row();
  for (const members of groups) {
    // A row that only repeats what one successor has is that successor's: it has closed what there was to close.
    let row = empty;
    let own = false;
    const toOwn = () => {
      if (!own) row = bits.copy(row);
      own = true;
      return row;
    };
    for (const node of members) {
      if (node === goal) row = arrived;
      if (row === arrived) break;
      if (bits.isNumbered(node)) bits.set(toOwn(), node);
      for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
        const edge = out.edges[i] as number;
        if (certain && graph.reason[edge] !== 0) continue;
        const more = rows[groupOf[graph.to[edge] as number] as number];
        if (more === undefined || more === empty || more === row) continue;
        if (more === arrived) {
          row = arrived;
          break;
        }
        if (row === empty) row = more;
        else bits.add(toOwn(), more);
      }
    }
    rows.push(row);
    if (!own || row === arrived) continue;
    const node = members.find((each) => graph.kindOf(each) === 'state') ?? members.at(0) ?? goal;
    for (const join of bits.close(row)) closed.push([node, join]);
  }
  if (reachability) for (const [node, join] of closed) graph.close(node, join, '', free);
  else
    for (const [node, joins] of Map.groupBy(closed, ([node]) => node))
      closeAt(
        graph,
        out,
        node,
        joins.map(([, join]) => join),
        certain,
      );
  return closed.length > 0;
}

/** What the premises cost this node, each by its cheapest way. */
function closeAt(graph: Graph, out: Adjacency, node: number, joins: readonly number[], certain: boolean): void {
  const premises = new Set(joins.flatMap((join) => graph.joins.get(join)?.premises ?? []));
  const ways = cheapestWays(graph, out, node, premises, certain, Infinity);
  for (const join of joins) {
    let [hops, privilege] = [0, 0];
    for (const premise of graph.joins.get(join)?.premises ?? [])
      for (const edge of ways.get(premise) ?? []) {
        hops += costOfEdge(graph, edge, 'hops');
        privilege += costOfEdge(graph, edge, 'privilege');
      }
    graph.close(node, join, certain ? '' : doubtful, { hops, privilege });
  }
}
