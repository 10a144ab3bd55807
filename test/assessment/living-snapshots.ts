/**
 * Snapshots of a cluster that lives, for tests of what is judged over many of them: a recording's evidence, changed step by step. As in a
 * ledger read one run after the other, what does not change is the very same value in all of them.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { collectors } from '../../src/collectors/index.ts';
import type {
  EvidenceObject,
  EvidenceReader,
  Gap,
  Json,
  JsonObject,
  Listing,
  ListingKind,
  RunSummary,
  StoredListing,
  StoredObject,
} from '../../src/model/index.ts';
import { canonicalize, isObject, listAt } from '../../src/model/index.ts';
import { replayRecording } from '../../src/sources/index.ts';

export interface World {
  version: string;
  readonly objects: Map<ListingKind, EvidenceObject[]>;
  readonly listings: Map<ListingKind, Listing>;
}

export interface LivingSnapshot extends EvidenceReader {
  contentOf(kind: ListingKind): number | null;
}

/** The last run of a recording of the demo. */
export async function readWorld(name: string): Promise<World> {
  const world: World = { version: '', objects: new Map(), listings: new Map() };
  await replayRecording(join(import.meta.dirname, '..', '..', 'demo', 'recordings', `${name}.jsonl.gz`), {
    collectors,
    startRun: ({ identity }) => {
      world.version = identity.version ?? '';
      return {
        put: (kind, objects) => world.objects.set(kind, [...(world.objects.get(kind) ?? []), ...objects]),
        restart: (kind) => world.objects.delete(kind),
        close: (listing) => world.listings.set(listing.kind, listing),
      };
    },
  });
  return world;
}

export function copyOf({ version, objects, listings }: World): World {
  return { version, objects: new Map([...objects].map(([kind, list]) => [kind, [...list]])), listings: new Map(listings) };
}

const compare = (a: EvidenceObject, b: EvidenceObject) =>
  [a.namespace, a.name, a.uid].join('\u0000') < [b.namespace, b.name, b.uid].join('\u0000') ? -1 : 1;

/** Takes a snapshot of a world as it is, as run after run of one series. */
export function createSeries(): (world: World, at: string) => LivingSnapshot {
  const known = new Map<string, StoredObject>();
  const contents = new Map<string, number>();
  const lists = new Map<string, readonly StoredObject[]>();
  const series = {};
  let last: LivingSnapshot | null = null;
  let number = 0;
  const store = (kind: ListingKind, object: EvidenceObject): StoredObject => {
    const text = canonicalize([kind, object as unknown as Json]);
    let stored = known.get(text);
    if (stored === undefined) known.set(text, (stored = { ...object, id: createHash('sha256').update(text).digest('hex') }));
    return stored;
  };
  return (world, at) => {
    number += 1;
    const run = number;
    const before = last;
    const objects = new Map([...world.objects].map(([kind, list]) => [kind, list.map((each) => store(kind, each)).sort(compare)]));
    const listings = [...world.listings.values()]
      .sort((a, b) => (a.kind < b.kind ? -1 : 1))
      .map((listing): StoredListing => {
        const items = objects.get(listing.kind)?.length ?? 0;
        const requests = listing.requests.map((request) => ({ ...request, startedAt: at, endedAt: at, auditId: `${run}-1` }));
        return Object.assign(listing, {
          items,
          requests,
          observedAt: at,
          id: `listing ${listing.kind} of run ${run}`,
        });
      });
    const summary: RunSummary = {
      cluster: 'test',
      number: run,
      uuid: `run ${run}`,
      kind: 'scheduled',
      status: 'succeeded',
      plannedAt: at,
      startedAt: at,
      endedAt: at,
      slot: at,
      leaf: run,
      error: null,
      observedAt: at,
    };
    const snapshot: LivingSnapshot = {
      scope: 'cluster',
      cluster: { name: 'test', uid: 'uid', version: world.version, server: null, caFingerprint: null, actor: null },
      at,
      run: summary,
      listings: () => listings,
      listing: (kind) => listings.find((each) => each.kind === kind),
      objects: (kind) => (world.listings.has(kind) ? (objects.get(kind) ?? []) : []),
      parts(kind) {
        const parts = Map.groupBy(snapshot.objects(kind), ({ namespace }) => namespace);
        return new Map(
          [...parts].map(([namespace, list]) => {
            const text = `${kind} ${namespace} ${list.map(({ id }) => id).join()}`;
            const same = lists.get(text) ?? list;
            lists.set(text, same);
            return [namespace, same];
          }),
        );
      },
      contentOf(kind) {
        const list = objects.get(kind) ?? [];
        if (list.length === 0) return null;
        const text = list.map(({ id }) => id).join();
        const content = contents.get(text) ?? contents.size;
        contents.set(text, content);
        return content;
      },
      series,
      previous: () => before,
    };
    last = snapshot;
    return snapshot;
  };
}

