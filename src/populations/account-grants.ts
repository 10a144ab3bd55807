/**
 * Every service account that a binding names, and whether it is there. Also an account that is written as a user. Where the accounts could
 * not all be read, one that was not seen is unknown, never gone.
 */
import { isBootstrapGrant, rbacListings, readGrants, subjectKey } from '../access/index.ts';
import type { Gap, Population } from '../model/index.ts';
import { isComplete } from '../model/index.ts';
import { resourceOf, uniqueKeys } from './identity.ts';

const accounts = 'k8s.serviceaccounts/serviceaccounts';

export const accountGrants: Population = {
  name: 'accountGrants',
  doc: 'A service account that a binding gives a role, and whether the account exists',
  from: [...rbacListings, accounts],
  *rows(input) {
    const known = new Map<string, string>();
    for (const { namespace, name, id } of input.each(accounts)) known.set(`${namespace}/${name}`, id);
    const listing = input.listing(accounts);
    const allKnown = listing !== undefined && isComplete(listing);
    const unique = uniqueKeys();
    for (const { binding, subject } of readGrants(input)) {
      if (subject.account === '') continue;
      const { object, key, roleKey, namespace } = binding;
      const found = known.get(subject.account);
      const unknown: Gap = { reason: 'absent', what: `service account ${subject.account}`, closedBy: 'list all service accounts' };
      yield {
        item: unique(`${subjectKey(subject)}|${key}|${roleKey}`),
        resource: resourceOf(object),
        evidence: found === undefined ? [object.id] : [object.id, found],
        account: subject.account,
        binding: key,
        role: roleKey,
        scope: namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`,
        builtin: isBootstrapGrant(key, roleKey, subject.text),
        ...(found !== undefined || allKnown ? { exists: found !== undefined } : { gaps: [unknown] }),
      };
    }
  },
};
