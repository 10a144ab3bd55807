/** How access names things: keys that stay the same over time, and that no hostile name can make equal. */

/** A part of a natural key: `|` and `/` separate parts, so a name that holds one (only files can give such) is written encoded. */
export function segment(text: string): string {
  return text.replace(/[%|/]/g, (character) => encodeURIComponent(character));
}

/** As {@link segment}, for names of users and groups: a `/` is common there and they stand at the end of their part. */
export function subjectSegment(text: string): string {
  return text.replace(/[%|]/g, (character) => encodeURIComponent(character));
}

/** `ClusterRole/view`, `Role/team-a/reader`. */
export function nameOf(kind: string, namespace: string, name: string): string {
  return namespace === '' ? `${kind}/${segment(name)}` : `${kind}/${segment(namespace)}/${segment(name)}`;
}
