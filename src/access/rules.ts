/**
 * What one RBAC rule allows, decided as the API server's authorizer decides it (Kubernetes plugin/pkg/auth/authorizer/rbac, RuleAllows): `*` in
 * verbs, groups and resources and before a subresource, resourceNames, paths with `*` at their end. `pods/*` and `ge*` are no patterns.
 * Rules of an odd shape allow nothing, as they would in the API server.
 */
import type { Json, JsonObject } from '../model/index.ts';
import { isObject, listAt } from '../model/index.ts';

export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  /** `pods`, `pods/exec`, `*`, or `*` before `/scale`. */
  readonly resources: readonly string[];
  /** Empty: every name. */
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

function texts(value: unknown, key: string): readonly string[] {
  return listAt(value, key).filter((entry) => typeof entry === 'string');
}

export function readRules(rules: readonly Json[]): readonly Rule[] {
  return rules.filter(isObject).map((rule: JsonObject) => ({
    verbs: texts(rule, 'verbs'),
    apiGroups: texts(rule, 'apiGroups'),
    resources: texts(rule, 'resources'),
    resourceNames: texts(rule, 'resourceNames'),
    nonResourceURLs: texts(rule, 'nonResourceURLs'),
  }));
}

/** One pass: this is asked of every rule that reaches a user, a hundred thousand times a second. */
function lists(values: readonly string[], wanted: string): boolean {
  for (const value of values) if (value === wanted || value === '*') return true;
  return false;
}

export function coversVerb(rule: Rule, verb: string): boolean {
  return lists(rule.verbs, verb);
}

export function coversGroup(rule: Rule, group: string): boolean {
  return lists(rule.apiGroups, group);
}

/** `subresource` is empty for the resource itself; `*` in a rule covers both. */
export function coversResource(rule: Rule, resource: string, subresource: string): boolean {
  if (subresource === '') return lists(rule.resources, resource);
  return lists(rule.resources, `${resource}/${subresource}`) || rule.resources.includes(`*/${subresource}`);
}

/** Requests without a name (list, watch, create, deletecollection as usually sent) are only covered by rules without resourceNames. */
export function coversName(rule: Rule, name: string): boolean {
  return rule.resourceNames.length === 0 || rule.resourceNames.includes(name);
}

/** A URL that is no resource: literally, `*`, or by what stands before the `*` at the end. */
export function coversPath(rule: Rule, path: string): boolean {
  return rule.nonResourceURLs.some((url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))));
}

/** The authorizer's question for one request; `resource` may be `pods/exec`, `name` is empty for requests that name no object. */
export function allows(rule: Rule, verb: string, group: string, resource: string, name = ''): boolean {
  const [parent, subresource] = splitResource(resource);
  return coversVerb(rule, verb) && coversGroup(rule, group) && coversResource(rule, parent, subresource) && coversName(rule, name);
}

/** `pods/exec` as resource and subresource. */
export function splitResource(text: string): readonly [resource: string, subresource: string] {
  const slash = text.indexOf('/');
  return slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
}

/** `get, list pods, deployments.apps (only: web)`; `get /healthz`. As written in the rule: not safe to print. */
export function describeRule({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): string {
  const groups = apiGroups.length > 1 ? `.(${apiGroups.join('|')})` : !apiGroups[0] ? '' : `.${apiGroups[0]}`;
  const objects = [...resources.map((resource) => `${resource}${groups}`), ...nonResourceURLs];
  return `${verbs.join(', ')} ${objects.join(', ')}${resourceNames.length === 0 ? '' : ` (only: ${resourceNames.join(', ')})`}`;
}

/** Wildcards as an author wrote them, also those that give nothing (`pods/*`): `verbs *`, `resources pods/*`. */
export function wildcardsOf(rules: readonly Rule[]): readonly string[] {
  const found = new Set<string>();
  for (const rule of rules) {
    for (const key of ['verbs', 'apiGroups', 'resources'] as const) {
      for (const entry of rule[key]) if (entry.includes('*')) found.add(`${key} ${entry}`);
    }
  }
  return [...found].sort();
}
