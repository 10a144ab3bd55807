/**
 * What drift says of people: rights gained and lost between two snapshots, and who can climb to cluster-admin that could not before, as
 * many as a document can hold; the others are counted.
 */
import {
  type AccessChange,
  type AccessIndex,
  compareAccess,
  comparePaths,
  createAccessIndex,
  findPaths,
  type PathChange,
  type PathDifferences,
  type PathSide,
} from '../../access/index.ts';
import type { Drift } from '../../assessment/index.ts';
import type { EvidenceReader, Technique } from '../../model/index.ts';

const mostAccessChanges = 2_000;
const mostPathChanges = 500;

/** A snapshot, and who may do what in it. */
export interface Side {
  readonly reader: EvidenceReader;
  readonly index: AccessIndex;
}

export function readSide(reader: EvidenceReader): Side {
  return { reader, index: createAccessIndex(reader) };
}

export function accessDrift(before: Side, after: Side, namespace: string | undefined): Drift['access'] {
  const { gained, lost, unknown, gaps } = compareAccess(before.index, after.index, namespace);
  let notListed = 0;
  const listed = (changes: readonly AccessChange[]): Drift['access']['gained'] => {
    notListed += Math.max(0, changes.length - mostAccessChanges);
    return changes
      .slice(0, mostAccessChanges)
      .map((change) => Object.assign({}, change, { rights: [...change.rights], powers: [...change.powers] }));
  };
  return { gained: listed(gained), lost: listed(lost), notListed, unknown, gaps: [...gaps] };
}

/** Of two snapshots that differ in nothing that paths are read from. */
export const noPathDrift: Drift['paths'] = {
  target: 'cluster-admin',
  gained: [],
  lost: [],
  confirmed: [],
  weakened: [],
  notListed: 0,
  unknown: 0,
  gaps: [],
};

export function pathDrift(before: Side, after: Side, techniques: readonly Technique[], differences: PathDifferences): Drift['paths'] {
  const question = { target: { kind: 'cluster-admin' }, builtin: true, withoutRemovals: true, withGrants: true } as const;
  const [was, is] = [before, after].map(({ reader, index }) => ({ index, report: findPaths(reader, techniques, question, index) })) as [
    PathSide,
    PathSide,
  ];
  const { target, gained, lost, confirmed, weakened, unknown, gaps } = comparePaths(was, is, differences);
  let notListed = 0;
  const listed = (changes: readonly PathChange[]) => {
    notListed += Math.max(0, changes.length - mostPathChanges);
    return changes.slice(0, mostPathChanges).map((change) => Object.assign({}, change, { hops: [...change.hops] }));
  };
  const lists = { gained: listed(gained), lost: listed(lost), confirmed: listed(confirmed), weakened: listed(weakened) };
  return { target, ...lists, notListed, unknown, gaps: [...gaps] };
}

export function countPaths(paths: Drift['paths']): number {
  if (paths === null) return 0;
  return paths.gained.length + paths.lost.length + paths.confirmed.length + paths.weakened.length;
}
