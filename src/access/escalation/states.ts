/** How states are written, which is what people and programs read, and who is in which group without any binding saying so. */

import type { Subject } from '../subjects.ts';

export const mastersGroup = 'system:masters';

export const accountState = (namespace: string, name: string) => `ServiceAccount/${namespace}/${name}`;
export const podState = (namespace: string, name: string) => `Pod/${namespace}/${name}`;
export const secretState = (namespace: string, name: string) => `Secret/${namespace}/${name}`;
export const nodeState = (name: string) => `Node/${name}`;
/** The credential of a node's kubelet: user and group together, which the Node authorizer asks for. */
export const identityState = (node: string) => `User/system:node:${node} with Group/system:nodes`;

/** Of a subject as its bindings name it; a user who is a service account is that account. */
export const stateOf = ({ account, text }: Pick<Subject, 'account' | 'text'>) => (account === '' ? text : `ServiceAccount/${account}`);

/**
 * Groups that the authenticator adds. Of a group: those that each of its members is in as well, whoever they are.
 * `namespace` is that of a service account.
 */
export function impliedGroups(kind: 'User' | 'Group' | 'ServiceAccount', name: string, namespace: string): readonly string[] {
  if (kind === 'ServiceAccount') return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  if (kind === 'User') return [name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'];
  if (name === 'system:unauthenticated' || name === 'system:authenticated') return [];
  return name.startsWith('system:serviceaccounts:') ? ['system:serviceaccounts', 'system:authenticated'] : ['system:authenticated'];
}
