/** A rule in one line, as YAML would say it, without what it leaves open. Holds text of whoever wrote the policy. */
import type { AuditRule, GroupResources } from './policy.ts';

/** `User/alice, User/bob · Group/dev · verbs get, list · resources secrets of the core group · namespaces ""`; `everything` for all. */
export function tellRule(rule: AuditRule): string {
  const { users, userGroups, verbs, resources, namespaces, nonResourceURLs } = rule;
  const parts = [
    ...callers('User', users),
    ...callers('Group', userGroups),
    ...told('verbs', verbs),
    ...told('resources', resources.map(tellResources)),
    ...told('namespaces', namespaces),
    ...told('paths', nonResourceURLs),
  ];
  return parts.length === 0 ? 'everything' : parts.join(' · ');
}

function callers(kind: 'User' | 'Group', names: readonly string[]): string[] {
  return names.length === 0 ? [] : [names.map((name) => `${kind}/${name}`).join(', ')];
}

function told(word: string, texts: readonly string[]): string[] {
  return texts.length === 0 ? [] : [`${word} ${texts.map((text) => (text === '' ? '""' : text)).join(', ')}`];
}

function tellResources({ group, resources, resourceNames }: GroupResources): string {
  const of = group === '' ? 'the core group' : group === '*' ? 'all groups' : group;
  const names = resourceNames.length === 0 ? '' : ` named ${resourceNames.join(' or ')}`;
  return resources.length === 0 ? `all of ${of}` : `${resources.join(', ')} of ${of}${names}`;
}
