/** How rows name objects and subjects: keys that stay the same over time, and that no hostile name can make equal. */
import type { ResourceRef, StoredObject } from '../model/index.ts';

/** A part of a natural key: `|` and `/` separate parts, so a name that holds one (only files can give such) is written encoded. */
export function segment(text: string): string {
  return text.replace(/[%|/]/g, (character) => encodeURIComponent(character));
}

/** As {@link segment}, for names of users and groups: a `/` is common there and they stand at the end of their part. */
export function subjectSegment(text: string): string {
  return text.replace(/[%|]/g, (character) => encodeURIComponent(character));
}

export function resourceOf(object: StoredObject): ResourceRef {
  return { apiVersion: object.apiVersion, kind: object.type, namespace: object.namespace, name: object.name, uid: object.uid };
}

/** `ClusterRole/view`, `Role/team-a/reader`. */
export function nameOf(kind: string, namespace: string, name: string): string {
  return namespace === '' ? `${kind}/${segment(name)}` : `${kind}/${segment(namespace)}/${segment(name)}`;
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
