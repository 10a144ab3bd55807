/**
 * Every subject that a binding gives a role, with the scope in which it holds and the dangerous rights that it really gives there. Groups
 * of the identity provider and rights outside RBAC objects are not seen.
 */
import type { Population, Row } from '../model/index.ts';
import { isBootstrapGrant } from './bootstrap.ts';
import type { Grant } from './bindings.ts';
import { rbacListings, readGrants } from './bindings.ts';
import { resourceOf, uniqueKeys } from './identity.ts';
import { powerNames } from './rules.ts';
import { subjectKey } from './subjects.ts';

function toRow(key: string, { binding, bindingKey, subject, roleKey, role, roleMissing, namespace, rights, gaps }: Grant): Row {
  return {
    item: key,
    resource: resourceOf(binding),
    evidence: role === undefined ? [binding.id] : [binding.id, role.id],
    ...(gaps.length === 0 ? {} : { gaps }),
    subject: subject.text,
    subjectKind: subject.kind,
    account: subject.account,
    everyone: subject.everyone,
    role: roleKey,
    roleMissing,
    binding: bindingKey,
    namespace,
    scope: namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`,
    builtin: isBootstrapGrant(bindingKey, roleKey, subject.text),
    powers: powerNames.filter((power) => rights[power].length > 0),
    ...rights,
  };
}

export const grants: Population = {
  name: 'grants',
  doc: 'A subject that a binding gives a role, with the scope and the dangerous rights it gives there',
  from: rbacListings,
  *rows(input) {
    const unique = uniqueKeys();
    for (const grant of readGrants(input)) yield toRow(unique(`${subjectKey(grant.subject)}|${grant.bindingKey}|${grant.roleKey}`), grant);
  },
};
