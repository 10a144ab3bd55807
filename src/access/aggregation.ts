/**
 * Aggregated ClusterRoles. What the API server holds is read as it holds it: the rules that the controller wrote. Manifests that no
 * controller has seen get the rules that it would write: its own and those of all roles that its selectors find, theirs included.
 */
import type { Json, StoredObject } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';

/** The rules of a ClusterRole. `candidates`: the cluster roles among manifests; empty where a controller runs. */
export function materialisedRules(object: StoredObject, candidates: readonly StoredObject[]): readonly Json[] {
  const rules: Json[] = [];
  const seen = new Set<StoredObject>();
  const gather = (role: StoredObject) => {
    // Aggregation may go in circles.
    if (seen.has(role)) return;
    seen.add(role);
    rules.push(...listAt(role.body, 'rules'));
    // Only an API server gives uids: then a controller had its chance, and these rules are what its authorizer sees.
    if (role.uid !== '') return;
    const selectors = listAt(role.body, 'aggregationRule', 'clusterRoleSelectors');
    if (selectors.length === 0) return;
    for (const other of candidates)
      if (selectors.some((selector) => selects(selector, at(other.body, 'metadata', 'labels')))) gather(other);
  };
  gather(object);
  return rules;
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
