/**
 * Everybody whom somebody granted anything, with the shortest way to cluster-admin, for one snapshot after the other: a snapshot in which
 * nothing differs that ways are made of has the same climbers, and is not searched again. Pods that no way leads through are left out
 * (idle-pods.ts), because pods come and go all the time.
 */
import type { EvidenceReader, ListingKind, StoredObject, Technique } from '../../model/index.ts';
import { isComplete } from '../../model/index.ts';
import type { AccessIndex } from '../access-index.ts';
import { createAccessIndex } from '../access-index.ts';
import type { Binding } from '../bindings.ts';
import { rbacListings } from '../bindings.ts';
import type { Subject } from '../subjects.ts';
import { widenedOf } from '../widened.ts';
import type { Ground } from './draw.ts';
import { drawGraph, drawGround, drawOn, hasGrant } from './draw.ts';
import type { Path } from './find-paths.ts';
import { shortestPaths } from './find-paths.ts';
import { withoutIdlePods } from './idle-pods.ts';
import type { Sight } from './quiet.ts';
import { isQuiet, isSameSight, sightOf } from './quiet.ts';
import { isSameList } from './same.ts';
import { isBuiltinGrant } from './setup-grants.ts';
import { stateOf } from './states.ts';
import { operatorsOf } from './targets.ts';
import type { HeldPod } from './districts.ts';
import type { Inhabitants, World } from './world.ts';
import { readInhabitants, readWorld } from './world.ts';

export interface Climber {
  readonly subject: Subject;
  /** The bindings that somebody made for it; one at least. */
  readonly bindings: readonly [Binding, ...Binding[]];
  /** The shortest, certain where there is one. */
  readonly path: Path | undefined;
  /** Those that the path stands on. */
  readonly over: readonly Binding[];
}

interface Rbac {
  readonly objects: readonly StoredObject[];
  /** Whether they were all read, as text. */
  readonly read: string;
  readonly index: AccessIndex;
}

interface Found {
  readonly rbac: Rbac;
  readonly world: World;
  /** Of the last snapshot in which nothing differed. Null where snapshots cannot be compared by it. */
  sight: Sight | null;
  districts: Inhabitants['districts'];
  /** What the ground is drawn by; what is the very same value as in the snapshot before says the same. */
  readonly told: readonly string[];
  readonly ground: Ground;
  /** Whom bindings name. */
  readonly bound: string;
  readonly paths: ReadonlyMap<string, Path>;
  readonly climbers: readonly Climber[];
}

/** What was found last, by series and techniques. */
const memories = new WeakMap<object, WeakMap<readonly Technique[], Found>>();

/**
 * In the order of the subjects' texts; those that are as in the snapshot before are the very same values. `pods`: what is known of them
 * already.
 */
export function findClimbers(reader: EvidenceReader, techniques: readonly Technique[], pods?: Iterable<HeldPod>): readonly Climber[] {
  const memory = memoryOf(reader);
  const before = memory?.get(techniques);
  const sight = memory === undefined || pods !== undefined ? null : sightOf(reader);
  if (before !== undefined && sight !== null && isStill(before, sight, reader, techniques)) return before.climbers;
  const rbac = readRbac(reader, before?.rbac);
  const inhabitants = readInhabitants(reader, rbac.index, pods);
  const whole = readWorld(reader, rbac.index, inhabitants);
  const world = withoutIdlePods(whole, techniques);
  if (memory === undefined) return climbersBy(rbac.index, shortestPaths(drawGraph(world, techniques, [])));
  const told = tellWorld(world);
  const isSameGround = before !== undefined && isSameList(before.told, told);
  const bound = textBy(rbac.index.bindings, () => rbac.index.bindings.map(({ subjects }) => subjects.map(({ text }) => text)));
  const isSame = isSameGround && before.bound === bound;
  const isKept = isSame && before.rbac === rbac;
  const ground = isSame || (isSameGround && !before.ground.isPersonal) ? before.ground : drawGround(world, techniques, []);
  const paths = isSame ? before.paths : shortestPaths(drawOn(ground, world));
  const climbers = isKept ? before.climbers : climbersBy(rbac.index, paths, before);
  memory.set(techniques, { rbac, world: whole, sight, districts: inhabitants.districts, told, ground, bound, paths, climbers });
  return climbers;
}

