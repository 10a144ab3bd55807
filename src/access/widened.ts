/**
 * What somebody added to the roles that every API server makes for itself. Their names prove nothing: a server adds to them what is missing
 * and leaves what is there. So a grant is the server's own only as far as its role gives what Kubernetes gave it, and what goes beyond is
 * judged as if it were a grant of its own.
 */
import type { Binding, Role } from './bindings.ts';
import { isBootstrapGrant } from './bootstrap.ts';
import { defaultRulesOf } from './default-roles.ts';
import { isCovered } from './overlaps.ts';
import type { Rule } from './rules.ts';
import { describeRule } from './rules.ts';
import type { Subject } from './subjects.ts';

/** The rules of a default role in two parts, each rule in its place: where it is of the other part, one that gives nothing stands for it. */
export interface Widened {
  readonly given: Pick<Role, 'rules'>;
  readonly added: Pick<Role, 'rules'>;
}

const nothing: Rule = { verbs: [], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
type Rules = Pick<Role, 'key' | 'rules'>;
const known = new WeakMap<Rules, Widened | null>();

/** Null for a role that gives no more than Kubernetes gave it, and for one of which Kubernetes gives nothing to compare. */
export function widenedOf(role: Rules | undefined): Widened | null {
  if (role === undefined) return null;
  let found = known.get(role);
  if (found === undefined) known.set(role, (found = splitRules(role)));
  return found;
}

function splitRules({ key, rules }: Rules): Widened | null {
  const defaults = defaultRulesOf(key);
  if (defaults === undefined) return null;
  const isGiven = rules.map((rule) => isCovered(rule, defaults));
  if (isGiven.every(Boolean)) return null;
  const part = (given: boolean) => ({ rules: rules.map((rule, place) => (isGiven[place] === given ? rule : nothing)) });
  return { given: part(true), added: part(false) };
}

/** The rules that give more than Kubernetes gave the role, as text. Untrusted. */
export function beyondDefault(role: Rules | undefined): readonly string[] {
  return addedRules(role).map(describeRule);
}

export function addedRules(role: Rules | undefined): readonly Rule[] {
  return widenedOf(role)?.added.rules.filter((rule) => rule !== nothing) ?? none;
}

const none: readonly Rule[] = [];

/** Whether the API server makes this grant, and nobody is known to have added to its role. */
export function isBuiltin({ key, roleKey, role }: Binding, subject: Subject): boolean {
  return isBootstrapGrant(key, roleKey, subject.text) && widenedOf(role) === null;
}

const addedParts = new WeakMap<Binding, Binding>();

/**
 * What of a grant somebody made: all of it, or what was added to the role of one that the API server makes. Undefined when that is nothing. A
 * role that was not read may have been widened.
 */
export function addedPart(binding: Binding, subject: Subject): Binding | undefined {
  const { key, roleKey, role, gaps } = binding;
  if (isBuiltin(binding, subject)) return gaps.length > 0 ? binding : undefined;
  const widened = widenedOf(role);
  if (role === undefined || widened === null || !isBootstrapGrant(key, roleKey, subject.text)) return binding;
  let part = addedParts.get(binding);
  if (part === undefined) {
    part = { ...binding, role: { ...role, rules: addedRules(role), given: widened.given.rules } };
    addedParts.set(binding, part);
  }
  return part;
}
