/**
 * Bindings with their roles resolved: which subject holds which role, and where. A role that is not found counts as missing only when all
 * roles could be read, and never where every API server has it and files leave it out: then it is unknown, and so is what another role
 * gathers from it. A binding that the API server would refuse (a role of a foreign group, a subject without a name) gives nothing.
 */
import type { Gap, ListingKind, PopulationInput, StoredObject } from '../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../model/index.ts';
import type { Manifests } from './aggregation.ts';
import { manifestsOf, materialise } from './aggregation.ts';
import { isInEveryCluster } from './bootstrap.ts';
import { nameOf } from './names.ts';
import type { Rights } from './powers.ts';
import { rightsOf } from './powers.ts';
import type { Rule } from './rules.ts';
import { readRules } from './rules.ts';
import type { Subject } from './subjects.ts';
import { readSubject } from './subjects.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

export const rbacListings: readonly ListingKind[] = [
  'k8s.rbac/roles',
  'k8s.rbac/clusterroles',
  'k8s.rbac/rolebindings',
  'k8s.rbac/clusterrolebindings',
];

/** What reading bindings needs of a population's input. */
export type RbacInput = Pick<PopulationInput, 'reader' | 'each' | 'listing'>;

export interface Role {
  /** `ClusterRole/view`, `Role/team-a/reader`. */
  readonly key: string;
  /** Id of the stored object. */
  readonly id: string;
  /** Those that are known. */
  readonly rules: readonly Rule[];
  /** What is not known of its rules: those that it gathers from default roles which files leave out. */
  readonly gaps: readonly Gap[];
  /** Its rules come from the cluster roles that its aggregationRule selects. */
  readonly aggregated: boolean;
  /** Of what somebody added to a default role: the rules beside it, whose own rights do not count. */
  readonly given?: readonly Rule[];
}

export interface RoleRef {
  /** Where the role holds. Empty: cluster-wide. */
  readonly namespace: string;
  readonly bindingKey: string;
  readonly roleKind: string;
  readonly roleKey: string;
}

/** A binding, and the role that it gives each of its subjects. */
export interface Binding {
  readonly object: StoredObject;
  /** `RoleBinding/team-a/devs`. */
  readonly key: string;
  /** Where the role holds. Empty: cluster-wide. */
  readonly namespace: string;
  readonly roleKey: string;
  readonly role: Role | undefined;
  /** The role is known not to exist. */
  readonly roleMissing: boolean;
  /** What it gives its subjects and is not known: of a role that was not read all, of one that is known in part the rest. */
  readonly gaps: readonly Gap[];
  /** Each once, in the order of the binding. */
  readonly subjects: readonly Subject[];
  /** Positions, from 1, of entries that no authorizer matches: no known kind, no name, a service account without a namespace. */
  readonly odd: readonly number[];
}

/** A role that a binding gives one subject. */
export interface Grant {
  readonly subject: Subject;
  readonly binding: Binding;
}

/** A manifest without a namespace goes where kubectl's context points: `default`, when nobody says otherwise. */
function namespaceOf({ type, namespace }: StoredObject): string {
  return type.startsWith('Cluster') ? '' : namespace || 'default';
}

/** Every role by its key. Roles are held in memory: they are few, and bindings refer to them in any order. */
export function readRoles(input: RbacInput): ReadonlyMap<string, Role> {
  return new Map(Array.from(eachRole(input), ([, role]) => [role.key, role]));
}

/** Every role with its object; files can hold several of one key. */
export function* eachRole(input: RbacInput): Iterable<readonly [StoredObject, Role]> {
  const objects = [...input.each('k8s.rbac/clusterroles', 'k8s.rbac/roles')];
  const manifests = input.reader.scope === 'files' ? manifestsOf(objects.filter((object) => object.type === 'ClusterRole')) : null;
  for (const object of objects) {
    // Of a manifest, the others decide as well.
    const role = (manifests === null ? heldRoles.get(object) : undefined) ?? readRole(object, manifests);
    heldRoles.set(object, role);
    yield [object, role];
  }
}

/** Whoever reads one snapshot after the other gives the same objects again, and so has the same roles and bindings. */
const heldRoles = new WeakMap<StoredObject, Role>();
const heldBindings = new WeakMap<StoredObject, Binding>();

function readRole(object: StoredObject, manifests: Manifests | null): Role {
  const key = nameOf(object.type, namespaceOf(object), object.name);
  const { rules, unread } = materialise(object, manifests);
  return {
    key,
    id: object.id,
    rules: readRules(rules),
    gaps: unread.length === 0 ? nothing : [ungathered(key, unread)],
    aggregated: isObject(at(object.body, 'aggregationRule')),
  };
}

