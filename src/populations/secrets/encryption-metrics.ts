/**
 * What one API server process was seen to write and to read of a resource. Encrypted data begins with `k8s:enc:<provider>:`; an inner
 * series with the key's name counts the same operations again, and says only which key. Counters are cumulative, so what was written under
 * an earlier configuration must not speak for the present one: they are taken as differences to the first run under the present one.
 */
import type { EvidenceReader, ExactTime, PopulationInput } from '../../model/index.ts';
import type { EarlierMetrics, Metrics } from '../control-plane/metrics.ts';
import { configurationOf, countReloads, readEarlier } from '../control-plane/metrics.ts';
import type { Writes } from './encryption-files.ts';
import { strengthOf } from './encryption-files.ts';

const operations = 'apiserver_storage_transformation_operations_total';
const controller = 'apiserver_encryption_config_controller';

/** Operations by what they were done with: `secretbox`, `kms v2`, `none` for plain text. */
export interface Counts {
  readonly providers: ReadonlyMap<string, number>;
  /** By name of the key, and of the plugin of a kms provider. */
  readonly keys: ReadonlyMap<string, number>;
}

export interface Observation {
  /** Some operation on the resource went through a transformer: the configuration covers it. */
  readonly covers: boolean;
  /** Undefined when nothing was written since the configuration took effect. */
  readonly writes: Writes | undefined;
  /** Of the kind that `writes` says. */
  readonly written: number;
  /** Since the present configuration took effect. */
  readonly writers: Counts;
  /** What was written may be of an earlier configuration: no earlier run tells how much. */
  readonly mixed: boolean;
  /** When the present configuration took effect. */
  readonly since: ExactTime | null;
  /** Since the process started. */
  readonly readers: Counts;
  /** Since the earlier run, or the start; undefined where the configuration changed in between. */
  readonly recentReaders: Counts | undefined;
  /** Reads in plain text, or of an unknown form, since the earlier run or the start. */
  readonly plainReads: number;
  /** The same since the process started. */
  readonly plainReadsSinceStart: number;
  readonly encryptedReads: number;
  /** Objects in storage by the API server's own gauge; undefined when it does not know. */
  readonly stored: number | undefined;
}

const plain = 'none';

function count(metrics: Metrics | undefined, type: 'to_storage' | 'from_storage', resource: string): Counts {
  const [providers, keys] = [new Map<string, number>(), new Map<string, number>()];
  const add = (to: Map<string, number>, name: string, value: number) => to.set(name, (to.get(name) ?? 0) + value);
  for (const { labels, value } of metrics?.families.get(operations) ?? []) {
    const { resource: of, transformation_type: seen, transformer_prefix: prefix, status } = labels;
    if (of !== resource || seen !== type || prefix === undefined || Number.isNaN(value)) continue;
    const [, provider, version = '', plugin] = /^k8s:enc:([a-z]+):(v\d+)?:?(?:(.+):)?$/.exec(prefix) ?? [];
    if (provider !== undefined) {
      if (status !== 'OK') continue;
      add(providers, provider === 'kms' ? `kms ${version}`.trimEnd() : provider, value);
      if (plugin !== undefined) add(keys, plugin, value);
    } else if (prefix === '' || prefix === 'identity' || prefix === 'unknown') add(providers, plain, value);
    else if (prefix.endsWith(':') && status === 'OK') add(keys, prefix.slice(0, -1), value);
  }
  return { providers, keys };
}

function minus(counts: Counts, before: Counts): Counts {
  const less = (all: ReadonlyMap<string, number>, some: ReadonlyMap<string, number>) =>
    new Map([...all].map(([name, value]) => [name, value - (some.get(name) ?? 0)] as const).filter(([, value]) => value !== 0));
  return { providers: less(counts.providers, before.providers), keys: less(counts.keys, before.keys) };
}

function sumOf({ providers }: Counts, accept: (writes: Writes) => boolean): number {
  let total = 0;
  for (const [provider, value] of providers) if (accept(strengthOfProvider(provider))) total += value;
  return total;
}

function strengthOfProvider(provider: string): Writes {
  return provider === plain ? 'plain' : strengthOf(provider.replace(/ .*$/, ''));
}

/** The run that counters are compared with: undefined when everything since the process started was under the present configuration. */
function findBase(metrics: Metrics, input: PopulationInput): Metrics | undefined {
  if (countReloads(metrics) === 0) return undefined;
  const present = configurationOf(metrics);
  let base: EarlierMetrics | undefined;
  for (const earlier of readEarlier(input, metrics.process)) {
    if (earlier.configuration !== present) return (base ?? earlier).read();
    base = earlier;
  }
  return base?.read();
}

/** The last reload that worked, or the start of a process that has not reloaded. */
export function tookEffect(metrics: Metrics): ExactTime | null {
  const last = lastReload(metrics, 'success');
  const seconds = last > 0 ? last : Number(metrics.process);
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 1e11) return null;
  const source = last > 0 ? 'the last reload of the EncryptionConfiguration, by /metrics' : 'the start of the API server, by /metrics';
  return { at: new Date(seconds * 1000).toISOString(), source };
}

