/**
 * Trees on their way out of a ledger and into one. As in the store, a tree is written as an edit of its base where it has one: the trees of
 * a large namespace, written whole for each run, would outgrow everything else. A tree's base is nearly always one of the last that were
 * read, so those are remembered.
 */
import { KubevidenceError } from '../../model/index.ts';
import type { TreeStep } from './export-format.ts';
import { type Member, treeText } from '../storage/trees.ts';

/** A member with its id, hex. */
export interface NamedMember extends Member {
  readonly id: string;
}

/** Of one tree: steps may copy the members of its base again and again. */
const largestTree = 4_000_000;
/** Members that are kept: some 60 MB. */
const mostMembers = 300_000;

/** The one way to write `members` on `base`, which is empty for a tree without one. */
export function stepsOf<T extends Member>(members: readonly T[], base: readonly Member[], idOf: (member: T) => string): TreeStep[] {
  const places = new Map(base.map((member, place) => [keyOf(member), place]));
  const steps: TreeStep[] = [];
  for (let at = 0; at < members.length; ) {
    const member = members[at] as T;
    const place = places.get(keyOf(member));
    let end = at + 1;
    if (place === undefined) {
      steps.push(member.label === '' ? [member.ref, idOf(member)] : [member.ref, idOf(member), member.label]);
    } else {
      while (end < members.length && isSame(members[end], base[place + end - at])) end++;
      steps.push([place, end - at]);
    }
    at = end;
  }
  return steps;
}

/** Throws `input` for steps that leave the base. */
export function membersOf(steps: readonly TreeStep[], base: readonly NamedMember[]): NamedMember[] {
  const members: NamedMember[] = [];
  for (const [first, second, label = ''] of steps) {
    if (typeof second === 'string') {
      members.push({ ref: first, label, id: second });
      continue;
    }
    if (first + second > base.length) throw new KubevidenceError('input', 'the tree has members of its base that the base does not have');
    if (members.length + second > largestTree) throw new KubevidenceError('input', `the tree has more than ${largestTree} members`);
    for (let place = first; place < first + second; place++) members.push(base[place] as NamedMember);
  }
  return members;
}

/** The text that a tree's id covers. */
export function textOfMembers(members: readonly NamedMember[]): string {
  return treeText(members, ({ id }) => id);
}

/** The members of trees that were read last; others come from `read`. */
export function rememberTrees<T extends Member>(read: (ref: number) => readonly T[]) {
  const kept = new Map<number, readonly T[]>();
  let size = 0;
  return {
    keep(ref: number, members: readonly T[]): void {
      kept.set(ref, members);
      size += members.length + 1;
      for (const [oldest, { length }] of kept) {
        if (size <= mostMembers || oldest === ref) break;
        kept.delete(oldest);
        size -= length + 1;
      }
    },
    get(ref: number): readonly T[] {
      const known = kept.get(ref);
      if (known === undefined) return read(ref);
      kept.delete(ref);
      kept.set(ref, known);
      return known;
    },
  };
}

function isSame(a: Member | undefined, b: Member | undefined): boolean {
  return a !== undefined && b !== undefined && a.ref === b.ref && a.label === b.label;
}

function keyOf({ ref, label }: Member): number | string {
  return label === '' ? ref : `${ref} ${label}`;
}
