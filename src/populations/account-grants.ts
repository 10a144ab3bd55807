/**
 * Every service account that a binding names, and whether it is there. Also an account that is written as a user. Where the accounts could
 * not all be read, one that was not seen is unknown, never gone.
 */
import type { Gap, Population } from '../model/index.ts';
import { isComplete } from '../model/index.ts';
import { isBootstrapGrant } from './bootstrap.ts';
import { rbacListings, readGrants } from './bindings.ts';
import { resourceOf, uniqueKeys } from './identity.ts';
import { subjectKey } from './subjects.ts';

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
    for (const { binding, bindingKey, subject, roleKey, namespace } of readGrants(input)) {
      if (subject.account === '') continue;
      const found = known.get(subject.account);
      const unknown: Gap = { reason: 'absent', what: `service account ${subject.account}`, closedBy: 'list all service accounts' };
      yield {
        item: unique(`${subjectKey(subject)}|${bindingKey}|${roleKey}`),
        resource: resourceOf(binding),
        evidence: found === undefined ? [binding.id] : [binding.id, found],
        account: subject.account,
        binding: bindingKey,
        role: roleKey,
        scope: namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`,
        builtin: isBootstrapGrant(bindingKey, roleKey, subject.text),
        ...(found !== undefined || allKnown ? { exists: found !== undefined } : { gaps: [unknown] }),
      };
    }
  },
};
