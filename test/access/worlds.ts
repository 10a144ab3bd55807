/**
 * Random RBAC worlds that a real API server accepts, and requests near what they grant: the odd corners of the authorizer come up often
 * (wildcards, subresources, names, dangling references, users called like service accounts). Every name of a world carries `prefix`, so
 * that worlds do not meet on one server.
 */
import * as fc from 'fast-check';
import type { AccessRequest } from '../../src/access/index.ts';
import type { JsonObject } from '../../src/model/index.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;

export interface WorldRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

interface Subject {
  readonly kind: 'User' | 'Group' | 'ServiceAccount';
  readonly name: string;
  /** Of an account: 0, 1, or -1 for none written. */
  readonly place: number;
}

interface Binding {
  /** 0, 1, or -1: a ClusterRoleBinding. */
  readonly place: number;
  /** Index of a cluster role, or one of the names below. */
  readonly role: number | string;
  /** Refers to a Role of its namespace instead. */
  readonly local: boolean;
  readonly subjects: readonly Subject[];
}

/** Names without their prefix; places are indexes of the two namespaces. */
export interface World {
  readonly clusterRoles: readonly { readonly rules: readonly WorldRule[]; readonly aggregates: boolean }[];
  readonly roles: readonly { readonly place: number; readonly rules: readonly WorldRule[] }[];
  readonly bindings: readonly Binding[];
}

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'use', 'impersonate', '*', 'ge*', 'bind'];
const groups = ['', 'apps', 'batch', 'example.com', '*', group];
const resources = [
  'pods',
  'pods/log',
  'pods/exec',
  'pods/*',
  '*/log',
  '*/scale',
  '*/*',
  '*',
  'deployments',
  'deployments/scale',
  'secrets',
  'namespaces',
  'namespaces/finalize',
  'nodes',
  'widgets',
];
const names = ['a', 'b', 'a*', '*', ''];
const urls = ['/healthz', '/healthz/*', '/healthz*', '/metrics', '*', '/api/*', '/a**', '/', '/openapi/v2*', '/*/x'];

const some = <T>(values: readonly T[], most = 3) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: most });
const resourceRule: fc.Arbitrary<WorldRule> = fc.record({
  verbs: some(verbs),
  apiGroups: some(groups, 2),
  resources: some(resources),
  resourceNames: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(names, 2) }),
});
const urlRule: fc.Arbitrary<WorldRule> = fc.record({ verbs: some(verbs, 2), nonResourceURLs: some(urls, 2) });

const userNames = ['alice', 'bob', 'Ünï/cødé', 'a b', 'system:serviceaccount:@0:bot', 'system:serviceaccount:@1:bot', 'system:node:n'];
const groupNames = ['dev', 'ops', 'oidc:a/b', 'system:serviceaccounts:@0', 'system:nodes'];
const subject: fc.Arbitrary<Subject> = fc.oneof(
  fc.record({ kind: fc.constant('User' as const), name: fc.constantFrom(...userNames), place: fc.constant(-1) }),
  fc.record({ kind: fc.constant('Group' as const), name: fc.constantFrom(...groupNames), place: fc.constant(-1) }),
  fc.record({ kind: fc.constant('ServiceAccount' as const), name: fc.constantFrom('bot', 'web'), place: fc.constantFrom(0, 1, -1) }),
);

