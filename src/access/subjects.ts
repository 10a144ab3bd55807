/** Who a binding names: users, groups and service accounts as the API server's authorizer understands them. */
import type { Json } from '../model/index.ts';
import { textAt } from '../model/index.ts';
import { subjectSegment } from './names.ts';

/** Groups and users that stand for more people than anyone can list. */
export type Everyone = '' | 'anonymous' | 'authenticated' | 'serviceaccounts';

export interface Subject {
  readonly kind: 'User' | 'Group' | 'ServiceAccount';
  readonly name: string;
  /** Of a service account; empty for others. */
  readonly namespace: string;
  /** `User/alice`, `Group/dev`, `ServiceAccount/ns/name`, as written in the binding. */
  readonly text: string;
  /** `ns/name` when this is one service account, also when it is written as User `system:serviceaccount:ns:name`. Else empty. */
  readonly account: string;
  readonly everyone: Everyone;
}

const everyoneNames: Readonly<Record<string, Everyone>> = {
  'User/system:anonymous': 'anonymous',
  'Group/system:unauthenticated': 'anonymous',
  'Group/system:authenticated': 'authenticated',
  'Group/system:serviceaccounts': 'serviceaccounts',
};

/** Undefined for what no authorizer would ever match: no known kind, no name, a service account without a namespace. */
export function readSubject(subject: Json, bindingNamespace: string): Subject | undefined {
  const kind = textAt(subject, 'kind');
  const name = textAt(subject, 'name') ?? '';
  if (name === '') return undefined;
  if (kind === 'ServiceAccount') {
    // RBAC's appliesToUser: an account without a namespace is one of the binding's namespace.
    const namespace = textAt(subject, 'namespace') || bindingNamespace;
    return namespace === '' ? undefined : account(namespace, name);
  }
  if (kind !== 'User' && kind !== 'Group') return undefined;
  const text = `${kind}/${name}`;
  const user = kind === 'User' ? /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name) : null;
  return {
    kind,
    name,
    namespace: '',
    text,
    account: user === null ? '' : `${user[1]}/${user[2]}`,
    everyone: everyoneNames[text] ?? (/^Group\/system:serviceaccounts:./.test(text) ? 'serviceaccounts' : ''),
  };
}

function account(namespace: string, name: string): Subject {
  return {
    kind: 'ServiceAccount',
    name,
    namespace,
    text: `ServiceAccount/${namespace}/${name}`,
    account: `${namespace}/${name}`,
    everyone: '',
  };
}

/** The name by which the API server knows a user or service account; of a group, the group's. */
export function userNameOf({ kind, namespace, name }: Subject): string {
  return kind === 'ServiceAccount' ? `system:serviceaccount:${namespace}:${name}` : name;
}

/** The subject as a part of a natural key. */
export function subjectKey(subject: Subject): string {
  const namespace = subject.namespace === '' ? '' : `${encodeURIComponent(subject.namespace)}/`;
  return `${subject.kind}/${namespace}${subjectSegment(subject.name)}`;
}
