/**
 * The graph of who can become what. Its nodes are states (what somebody controls: a subject, a pod, a node, a Secret, the cluster), and
 * between them grants, rights, joins and abilities, so that a right of 5,000 subjects over 10,000 pods costs 15,000 edges and not their
 * product. A hop leads from a state over one ability to the next state. Every edge means: who has the first has the second. A join is had
 * by whoever has all its premises; joins.ts finds those.
 */
import type { Technique } from '../../model/index.ts';
import type { Binding } from '../bindings.ts';
import type { RightMatch } from './rights.ts';

export type NodeKind = 'state' | 'grant' | 'right' | 'join' | 'ability' | 'choice';

export interface GrantNode {
  readonly binding: Binding;
  /** Made by the API server or the installer for a component of the control plane. */
  readonly builtin: boolean;
}

export interface JoinNode {
  readonly premises: readonly number[];
  /** One request asks for all premises, so one identity must hold them. */
  readonly together: boolean;
}

export interface AbilityNode {
  readonly technique: Technique;
  /** The namespace; empty where it is about none. */
  readonly namespace: string;
}

/** What it costs the first node of a join's edge to come to the premises that are not its own. */
export interface Cost {
  readonly hops: number;
  readonly privilege: number;
}

interface Nodes {
  readonly kinds: NodeKind[];
  readonly texts: string[];
  readonly byKey: Readonly<Record<NodeKind, Map<string, number>>>;
  readonly grants: Map<number, GrantNode>;
  readonly joins: Map<number, JoinNode>;
  readonly abilities: Map<number, AbilityNode>;
}

const noNodes = (): Nodes => ({
  kinds: [],
  texts: [],
  byKey: { state: new Map(), grant: new Map(), right: new Map(), join: new Map(), ability: new Map(), choice: new Map() },
  grants: new Map(),
  joins: new Map(),
  abilities: new Map(),
});

export class Graph {
  readonly #nodes: Nodes;
  from: number[] = [];
  to: number[] = [];
  /** Index into {@link reasons}; 0: certain. */
  reason: number[] = [];
  /** Why edges are only possible. */
  readonly reasons: string[] = [''];
  /** By edge, of those to a right: the rule that gives it. */
  matches: (RightMatch | undefined)[] = [];
  readonly joinCosts = new Map<number, Cost>();
  readonly #reasonNumbers = new Map<string, number>([['', 0]]);

  constructor(nodes: Nodes = noNodes()) {
    this.#nodes = nodes;
  }

  get size(): number {
    return this.#nodes.kinds.length;
  }
  get grants(): ReadonlyMap<number, GrantNode> {
    return this.#nodes.grants;
  }
  get joins(): ReadonlyMap<number, JoinNode> {
    return this.#nodes.joins;
  }
  get abilities(): ReadonlyMap<number, AbilityNode> {
    return this.#nodes.abilities;
  }

  kindOf(node: number): NodeKind {
    return this.#nodes.kinds[node] as NodeKind;
  }

  /** `User/alice`, `Node/worker-1`, `RoleBinding/ns/name`; of other nodes their key. */
  textOf(node: number): string {
    return this.#nodes.texts[node] as string;
  }

  find(kind: NodeKind, text: string): number | undefined {
    return this.#nodes.byKey[kind].get(text);
  }

  /** The node of this kind and text, made when it is not there. */
  node(kind: NodeKind, text: string): number {
    const byText = this.#nodes.byKey[kind];
    let node = byText.get(text);
    if (node === undefined) byText.set(text, (node = this.add(kind, text)));
    return node;
  }

  /** A new node, which only its maker finds again. */
  add(kind: NodeKind, text = ''): number {
    const { kinds, texts } = this.#nodes;
    texts.push(text);
    return kinds.push(kind) - 1;
  }

  grant(text: string, grant: GrantNode): number {
    const node = this.node('grant', text);
    this.#nodes.grants.set(node, grant);
    return node;
  }

  join(text: string, join: JoinNode): number {
    const node = this.node('join', text);
    this.#nodes.joins.set(node, join);
    return node;
  }