/** The same evidence as values that nobody has seen, so that nothing is known of them from before. */
export function unseen(reader: EvidenceReader): EvidenceReader {
  const known = new Map<ListingKind, readonly StoredObject[]>();
  const before = reader.previous();
  return {
    scope: reader.scope,
    cluster: reader.cluster,
    at: reader.at,
    run: reader.run,
    listings: () => reader.listings(),
    listing: (kind) => reader.listing(kind),
    objects(kind) {
      const list = known.get(kind) ?? structuredClone([...reader.objects(kind)]);
      known.set(kind, list);
      return list;
    },
    previous: () => (before === null ? null : unseen(before)),
  };
}

/** A change of a world, made of numbers so that it can be shrunk. */
export interface Change {
  readonly what: 'edit' | 'copy' | 'remove' | 'gap' | 'heal' | 'mix' | 'drop' | 'status' | 'version' | 'counters' | 'restart';
  readonly kind: number;
  readonly object: number;
  readonly place: number;
  readonly value: number;
}

const values: readonly Json[] = [
  true,
  false,
  0,
  1,
  '',
  '*',
  'default',
  'system:masters',
  'system:authenticated',
  'privileged',
  'restricted',
  'Unconfined',
  '2026-01-01T00:00:00.000Z',
  '2026-12-31T00:00:00.000Z',
  'latest',
  [],
  {},
  null,
];
const gaps: readonly Gap[] = [
  { reason: 'forbidden', what: 'things' },
  { reason: 'error', what: 'page 2', detail: 'timeout' },
  { reason: 'redacted', what: 'an object', detail: 'erased' },
];

export function apply(world: World, { what, kind: kindIndex, object: objectIndex, place, value }: Change): void {
  const kinds = [...world.listings.keys()].sort();
  const kind = kinds[kindIndex % kinds.length];
  if (kind === undefined) return;
  const list = world.objects.get(kind) ?? [];
  const listing = world.listings.get(kind);
  const index = objectIndex % Math.max(1, list.length);
  const object = list[index];
  const replace = (body: JsonObject): void => {
    if (object !== undefined) world.objects.set(kind, list.with(index, { ...object, body }));
  };
  if (what === 'version') world.version = ['1.33.1', '1.36.3', '1.40.0'][value % 3] ?? '';
  else if (what === 'counters' || what === 'restart') touchMetrics(world, what, value);
  else if (what === 'drop') world.listings.delete(kind);
  else if (listing !== undefined && what === 'gap') world.listings.set(kind, { ...listing, gaps: [gaps[value % gaps.length] as Gap] });
  else if (listing !== undefined && what === 'heal') world.listings.set(kind, { ...listing, gaps: [] });
  else if (listing !== undefined && (what === 'mix' || what === 'status')) {
    const requests = listing.requests.map((each) =>
      what === 'mix' ? { ...each, consistency: 'inconsistent' as const } : { ...each, status: value % 2 === 0 ? 404 : 200 },
    );
    world.listings.set(kind, { ...listing, requests });
  } else if (object === undefined) return;
  else if (what === 'remove')
    world.objects.set(
      kind,
      list.filter((each) => each !== object),
    );
  else if (what === 'copy') {
    const [name, uid] = [`${object.name}-${value}`, object.uid === '' ? '' : `${object.uid}-${value}`];
    const metadata = { ...(object.body['metadata'] as JsonObject | undefined), name, uid };
    if (!list.some((each) => each.name === name && each.namespace === object.namespace))
      world.objects.set(kind, [...list, { ...object, name, uid, body: { ...object.body, metadata } }]);
  } else {
    const paths = pathsOf(object.body).filter(
      ([first, second]) => first !== 'metadata' || !['name', 'namespace', 'uid'].includes(second ?? ''),
    );
    const path = paths[place % Math.max(1, paths.length)];
    if (path !== undefined) replace(withAt(object.body, path, values[value % values.length] ?? null) as JsonObject);
  }
}

/** Counters count on, or begin anew with another process. */
function touchMetrics(world: World, what: 'counters' | 'restart', value: number): void {
  const kind = 'k8s.apiserver/metrics';
  const list = world.objects.get(kind) ?? [];
  const touched = list.map((object): EvidenceObject => {
    const isStart = object.name === 'process_start_time_seconds';
    if (what === 'restart' ? !isStart : isStart) return object;
    const samples = listAt(object.body, 'samples').map((each) => {
      const sample: JsonObject = isObject(each) ? each : {};
      return Object.assign(sample, { value: String(what === 'restart' ? 178e7 + value : Number(sample['value']) + (value % 7)) });
    });
    return Object.assign(object, {
      body: {
        ...object.body,
        samples,
      },
    });
  });
  world.objects.set(kind, touched);
}

type Path = readonly string[];

function pathsOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => pathsOf(each as Json, [...path, key]))].filter((each) => each.length > 0);
}

function withAt(value: Json, [key, ...rest]: Path, leaf: Json): Json {
  if (key === undefined) return leaf;
  if (Array.isArray(value)) return value.map((each, index) => (String(index) === key ? withAt(each as Json, rest, leaf) : each)) as Json;
  const object = value as JsonObject;
  return { ...object, [key]: withAt(object[key] ?? null, rest, leaf) };
}
