/**
 * What admission rules and selectors let through (admissionregistration.k8s.io/v1). Rules are read as matching whenever they may: an entry
 * that is no text matches nothing, and conditions in CEL, which only narrow, are not evaluated.
 */
import type { Json, JsonObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';

const has = (rule: Json, field: string, accepted: readonly string[]) =>
  listAt(rule, field).some((entry) => typeof entry === 'string' && accepted.includes(entry));

/** Some rule takes requests of these operations for this resource of the core group. `*` leaves subresources out, `*\/*` does not. */
export function matchesCore(rules: readonly Json[], resource: string, operations: readonly string[]): boolean {
  return rules.some(
    (rule) =>
      has(rule, 'apiGroups', ['', '*']) &&
      has(rule, 'resources', [resource, `${resource}/*`, '*', '*/*']) &&
      has(rule, 'operations', [...operations, '*']) &&
      textAt(rule, 'scope') !== 'Cluster',
  );
}

/** meta/v1 LabelSelector over labels; nothing to select by selects everything. An operator that is not known selects, too. */
export function selects(selector: Json | undefined, labels: JsonObject): boolean {
  const wanted = at(selector, 'matchLabels');
  const matches = isObject(wanted) ? Object.entries(wanted).every(([key, value]) => labels[key] === value) : true;
  return matches && listAt(selector, 'matchExpressions').every((expression) => expressionHolds(expression, labels));
}

function expressionHolds(expression: Json, labels: JsonObject): boolean {
  const key = textAt(expression, 'key') ?? '';
  const isThere = Object.hasOwn(labels, key);
  const isListed = isThere && listAt(expression, 'values').includes(labels[key] ?? null);
  switch (textAt(expression, 'operator')) {
    case 'In':
      return isListed;
    case 'NotIn':
      return !isListed;
    case 'Exists':
      return isThere;
    case 'DoesNotExist':
      return !isThere;
    default:
      return true;
  }
}
