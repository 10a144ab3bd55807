/** How rows name objects and subjects: keys that stay the same over time, and that no hostile name can make equal. */
import type { ResourceRef, StoredObject } from '../model/index.ts';

export { nameOf, segment, subjectSegment } from '../access/index.ts';

export function resourceOf(object: StoredObject): ResourceRef {
  return { apiVersion: object.apiVersion, kind: object.type, namespace: object.namespace, name: object.name, uid: object.uid };
}

/** Makes keys unique in the order they come: `a`, `a#2`. Two objects of one name can only come from files. */
export function uniqueKeys(): (key: string) => string {
  const seen = new Map<string, number>();
  return (key) => {
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return count === 1 ? key : `${key}#${count}`;
  };
}
