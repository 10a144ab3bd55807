/** Whether two collections hold the very same values. */

export function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at]);
}

/** Whether it has the same keys, in whichever order. */
export function isSameMap<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>, isSame: (x: T, y: T, key: string) => boolean): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !isSame(value, other, key)) return false;
  }
  return true;
}

export function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.values().every((each) => b.has(each));
}
