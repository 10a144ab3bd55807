/**
 * Which rules of an audit policy can decide about requests of one kind by callers of one kind: all that some such request matches, up to the
 * first that every one does. Nothing behind that one can be reached.
 */
import type { CallerKind, Match } from './callers.ts';
import { least, matchesKind } from './callers.ts';
import type { AuditRequest } from './decide.ts';
import { decideAudit, matchesPath, matchesPattern } from './decide.ts';
import type { AuditPolicy, AuditRule, GroupResources, Level } from './policy.ts';
import { levels } from './policy.ts';
import { levelInLog } from './stages.ts';

export interface ResourceKind {
  readonly verb: string;
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly clusterScoped?: boolean;
}

export interface PathKind {
  readonly verb: string;
  readonly path: string;
}

export type RequestKind = ResourceKind | PathKind;

export interface Reached {
  /** Index of the rule. */
  readonly rule: number;
  /** What it leaves in the log of such a request. */
  readonly level: Level;
  readonly match: Exclude<Match, 'never'>;
}

/** `get secrets`, `create pods/exec`, `delete roles.rbac.authorization.k8s.io`, `get /healthz`. */
export function nameKind(kind: RequestKind): string {
  if ('path' in kind) return `${kind.verb} ${kind.path}`;
  const { verb, apiGroup, resource, subresource } = kind;
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${apiGroup === '' ? '' : `.${apiGroup}`}`;
}

/** Such a request by a plain caller of the kind, somewhere, on something. */
export function plainRequest(kind: RequestKind, { user, groups }: CallerKind): AuditRequest {
  if ('path' in kind) return { user, groups, ...kind };
  const { verb, apiGroup, resource, subresource = '', clusterScoped = false } = kind;
  const name = isNameless(kind) || verb === 'list' || verb === 'watch' ? '' : 'something';
  const namespace = clusterScoped ? (isNamespaceItself(kind) ? name : '') : 'somewhere';
  return { user, groups, verb, apiGroup, resource, subresource, namespace, name };
}

/** `level`: what is left of it in the log. */
export function decidePlain(policy: AuditPolicy, kind: RequestKind, caller: CallerKind): Bound {
  const request = plainRequest(kind, caller);
  const decision = decideAudit(policy, request);
  return { level: levelInLog(request, decision), rule: decision.rule };
}

export function* reachable(policy: AuditPolicy, kind: RequestKind, caller: CallerKind): Iterable<Reached> {
  for (const reached of matching(policy, kind, caller)) {
    yield reached;
    if (reached.match === 'always') return;
  }
}

/** As {@link reachable}, with those that are hidden behind one that every request matches. */
export function* matching({ rules }: AuditPolicy, kind: RequestKind, caller: CallerKind): Iterable<Reached> {
  for (const [rule, each] of rules.entries()) {
    const match = least(matchesKind(each, caller), ofVerb(each, kind), ofTarget(each, kind));
    if (match !== 'never') yield { rule, level: levelInLog({ ...kind, user: caller.user }, each), match };
  }
}

export interface Bound {
  readonly level: Level;
  /** Index of the rule, or null for what no rule matches. */
  readonly rule: number | null;
}

/** The highest level that any such request by any such caller reaches; of equals the first. */
export function highestAudit(policy: AuditPolicy, kind: RequestKind, caller: CallerKind): Bound {
  return bound(policy, kind, caller, (a, b) => levels.indexOf(a) > levels.indexOf(b));
}

/** The lowest: a rule for one user, namespace or name hides what that user does, or what is done there, as well as a rule for all. */
export function lowestAudit(policy: AuditPolicy, kind: RequestKind, caller: CallerKind): Bound {
  return bound(policy, kind, caller, (a, b) => levels.indexOf(a) < levels.indexOf(b));
}

function bound(policy: AuditPolicy, kind: RequestKind, caller: CallerKind, isBeyond: (a: Level, b: Level) => boolean): Bound {
  let best: Bound | undefined;
  for (const { rule, level, match } of reachable(policy, kind, caller)) {
    if (best === undefined || isBeyond(level, best.level)) best = { level, rule };
    if (match === 'always') return best;
  }
  // Some match no rule.
  return best === undefined || isBeyond('None', best.level) ? { level: 'None', rule: null } : best;
}

function ofVerb({ verbs }: AuditRule, { verb }: RequestKind): Match {
  return verbs.length === 0 || verbs.includes(verb) ? 'always' : 'never';
}

function ofTarget({ namespaces, resources, nonResourceURLs }: AuditRule, kind: RequestKind): Match {
  if (namespaces.length === 0 && resources.length === 0) {
    if (nonResourceURLs.length === 0) return 'always';
    return 'path' in kind && nonResourceURLs.some((url) => matchesPath(url, kind.path)) ? 'always' : 'never';
  }
  if ('path' in kind) return 'never';
  return least(ofNamespaces(namespaces, kind), ofResources(resources, kind));
}

function ofNamespaces(namespaces: readonly string[], kind: ResourceKind): Match {
  if (namespaces.length === 0) return 'always';
  const named = namespaces.some((namespace) => namespace !== '');
  if (kind.clusterScoped === true && !isNamespaceItself(kind)) return namespaces.includes('') ? 'always' : 'never';
  // A list may also be that of all namespaces, which names none.
  const acrossAll = kind.verb === 'list' || kind.verb === 'watch';
  return named || (acrossAll && kind.clusterScoped !== true) ? 'some' : 'never';
}

function ofResources(entries: readonly GroupResources[], kind: ResourceKind): Match {
  if (entries.length === 0) return 'always';
  const matches = new Set(entries.map((entry) => ofEntry(entry, kind)));
  return matches.has('always') ? 'always' : matches.has('some') ? 'some' : 'never';
}

function ofEntry({ group, resources, resourceNames }: GroupResources, kind: ResourceKind): Match {
  if (group !== kind.apiGroup && group !== '*') return 'never';
  if (resources.length === 0) return 'always';
  if (!resources.some((pattern) => matchesPattern(pattern, kind.resource, kind.subresource ?? ''))) return 'never';
  if (resourceNames.length === 0) return 'always';
  if (isNameless(kind)) return resourceNames.includes('') ? 'always' : 'never';
  // A list has a name when a field selector gives it one.
  const mayHaveNone = kind.verb === 'list' || kind.verb === 'watch';
  return mayHaveNone || resourceNames.some((name) => name !== '') ? 'some' : 'never';
}

/** Its path has no name, so that a rule for names does not see it: the name of what is created stands in the body. */
function isNameless({ verb, subresource }: ResourceKind): boolean {
  return verb === 'deletecollection' || (verb === 'create' && subresource === undefined);
}

/** A request for a Namespace by its name is one in that namespace. */
function isNamespaceItself({ apiGroup, resource, verb }: ResourceKind): boolean {
  return apiGroup === '' && resource === 'namespaces' && !['create', 'list', 'watch', 'deletecollection'].includes(verb);
}