const nothing: readonly Gap[] = [];
/** Roles that a gap names: a selector can find all that there are. */
const named = 5;

function ungathered(key: string, from: readonly string[]): Gap {
  const more = from.length - named;
  return {
    reason: 'absent',
    what: `rules that ${key} gathers from ${from.slice(0, named).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    closedBy: 'add the roles that it gathers to the files, as the API server has them',
  };
}

export function roleRefOf(binding: StoredObject): RoleRef {
  const { type, name, body } = binding;
  const namespace = namespaceOf(binding);
  const roleKind = textAt(body, 'roleRef', 'kind') ?? '';
  const roleKey = nameOf(roleKind, roleKind === 'Role' ? namespace : '', textAt(body, 'roleRef', 'name') ?? '');
  return { namespace, bindingKey: nameOf(type, namespace, name), roleKind, roleKey };
}

/** A cluster role binding cannot refer to a Role; an empty group is defaulted to RBAC's. */
function canRefer({ type, body }: StoredObject, roleKind: string): boolean {
  const group = textAt(body, 'roleRef', 'apiGroup') ?? '';
  return (group === '' || group === rbacGroup) && (roleKind === 'ClusterRole' || (roleKind === 'Role' && type === 'RoleBinding'));
}

/** Cluster role bindings first, in the order of their names. Of the very same objects, the very same bindings. */
export function* readBindings(input: RbacInput): Iterable<Binding> {
  const roles = readRoles(input);
  const complete = (kind: ListingKind) => {
    const listing = input.listing(kind);
    return listing !== undefined && isComplete(listing);
  };
  const known: Readonly<Record<string, boolean>> = {
    ClusterRole: complete('k8s.rbac/clusterroles'),
    Role: complete('k8s.rbac/roles'),
  };
  for (const object of input.each('k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings')) {
    const held = heldBindings.get(object);
    // Which role it names, and whether it may, follows from the object.
    if (held?.role !== undefined && roles.get(held.roleKey) === held.role) {
      yield held;
      continue;
    }
    const binding = readBinding(object, roles, (roleKind, roleKey) => {
      if (!known[roleKind]) return 'list all roles and cluster roles';
      return input.reader.scope === 'files' && isInEveryCluster(roleKey) ? 'add the role to the files, as the API server has it' : null;
    });
    heldBindings.set(object, binding);
    yield binding;
  }
}

/** `closing`: how to come to know a role that was not found; null when it is known not to exist. */
function readBinding(
  object: StoredObject,
  roles: ReadonlyMap<string, Role>,
  closing: (roleKind: string, roleKey: string) => string | null,
): Binding {
  const { namespace, bindingKey, roleKind, roleKey } = roleRefOf(object);
  const refers = canRefer(object, roleKind);
  const role = refers ? roles.get(roleKey) : undefined;
  const closedBy = role === undefined && refers ? closing(roleKind, roleKey) : null;
  const unread: readonly Gap[] =
    closedBy === null ? (role?.gaps ?? nothing) : [{ reason: 'absent', what: `rules of ${roleKey}`, closedBy }];
  const subjects = new Map<string, Subject>();
  const odd: number[] = [];
  for (const [index, entry] of listAt(object.body, 'subjects').entries()) {
    const subject = readSubject(entry, namespace);
    if (subject === undefined) odd.push(index + 1);
    else if (!subjects.has(subject.text)) subjects.set(subject.text, subject);
  }
  return {
    object,
    key: bindingKey,
    namespace,
    roleKey,
    role,
    roleMissing: role === undefined && closedBy === null,
    // What nobody is given need not be known.
    gaps: subjects.size === 0 ? nothing : unread,
    subjects: [...subjects.values()],
    odd,
  };
}

/** Every (binding, subject) once; a subject that a binding lists twice holds the role once. Entries that match nobody become gaps. */
export function* readGrants(input: RbacInput & Pick<PopulationInput, 'gap'>): Iterable<Grant> {
  for (const binding of readBindings(input)) {
    const { type, name } = binding.object;
    for (const position of binding.odd)
      input.gap({ reason: 'error', what: `subject ${position} of ${type} ${name}`, detail: 'it has no known kind, name or namespace' });
    for (const subject of binding.subjects) yield { subject, binding };
  }
}

const rights = { cluster: new WeakMap<Role, Rights>(), namespace: new WeakMap<Role, Rights>() };
const noRights = rightsOf([], true);

/** The dangerous rights that a binding gives where it holds. */
export function rightsThrough({ role, namespace }: Binding): Rights {
  if (role === undefined) return noRights;
  const known = namespace === '' ? rights.cluster : rights.namespace;
  const found = known.get(role) ?? rightsOf(role.rules, namespace === '', role.given);
  known.set(role, found);
  return found;
}
