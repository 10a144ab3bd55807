/**
 * Every grant, with the other bindings through which its subject holds the same anyway. What a subject holds through its groups is not
 * compared: who is in them is not in the evidence. A grant that nothing read covers is unknown while a role that may cover it is unread.
 */
import { isBootstrapGrant, overlapsOf, rbacListings, readGrants, subjectKey } from '../access/index.ts';
import type { Gap, Population } from '../model/index.ts';
import { resourceOf, uniqueKeys } from './identity.ts';

export const grantOverlaps: Population = {
  name: 'grantOverlaps',
  doc: 'A subject that a binding gives a role, with the other bindings that give it the same anyway',
  from: rbacListings,
  *rows(input) {
    const unique = uniqueKeys();
    const grants = [...readGrants(input)];
    const unread = new Map<string, readonly Gap[]>();
    for (const { subject, binding } of grants)
      if (binding.gaps.length > 0) unread.set(subject.text, [...(unread.get(subject.text) ?? []), ...binding.gaps]);
    for (const { subject, binding, coveredBy, wildcards, narrowsTo } of overlapsOf(grants)) {
      const gaps = coveredBy.length > 0 ? undefined : unread.get(subject.text);
      yield {
        item: unique(`${subjectKey(subject)}|${binding.key}|${binding.roleKey}`),
        resource: resourceOf(binding.object),
        evidence: [binding, ...coveredBy].flatMap(({ object, role }) => (role === undefined ? [object.id] : [object.id, role.id])),
        ...(gaps && { gaps }),
        subject: subject.text,
        binding: binding.key,
        role: binding.roleKey,
        scope: binding.namespace === '' ? 'cluster-wide' : `in namespace ${binding.namespace}`,
        builtin: isBootstrapGrant(binding.key, binding.roleKey, subject.text),
        coveredBy: coveredBy.map(({ key, roleKey }) => `${roleKey} through ${key}`),
        wildcards,
        narrowsTo: narrowsTo.map(({ key, roleKey }) => `${roleKey} through ${key}`),
      };
    }
  },
};
