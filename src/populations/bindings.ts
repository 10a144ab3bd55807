/**
 * Bindings with their roles resolved: which subject holds which role, where, and what that role allows there. A role that is not found
 * counts as missing only when all roles could be read.
 */
import type { Gap, Json, ListingKind, PopulationInput, StoredObject } from '../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../model/index.ts';
import { nameOf } from './identity.ts';
import type { Rights, Rule } from './rules.ts';
import { readRules, rightsOf } from './rules.ts';
import type { Subject } from './subjects.ts';
import { readSubject } from './subjects.ts';

export const rbacListings: readonly ListingKind[] = [
  'k8s.rbac/roles',
  'k8s.rbac/clusterroles',
  'k8s.rbac/rolebindings',
  'k8s.rbac/clusterrolebindings',
];

export interface Role {
  /** `ClusterRole/view`, `Role/team-a/reader`. */
  readonly key: string;
  /** Id of the stored object. */
  readonly id: string;
  readonly rules: readonly Rule[];
}

export interface Grant {
  readonly binding: StoredObject;
  /** `RoleBinding/team-a/devs`. */
  readonly bindingKey: string;
  readonly subject: Subject;
  readonly roleKey: string;
  readonly role: Role | undefined;
  /** The role is known not to exist. */
  readonly roleMissing: boolean;
  /** Empty: cluster-wide. */
  readonly namespace: string;
  readonly rights: Rights;
  readonly gaps: readonly Gap[];
}

/** Rules of an aggregated ClusterRole: as materialised; in files also those of the roles that its selectors find, as no controller ran. */
function aggregatedRules(object: StoredObject, candidates: readonly StoredObject[]): readonly Json[] {
  const selectors = listAt(object.body, 'aggregationRule', 'clusterRoleSelectors');
  const own = listAt(object.body, 'rules');
  if (selectors.length === 0) return own;
  const found = candidates.filter(
    (other) => other !== object && selectors.some((selector) => selects(selector, at(other.body, 'metadata', 'labels'))),
  );
  return [...own, ...found.flatMap((other) => listAt(other.body, 'rules'))];
}

/** A label selector (meta/v1 LabelSelector) on an object's labels. An empty selector selects everything. */
export function selects(selector: Json, labels: unknown): boolean {
  const valueOf = (key: string) => (isObject(labels) && Object.hasOwn(labels, key) ? labels[key] : undefined);
  const match = at(selector, 'matchLabels');
  if (isObject(match) && !Object.entries(match).every(([key, value]) => valueOf(key) === value)) return false;
  return listAt(selector, 'matchExpressions').every((expression) => {
    const value = valueOf(textAt(expression, 'key') ?? '');
    const values = listAt(expression, 'values');
    switch (textAt(expression, 'operator')) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}

/** Every role by its key. Roles are held in memory: they are few, and bindings refer to them in any order. */
export function readRoles(input: PopulationInput): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>();
  const objects = [...input.each('k8s.rbac/roles', 'k8s.rbac/clusterroles')];
  const clusterRoles = input.reader.scope === 'files' ? objects.filter((object) => object.type === 'ClusterRole') : [];
  for (const object of objects) {
    const key = nameOf(object.type, object.type === 'ClusterRole' ? '' : object.namespace, object.name);
    const rules = readRules(clusterRoles.length === 0 ? listAt(object.body, 'rules') : aggregatedRules(object, clusterRoles));
    roles.set(key, { key, id: object.id, rules });
  }
  return roles;
}

export interface RoleRef {
  /** Where the role holds. Empty: cluster-wide. */
  readonly namespace: string;
  readonly bindingKey: string;
  readonly roleKind: string;
  readonly roleKey: string;
}

export function roleRefOf({ type, namespace: inside, name, body }: StoredObject): RoleRef {
  const namespace = type === 'ClusterRoleBinding' ? '' : inside;
  const roleKind = textAt(body, 'roleRef', 'kind') ?? '';
  const roleKey = nameOf(roleKind, roleKind === 'Role' ? namespace : '', textAt(body, 'roleRef', 'name') ?? '');
  return { namespace, bindingKey: nameOf(type, namespace, name), roleKind, roleKey };
}

const noRights = rightsOf([], true);

/** Every (binding, subject) once; a subject that a binding lists twice holds the role once. */
export function* readGrants(input: PopulationInput): Iterable<Grant> {
  const roles = readRoles(input);
  const complete = (kind: ListingKind) => {
    const listing = input.listing(kind);
    return listing !== undefined && isComplete(listing);
  };
  const known: Readonly<Record<string, boolean>> = {
    ClusterRole: complete('k8s.rbac/clusterroles'),
    Role: complete('k8s.rbac/roles'),
  };
  const rights = new Map<string, Rights>();
  const rightsIn = (role: Role, clusterWide: boolean) => {
    const key = `${clusterWide ? 'cluster' : 'namespace'} ${role.key}`;
    const found = rights.get(key) ?? rightsOf(role.rules, clusterWide);
    rights.set(key, found);
    return found;
  };
  for (const binding of input.each('k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings')) {
    const { namespace, bindingKey, roleKind, roleKey } = roleRefOf(binding);
    const role = roles.get(roleKey);
    const resolved = role !== undefined;
    const gaps: readonly Gap[] =
      resolved || (known[roleKind] ?? true)
        ? []
        : [{ reason: 'absent', what: `rules of ${roleKey}`, closedBy: 'list all roles and cluster roles' }];
    const seen = new Set<string>();
    for (const [index, entry] of listAt(binding.body, 'subjects').entries()) {
      const subject = readSubject(entry, namespace);
      if (subject === undefined) {
        input.gap({
          reason: 'error',
          what: `subject ${index + 1} of ${binding.type} ${binding.name}`,
          detail: 'it has no known kind, name or namespace',
        });
        continue;
      }
      if (seen.has(subject.text)) continue;
      seen.add(subject.text);
      yield {
        binding,
        bindingKey,
        subject,
        roleKey,
        role,
        roleMissing: !resolved && gaps.length === 0,
        namespace,
        rights: role === undefined ? noRights : rightsIn(role, namespace === ''),
        gaps,
      };
    }
  }
}
