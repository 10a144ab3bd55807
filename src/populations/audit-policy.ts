/**
 * An audit policy, decided as the API server decides it (k8s.io/apiserver pkg/audit/policy): the first rule that matches a request gives
 * its level, and a request that no rule matches is not recorded.
 */
import type { Json } from '../model/index.ts';
import { isObject, listAt, textAt } from '../model/index.ts';

export type Level = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export const levels: readonly Level[] = ['None', 'Metadata', 'Request', 'RequestResponse'];

export interface AuditRequest {
  readonly user: string;
  readonly groups: readonly string[];
  readonly verb: string;
  readonly apiGroup: string;
  /** With its subresource: `pods/exec`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface AuditDecision {
  readonly level: Level;
  /** Index of the rule, or null when none matches. */
  readonly rule: number | null;
}

function texts(rule: Json, key: string): readonly string[] {
  return listAt(rule, key).filter((entry) => typeof entry === 'string');
}

/** Empty lists match everything; there is no `*` for users, groups or verbs. */
function matchesCaller(rule: Json, request: AuditRequest): boolean {
  const users = texts(rule, 'users');
  const groups = texts(rule, 'userGroups');
  const verbs = texts(rule, 'verbs');
  return (
    (users.length === 0 || users.includes(request.user)) &&
    (groups.length === 0 || request.groups.some((group) => groups.includes(group))) &&
    (verbs.length === 0 || verbs.includes(request.verb))
  );
}

function matchesResource(rule: Json, request: AuditRequest): boolean {
  const namespaces = texts(rule, 'namespaces');
  const resources = listAt(rule, 'resources');
  if (namespaces.length === 0 && resources.length === 0) return texts(rule, 'nonResourceURLs').length === 0;
  if (namespaces.length > 0 && !namespaces.includes(request.namespace)) return false;
  return resources.length === 0 || resources.some((entry) => matchesEntry(entry, request));
}

function matchesEntry(entry: Json, { apiGroup, resource, name }: AuditRequest): boolean {
  const group = textAt(entry, 'group') ?? '';
  if (group !== apiGroup && group !== '*') return false;
  const resources = texts(entry, 'resources');
  if (resources.length === 0) return true;
  const names = texts(entry, 'resourceNames');
  if (names.length > 0 && !names.includes(name)) return false;
  const [base, sub] = resource.split('/', 2) as [string, string?];
  return resources.some(
    (pattern) => pattern === '*' || pattern === resource || pattern === `${base}/*` || (sub !== undefined && pattern === `*/${sub}`),
  );
}

function levelOf(rule: Json): Level {
  const level = textAt(rule, 'level');
  return levels.find((each) => each === level) ?? 'None';
}

export function decideAudit(rules: readonly Json[], request: AuditRequest): AuditDecision {
  const rule = rules.findIndex((each) => matchesCaller(each, request) && matchesResource(each, request));
  return rule < 0 ? { level: 'None', rule: null } : { level: levelOf(rules[rule] ?? null), rule };
}

/**
 * The highest level at which anybody's request of this kind could be recorded: rules for single users, groups, namespaces or names count
 * as reachable, until one that everybody's request matches.
 */
export function highestAudit(rules: readonly Json[], request: AuditRequest): AuditDecision {
  let highest: AuditDecision = { level: 'None', rule: null };
  for (const { index, level } of reachable(rules, request))
    if (levels.indexOf(level) > levels.indexOf(highest.level)) highest = { level, rule: index };
  return highest;
}

/** Components of the control plane and of nodes: rules that are limited to them say nothing about people and workloads. */
function isComponentsOnly(rule: Json): boolean {
  const users = texts(rule, 'users');
  const groups = texts(rule, 'userGroups');
  return (
    (users.length > 0 && users.every((user) => /^system:(?!anonymous$|serviceaccount:(?!kube-system:))/.test(user))) ||
    (groups.length > 0 && groups.every((group) => group === 'system:nodes' || group === 'system:serviceaccounts:kube-system'))
  );
}

/**
 * The lowest level at which a request of this kind by a person or a workload could be recorded: a rule for one user, namespace or name
 * hides what that user does, or what is done there, as well as a rule for all. Components are left out.
 */
export function lowestAudit(rules: readonly Json[], request: AuditRequest): AuditDecision {
  let lowest: AuditDecision | undefined;
  for (const { index, rule, level, limited } of reachable(rules, request)) {
    if (isComponentsOnly(rule)) continue;
    if (lowest === undefined || levels.indexOf(level) < levels.indexOf(lowest.level)) lowest = { level, rule: index };
    if (!limited) return lowest;
  }
  return { level: 'None', rule: lowest?.level === 'None' ? lowest.rule : null };
}

/** The rules that some request of this kind matches, up to the first that every one does. */
function* reachable(
  rules: readonly Json[],
  request: AuditRequest,
): Iterable<{ readonly index: number; readonly rule: Json; readonly level: Level; readonly limited: boolean }> {
  for (const [index, rule] of rules.entries()) {
    const anyone = {
      verbs: texts(rule, 'verbs'),
      resources: listAt(rule, 'resources').map(withoutNames),
      nonResourceURLs: texts(rule, 'nonResourceURLs'),
    };
    const namespaces = texts(rule, 'namespaces');
    const elsewhere = request.namespace === '' && namespaces.length > 0 && !namespaces.includes('');
    if (elsewhere || !matchesCaller(anyone, request) || !matchesResource(anyone, request)) continue;
    const limited =
      texts(rule, 'users').length > 0 ||
      !namesEverybody(texts(rule, 'userGroups')) ||
      (request.namespace !== '' && namespaces.length > 0) ||
      !matchesResource({ ...anyone, resources: listAt(rule, 'resources') }, request);
    yield { index, rule, level: levelOf(rule), limited };
    if (!limited) return;
  }
}

/** Every request is in one of the two groups. */
function namesEverybody(groups: readonly string[]): boolean {
  return groups.length === 0 || ['system:authenticated', 'system:unauthenticated'].every((group) => groups.includes(group));
}

function withoutNames(entry: Json): Json {
  return isObject(entry) ? { ...entry, resourceNames: [] } : entry;
}
