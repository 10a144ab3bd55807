/**
 * Every grant, with the other bindings through which its subject holds the same anyway. What a subject holds through its groups is not
 * compared: who is in them is not in the evidence. A grant that nothing read covers is unknown while a role that may cover it is unread.
 */
import { isBootstrapGrant, type Overlap, overlapsOf, rbacListings, readGrants } from '../../access/index.ts';
import type { Gap, Population, Row } from '../../model/index.ts';
import { grantKey } from './grant-keys.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';

/** By the very same overlap. */
const held = new WeakMap<Overlap, Row>();

function toRow(item: string, { subject, binding, coveredBy, wildcards, narrowsTo }: Overlap, gaps: readonly Gap[] | undefined): Row {
  return {
    item,
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
    for (const overlap of overlapsOf(grants)) {
      const item = unique(grantKey(overlap));
      const gaps = overlap.coveredBy.length > 0 ? undefined : unread.get(overlap.subject.text);
      const known = gaps === undefined ? held.get(overlap) : undefined;
      const row = known?.item === item ? known : toRow(item, overlap, gaps);
      if (gaps === undefined) held.set(overlap, row);
      yield row;
    }
  },
};
