/**
 * What API servers still read of former keys of a key service. A key service that changes its key leaves what is stored under the former one
 * until it is written again. Servers count reads by key id since their process started, of all resources together; a read of a former
 * key counts once nothing can be written with it any more. Nothing read of a former key proves nothing, unless everything was read.
 */
import type { Gap, PopulationInput, Row, StoredObject } from '../../model/index.ts';
import { listAt, textAt } from '../../model/index.ts';
import { readReplicaMetrics } from '../control-plane/answering-replica.ts';
import type { Metrics, Sample } from '../control-plane/metrics.ts';
import { readEarlier, sum } from '../control-plane/metrics.ts';
import { type KeyState, kmsPopulation, shortId, statesOf } from './encryption-kms.ts';
import { countedFromStart, countedResources, storedObjects } from './encryption-metrics.ts';
import { migrationAfter, migrationsKind } from './encryption-migrations.ts';

const uses = 'apiserver_envelope_encryption_key_id_hash_total';
const lastUses = 'apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds';
const operations = 'apiserver_storage_transformation_operations_total';

/** A server writes with a key for so long after the key service named it for the last time (kmsv2PluginWriteDEKSourceMaxTTL). */
const writesForSeconds = 180;

/** Reads of data under one key id, since the process started. */
interface Reads {
  readonly id: string;
  readonly count: number;
  /** Of the last one, in seconds since 1970; 0 where it is not told. */
  readonly last: number;
}

function readsOf(metrics: Metrics, provider: string): readonly Reads[] {
  const isRead = ({ labels }: Sample) => labels['provider_name'] === provider && labels['transformation_type'] === 'from_storage';
  const idOf = ({ labels }: Sample) => labels['key_id_hash'] ?? '';
  const counts = Map.groupBy((metrics.families.get(uses) ?? []).filter(isRead), idOf);
  const times = Map.groupBy((metrics.families.get(lastUses) ?? []).filter(isRead), idOf);
  return Array.from(counts, ([id, samples]) => ({
    id,
    count: samples.reduce((total, { value }) => total + value, 0),
    last: (times.get(id) ?? []).reduce((latest, { value }) => (value > latest && value < 1e11 ? value : latest), 0),
  }));
}

/** From when on nothing was written with a former key, in seconds; of a process that has seen one key alone, its start. */
function effectOf({ replaced, started }: KeyState): number {
  return replaced > 0 ? replaced + writesForSeconds : started;
}

/** Operations on a resource that pass; the series of single keys, which count the same again, never do. */
function count(metrics: Metrics, resource: string, accept: (labels: Sample['labels'], prefix: string) => boolean): number {
  return sum(metrics, operations, (labels) => {
    const prefix = labels['transformer_prefix'] ?? '';
    const isWhole = prefix.startsWith('k8s:enc:') || prefix === '' || prefix === 'identity';
    return isWhole && labels['status'] === 'OK' && labels['resource'] === resource && accept(labels, prefix);
  });
}

/** Resources that the provider wrote or read since the process started. */
function resourcesOf(metrics: Metrics, provider: string): readonly string[] {
  return countedResources(metrics).filter(
    (resource) => count(metrics, resource, (_labels, prefix) => prefix === `k8s:enc:kms:v2:${provider}:`) > 0,
  );
}

/** Why it is not shown that everything in storage was read, by whatever provider; undefined where it is. */
function unreadOf(input: PopulationInput, metrics: Metrics, resources: readonly string[]): string | undefined {
  for (const resource of resources) {
    // Reads of one thing again and again are no reads of all.
    if (!countedFromStart(metrics, input, resource))
      return `the configuration was loaded after the process started, and what it read of ${resource} then was not counted`;
    const read = count(metrics, resource, ({ transformation_type: type }) => type === 'from_storage');
    const stored = storedObjects(metrics, resource);
    if (stored === undefined || read < stored) return `${read} reads do not show all ${resource} (${stored ?? 'nobody knows how many'})`;
  }
  return undefined;
}

