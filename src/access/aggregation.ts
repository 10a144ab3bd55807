/**
 * Aggregated ClusterRoles. What the API server holds is read as it holds it: the rules that the controller wrote. Manifests that no
 * controller has seen get the rules that it would write: its own and those of all roles that its selectors find, theirs included. Default
 * roles of the API server are found by the labels that they have in every cluster; what they give is unknown where files leave them out.
 */
import type { Json, StoredObject } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';
import { defaultLabels } from './bootstrap.ts';
import { defaultClusterRoles } from './default-roles.ts';

/** The ClusterRoles that a controller would find once files are applied. */
export interface Manifests {
  readonly roles: readonly StoredObject[];
  /** Names of default roles that no file holds. */
  readonly leftOut: readonly string[];
}

export interface Materialised {
  readonly rules: readonly Json[];
  /** Names of default roles whose rules belong to these and are not known. In order. */
  readonly unread: readonly string[];
}

export function manifestsOf(roles: readonly StoredObject[]): Manifests {
  const names = new Set(roles.map(({ name }) => name));
  return { roles, leftOut: defaultClusterRoles().filter((name) => !names.has(name)) };
}

/** The rules of a role. `manifests`: null where a controller runs. */
export function materialise(object: StoredObject, manifests: Manifests | null): Materialised {
  const rules: Json[] = [];
  const unread = new Set<string>();
  const seen = new Set<StoredObject>();
  const gather = (role: StoredObject) => {
    // Aggregation may go in circles.
    if (seen.has(role)) return;
    seen.add(role);
    rules.push(...listAt(role.body, 'rules'));
    // Only an API server gives uids: then a controller had its chance, and these rules are what its authorizer sees.
    if (manifests === null || role.uid !== '') return;
    const selectors = listAt(role.body, 'aggregationRule', 'clusterRoleSelectors');
    if (selectors.length === 0) return;
    const finds = (labels: unknown) => selectors.some((selector) => selects(selector, labels));
    for (const other of manifests.roles) if (finds(labelsOf(other))) gather(other);
    for (const name of manifests.leftOut) if (finds(defaultLabels(name))) unread.add(name);
  };
  gather(object);
  return { rules, unread: [...unread].sort() };
}

/** Those that it has, or will have once an API server knows it. */
function labelsOf({ uid, name, body }: StoredObject): unknown {
  const labels = at(body, 'metadata', 'labels');
  return uid === '' ? { ...defaultLabels(name), ...(isObject(labels) && labels) } : labels;
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
