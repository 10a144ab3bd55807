/**
 * The RBAC authorizer as its documentation tells it, over plain objects, without any index: what {@link createAccessIndex} must agree with.
 * Slow and literal on purpose.
 */
import type { AccessRequest } from '../../src/access/index.ts';

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}
interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}
interface RbacObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
}

function isMeant(subject: Subject, { user, groups }: AccessRequest, bindingNamespace: string): boolean {
  if (subject.kind === 'User') return subject.name === user;
  if (subject.kind === 'Group') return groups.includes(subject.name);
  const namespace = subject.namespace ?? bindingNamespace;
  return namespace !== '' && user === ['system:serviceaccount', namespace, subject.name].join(':');
}

function ruleAllows(rule: Rule, { resourceAttributes: r, nonResourceAttributes: n }: AccessRequest): boolean {
  const any = (values: readonly string[] | undefined, wanted: string) => (values ?? []).some((value) => value === '*' || value === wanted);
  if (n !== undefined) {
    const matches = (url: string) => {
      if (url === '*' || url === n.path) return true;
      let prefix = url;
      while (prefix.endsWith('*')) prefix = prefix.slice(0, -1);
      return prefix !== url && n.path.startsWith(prefix);
    };
    return any(rule.verbs, n.verb) && (rule.nonResourceURLs ?? []).some(matches);
  }
  if (r === undefined) return false;
  const { subresource = '', name = '', group = '' } = r;
  const whole = subresource === '' ? r.resource : `${r.resource}/${subresource}`;
  const named = rule.resourceNames ?? [];
  return (
    any(rule.verbs, r.verb) &&
    any(rule.apiGroups, group) &&
    (any(rule.resources, whole) || (subresource !== '' && (rule.resources ?? []).includes(`*/${subresource}`))) &&
    (named.length === 0 || named.includes(name))
  );
}

export function naiveAllows(objects: readonly RbacObject[], request: AccessRequest): boolean {
  if (request.groups.includes('system:masters')) return true;
  const asked = request.resourceAttributes?.namespace ?? '';
  return objects.some(({ kind, metadata, roleRef, subjects = [] }) => {
    if (roleRef === undefined) return false;
    const inside = kind === 'RoleBinding' ? (metadata.namespace ?? '') : '';
    if (kind === 'RoleBinding' && inside !== asked) return false;
    if (!subjects.some((subject) => isMeant(subject, request, inside))) return false;
    const role = objects.find(
      (each) =>
        each.kind === roleRef.kind &&
        each.metadata.name === roleRef.name &&
        (each.kind === 'ClusterRole' || each.metadata.namespace === inside),
    );
    return (role?.rules ?? []).some((rule) => ruleAllows(rule, request));
  });
}
