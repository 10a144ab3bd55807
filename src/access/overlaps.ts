/**
 * Grants that give nothing of their own: all of what they give, their subject holds in the same place through other bindings anyway. Those
 * that are named can all be taken away together and nothing is lost; of two alike only one is named. And wildcard grants beside which the same
 * subject holds named rights: what is named tells to what the wildcard would narrow.
 */
import type { Binding, Grant, Role } from './bindings.ts';
import type { Rule } from './rules.ts';
import type { Subject } from './subjects.ts';
import { wildcardsOf } from './rules.ts';

export interface Overlap extends Grant {
  /** Bindings through which the subject holds all of it besides; empty when the grant gives something of its own. */
  readonly coveredBy: readonly Binding[];
  /** Wildcards of the role: `verbs *`. */
  readonly wildcards: readonly string[];
  /** For a grant with wildcards: other bindings of the subject, without wildcards, whose rights lie within it. */
  readonly narrowsTo: readonly Binding[];
}

/** Every grant, subject by subject, each with what overlaps it. */
export function* overlapsOf(grants: Iterable<Grant>): Iterable<Overlap> {
  const bySubject = new Map<string, Grant[]>();
  for (const grant of grants) {
    const known = bySubject.get(grant.subject.text);
    if (known === undefined) bySubject.set(grant.subject.text, [grant]);
    else known.push(grant);
  }
  for (const own of bySubject.values()) yield* heldOverlaps(own);
}

/** By the first of a subject's bindings: what follows from the very same bindings follows once. */
const held = new WeakMap<Subject, readonly Overlap[]>();

function heldOverlaps(grants: readonly Grant[]): readonly Overlap[] {
  const [first] = grants;
  if (first === undefined) return [];
  const known = held.get(first.subject);
  if (known?.length === grants.length && known.every(({ subject, binding }, place) => isGrant(grants[place], subject, binding)))
    return known;
  const overlaps = [...ofOneSubject(grants)];
  held.set(first.subject, overlaps);
  return overlaps;
}

function isGrant(grant: Grant | undefined, subject: Subject, binding: Binding): boolean {
  return grant?.subject === subject && grant.binding === binding;
}

function* ofOneSubject(grants: readonly Grant[]): Iterable<Overlap> {
  const kept = new Set(grants.map(({ binding }) => binding));
  const coveredBy = new Map<Binding, readonly Binding[]>();
  // Grants in one namespace go before those that hold everywhere, precise ones before wildcards, later names before earlier.
  const order = [...kept].reverse().sort((a, b) => breadth(a) - breadth(b));
  for (const binding of order) {
    if (binding.role === undefined || binding.role.rules.length === 0) continue;
    const others = [...kept].filter((other) => other !== binding && reaches(other, binding));
    const covering = coverOf(binding.role, others);
    if (covering === null) continue;
    kept.delete(binding);
    coveredBy.set(binding, covering);
  }
  for (const grant of grants) {
    const { binding } = grant;
    const wildcards = wildcardsOf(binding.role?.rules ?? []);
    const within = (other: Binding) =>
      other !== binding && reaches(binding, other) && isNamed(other) && other.role !== undefined && coverOf(other.role, [binding]) !== null;
    yield {
      ...grant,
      coveredBy: coveredBy.get(binding) ?? [],
      wildcards,
      narrowsTo: wildcards.length === 0 ? [] : grants.map((other) => other.binding).filter(within),
    };
  }
}

function breadth(binding: Binding): number {
  return (binding.namespace === '' ? 2 : 0) + (isNamed(binding) ? 0 : 1);
}

function isNamed({ role }: Binding): boolean {
  return role !== undefined && role.rules.length > 0 && wildcardsOf(role.rules).length === 0;
}

/** Whether the one holds wherever the other does. */
function reaches(wide: Binding, narrow: Binding): boolean {
  return wide.namespace === '' || wide.namespace === narrow.namespace;
}

/** The bindings that together give all that the role's rules give, each needed for something; null when they do not. */
function coverOf(role: Role, others: readonly Binding[]): readonly Binding[] | null {
  const needed = new Set<Binding>();
  for (const { role: same } of others) {
    // The same role again: nothing has to be compared.
    if (same === role) return [others.find((other) => other.role === role) as Binding];
  }
  // What is not known of it may be something of its own.
  if (role.gaps.length > 0) return null;
  for (const rule of role.rules) {
    for (const part of partsOf(rule)) {
      const giving = others.find((other) => other.role?.rules.some((wide) => covers(wide, part)));
      if (giving === undefined) return null;
      needed.add(giving);
    }
  }
  return [...needed];
}

/** Whether others give all that a rule does. */
export function isCovered(rule: Rule, others: readonly Rule[]): boolean {
  return partsOf(rule).every((part) => others.some((wide) => covers(wide, part)));
}

/** A rule as single rights: one verb on one resource of one group, under one name or all; one verb on one path. */
function* partsOf(rule: Rule): Generator<Rule> {
  const names = rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((name) => [name]);
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups)
      for (const resource of rule.resources)
        for (const resourceNames of names) yield { ...none, verbs: [verb], apiGroups: [group], resources: [resource], resourceNames };
    for (const url of rule.nonResourceURLs) yield { ...none, verbs: [verb], nonResourceURLs: [url] };
  }
}

const has = (wide: readonly string[], narrow: string) => wide.includes('*') || wide.includes(narrow);

/** Whether one rule gives all of a single right (Kubernetes component-helpers/auth/rbac/validation, ruleCovers). */
function covers(
  wide: Rule,
  { verbs: [verb = ''], apiGroups: [group], resources: [resource = ''], resourceNames, nonResourceURLs: [url] }: Rule,
): boolean {
  if (!has(wide.verbs, verb)) return false;
  if (url !== undefined)
    return wide.nonResourceURLs.some((each) => each === url || (each.endsWith('*') && url.startsWith(each.replace(/\*+$/, ''))));
  const slash = resource.indexOf('/');
  const everyParent = slash < 0 ? null : `*${resource.slice(slash)}`;
  return (
    group !== undefined &&
    has(wide.apiGroups, group) &&
    (has(wide.resources, resource) || (everyParent !== null && wide.resources.includes(everyParent))) &&
    (wide.resourceNames.length === 0 || (resourceNames[0] !== undefined && wide.resourceNames.includes(resourceNames[0])))
  );
}
