/** How rows name grants; a grant of the very same binding, whose subjects are its own, has the same name. */
import { type Grant, subjectKey } from '../../access/index.ts';

const held = new WeakMap<Grant['subject'], string>();

/** `User/alice|ClusterRoleBinding/friday|ClusterRole/cluster-admin`. */
export function grantKey({ subject, binding }: Pick<Grant, 'subject' | 'binding'>): string {
  let key = held.get(subject);
  if (key === undefined) held.set(subject, (key = `${subjectKey(subject)}|${binding.key}|${binding.roleKey}`));
  return key;
}
