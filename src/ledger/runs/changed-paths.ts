/**
 * What differs between two JSON values, as paths with the old and the new value. Members of lists that all have a name of their own are
 * matched by it (`spec.containers["web"].image`); other lists are aligned by what they have in common, so that one inserted member is one
 * difference. Values are shortened and safe to print: they come from a cluster.
 */
import { at, canonicalize, clip, isObject, type Json, textAt } from '../../model/index.ts';

export interface PathDifference {
  /** Keys joined by dots; keys that are no plain words, and members matched by name, as `["key"]`; positions as `[2]`: in the new list, of what is gone in the old one. */
  readonly path: string;
  /** JSON text, shortened; null where there was no value. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface ChangedPaths {
  /** In the order of the keys. */
  readonly paths: readonly PathDifference[];
  /** How many more there are. */
  readonly more: number;
}

/** Paths of one object that are listed, and characters of a value that are shown. */
const shownPaths = 20;
const shownCharacters = 200;
/** Lists whose lengths multiply to more are not aligned member by member. */
const mostCells = 60_000;

export function changedPaths(before: Json, after: Json): ChangedPaths {
  const paths: PathDifference[] = [];
  let more = 0;
  compare('', before, after, (path, was, is) => {
    if (paths.length < shownPaths) paths.push({ path, before: textOf(was), after: textOf(is) });
    else more += 1;
  });
  return { paths, more };
}

type Report = (path: string, before: Json | undefined, after: Json | undefined) => void;

function compare(path: string, before: Json | undefined, after: Json | undefined, report: Report): void {
  if (isList(before) && isList(after)) compareLists(path, before, after, report);
  else if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort())
      compare(below(path, key), at(before, key), at(after, key), report);
  } else if (!same(before, after)) report(path, before, after);
}

function compareLists(path: string, before: readonly Json[], after: readonly Json[], report: Report): void {
  const [was, is] = [byName(before), byName(after)];
  if (was !== null && is !== null && before.length + after.length > 0) {
    const names = [...new Set([...was.keys(), ...is.keys()])];
    for (const name of names) compare(`${path}[${JSON.stringify(name)}]`, was.get(name), is.get(name), report);
    const [kept, stayed] = [[...was.keys()].filter((name) => is.has(name)), [...is.keys()].filter((name) => was.has(name))];
    // A changed order can mean something: init containers run one after the other.
    if (!same(kept, stayed)) report(path, kept, stayed);
    return;
  }
  for (const [wasAt, isAt] of differing(before, after))
    compare(`${path}[${isAt ?? wasAt}]`, wasAt === null ? undefined : before[wasAt], isAt === null ? undefined : after[isAt], report);
}

/** Pairs of members to compare, by position; null where a member has no counterpart. What is common is left out. */
function differing(before: readonly Json[], after: readonly Json[]): (readonly [number | null, number | null])[] {
  const [was, is] = [before.map(canonicalize), after.map(canonicalize)];
  const pairs: (readonly [number | null, number | null])[] = [];
  let [wasFrom, isFrom] = [0, 0];
  for (const [wasTo, isTo] of [...commonMembers(was, is), [was.length, is.length] as const]) {
    for (let i = 0; i < Math.max(wasTo - wasFrom, isTo - isFrom); i++)
      pairs.push([wasFrom + i < wasTo ? wasFrom + i : null, isFrom + i < isTo ? isFrom + i : null]);
    [wasFrom, isFrom] = [wasTo + 1, isTo + 1];
  }
  return pairs;
}

/** Positions of a longest common subsequence; of long lists only of the common beginning and end. */
function commonMembers(was: readonly string[], is: readonly string[]): (readonly [number, number])[] {
  const least = Math.min(was.length, is.length);
  let start = 0;
  while (start < least && was[start] === is[start]) start++;
  let end = 0;
  while (end < least - start && was[was.length - 1 - end] === is[is.length - 1 - end]) end++;
  const first = Array.from({ length: start }, (_, i) => [i, i] as const);
  const last = Array.from({ length: end }, (_, i) => [was.length - end + i, is.length - end + i] as const);
  const [rows, columns] = [was.length - start - end, is.length - start - end];
  if (rows * columns > mostCells) return [...first, ...last];
  // longest[i * width + j]: of what is left from i and j on.
  const width = columns + 1;
  const longest = new Uint16Array((rows + 1) * width);
  const cell = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      longest[i * width + j] = was[start + i] === is[start + j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1));
  const middle: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < rows && j < columns; ) {
    if (was[start + i] === is[start + j]) middle.push([start + i++, start + j++]);
    else if (cell(i + 1, j) >= cell(i, j + 1)) i++;
    else j++;
  }
  return [...first, ...middle, ...last];
}

/** Null unless every member is an object with a name that no other has. */
function byName(list: readonly Json[]): Map<string, Json> | null {
  const named = new Map<string, Json>();
  for (const member of list) {
    const name = textAt(member, 'name');
    if (name === undefined || named.has(name)) return null;
    named.set(name, member);
  }
  return named;
}

function below(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && canonicalize(a) === canonicalize(b);
}

const textOf = (value: Json | undefined): string | null => (value === undefined ? null : clip(canonicalize(value), shownCharacters));
