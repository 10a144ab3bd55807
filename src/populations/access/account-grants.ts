/**
 * Every service account that a binding names, and whether it is there. Also an account that is written as a user. Where the accounts could
 * not all be read, one that was not seen is unknown, never gone; so is `default` in files, because every namespace gets one from its cluster.
 */
import { type Grant, isBuiltin, rbacListings, readGrants } from '../../access/index.ts';
import type { Gap, Population, Row } from '../../model/index.ts';
import { isComplete } from '../../model/index.ts';
import { grantKey } from './grant-keys.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';

const accounts = 'k8s.serviceaccounts/serviceaccounts';

/** Of accounts that are there, by the subject of the very same binding. */
const held = new WeakMap<Grant['subject'], Row>();

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
      const allSeen = allKnown && !(input.reader.scope === 'files' && subject.account.endsWith('/default'));
      const unknown: Gap = {
        reason: 'absent',
        what: `service account ${subject.account}`,
        closedBy: allKnown ? 'add it to the files' : 'list all service accounts',
      };
      const item = unique(grantKey({ subject, binding }));
      const before = held.get(subject);
      if (before !== undefined && before.item === item && before.evidence[1] === found) {
        yield before;
        continue;
      }
      const row: Row = {
        item,
        resource: resourceOf(object),
        evidence: found === undefined ? [object.id] : [object.id, found],
        account: subject.account,
        binding: key,
        role: roleKey,
        scope: namespace === '' ? 'cluster-wide' : `in namespace ${namespace}`,
        builtin: isBuiltin(binding, subject),
        ...(found !== undefined || allSeen ? { exists: found !== undefined } : { gaps: [unknown] }),
      };
      if (found !== undefined) held.set(subject, row);
      yield row;
    }
  },
};