/** Whether nothing shows that could have a say. */
function isStill(before: Found, sight: Sight, reader: EvidenceReader, techniques: readonly Technique[]): boolean {
  if (before.sight === null || !isSameSight(before.sight, sight)) return false;
  const { districts } = readInhabitants(reader, before.rbac.index);
  if (!isQuiet(before.districts, districts, sight, before.world, techniques)) return false;
  [before.sight, before.districts] = [sight, districts];
  return true;
}

/** Of one snapshot alone, nothing is asked for again. */
function memoryOf({ series }: EvidenceReader): WeakMap<readonly Technique[], Found> | undefined {
  if (series === undefined) return undefined;
  const known = memories.get(series);
  if (known !== undefined) return known;
  const fresh = new WeakMap<readonly Technique[], Found>();
  memories.set(series, fresh);
  return fresh;
}

function climbersBy(index: AccessIndex, paths: ReadonlyMap<string, Path>, before?: Found): readonly Climber[] {
  const known = new Map(before?.climbers.map((climber) => [climber.subject.text, climber]));
  const bindings = new Map(index.bindings.map((binding) => [binding.key, binding]));
  return index.subjects.flatMap((subject) => {
    const { text } = subject;
    const [first, ...others] = index
      .grantsOf(text)
      .flatMap(({ binding }) => (isBuiltinGrant(binding, text) && widenedOf(binding.role) === null ? [] : [binding]));
    if (first === undefined) return [];
    // An account is one, however bindings name it.
    const path = paths.get(stateOf(subject));
    const over = path?.bindings.flatMap((key) => bindings.get(key) ?? []) ?? [];
    const climber: Climber = { subject, bindings: [first, ...others], path, over };
    const same = known.get(text);
    return [same !== undefined && isSameClimber(same, climber) ? same : climber];
  });
}

function isSameClimber(a: Climber, b: Climber): boolean {
  return (
    isSameList(a.bindings, b.bindings) &&
    isSameList(a.over, b.over) &&
    (a.path === b.path || JSON.stringify(a.path) === JSON.stringify(b.path))
  );
}

function readRbac(reader: EvidenceReader, before: Rbac | undefined): Rbac {
  const objects = rbacListings.flatMap((kind) => [...reader.objects(kind)]);
  const read = JSON.stringify([reader.scope, rbacListings.map((kind) => [isRead(reader, kind), reader.listing(kind)?.gaps])]);
  return before?.read === read && isSameList(before.objects, objects) ? before : { objects, read, index: createAccessIndex(reader) };
}

function isRead(reader: EvidenceReader, kind: ListingKind): boolean {
  const listing = reader.listing(kind);
  return listing !== undefined && isComplete(listing);
}

/** All of a world that ways are made of, but for whom bindings name. */
function tellWorld(world: World): readonly string[] {
  const { index, reader, settings, roles, namespaces, accounts, pods, workloads, running, nodes, tokenSecrets, gathering, gaps } = world;
  return [
    textBy(index, () => [
      index.subjects.map(stateOf),
      // What the roles say comes after them.
      index.bindings.map((binding) => {
        const { key, roleKey, role } = binding;
        return [key, roleKey, role === undefined, hasGrant(binding, false), hasGrant(binding, true)];
      }),
      Array.from(roles.values(), ({ key, rules }) => [key, rules]),
    ]),
    textBy(accounts, () => Array.from(accounts.values(), (names) => [...names.values()])),
    ...Array.from(pods, ([namespace, inside]) => textBy(inside, () => [namespace, inside])),
    ...Array.from(workloads, ([namespace, names]) =>
      textBy(names, () => [namespace, Array.from(names, ([kind, each]) => [kind, ...each])]),
    ),
    JSON.stringify([
      reader.cluster.version,
      [...gathering],
      settings,
      [...namespaces.values()],
      operatorsOf(world),
      [...running].sort(),
      [...nodes].sort(),
      tokenSecrets === undefined ? null : Array.from(tokenSecrets, ([namespace, names]) => [namespace, ...names]),
      gaps,
    ]),
  ];
}

const texts = new WeakMap<object, string>();

function textBy(value: object, told: () => unknown): string {
  let text = texts.get(value);
  if (text === undefined) texts.set(value, (text = JSON.stringify(told())));
  return text;
}
