/**
 * What an audit policy records of one request: the first rule that matches decides, and what no rule matches is not recorded. After
 * k8s.io/apiserver 0.36 pkg/audit/policy/checker.go. The request is that of the caller who signed in: the API server decides before it
 * looks at impersonation, and again without any caller when authentication fails (pkg/server/config.go, pkg/endpoints/filters).
 */
import type { AuditPolicy, AuditRule, Level, Stage } from './policy.ts';

export interface Caller {
  /** Null when nobody signed in, not even as system:anonymous: no rule for users or groups matches then. */
  readonly user: string | null;
  readonly groups: readonly string[];
}

export interface ResourceRequest extends Caller {
  readonly verb: string;
  /** Empty for the core group. */
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty across all namespaces and for what lies in none. */
  readonly namespace: string;
  /** Empty where the path names none: lists, and creation, whose name stands in the body. */
  readonly name: string;
}

export interface PathRequest extends Caller {
  /** The HTTP method in lower case. */
  readonly verb: string;
  readonly path: string;
}

export type AuditRequest = ResourceRequest | PathRequest;

export interface AuditDecision {
  readonly level: Level;
  /** Index of the rule, or null when none matches. */
  readonly rule: number | null;
  /** In the order of {@link stages}. */
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

export function decideAudit(policy: AuditPolicy, request: AuditRequest): AuditDecision {
  const index = policy.rules.findIndex((rule) => matchesCaller(rule, request) && matchesTarget(rule, request));
  const rule = policy.rules[index];
  const { omitStages, omitManagedFields } = rule ?? policy;
  return { level: rule?.level ?? 'None', rule: rule === undefined ? null : index, omitStages, omitManagedFields };
}

/** No pattern here: `*` is a name like any other. */
function matchesCaller({ users, userGroups, verbs }: AuditRule, { user, groups, verb }: AuditRequest): boolean {
  if (users.length > 0 && (user === null || !users.includes(user))) return false;
  if (userGroups.length > 0 && (user === null || !groups.some((group) => userGroups.includes(group)))) return false;
  return verbs.length === 0 || verbs.includes(verb);
}

function matchesTarget(rule: AuditRule, request: AuditRequest): boolean {
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return !('path' in request) && matchesResource(rule, request);
  return rule.nonResourceURLs.length === 0 || ('path' in request && rule.nonResourceURLs.some((url) => matchesPath(url, request.path)));
}

function matchesResource({ namespaces, resources }: AuditRule, request: ResourceRequest): boolean {
  if (namespaces.length > 0 && !namespaces.includes(request.namespace)) return false;
  return (
    resources.length === 0 ||
    resources.some(
      (entry) =>
        (entry.group === request.apiGroup || entry.group === '*') &&
        (entry.resources.length === 0 ||
          ((entry.resourceNames.length === 0 || entry.resourceNames.includes(request.name)) &&
            entry.resources.some((pattern) => matchesPattern(pattern, request.resource, request.subresource)))),
    )
  );
}

/** `pods/*` is pods and all below; `*`/`exec` only what is below; `*` everything. A name alone is not what is below it. */
export function matchesPattern(pattern: string, resource: string, subresource: string): boolean {
  if (pattern === '*' || pattern === (subresource === '' ? resource : `${resource}/${subresource}`)) return true;
  if (subresource !== '' && pattern === `*/${subresource}`) return true;
  return pattern === `${resource}/*`;
}

export function matchesPath(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
}