/** `missing` dangles; `view` and the like are the API server's own. */
const otherRoles = ['missing', 'system:discovery', 'system:basic-user', 'system:node', 'cluster-admin'];
export const world: fc.Arbitrary<World> = fc.record({
  clusterRoles: fc.array(
    fc.record({
      rules: fc.array(fc.oneof({ weight: 3, arbitrary: resourceRule }, { weight: 1, arbitrary: urlRule }), { maxLength: 3 }),
      aggregates: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  roles: fc.array(fc.record({ place: fc.nat(1), rules: fc.array(resourceRule, { maxLength: 3 }) }), { maxLength: 4 }),
  bindings: fc.array(
    fc.record({
      place: fc.integer({ min: -1, max: 1 }),
      role: fc.oneof({ weight: 12, arbitrary: fc.nat(4) }, { weight: 2, arbitrary: fc.constantFrom(...otherRoles) }),
      local: fc.boolean(),
      subjects: fc.array(subject, { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 10 },
  ),
});

export const namespacesOf = (prefix: string) => [`${prefix}-0`, `${prefix}-1`] as const;

/** The API server's own names stay; all others get the prefix, so that no other world's binding reaches them. */
function named(prefix: string, name: string): string {
  if (name.includes('@')) return name.replace(/@(\d)/, (_all, place: string) => `${prefix}-${place}`);
  return name.startsWith('system:') ? `${name}:${prefix}` : `${prefix}${name}`;
}

interface Made {
  readonly namespaces: readonly JsonObject[];
  readonly roles: readonly JsonObject[];
  readonly bindings: readonly JsonObject[];
}

function subjectOf(prefix: string, { kind, name, place }: Subject, inNamespace: boolean): JsonObject {
  if (kind !== 'ServiceAccount') return { apiGroup: group, kind, name: named(prefix, name) };
  // A cluster role binding must name the account's namespace.
  const namespace = namespacesOf(prefix)[place] ?? (inNamespace ? undefined : namespacesOf(prefix)[0]);
  return { kind, name, ...(namespace !== undefined && { namespace }) };
}

/** The objects as one would write them. */
export function objectsOf(prefix: string, { clusterRoles, roles, bindings }: World): Made {
  const places = namespacesOf(prefix);
  const in_ = (place: number) => ({ namespace: places[place] ?? '' });
  const clusterRoleName = (role: number | string) =>
    typeof role === 'string' ? (role === 'missing' ? `${prefix}-missing` : role) : `${prefix}-c${role}`;
  return {
    namespaces: places.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    roles: [
      ...clusterRoles.map(({ rules, aggregates }, i) => ({
        apiVersion,
        kind: 'ClusterRole',
        metadata: { name: `${prefix}-c${i}`, labels: { world: prefix } },
        // No controller runs: what the selector would find is not in force.
        ...(aggregates && { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { world: prefix } }] } }),
        rules: rules as never,
      })),
      ...roles.map(({ place, rules }, i) => ({
        apiVersion,
        kind: 'Role',
        metadata: { name: `r${i}`, ...in_(place) },
        rules: rules as never,
      })),
    ],
    bindings: bindings.map(({ place, role, local, subjects }, i) => ({
      apiVersion,
      kind: place < 0 ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: place < 0 ? { name: `${prefix}-b${i}` } : { name: `b${i}`, ...in_(place) },
      roleRef:
        place >= 0 && local && typeof role === 'number'
          ? { apiGroup: group, kind: 'Role', name: `r${role}` }
          : { apiGroup: group, kind: 'ClusterRole', name: clusterRoleName(role) },
      subjects: subjects.map((each) => subjectOf(prefix, each, place >= 0)),
    })),
  };
}

/** Numbers that {@link requestNear} reads one after the other; they shrink towards the grant itself, unchanged. */
export const dice: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(9999), { minLength: 24, maxLength: 24 });

/** A request near one of the world's grants: one that it allows, with some of its parts changed. */
export function requestNear(prefix: string, made: World, numbers: readonly number[]): AccessRequest {
  let next = 0;
  const roll = (sides: number) => (numbers[next++ % numbers.length] ?? 0) % sides;
  const pick = <T>(values: readonly T[], otherwise: T): T => values[roll(Math.max(1, values.length))] ?? otherwise;
  const places = namespacesOf(prefix);
  const rulesOf = ({ role, local, place }: Binding) => {
    if (typeof role === 'string') return [];
    return (local && place >= 0 ? made.roles[role]?.rules : made.clusterRoles[role]?.rules) ?? [];
  };
  const useful = made.bindings.filter((each) => each.subjects.length > 0 && rulesOf(each).length > 0);
  const binding = pick(roll(6) === 5 ? made.bindings : useful, { place: -1, role: 0, local: false, subjects: [] });
  const subject = pick(binding.subjects, { kind: 'User', name: 'alice', place: -1 });
  const place = binding.place < 0 ? roll(3) : binding.place;
  const namespace = places[place] ?? '';
  const rule = pick(rulesOf(binding), { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: [] });

  /** Usually what stands there, with its wildcards filled in; one time in eight something else. */
  const near = (there: readonly string[] | undefined, others: readonly string[]) => {
    const found = there === undefined || there.length === 0 ? '' : pick(there, '');
    if (roll(8) === 7) return pick(others, '');
    if (found === '*' && roll(2) === 0) return pick(others, '');
    return found.startsWith('*/') && roll(3) > 0 ? `${pick(['pods', 'deployments', 'x'], 'x')}${found.slice(1)}` : found;
  };
  const user =
    subject.kind === 'ServiceAccount'
      ? `system:serviceaccount:${places[subject.place] ?? places[binding.place] ?? places[0]}:${subject.name}`
      : subject.kind === 'User'
        ? named(prefix, subject.name)
        : pick([`${prefix}nobody`, '', ...userNames.map((name) => named(prefix, name))], '');
  const wrong = roll(12) === 11;
  const extra = [0, 1].flatMap(() => (roll(6) === 5 ? [named(prefix, pick(groupNames, 'dev'))] : []));
  const everyone = roll(6) === 5 ? ['system:authenticated'] : [];
  const masters = roll(60) === 59 ? ['system:masters'] : [];
  const asked = {
    user: wrong ? named(prefix, pick(userNames, 'alice')) : user,
    groups: [...(subject.kind === 'Group' ? [named(prefix, subject.name)] : []), ...extra, ...everyone, ...masters],
  };
  const who = asked.user === '' && asked.groups.length === 0 ? { ...asked, user: `${prefix}nobody` } : asked;
  const verb = near(rule.verbs, verbs);
  if (rule.nonResourceURLs !== undefined || roll(25) === 24) {
    const url = near(rule.nonResourceURLs, urls);
    const path = url.endsWith('*') && roll(3) > 0 ? url.replace(/\*+$/, pick(['', 'x', '/x/y', 'pi'], '')) : url;
    return { ...who, nonResourceAttributes: { verb, path } };
  }
  const [resource = '', ...parts] = near(rule.resources, resources).split('/');
  const joined = roll(20) === 19;
  const attributes = {
    verb,
    group: near(rule.apiGroups, groups),
    resource: joined ? [resource, ...parts].join('/') : resource,
    subresource: joined ? '' : parts.join('/'),
    namespace: roll(8) === 7 ? pick(['', ...places, 'default'], '') : namespace,
    name: roll(4) === 3 ? pick([...names, 'x'], '') : near(rule.resourceNames, names),
  };
  // Absent is empty.
  const given =
    roll(2) === 0
      ? attributes
      : { ...Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== '')), verb, resource: attributes.resource };
  return { ...who, resourceAttributes: given };
}
