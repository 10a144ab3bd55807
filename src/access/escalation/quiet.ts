/**
 * Tells that nothing differs which ways are made of, where one snapshot is read after the other, by looking only at what differs: nearly
 * always a few pods and workloads, which run as the accounts that those before them ran as. Where it says no, ways may be the same yet.
 */
import type { EvidenceReader, ListingKind, StoredObject, Technique } from '../../model/index.ts';
import { isComplete } from '../../model/index.ts';
import type { District } from './districts.ts';
import { districtKinds } from './districts.ts';
import { withoutIdlePods } from './idle-pods.ts';
import type { World } from './world.ts';
import { pathListings } from './world.ts';

type Lists = ReadonlyMap<string, readonly StoredObject[]>;

/** What a snapshot shows, but for what runs in its namespaces. */
export interface Sight {
  /** What was read, and how completely. */
  readonly facts: string;
  /** Objects by kind and namespace. */
  readonly lists: ReadonlyMap<ListingKind, Lists>;
}

const kinds = [...new Set(pathListings)];
const others = kinds.filter((kind) => !districtKinds.includes(kind));

/** Null where objects are not told apart by namespace. */
export function sightOf(reader: EvidenceReader): Sight | null {
  const lists = new Map<ListingKind, Lists>();
  for (const kind of others) {
    const inside = reader.parts?.(kind) ?? null;
    if (inside === null) return null;
    lists.set(kind, inside);
  }
  const facts = kinds.map((kind) => {
    const listing = reader.listing(kind);
    return listing === undefined ? null : [isComplete(listing), listing.gaps];
  });
  return { facts: JSON.stringify([reader.scope, reader.cluster.version, facts]), lists };
}

export function isSameSight(a: Sight, b: Sight): boolean {
  const isSame = (x: Lists | undefined, y: Lists) => x !== undefined && isSameMap(x, y, (list, other) => list === other);
  return a.facts === b.facts && b.lists.entries().every(([kind, lists]) => isSame(a.lists.get(kind), lists));
}

/** Of two snapshots of one sight: whether what runs is the same to all ways. `world`: the first of them, with all its pods. */
export function isQuiet(
  before: ReadonlyMap<string, District>,
  after: ReadonlyMap<string, District>,
  { lists }: Sight,
  world: World,
  techniques: readonly Technique[],
): boolean {
  const busy = ({ pods }: District, namespace: string) =>
    JSON.stringify(withoutIdlePods({ ...world, pods: new Map([[namespace, pods]]) }, techniques).pods.get(namespace));
  const isListed = (node: string) =>
    lists
      .get('k8s.nodes/nodes')
      ?.values()
      .some((nodes) => nodes.some(({ name }) => name === node)) === true;
  return isSameMap(
    before,
    after,
    (a, b, namespace) =>
      a === b ||
      ([a, b].every(({ components }) => components.length === 0) &&
        (a.pods.length === 0) === (b.pods.length === 0) &&
        isSameMap(a.workloads, b.workloads, isSameSet) &&
        isSameSet(a.accounts, b.accounts) &&
        [...a.nodes, ...b.nodes].every((node) => (a.nodes.has(node) && b.nodes.has(node)) || isListed(node)) &&
        busy(a, namespace) === busy(b, namespace)),
  );
}

/** Whether it has the same keys, in whichever order. */
function isSameMap<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>, isSame: (x: T, y: T, key: string) => boolean): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !isSame(value, other, key)) return false;
  }
  return true;
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.values().every((each) => b.has(each));
}
