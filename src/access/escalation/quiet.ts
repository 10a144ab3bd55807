/**
 * Tells that nothing differs which ways are made of, where one snapshot is read after the other, by looking only at what differs: nearly
 * always a few pods and workloads, which run as the accounts that those before them ran as. Where it says no, ways may be the same yet.
 */
import type { EvidenceReader, ListingKind, StoredObject, Technique } from '../../model/index.ts';
import { isComplete } from '../../model/index.ts';
import type { District } from './districts.ts';
import { districtKinds } from './districts.ts';
import { guardListings } from './guards.ts';
import { withoutIdlePods } from './idle-pods.ts';
import { isSameMap, isSameSet } from './same.ts';
import type { World } from './world.ts';
import { pathListings, podSecurityLabel, secretsOf } from './world.ts';

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
  if (a.facts !== b.facts) return false;
  for (const [kind, lists] of b.lists) {
    const gist = gistOf(kind, b);
    const isSame = (x: readonly StoredObject[], y: readonly StoredObject[]) =>
      x === y || (gist !== undefined && JSON.stringify(x.map(gist)) === JSON.stringify(y.map(gist)));
    if (!isSameMap(a.lists.get(kind) ?? new Map(), lists, isSame)) return false;
  }
  return true;
}

/** All that counts of objects that change for other reasons most of the time; undefined where everything may. */
function gistOf(kind: ListingKind, { lists }: Sight): ((object: StoredObject) => unknown) | undefined {
  // Whether it mounts its token shows in what runs as it.
  if (kind === 'k8s.serviceaccounts/serviceaccounts') return ({ name, body }) => [name, secretsOf(body)];
  // Guards choose namespaces by whichever label they like.
  if (kind === 'k8s.namespaces/namespaces' && guardListings.every((guards) => lists.get(guards)?.size === 0))
    return ({ name, body }) => [name, podSecurityLabel(body)];
  return undefined;
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