/** Seconds since 1970; 0 for never. */
export function lastReload(metrics: Metrics, status: 'success' | 'failure'): number {
  return (
    metrics.families.get(`${controller}_automatic_reload_last_timestamp_seconds`)?.find(({ labels }) => labels['status'] === status)
      ?.value ?? 0
  );
}

/** `sha256:` and the SHA-256 of the loaded file, as the server publishes it from 1.34 on. */
export function loadedHash(metrics: Metrics): string | undefined {
  return metrics.families.get(`${controller}_last_config_info`)?.find(({ value }) => value === 1)?.labels['hash'];
}

/** Resources that some operation was counted for. */
export function countedResources(metrics: Metrics): readonly string[] {
  return [...new Set((metrics.families.get(operations) ?? []).flatMap(({ labels }) => labels['resource'] ?? []))].sort();
}

function verdict(written: Counts): Writes | undefined {
  return (['plain', 'weak', 'strong'] as const).find((each) => sumOf(written, (writes) => writes === each) > 0);
}

/** Objects in storage by the API server's own gauge; undefined when it does not know. */
export function storedObjects(metrics: Metrics, resource: string): number | undefined {
  const [name = '', group = ''] = /^([^.]*)\.?(.*)$/.exec(resource)?.slice(1) ?? [];
  const gauge =
    metrics.families
      .get('apiserver_resource_objects')
      ?.find(({ labels }) => labels['resource'] === name && (labels['group'] ?? '') === group) ??
    metrics.families.get('apiserver_storage_objects')?.find(({ labels }) => labels['resource'] === resource);
  return gauge === undefined || Number.isNaN(gauge.value) || gauge.value < 0 ? undefined : gauge.value;
}

/** Pages that one is compared with. */
interface Compared {
  /** See {@link findBase}. */
  readonly base: Metrics | undefined;
  /** Of the run before. */
  readonly earlier: Metrics | undefined;
  /** Another configuration was in force then, or may have been. */
  readonly changed: boolean;
}

/** Of a snapshot: many resources and populations ask for the same pages. */
const comparisons = new WeakMap<EvidenceReader, Map<Metrics, Compared>>();

function compare(metrics: Metrics, input: PopulationInput): Compared {
  // Also where the pages are known: whoever remembers results must see that these stand on earlier runs.
  input.reader.previous();
  const known = comparisons.get(input.reader) ?? new Map<Metrics, Compared>();
  comparisons.set(input.reader, known);
  let compared = known.get(metrics);
  if (compared === undefined) {
    const base = findBase(metrics, input);
    const [before] = readEarlier(input, metrics.process);
    const changed = before === undefined ? countReloads(metrics) > 0 : before.configuration !== configurationOf(metrics);
    known.set(metrics, (compared = { base, earlier: before?.read(), changed }));
  }
  return compared;
}

export function observe(metrics: Metrics, input: PopulationInput, resource = 'secrets'): Observation {
  const { base, earlier, changed } = compare(metrics, input);
  const written = count(metrics, 'to_storage', resource);
  const writers = minus(written, count(base, 'to_storage', resource));
  const read = count(metrics, 'from_storage', resource);
  const recent = minus(read, count(earlier, 'from_storage', resource));
  for (const page of [base, earlier]) if (page !== undefined) input.cite(page.listing);
  const isPlain = (writes: Writes) => writes === 'plain';
  const mixed = base === undefined && countReloads(metrics) > 0;
  // What is good may be the doing of an earlier configuration, which says nothing for the present one.
  const told = verdict(writers);
  const writes = mixed && told === 'strong' ? undefined : told;
  const isSince = countReloads(metrics) === 0 || (changed ? false : recent.providers.size > 0) || (!mixed && writers.providers.size > 0);
  return {
    covers: isSince && written.providers.size + read.providers.size > 0,
    writes,
    written: sumOf(writers, (each) => each === (writes ?? 'strong')),
    writers,
    mixed,
    since: tookEffect(metrics),
    readers: read,
    recentReaders: changed ? undefined : recent,
    plainReads: sumOf(recent, isPlain),
    plainReadsSinceStart: sumOf(read, isPlain),
    encryptedReads: sumOf(read, (each) => !isPlain(each)),
    stored: storedObjects(metrics, resource),
  };
}

/**
 * Whether what a server reads when it starts is among the reads that it counted. What its configuration does not cover is not counted, and
 * one that was loaded since may cover more: then a run before that must have seen that all was read.
 */
export function countedFromStart(metrics: Metrics, input: PopulationInput, resource = 'secrets'): boolean {
  if (countReloads(metrics) === 0) return true;
  for (const earlier of readEarlier(input, metrics.process)) {
    if (!earlier.configuration.endsWith(' 0')) continue;
    const page = earlier.read();
    input.cite(page.listing);
    const [read, stored] = [sumOf(count(page, 'from_storage', resource), () => true), storedObjects(page, resource)];
    return stored !== undefined && read > 0 && read >= stored;
  }
  return false;
}

/** Names in their order, of what was done at all. */
export function namesOf(counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].flatMap(([name, value]) => (value > 0 ? [name] : [])).sort();
}
