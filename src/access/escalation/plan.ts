/** Techniques as the graph is drawn by: each right that any of them needs once, and for each technique what has to come together. */
import type { Need, Over, RightNeed, Technique } from '../../model/index.ts';
import { isRight } from './technique.ts';
import type { Role } from '../bindings.ts';
import type { RoleMatch } from './rights.ts';
import { rightKey } from './rights.ts';

export interface PlannedRight {
  readonly need: RightNeed;
  /** Where a grant must hold for it: cluster-wide, in a namespace, or wherever. */
  readonly scope: 'cluster' | 'namespace' | 'anywhere';
  readonly variants: Set<Variant>;
}

/** Whose name a rule with resourceNames must name; empty where it need not be that of one thing. */
export type Named = '' | 'object' | 'role';

export type Premise =
  | { readonly right: number; readonly named: Named }
  | { readonly together: readonly { readonly right: number; readonly named: Named }[] }
  | { readonly controls: 'object' | 'anyNode' | 'everything' }
  | { readonly holds: 'object' };

/** A technique, or the part of it for one kind of workload. */
export interface Variant {
  readonly index: number;
  readonly technique: Technique;
  readonly premises: readonly Premise[];
  /** About something in a namespace, so that a cluster-wide right counts in each. */
  readonly spread: boolean;
  /** Of a technique over workloads: `deployments.apps`. */
  readonly workload: string;
  /** Of a technique over bindings: the kind of role that they refer to. */
  readonly roleKind: string;
}

export interface Plan {
  readonly rights: readonly PlannedRight[];
  readonly variants: readonly Variant[];
  /** The rights that a role gives, by their numbers; filled by who asks. */
  readonly matches: WeakMap<Pick<Role, 'rules'>, readonly (readonly [right: number, match: RoleMatch])[]>;
}

const inNamespaces: ReadonlySet<Over> = new Set<Over>([
  'namespace',
  'pod',
  'workload',
  'account',
  'missingAccount',
  'secret',
  'clusterRoleInNamespace',
  'role',
  'roleBinding',
]);

const plans = new WeakMap<readonly Technique[], Plan>();

/** The very same plan for the very same techniques. */
export function planTechniques(techniques: readonly Technique[]): Plan {
  let plan = plans.get(techniques);
  if (plan === undefined) plans.set(techniques, (plan = makePlan(techniques)));
  return plan;
}

function makePlan(techniques: readonly Technique[]): Plan {
  const rights: PlannedRight[] = [];
  const numbers = new Map<string, number>();
  const variants: Variant[] = [];

  const planRight = (need: RightNeed, spread: boolean, users: Set<Variant>[]) => {
    const scope = need.scope ?? (spread ? 'namespace' : 'cluster');
    const key = `${scope} ${rightKey(need)}`;
    let right = numbers.get(key);
    if (right === undefined) {
      right = rights.length;
      numbers.set(key, right);
      rights.push({ need, scope, variants: new Set() });
    }
    users.push((rights[right] as PlannedRight).variants);
    return { right, named: need.names === 'object' || need.names === 'role' ? need.names : ('' as const) };
  };

  for (const technique of techniques) {
    const spread = inNamespaces.has(technique.over);
    for (const workload of technique.over === 'workload' ? workloadsOf(technique.needs) : ['']) {
      const users: Set<Variant>[] = [];
      const only = (need: RightNeed): RightNeed => (workload === '' || need.names !== 'object' ? need : { ...need, resources: [workload] });
      const premises = technique.needs.map((need): Premise => {
        if (isRight(need)) return planRight(only(need), spread, users);
        if ('together' in need) return { together: need.together.map((each) => planRight(only(each), spread, users)) };
        return need;
      });
      const variant = { index: variants.length, technique, premises, spread, workload, roleKind: roleKindOf(technique.needs) };
      variants.push(variant);
      for (const set of users) set.add(variant);
    }
  }
  return { rights, variants, matches: new WeakMap() };
}

function roleKindOf(needs: readonly Need[]): string {
  const rights = needs.flatMap((need) => (isRight(need) ? [need] : 'together' in need ? need.together : []));
  const resource = rights.find(({ names }) => names === 'role')?.resources[0] ?? '';
  return resource.startsWith('clusterroles.') ? 'ClusterRole' : 'Role';
}

function workloadsOf(needs: readonly Need[]): readonly string[] {
  return [...new Set(needs.flatMap((need) => (isRight(need) && need.names === 'object' ? need.resources : [])))];
}
