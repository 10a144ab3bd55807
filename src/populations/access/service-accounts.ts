/** Every service account: whether its token is mounted by default, which pods run as it, and which roles reach it, also through groups. */
import { rbacListings, readGrants } from '../../access/index.ts';
import type { Gap, Json, Population, PopulationInput, Row, StoredListing, StoredObject } from '../../model/index.ts';
import { at, isComplete } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { summarizeWorkloads } from '../workloads/pod-parts.ts';
import { podListings } from '../workloads/pod-specs.ts';

// Every account may read the issuer's discovery document; the API server binds it.
const expected = 'ClusterRoleBinding/system:service-account-issuer-discovery|ClusterRole/system:service-account-issuer-discovery';

interface Roles {
  readonly byAccount: ReadonlyMap<string, readonly string[]>;
  /** Key: the group's namespace, or '' for all accounts. */
  readonly byGroup: ReadonlyMap<string, readonly string[]>;
  /** What is not known of them. */
  readonly gaps: readonly Gap[];
}

interface HeldRow {
  readonly key: string;
  readonly row: Row;
  readonly usedBy: readonly string[];
  /** The roles that there were, and those of them that reach the account. */
  readonly of: Roles;
  readonly roles: readonly string[];
}

/** By account. */
const heldRows = new WeakMap<StoredObject, HeldRow>();

function rolesFor({ byAccount, byGroup }: Roles, account: string, namespace: string): readonly string[] {
  return [...(byAccount.get(account) ?? []), ...(byGroup.get(namespace) ?? []), ...(byGroup.get('') ?? [])];
}

function readRolesOfAccounts(input: PopulationInput): Roles {
  const byAccount = new Map<string, string[]>();
  const byGroup = new Map<string, string[]>();
  const gaps: Gap[] = [];
  const add = (map: Map<string, string[]>, key: string, text: string) => {
    const known = map.get(key);
    if (known === undefined) map.set(key, [text]);
    else known.push(text);
  };
  for (const { subject, binding } of readGrants({ ...input, gap: (gap) => gaps.push(gap) })) {
    const text = `${binding.roleKey} through ${binding.key}`;
    if (subject.account !== '') add(byAccount, subject.account, text);
    else if (subject.everyone === 'serviceaccounts' && `${binding.key}|${binding.roleKey}` !== expected) {
      add(byGroup, subject.name.slice('system:serviceaccounts:'.length), `${text} (every account)`);
    }
  }
  return { byAccount, byGroup, gaps };
}

/** All that {@link rolesFor} says of accounts of a namespace. */
function rolesIn({ byAccount, byGroup }: Roles): (namespace: string) => string {
  const accounts = new Map<string, [account: string, roles: readonly string[]][]>();
  // No cluster has a namespace with a slash in its name, but a file can.
  for (const [account, roles] of byAccount)
    for (let end = account.indexOf('/'); end >= 0; end = account.indexOf('/', end + 1)) {
      const namespace = account.slice(0, end);
      const known = accounts.get(namespace);
      if (known === undefined) accounts.set(namespace, [[account, roles]]);
      else known.push([account, roles]);
    }
  return (namespace) => JSON.stringify([accounts.get(namespace) ?? [], byGroup.get(namespace) ?? [], byGroup.get('') ?? []]);
}

interface Held {
  readonly lists: readonly Iterable<StoredObject>[];
  readonly facts: string;
  readonly roles: Roles;
}

/** By a list of all role bindings. */
const held = new WeakMap<Iterable<StoredObject>, Held>();

/** A reader of many snapshots gives the very same lists where nothing changed: then the roles are the same too. */
function rolesOf(input: PopulationInput): Roles {
  const roles = input.reader.parts === undefined ? readRolesOfAccounts(input) : rolesOfLists(input);
  for (const gap of roles.gaps) input.gap(gap);
  return roles;
}

function rolesOfLists(input: PopulationInput): Roles {
  const lists = rbacListings.map((kind) => input.reader.objects(kind));
  const facts = JSON.stringify(rbacListings.map((kind) => factsAbout(input.listing(kind))));
  const [first] = lists;
  const known = first === undefined ? undefined : held.get(first);
  if (known?.facts === facts && known.lists.every((list, place) => list === lists[place])) return known.roles;
  const roles = readRolesOfAccounts(input);
  if (first !== undefined) held.set(first, { lists, facts, roles });
  return roles;
}

/** What may decide whether a role is known to be missing. */
function factsAbout(listing: StoredListing | undefined): Json {
  return listing === undefined ? null : [isComplete(listing), listing.gaps as unknown as Json];
}

export const serviceAccounts: Population = {
  name: 'serviceAccounts',
  doc: 'A service account, with the pods that run as it and the roles that reach it',
  from: ['k8s.serviceaccounts/serviceaccounts', ...podListings, ...rbacListings],
  besideNamespace: rbacListings,
  besideIn: (input) => rolesIn(rolesOf(input)),
  *rows(input) {
    const roles = rolesOf(input);
    const { usersOf } = summarizeWorkloads(input);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.serviceaccounts/serviceaccounts')) {
      const known = heldRows.get(object);
      const key = known?.key ?? `${segment(object.namespace)}/${segment(object.name)}`;
      const item = unique(key);
      const usedBy = usersOf(object.namespace, object.name);
      const account = `${object.namespace}/${object.name}`;
      const own = known?.of === roles ? known.roles : rolesFor(roles, account, object.namespace);
      if (known !== undefined && known.row.item === item && known.usedBy === usedBy && isSameList(known.roles, own)) {
        if (known.of !== roles) heldRows.set(object, { ...known, of: roles });
        yield known.row;
        continue;
      }
      const row = {
        item,
        resource: resourceOf(object),
        evidence: [object.id],
        account,
        namespace: object.namespace,
        isDefault: object.name === 'default',
        automount: at(object.body, 'automountServiceAccountToken') !== false,
        usedBy,
        roles: own,
      };
      heldRows.set(object, { key, row, usedBy, of: roles, roles: own });
      yield row;
    }
  },
};

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, place) => text === b[place]));
}
