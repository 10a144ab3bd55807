/**
 * The grants that every API server makes for itself (Kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy, as of 1.36), and the names of
 * its roles.
 * A grant counts as one of them only when binding, role and subject are all the expected ones: the label
 * `kubernetes.io/bootstrapping` is no proof, because whoever writes bindings can write it.
 */
import { isDefaultKey } from './default-roles.ts';

/** `binding|role|subject`, subjects that are components of the control plane; groups of everyone are left to the controls. */
const grants = new Set([
  'ClusterRoleBinding/cluster-admin|ClusterRole/cluster-admin|Group/system:masters',
  'ClusterRoleBinding/system:monitoring|ClusterRole/system:monitoring|Group/system:monitoring',
  'ClusterRoleBinding/system:node-proxier|ClusterRole/system:node-proxier|User/system:kube-proxy',
  'ClusterRoleBinding/system:kube-controller-manager|ClusterRole/system:kube-controller-manager|User/system:kube-controller-manager',
  'ClusterRoleBinding/system:kube-scheduler|ClusterRole/system:kube-scheduler|User/system:kube-scheduler',
  'ClusterRoleBinding/system:volume-scheduler|ClusterRole/system:volume-scheduler|User/system:kube-scheduler',
  'ClusterRoleBinding/system:kube-dns|ClusterRole/system:kube-dns|ServiceAccount/kube-system/kube-dns',
  ...['User/system:kube-controller-manager', 'User/system:kube-scheduler'].map(
    (user) =>
      `RoleBinding/kube-system/system::extension-apiserver-authentication-reader|Role/kube-system/extension-apiserver-authentication-reader|${user}`,
  ),
  ...['kube-controller-manager', 'kube-scheduler'].flatMap((name) =>
    [`User/system:${name}`, `ServiceAccount/kube-system/${name}`].map(
      (subject) => `RoleBinding/kube-system/system::leader-locking-${name}|Role/kube-system/system::leader-locking-${name}|${subject}`,
    ),
  ),
  'RoleBinding/kube-system/system::leader-locking-kube-controller-manager|Role/kube-system/system::leader-locking-kube-controller-manager|ServiceAccount/kube-system/leader-election-controller',
  ...['kube-system', 'kube-public'].map(
    (namespace) =>
      `RoleBinding/${namespace}/system:controller:bootstrap-signer|Role/${namespace}/system:controller:bootstrap-signer|ServiceAccount/kube-system/bootstrap-signer`,
  ),
  ...['cloud-provider', 'token-cleaner'].map(
    (name) =>
      `RoleBinding/kube-system/system:controller:${name}|Role/kube-system/system:controller:${name}|ServiceAccount/kube-system/${name}`,
  ),
]);

const grantingBindings = new Set(Array.from(grants, (grant) => grant.slice(0, grant.indexOf('|'))));

/** Whether the API server itself makes this grant to a component of the control plane. */
export function isBootstrapGrant(binding: string, role: string, subject: string): boolean {
  if (!binding.startsWith('ClusterRoleBinding/system:controller:') && !grantingBindings.has(binding)) return false;
  if (grants.has(`${binding}|${role}|${subject}`)) return true;
  const name = /^ClusterRoleBinding\/system:controller:(.+)$/.exec(binding)?.[1];
  return (
    name !== undefined &&
    role === `ClusterRole/system:controller:${name}` &&
    isDefaultKey(role) &&
    subject === `ServiceAccount/kube-system/${name}`
  );
}

/** Default ClusterRoles besides the controllers' that carry wildcards. */
const wildcardRoles = new Set(['cluster-admin', 'system:kubelet-api-admin', 'system:kube-controller-manager']);

/** Whether a ClusterRole of this name is among those that the API server makes anew at each start, whoever else wrote it. */
export function isDefaultRole(kind: string, name: string): boolean {
  return kind === 'ClusterRole' && isDefaultKey(`ClusterRole/${name}`);
}

/** Default ClusterRoles, by the name of the default one that gathers them by label. */
const gathered = new Map([
  ['system:aggregate-to-admin', 'admin'],
  ['edit', 'admin'],
  ['system:aggregate-to-edit', 'edit'],
  ['view', 'edit'],
  ['system:aggregate-to-view', 'view'],
]);

/** The labels that a ClusterRole of this name has in every cluster: the API server adds what is missing of them at each start. */
export function defaultLabels(name: string): Readonly<Record<string, string>> {
  if (!isDefaultRole('ClusterRole', name)) return {};
  const gatherer = gathered.get(name);
  return {
    'kubernetes.io/bootstrapping': 'rbac-defaults',
    ...(gatherer !== undefined && gatheredBy(gatherer)),
  };
}

function gatheredBy(name: string): Readonly<Record<string, string>> {
  return { [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' };
}

/** The default ClusterRoles that gather others, with the labels by which they do. */
export const defaultGatherers: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  Array.from(new Set(gathered.values()), (name) => [name, gatheredBy(name)]),
);

/** Also the Roles in its namespaces: each of them is in a grant. */
const grantedRoles = new Set(Array.from(grants, (grant) => grant.split('|')[1]));

/** Whether every API server has a role of this key (`ClusterRole/view`, `Role/kube-system/...`), whether or not anybody wrote it down. */
export function isInEveryCluster(roleKey: string): boolean {
  const clusterRole = /^ClusterRole\/(.+)$/.exec(roleKey)?.[1];
  return grantedRoles.has(roleKey) || (clusterRole !== undefined && isDefaultRole('ClusterRole', clusterRole));
}

/** Whether the API server itself makes a ClusterRole of this name, with the wildcards in it. */
export function isBootstrapRole(kind: string, name: string): boolean {
  if (kind !== 'ClusterRole') return false;
  return wildcardRoles.has(name) || (name.startsWith('system:controller:') && isDefaultKey(`ClusterRole/${name}`));
}
