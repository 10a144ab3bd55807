/**
 * What is bound to the group system:masters. Who is in it stands in client certificates, token files and the front proxy, and no object of
 * the cluster names them: so without any binding this is incomplete, never empty and good.
 */
import { isBootstrapGrant, rbacListings, readGrants } from '../../access/index.ts';
import type { Population } from '../../model/index.ts';
import { grantKey } from './grant-keys.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';

const group = 'system:masters';

export const mastersUses: Population = {
  name: 'mastersUses',
  doc: 'A role that a binding gives the group system:masters',
  from: rbacListings,
  *rows(input) {
    const unique = uniqueKeys();
    let found = 0;
    for (const { binding, subject } of readGrants(input)) {
      if (subject.text !== `Group/${group}`) continue;
      const { object, key, roleKey, namespace } = binding;
      found += 1;
      yield {
        item: unique(grantKey({ subject, binding })),
        resource: resourceOf(object),
        evidence: [object.id],
        binding: key,
        role: roleKey,
        scope: namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`,
        builtin: isBootstrapGrant(key, roleKey, subject.text),
      };
    }
    if (found > 0) return;
    const detail = 'nothing is bound to the group, which needs no binding';
    input.gap({ reason: 'absent', what: `members of ${group}`, detail, closedBy: 'the inventory of certificates and token groups' });
  },
};
