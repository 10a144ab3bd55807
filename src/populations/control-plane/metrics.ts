/** The metrics page of one API server replica. Counters count since that process started, so they are compared only within one process. */
import { createHash } from 'node:crypto';
import type { EvidenceReader, PopulationInput, StoredListing, StoredObject } from '../../model/index.ts';
import { at, isComplete, listAt, textAt } from '../../model/index.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metrics {
  readonly listing: StoredListing;
  readonly evidence: readonly string[];
  /** One of the stored objects, for findings to point at. */
  readonly object: StoredObject;
  /** Text of `process_start_time_seconds`: which process this is. */
  readonly process: string;
  readonly families: ReadonlyMap<string, readonly Sample[]>;
}

const pages = new WeakMap<EvidenceReader, { readonly page: Metrics | undefined }>();

/** The page of this snapshot, read as the population's evidence; undefined when it was not read whole. Several populations ask. */
export function readMetrics(input: PopulationInput): Metrics | undefined {
  // Each population still says which evidence it stands on.
  input.listing('k8s.apiserver/metrics');
  let known = pages.get(input.reader);
  if (known === undefined) {
    known = { page: readPage({ listing: (kind) => input.listing(kind), objects: (kind) => input.each(kind) }) };
    pages.set(input.reader, known);
  }
  return known.page;
}

function readPage(source: Pick<EvidenceReader, 'listing' | 'objects'>): Metrics | undefined {
  const listing = source.listing('k8s.apiserver/metrics');
  if (listing === undefined || !isComplete(listing)) return undefined;
  const families = new Map<string, readonly Sample[]>();
  const evidence: string[] = [];
  let process: { readonly object: StoredObject; readonly start: string } | undefined;
  for (const object of source.objects('k8s.apiserver/metrics')) {
    const samples = listAt(object.body, 'samples').map((sample) => {
      const labels = Object.entries(at(sample, 'labels') ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      return { labels: Object.fromEntries(labels), value: Number(textAt(sample, 'value') ?? Number.NaN) };
    });
    families.set(object.name, samples);
    evidence.push(object.id);
    if (object.name === 'process_start_time_seconds') process = { object, start: textAt(listAt(object.body, 'samples')[0], 'value') ?? '' };
  }
  return process === undefined ? undefined : { listing, evidence, object: process.object, process: process.start, families };
}

/** Which configuration of encryption is in force: the hash of its file where the server tells (1.34), and how often it was reloaded. */
export function configurationOf(metrics: Metrics): string {
  const hashes = (metrics.families.get('apiserver_encryption_config_controller_last_config_info') ?? [])
    .filter(({ value }) => value === 1)
    .map(({ labels }) => labels['hash'] ?? '');
  return `${hashes.sort().join()} ${countReloads(metrics)}`;
}

/** Of the EncryptionConfiguration, as far as they worked. */
export function countReloads(metrics: Metrics): number {
  return sum(metrics, 'apiserver_encryption_config_controller_automatic_reloads_total', ({ status }) => status === 'success');
}

/** The page of a snapshot before this one. Whoever draws a difference to it cites its listing. */
export interface EarlierMetrics {
  /** See {@link configurationOf}. */
  readonly configuration: string;
  read(): Metrics;
}

/** What decides whether a page is compared with; of each snapshot that was looked at, as long as somebody holds its reader. */
const facts = new WeakMap<EvidenceReader, { readonly process: string; readonly configuration: string } | { readonly process: null }>();
let lastRead: { readonly reader: EvidenceReader; readonly page: Metrics | undefined } | undefined;

function readEarlierPage(reader: EvidenceReader): Metrics | undefined {
  if (lastRead?.reader !== reader) lastRead = { reader, page: readPage(reader) };
  return lastRead.page;
}

/** Pages of the same process in the snapshots before this one, newest first; lazily, because each is read from storage. */
export function* readEarlier({ reader }: PopulationInput, process: string): Iterable<EarlierMetrics> {
  // A replica behind a load balancer answers only now and then, so a page of another process does not end the walk at once.
  let others = 0;
  for (let before = reader.previous(); before !== null && others < 10; before = before.previous()) {
    const earlier = before;
    let known = facts.get(earlier);
    if (known === undefined) {
      const page = readEarlierPage(earlier);
      known = page === undefined ? { process: null } : { process: page.process, configuration: configurationOf(page) };
      facts.set(earlier, known);
    }
    if (known.process !== process) others += 1;
    else yield { configuration: known.configuration, read: () => readEarlierPage(earlier) as Metrics };
  }
}

/** Sum of the samples whose labels pass; 0 when there is none. */
export function sum(metrics: Metrics, family: string, accept: (labels: Sample['labels']) => boolean = () => true): number {
  let total = 0;
  for (const { labels, value } of metrics.families.get(family) ?? []) if (accept(labels) && !Number.isNaN(value)) total += value;
  return total;
}

/** The replica's id as encryption metrics show it: `sha256:` and the SHA-256 of its lease's name. Undefined without encryption metrics. */
export function idHashOf(metrics: Metrics): string | undefined {
  for (const [family, samples] of metrics.families) {
    if (!family.startsWith('apiserver_encryption_') && !family.startsWith('apiserver_envelope_')) continue;
    for (const { labels } of samples) if (labels['apiserver_id_hash'] !== undefined) return labels['apiserver_id_hash'];
  }
  return undefined;
}

export function hashOfLease(name: string): string {
  return `sha256:${createHash('sha256').update(name).digest('hex')}`;
}
