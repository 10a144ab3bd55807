/** Tells a way through the graph as hops: each with its technique, the rights it takes, and the binding, role and rule that give each. */
import { describeRule } from '../rules.ts';
import type { Graph } from './graph.ts';
import type { Ends } from './ways.ts';
import { cheapestWay } from './ways.ts';

export interface Hop {
  /** Id of the technique. */
  readonly technique: string;
  /** `User/alice`, `ServiceAccount/ns/name`, `Pod/ns/name`, `Node/name`, `Secret/ns/name`, `cluster-admin`. Untrusted text, as all of it. */
  readonly from: string;
  readonly to: string;
  /** `create pods in clinic`; several joined by `; `; empty where it takes none. */
  readonly right: string;
  /** `binding → role → rule`; several joined by `; `. Where it takes no right: what makes it so. */
  readonly through: string;
  /** False where no evidence decides the condition of the technique. */
  readonly certain: boolean;
  /** Why it is only possible. */
  readonly because?: string;
  /** What gives its rights, one by one; only when asked for. */
  readonly grants?: readonly HopGrant[];
}

/** `through` in its parts, for those that compare. */
export interface HopGrant {
  /** Whom the binding names. */
  readonly subject: string;
  /** Empty for a role that was bound on the way. */
  readonly binding: string;
  readonly role: string;
  /** As {@link describeRule} says it; empty where it is enough to hold the role. */
  readonly rule: string;
}

interface Telling {
  readonly hops: Hop[];
  /** The state whose turn it is. */
  at: string;
  rights: string[];
  throughs: string[];
  reasons: string[];
  /** The last grant or role, and the group that it came through. */
  holder: string;
  holding: Omit<HopGrant, 'rule'> | undefined;
  grants: HopGrant[];
  readonly withGrants: boolean;
}

/** `way`: edges from a state to a state. `ends`: the graph's edges. */
export function tell(graph: Graph, ends: Ends, way: readonly number[], certain: boolean, withGrants = false): readonly Hop[] {
  const [first] = way;
  if (first === undefined) return [];
  const at = graph.textOf(graph.from[first] as number);
  const telling: Telling = { hops: [], at, rights: [], throughs: [], reasons: [], holder: '', holding: undefined, grants: [], withGrants };
  walk(graph, ends, way, certain, telling);
  return telling.hops;
}

function walk(graph: Graph, ends: Ends, way: readonly number[], certain: boolean, telling: Telling): void {
  let technique: { readonly id: string; readonly title: string; readonly namespace: string } | undefined;
  for (const edge of way) {
    const [from, to] = [graph.from[edge] as number, graph.to[edge] as number];
    const reason = graph.reasons[graph.reason[edge] as number] ?? '';
    if (reason !== '' && !graph.joinCosts.has(edge)) telling.reasons.push(reason);
    if (graph.kindOf(from) === 'state') {
      const [state, role] = [graph.textOf(from), roleOf(graph.textOf(from))];
      telling.holder = role;
      telling.holding = role === state ? undefined : { subject: '', binding: '', role };
    }
    switch (graph.kindOf(to)) {
      case 'grant':
        telling.holder = throughOf(graph, from, to, telling.at);
        telling.holding = holdingOf(graph, from, to);
        break;
      case 'right':
        addRight(graph, edge, telling);
        break;
      case 'choice':
        if (technique === undefined && graph.textOf(to).startsWith('holds ')) {
          telling.rights.push(graph.textOf(to).replace(/ in $/, ''));
          telling.throughs.push(telling.holder);
          addGrant(telling, '');
        }
        break;
      case 'join':
        if (graph.joinCosts.has(edge)) gather(graph, ends, edge, certain, telling);
        break;
      case 'ability': {
        const ability = graph.abilities.get(to);
        if (ability !== undefined) technique = { id: ability.technique.id, title: ability.technique.title, namespace: ability.namespace };
        break;
      }
      case 'state':
        if (technique === undefined) break;
        pushHop(telling, technique, graph.textOf(to));
        technique = undefined;
    }
  }
}

/** The premises of a join in turn: ways that take hops come first, then what each gives. */
function gather(graph: Graph, ends: Ends, edge: number, certain: boolean, telling: Telling): void {
  const [node, join] = [graph.from[edge] as number, graph.to[edge] as number];
  const { at, holder, holding } = telling;
  const rights: string[] = [];
  const throughs: string[] = [];
  const reasons = [...telling.reasons];
  const grants: HopGrant[] = [];
  for (const premise of graph.joins.get(join)?.premises ?? []) {
    Object.assign(telling, { at, holder, holding, rights: [], throughs: [], reasons: [], grants: [] });
    walk(graph, ends, cheapestWay(graph, ends, node, premise, certain, edge) ?? [], certain, telling);
    const as = telling.at === at ? '' : ` as ${telling.at}`;
    rights.push(...telling.rights.map((right) => `${right}${as}`));
    throughs.push(...telling.throughs);
    reasons.push(...telling.reasons);
    grants.push(...telling.grants);
  }
  Object.assign(telling, { at, holder, holding, rights, throughs, reasons, grants });
}

function addRight(graph: Graph, edge: number, telling: Telling): void {
  const match = graph.matches[edge];
  // From a wider right to a narrower one.
  if (match === undefined) return;
  telling.rights.push(match.text);
  const { role } = graph.grants.get(graph.from[edge] as number)?.binding ?? {};
  const rule = role?.rules[match.rule];
  addGrant(telling, rule === undefined ? '' : describeRule(rule));
  telling.throughs.push(
    `${match.by === undefined ? telling.holder : `${telling.holder} → ${match.by}`} → rule ${match.rule + 1}${rule === undefined ? '' : `: ${describeRule(rule)}`}`,
  );
}

function addGrant({ withGrants, holding, grants }: Telling, rule: string): void {
  if (withGrants && holding !== undefined) grants.push({ ...holding, rule });
}

function holdingOf(graph: Graph, from: number, grant: number): Telling['holding'] {
  const binding = graph.grants.get(grant)?.binding;
  return binding === undefined ? undefined : { subject: graph.textOf(from), binding: binding.key, role: binding.roleKey };
}

/** A role that was bound on the way: `ClusterRole/edit in clinic` gives what ClusterRole/edit says. */
function roleOf(state: string): string {
  return /^(Cluster)?Role\//.test(state) ? state.replace(/ in [^ ]+$/, '') : state;
}

function throughOf(graph: Graph, from: number, grant: number, at: string): string {
  const binding = graph.grants.get(grant)?.binding;
  const subject = graph.textOf(from);
  const chain = binding === undefined ? '' : `${binding.key} → ${binding.roleKey}`;
  return subject === at ? chain : `${subject} → ${chain}`;
}

function pushHop(
  telling: Telling,
  technique: { readonly id: string; readonly title: string; readonly namespace: string },
  to: string,
): void {
  const { at, rights, throughs, reasons, grants, withGrants } = telling;
  const place = technique.namespace === '' ? '' : ` in ${technique.namespace}`;
  telling.hops.push({
    technique: technique.id,
    from: at,
    to,
    right: [...new Set(rights)].join('; ') + (rights.length === 0 ? '' : place),
    through: throughs.length === 0 ? technique.title : [...new Set(throughs)].join('; '),
    certain: reasons.length === 0,
    ...(reasons.length === 0 ? {} : { because: [...new Set(reasons)].join('; ') }),
    ...(withGrants ? { grants } : {}),
  });
  Object.assign(telling, { at: to, rights: [], throughs: [], reasons: [], holder: '', holding: undefined, grants: [] });
}