/** Migrations that rewrote all of these resources when every server had the present key; undefined where that is not shown. */
function rewrittenBy(
  input: PopulationInput,
  provider: string,
  { id }: KeyState,
  resources: readonly string[],
): readonly StoredObject[] | undefined {
  const states = readReplicaMetrics(input).flatMap(({ metrics }) => statesOf(metrics).get(provider) ?? []);
  if (resources.length === 0 || states.some((state) => state.id !== id)) return undefined;
  const since = Math.max(...states.map(effectOf)) * 1000;
  const found = resources.flatMap((resource) => migrationAfter(input, resource, since) ?? []);
  return found.length === resources.length ? found : undefined;
}

/** In milliseconds since 1970; NaN where it is not told. */
function endOf(migration: StoredObject): number {
  const done = listAt(migration.body, 'status', 'conditions').find((condition) => textAt(condition, 'type') === 'Succeeded');
  return Date.parse(textAt(done, 'lastTransitionTime') ?? '');
}

const rewrite = 'rewrite everything that the key service encrypts, restart the API server, which then reads all of it, and collect again';

function judge(state: KeyState, input: PopulationInput, provider: string, metrics: Metrics): Partial<Row> {
  const keyId = shortId(state.id);
  const told = (former: readonly Reads[], reason: string, evidence: readonly string[] = []): Partial<Row> => ({
    keyId,
    former: former.map(({ id }) => shortId(id)),
    reason,
    evidence,
  });
  const unknown = (detail: string): Partial<Row> => {
    const gaps: readonly Gap[] = [{ reason: 'absent', what: `data of former keys of ${provider}`, detail, closedBy: rewrite }];
    return { keyId, gaps };
  };
  const list = (some: readonly Reads[]) => some.map(({ id }) => shortId(id)).join(', ');

  const reads = readsOf(metrics, provider);
  const former = reads.filter(({ id, count: times }) => id !== state.id && times > 0);
  const resources = resourcesOf(metrics, provider);
  const migrations = rewrittenBy(input, provider, state, resources);
  const ends = migrations?.map(endOf) ?? [];
  const before = countsBefore(input, metrics, provider);
  const stale = former.filter(
    ({ id, count: times, last }) =>
      last > effectOf(state) && times > (before.get(id) ?? 0) && (migrations === undefined || ends.some((end) => last * 1000 > end)),
  );
  if (stale.length > 0) {
    const last = new Date(Math.max(...stale.map((each) => each.last)) * 1000).toISOString();
    return told(stale, `${keyId} is its key, and data of ${list(stale)} was read at ${last}`);
  }
  if (migrations !== undefined) {
    const names = migrations.map(({ name }) => name).join(', ');
    return told(
      [],
      `StorageVersionMigration ${names} rewrote everything`,
      migrations.map(({ id }) => id),
    );
  }
  if (former.length > 0) return unknown(`data of ${list(former)} was read since the process started; whether it is rewritten is not known`);
  const present = reads.find(({ id }) => id === state.id)?.count ?? 0;
  if (resources.length > 0 && present === 0) return unknown('no read shows with which key anything is stored');
  const all = resources.length > 0 ? resources : countedResources(metrics);
  const unread = all.length === 0 ? 'no read was counted' : unreadOf(input, metrics, all);
  if (unread !== undefined) return unknown(unread);
  return told([], present > 0 ? `all ${present} reads were of ${keyId}` : 'nothing that was read was encrypted with it');
}

/** Reads by key id that the same process had counted when it was looked at before. */
function countsBefore(input: PopulationInput, metrics: Metrics, provider: string): ReadonlyMap<string, number> {
  const [earlier] = readEarlier(input, metrics.process);
  const page = earlier?.read();
  if (page === undefined) return new Map();
  input.cite(page.listing);
  return new Map(readsOf(page, provider).map(({ id, count: times }) => [id, times]));
}

export const kmsReads = kmsPopulation(
  'kmsReads',
  'A key service that an API server uses, with the former keys of which it still reads data',
  judge,
  [migrationsKind],
);
