/**
 * Constrained impersonation (KEP-5284, on by default since Kubernetes 1.36): whoever may `impersonate:MODE` somebody acts as them, but only
 * in requests that he is granted once more under `impersonate-on:MODE:VERB`. What is gained is what the two have in common. Verbs that the
 * API server asks for on its own within a request (bind, escalate, approve) are asked of the impersonated one alone.
 */
import type { Over } from '../../model/index.ts';
import type { AccessIndex } from '../access-index.ts';
import type { Binding, Role } from '../bindings.ts';
import type { Plan, PlannedRight } from './plan.ts';
import type { RightMatch, RoleMatch } from './rights.ts';
import { fullRules, matchRole } from './rights.ts';
import { impliedGroups, mastersGroup } from './states.ts';

/** A right where it holds; empty scope: cluster-wide, empty name: every name. */
export interface Placed {
  readonly right: number;
  readonly scope: string;
  readonly name: string;
  readonly match: RightMatch;
}

/** What somebody is granted: a role, where, and by what. */
export interface Held {
  readonly role: Pick<Role, 'rules'>;
  readonly namespace: string;
  readonly by: string;
}

const askedWithin = new Set(['bind', 'escalate', 'approve']);

function isAskedWithin({ verbs, resources }: PlannedRight['need']): boolean {
  return verbs.every((verb) => askedWithin.has(verb)) || resources.every((resource) => resource.endsWith('/nodeclient'));
}

const everythingHeld: Held = { role: { rules: fullRules }, namespace: '', by: 'Group/system:masters' };

/** Where a match of a role that is bound in `namespace` gives a planned right. */
export function* placesOf(
  { free, named }: RoleMatch,
  { need, scope }: PlannedRight,
  namespace: string,
): Iterable<readonly [string, string, RightMatch]> {
  if (scope === 'cluster' && namespace !== '') return;
  const where = scope === 'anywhere' ? '' : namespace;
  if (free !== undefined) yield [where, '', free];
  for (const [name, match] of named) {
    if (need.names !== 'namespace') yield [where, name, match];
    else if (where === '' || where === name) yield [name, '', match];
  }
}

/** The narrower of two scopes or names; undefined when they have nothing in common. */
function narrower(a: string, b: string): string | undefined {
  if (a === '' || a === b) return b;
  return b === '' ? a : undefined;
}

/** The rights that `target` has and that requests as it are granted for by `binding`. */
export function* commonRights(plan: Plan, mode: string, binding: Binding, target: readonly Held[]): Iterable<Placed> {
  const { role } = binding;
  if (role === undefined) return;
  for (const [right, planned] of plan.rights.entries()) {
    const { need } = planned;
    if (need.verbs.some((verb) => verb.startsWith('impersonate'))) continue;
    const own = function* (verbs: readonly string[]): Iterable<readonly [string, string, RightMatch]> {
      for (const held of target)
        for (const [scope, name, match] of placesOf(matchRole(held.role, { ...need, verbs }), planned, held.namespace))
          yield [scope, name, { ...match, by: held.by }];
    };
    if (isAskedWithin(need)) {
      for (const [scope, name, match] of own(need.verbs)) yield { right, scope, name, match };
      continue;
    }
    for (const verb of need.verbs) {
      const on = [...placesOf(matchRole(role, { ...need, verbs: [`impersonate-on:${mode}:${verb}`] }), planned, binding.namespace)];
      if (on.length === 0) continue;
      for (const [ownScope, ownName, match] of own([verb]))
        for (const [onScope, onName] of on) {
          const scope = narrower(ownScope, onScope);
          const name = narrower(ownName, onName);
          if (scope !== undefined && name !== undefined) yield { right, scope, name, match };
        }
    }
  }
}

/** Whether some rule of the binding's role grants requests under impersonation of this mode. */
export function grantsOn(binding: Binding, mode: string): boolean {
  const prefix = `impersonate-on:${mode}:`;
  return binding.role?.rules.some(({ verbs }) => verbs.some((verb) => verb === '*' || verb.startsWith(prefix))) === true;
}

/** What somebody is granted, through the groups that an impersonation brings. */
export function heldBy(index: AccessIndex, over: Over, namespace: string, name: string): readonly Held[] {
  if (over === 'group' && name === mastersGroup) return [everythingHeld];
  const [user, groups] = identityOf(over, namespace, name);
  return index
    .grantsFor(user, groups)
    .flatMap(({ binding }) =>
      binding.role === undefined ? [] : [{ role: binding.role, namespace: binding.namespace, by: `${binding.key} → ${binding.roleKey}` }],
    );
}

function identityOf(over: Over, namespace: string, name: string): readonly [user: string, groups: readonly string[]] {
  switch (over) {
    case 'group':
      return ['', [name, ...impliedGroups('Group', name, '')]];
    case 'account':
      return [`system:serviceaccount:${namespace}:${name}`, impliedGroups('ServiceAccount', name, namespace)];
    case 'nodeIdentity':
      return [`system:node:${name}`, ['system:nodes', 'system:authenticated']];
    default:
      return [name, impliedGroups('User', name, '')];
  }
}
