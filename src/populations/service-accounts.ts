/** Every service account: whether its token is mounted by default, which pods run as it, and which roles reach it, also through groups. */
import { rbacListings, readGrants } from '../access/index.ts';
import type { Population, PopulationInput } from '../model/index.ts';
import { at } from '../model/index.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';
import { podListings, summarizeWorkloads } from './pod-specs.ts';

// Every account may read the issuer's discovery document; the API server binds it.
const expected = 'ClusterRoleBinding/system:service-account-issuer-discovery|ClusterRole/system:service-account-issuer-discovery';

interface Roles {
  readonly byAccount: ReadonlyMap<string, readonly string[]>;
  /** Key: the group's namespace, or '' for all accounts. */
  readonly byGroup: ReadonlyMap<string, readonly string[]>;
}

function readRolesOfAccounts(input: PopulationInput): Roles {
  const byAccount = new Map<string, string[]>();
  const byGroup = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, key: string, text: string) => map.set(key, [...(map.get(key) ?? []), text]);
  for (const { subject, binding } of readGrants(input)) {
    const text = `${binding.roleKey} through ${binding.key}`;
    if (subject.account !== '') add(byAccount, subject.account, text);
    else if (subject.everyone === 'serviceaccounts' && `${binding.key}|${binding.roleKey}` !== expected) {
      add(byGroup, subject.name.slice('system:serviceaccounts:'.length), `${text} (every account)`);
    }
  }
  return { byAccount, byGroup };
}

export const serviceAccounts: Population = {
  name: 'serviceAccounts',
  doc: 'A service account, with the pods that run as it and the roles that reach it',
  from: ['k8s.serviceaccounts/serviceaccounts', ...podListings, ...rbacListings],
  *rows(input) {
    const roles = readRolesOfAccounts(input);
    const { usersOf } = summarizeWorkloads(input);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.serviceaccounts/serviceaccounts')) {
      const account = `${object.namespace}/${object.name}`;
      yield {
        item: unique(`${segment(object.namespace)}/${segment(object.name)}`),
        resource: resourceOf(object),
        evidence: [object.id],
        account,
        namespace: object.namespace,
        isDefault: object.name === 'default',
        automount: at(object.body, 'automountServiceAccountToken') !== false,
        usedBy: [...(usersOf.get(account) ?? [])],
        roles: [...(roles.byAccount.get(account) ?? []), ...(roles.byGroup.get(object.namespace) ?? []), ...(roles.byGroup.get('') ?? [])],
      };
    }
  },
};
