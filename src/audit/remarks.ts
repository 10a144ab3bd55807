/**
 * Rules that cannot do what they seem to say: names that no request has, because the API server knows no patterns there, and rules that no
 * request reaches. The policy is accepted all the same.
 */
import type { AuditPolicy, AuditRule, PolicyRemark } from './policy.ts';
import { isForEverything } from './policy.ts';

/** What requests can be: by HTTP method and path (k8s.io/apiserver pkg/endpoints/request/requestinfo.go), or by HTTP method alone. */
const resourceVerbs = new Set(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'proxy', '']);
const pathVerbs = new Set(['get', 'head', 'post', 'put', 'patch', 'delete', 'options']);

export function remarksOn({ rules }: AuditPolicy): readonly PolicyRemark[] {
  const last = rules.findIndex(isForEverything);
  return rules.flatMap((rule, i) => [
    ...remarksOnRule(rule).map(({ path, message }) => ({ path: ['rules', i, ...path], message })),
    ...(last >= 0 && i > last ? [{ path: ['rules', i], message: `no request gets here: rule ${last + 1} matches all of them` }] : []),
  ]);
}

function remarksOnRule(rule: AuditRule): PolicyRemark[] {
  const remarks: PolicyRemark[] = [];
  const look = (path: PolicyRemark['path'], texts: readonly string[], told: (text: string) => string | undefined) => {
    for (const [i, text] of texts.entries()) {
      const message = told(text);
      if (message !== undefined) remarks.push({ path: [...path, i], message });
    }
  };
  for (const key of ['users', 'userGroups', 'namespaces'] as const)
    look([key], rule[key], (text) =>
      text.includes('*') ? `there are no patterns here, so this matches nothing; leave ${key} out for all` : undefined,
    );
  look(['verbs'], rule.verbs, (verb) => remarkOnVerb(verb, rule));
  for (const [i, { resources }] of rule.resources.entries())
    look(['resources', i, 'resources'], resources, (pattern) =>
      isPattern(pattern) ? undefined : 'this matches nothing: a * stands for a whole name, on one side of the / only',
    );
  return remarks;
}

function remarkOnVerb(verb: string, { nonResourceURLs, resources, namespaces }: AuditRule): string | undefined {
  if (verb === '*') return 'there are no patterns here, so this matches nothing; leave verbs out for all';
  if (verb === 'impersonate')
    return 'no request has this verb: one that impersonates has the verb of what it does, and is decided for who impersonates';
  const forPaths = nonResourceURLs.length > 0 || (resources.length === 0 && namespaces.length === 0);
  const known = (nonResourceURLs.length === 0 && resourceVerbs.has(verb)) || (forPaths && pathVerbs.has(verb));
  return known ? undefined : 'no request has this verb';
}

function isPattern(pattern: string): boolean {
  const [base = '', sub, ...more] = pattern.split('/');
  if (more.length > 0 || base === '') return false;
  if (sub === undefined) return base === '*' || !base.includes('*');
  return base === '*' ? sub !== '' && !sub.includes('*') : !base.includes('*') && (sub === '*' || (sub !== '' && !sub.includes('*')));
}
