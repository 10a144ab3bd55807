/**
 * Every subject that a binding gives a role, with the scope in which it holds and the dangerous rights that it really gives there: of a grant
 * that the API server makes, those that somebody added to its role. Groups of the identity provider and rights outside RBAC objects are not seen.
 */
import type { Grant } from '../../access/index.ts';
import { addedPart, beyondDefault, powerNames, rbacListings, readGrants, rightsThrough } from '../../access/index.ts';
import type { Population, Row } from '../../model/index.ts';
import { grantKey } from './grant-keys.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';

function toRow(key: string, { binding, subject }: Grant): Row {
  const { object, role, roleKey, roleMissing, namespace, gaps } = binding;
  const added = addedPart(binding, subject);
  const rights = rightsThrough(added ?? binding);
  return {
    item: key,
    resource: resourceOf(object),
    evidence: role === undefined ? [object.id] : [object.id, role.id],
    ...(gaps.length === 0 ? {} : { gaps }),
    subject: subject.text,
    subjectKind: subject.kind,
    account: subject.account,
    everyone: subject.everyone,
    role: roleKey,
    roleMissing,
    binding: binding.key,
    namespace,
    scope: namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`,
    builtin: added === undefined,
    beyondDefault: beyondDefault(role),
    powers: powerNames.filter((power) => rights[power].length > 0),
    ...rights,
  };
}

/** By the subject of the very same binding. */
const held = new WeakMap<Grant['subject'], Row>();

function heldRow(key: string, grant: Grant): Row {
  let row = held.get(grant.subject);
  if (row?.item !== key) held.set(grant.subject, (row = toRow(key, grant)));
  return row;
}

export const grants: Population = {
  name: 'grants',
  doc: 'A subject that a binding gives a role, with the scope and the dangerous rights it gives there',
  from: rbacListings,
  *rows(input) {
    const unique = uniqueKeys();
    for (const grant of readGrants(input)) yield heldRow(unique(grantKey(grant)), grant);
  },
};