  /** `text`: to find it again by. */
  ability(ability: AbilityNode, text?: string): number {
    const node = text === undefined ? this.add('ability') : this.node('ability', text);
    this.#nodes.abilities.set(node, ability);
    return node;
  }

  /** Returns the edge's number. `reason`: why it is only possible; empty when it is certain. */
  edge(from: number, to: number, reason = '', match?: RightMatch): number {
    const number = reason === '' ? 0 : this.#numberOf(reason);
    const edge = this.from.length;
    this.from.push(from);
    this.to.push(to);
    this.reason.push(number);
    this.matches.push(match);
    return edge;
  }

  #numberOf(reason: string): number {
    let number = this.#reasonNumbers.get(reason);
    if (number === undefined) {
      number = this.reasons.push(reason) - 1;
      this.#reasonNumbers.set(reason, number);
    }
    return number;
  }

  /** Says that a node has all premises of a join. */
  close(from: number, join: number, reason: string, cost: Cost): void {
    this.joinCosts.set(this.edge(from, join, reason), cost);
  }

  /** The same nodes and edges, for more edges. */
  copy(): Graph {
    const copy = new Graph(this.#nodes);
    for (const [reason, number] of this.#reasonNumbers) copy.#reasonNumbers.set(reason, number);
    copy.reasons.splice(0, 1, ...this.reasons);
    for (const [edge, cost] of this.joinCosts) copy.joinCosts.set(edge, cost);
    [copy.from, copy.to, copy.reason, copy.matches] = [this.from.slice(), this.to.slice(), this.reason.slice(), this.matches.slice()];
    return copy;
  }

  /** What would be left if grants were taken away: the same nodes, joins not closed. */
  without(grants: ReadonlySet<number>): Graph {
    return this.only((from, to) => !grants.has(from) && !grants.has(to));
  }

  /** The same nodes with some of the edges, joins not closed. */
  only(stays: (from: number, to: number) => boolean): Graph {
    const rest = new Graph(this.#nodes);
    for (const [reason, number] of this.#reasonNumbers) rest.#reasonNumbers.set(reason, number);
    rest.reasons.splice(0, 1, ...this.reasons);
    for (let edge = 0; edge < this.from.length; edge++) {
      const [from, to] = [this.from[edge] as number, this.to[edge] as number];
      if (this.joinCosts.has(edge) || !stays(from, to)) continue;
      rest.matches.push(this.matches[edge]);
      rest.from.push(from);
      rest.to.push(to);
      rest.reason.push(this.reason[edge] as number);
    }
    return rest;
  }
}

/** Edges by one of their ends, in compressed rows: `edges[start[n] … start[n+1]-1]`, in the order in which they were added. */
export interface Adjacency {
  readonly start: Int32Array;
  readonly edges: Int32Array;
}

const known = { from: new WeakMap<Graph, Adjacency>(), to: new WeakMap<Graph, Adjacency>() };

/** The very same as long as the graph has no more nodes and edges: it never has fewer. */
export function adjacency(graph: Graph, end: 'from' | 'to'): Adjacency {
  let found = known[end].get(graph);
  if (found?.edges.length !== graph.from.length || found.start.length !== graph.size + 1)
    known[end].set(graph, (found = sortByEnd(graph, end)));
  return found;
}

function sortByEnd(graph: Graph, end: 'from' | 'to'): Adjacency {
  const ends = graph[end];
  const start = new Int32Array(graph.size + 1);
  for (let edge = 0; edge < ends.length; edge++) {
    const node = ends[edge] as number;
    start[node + 1] = (start[node + 1] as number) + 1;
  }
  for (let node = 0; node < graph.size; node++) start[node + 1] = (start[node + 1] as number) + (start[node] as number);
  const next = start.slice();
  const edges = new Int32Array(ends.length);
  for (let edge = 0; edge < ends.length; edge++) {
    const node = ends[edge] as number;
    const position = next[node] as number;
    edges[position] = edge;
    next[node] = position + 1;
  }
  return { start, edges };
}
