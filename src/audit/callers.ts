/**
 * Kinds of callers, as far as an audit policy can tell them apart: whom a kind certainly is, and whom it may be. A rule for a user or group
 * that the kind may be is one for some of it; that rule says nothing about the others.
 */
import type { AuditRule } from './policy.ts';

export interface CallerKind {
  /** A plain one of the kind, in no group but those that the API server adds. Null: nobody signed in. */
  readonly user: string | null;
  readonly groups: readonly string[];
  /** Everybody of the kind is in all of one of these sets. */
  readonly certain: readonly (readonly string[])[];
  /** Every one of the kind has this name. */
  readonly only?: boolean;
  readonly mayBe: (user: string) => boolean;
  readonly mayBeIn: (group: string) => boolean;
}

const authenticated = 'system:authenticated';
const unauthenticated = 'system:unauthenticated';
const ownAccounts = 'system:serviceaccounts';
const platformAccounts = 'system:serviceaccounts:kube-system';
const masters = 'system:masters';

const isAccount = (user: string) => user.startsWith('system:serviceaccount:');
const isPlatformAccount = (user: string) => user.startsWith('system:serviceaccount:kube-system:');
const isPersonal = (name: string) => !name.startsWith('system:');
/** Components of the control plane and of nodes: what they do says nothing about people and workloads. */
const isComponent = (user: string) =>
  user.startsWith('system:') && user !== 'system:anonymous' && (!isAccount(user) || isPlatformAccount(user));

function signedIn(user: string, groups: readonly string[], mayBe: CallerKind['mayBe'], mayBeIn: CallerKind['mayBeIn']): CallerKind {
  const all = [...groups, authenticated];
  return { user, groups: all, certain: all.map((group) => [group]), mayBe, mayBeIn };
}

/** Somebody who signed in with a certificate, a token of an identity provider, or the like. */
export const person = signedIn('somebody', [], isPersonal, (group) => isPersonal(group));
export const clusterAdmin = signedIn('somebody', [masters], isPersonal, (group) => isPersonal(group));
export const workload = signedIn(
  'system:serviceaccount:somewhere:something',
  [ownAccounts, 'system:serviceaccounts:somewhere'],
  (user) => isAccount(user) && !isPlatformAccount(user),
  (group) => group.startsWith(`${ownAccounts}:`) && group !== platformAccounts,
);
export const platform = signedIn(
  'system:serviceaccount:kube-system:something',
  [ownAccounts, platformAccounts],
  isPlatformAccount,
  () => false,
);
export const node = signedIn(
  'system:node:something',
  ['system:nodes'],
  (user) => user.startsWith('system:node:'),
  () => false,
);
export const anonymous: CallerKind = {
  user: 'system:anonymous',
  groups: [unauthenticated],
  certain: [[unauthenticated]],
  only: true,
  mayBe: (user) => user === 'system:anonymous',
  mayBeIn: () => false,
};
/** Whose credential the API server refused: 401. */
export const unknown: CallerKind = { user: null, groups: [], certain: [], mayBe: () => false, mayBeIn: () => false };

/** Every request is in one of the two groups. */
const everybody = { user: person.user, groups: person.groups, certain: [[authenticated, unauthenticated]] };
export const anybody: CallerKind = { ...everybody, mayBe: () => true, mayBeIn: () => true };
export const personOrWorkload: CallerKind = {
  ...everybody,
  mayBe: (user) => !isComponent(user),
  mayBeIn: (group) => group !== 'system:nodes' && group !== platformAccounts,
};

export type Match = 'never' | 'some' | 'always';

/** Whether a rule is for callers of a kind. */
export function matchesKind({ users, userGroups }: AuditRule, kind: CallerKind): Match {
  return least(ofUsers(users, kind), ofGroups(userGroups, kind));
}

function ofUsers(users: readonly string[], kind: CallerKind): Match {
  if (users.length === 0) return 'always';
  if (!users.some(kind.mayBe)) return 'never';
  return kind.only === true ? 'always' : 'some';
}

function ofGroups(groups: readonly string[], kind: CallerKind): Match {
  if (groups.length === 0 || kind.certain.some((all) => all.every((group) => groups.includes(group)))) return 'always';
  return groups.some((group) => kind.mayBeIn(group) || kind.certain.some((all) => all.includes(group))) ? 'some' : 'never';
}

export function least(...matches: readonly Match[]): Match {
  return matches.includes('never') ? 'never' : matches.includes('some') ? 'some' : 'always';
}
