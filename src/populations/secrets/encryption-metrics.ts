/**
 * What one API server process was seen to write and to read of Secrets. Encrypted data begins with `k8s:enc:<provider>:`; an inner series
 * with the key's name counts the same operations again and is skipped. Counters are cumulative, so what was written under an earlier
 * configuration must not speak for the present one: they are taken as differences to the first run under the present configuration.
 */
import type { ExactTime, PopulationInput } from '../../model/index.ts';
import type { Writes } from './encryption-files.ts';
import { strengthOf } from './encryption-files.ts';
import type { EarlierMetrics, Metrics } from '../control-plane/metrics.ts';
import { configurationOf, countReloads, readEarlier } from '../control-plane/metrics.ts';

const operations = 'apiserver_storage_transformation_operations_total';
const reloads = 'apiserver_encryption_config_controller_automatic_reloads_total';

interface Counts {
  readonly strong: number;
  readonly weak: number;
  readonly plain: number;
}

export interface Observation {
  /** Some operation on Secrets went through a transformer: the configuration covers them. */
  readonly covers: boolean;
  /** Undefined when no Secret was written since the configuration took effect. */
  readonly writes: Writes | undefined;
  /** Of the kind that `writes` says. */
  readonly written: number;
  /** What wrote them: `kms v2`, `secretbox`; `none` for plain text. */
  readonly providers: readonly string[];
  /** When the present configuration took effect. */
  readonly since: ExactTime | null;
  /** Reads in plain text, or of an unknown form, since the earlier run or the start. */
  readonly plainReads: number;
  /** The same since the process started. */
  readonly plainReadsSinceStart: number;
  readonly encryptedReads: number;
  /** Secrets in storage by the API server's own gauge; undefined when it does not know. */
  readonly stored: number | undefined;
}

function count(metrics: Metrics, type: 'to_storage' | 'from_storage'): Counts {
  const counts = { strong: 0, weak: 0, plain: 0 };
  for (const { labels, value } of metrics.families.get(operations) ?? []) {
    const { resource, transformation_type: seen, transformer_prefix: prefix, status } = labels;
    if (resource !== 'secrets' || seen !== type || prefix === undefined || Number.isNaN(value)) continue;
    const provider = /^k8s:enc:([a-z]+):/.exec(prefix)?.[1];
    if (provider !== undefined) {
      if (status === 'OK') counts[strengthOf(provider) === 'strong' ? 'strong' : 'weak'] += value;
    } else if (prefix === '' || prefix === 'identity' || prefix === 'unknown') counts.plain += value;
  }
  return counts;
}

/** Writes of Secrets by provider; KMS with its version. */
function countWriters(metrics: Metrics | undefined): ReadonlyMap<string, number> {
  const writers = new Map<string, number>();
  for (const { labels, value } of metrics?.families.get(operations) ?? []) {
    const { resource, transformation_type: seen, transformer_prefix: prefix } = labels;
    if (resource !== 'secrets' || seen !== 'to_storage' || prefix === undefined || Number.isNaN(value)) continue;
    const [, provider, version = ''] = /^k8s:enc:([a-z]+):(v\d+)?/.exec(prefix) ?? [];
    if (provider === undefined && prefix !== '' && prefix !== 'identity') continue;
    const name = provider === undefined ? 'none' : provider === 'kms' ? `kms ${version}`.trimEnd() : provider;
    writers.set(name, (writers.get(name) ?? 0) + value);
  }
  return writers;
}

function minus(a: Counts, b: Counts | undefined): Counts {
  return b === undefined ? a : { strong: a.strong - b.strong, weak: a.weak - b.weak, plain: a.plain - b.plain };
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
function tookEffect(metrics: Metrics): ExactTime | null {
  const reloaded = metrics.families.get(`${reloads.replace(/s_total$/, '')}_last_timestamp_seconds`);
  const last = reloaded?.find(({ labels: { status } }) => status === 'success')?.value ?? 0;
  const seconds = last > 0 ? last : Number(metrics.process);
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 1e11) return null;
  const source = last > 0 ? 'the last reload of the EncryptionConfiguration, by /metrics' : 'the start of the API server, by /metrics';
  return { at: new Date(seconds * 1000).toISOString(), source };
}

function verdict({ strong, weak, plain }: Counts): Writes | undefined {
  if (plain > 0) return 'plain';
  if (weak > 0) return 'weak';
  return strong > 0 ? 'strong' : undefined;
}

function storedSecrets(metrics: Metrics): number | undefined {
  const gauge =
    metrics.families
      .get('apiserver_resource_objects')
      ?.find(({ labels }) => labels['resource'] === 'secrets' && (labels['group'] ?? '') === '') ??
    metrics.families.get('apiserver_storage_objects')?.find(({ labels }) => labels['resource'] === 'secrets');
  return gauge === undefined || Number.isNaN(gauge.value) || gauge.value < 0 ? undefined : gauge.value;
}

export function observe(metrics: Metrics, input: PopulationInput): Observation {
  const written = minus(count(metrics, 'to_storage'), undefined);
  const base = findBase(metrics, input);
  const since = minus(written, maybeCount(base, 'to_storage'));
  const read = count(metrics, 'from_storage');
  const [before] = readEarlier(input, metrics.process);
  const earlier = before?.read();
  const writtenBefore = countWriters(base);
  for (const page of [base, earlier]) if (page !== undefined) input.cite(page.listing);
  return {
    covers: written.strong + written.weak + written.plain + read.strong + read.weak + read.plain > 0,
    writes: verdict(since),
    written: since[verdict(since) ?? 'strong'],
    providers: [...countWriters(metrics)].flatMap(([name, times]) => (times > (writtenBefore.get(name) ?? 0) ? [name] : [])).sort(),
    since: tookEffect(metrics),
    plainReads: minus(read, maybeCount(earlier, 'from_storage')).plain,
    plainReadsSinceStart: read.plain,
    encryptedReads: read.strong + read.weak,
    stored: storedSecrets(metrics),
  };
}

function maybeCount(metrics: Metrics | undefined, type: 'to_storage' | 'from_storage'): Counts | undefined {
  return metrics === undefined ? undefined : count(metrics, type);
}
