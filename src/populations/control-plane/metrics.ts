/** The metrics pages of API server replicas. Counters count since a process started, so they are compared only within one process. */
import { createHash } from 'node:crypto';
import type { EvidenceReader, Json, ListingKind, PopulationInput, StoredListing, StoredObject } from '../../model/index.ts';
import { at, isComplete, listAt, textAt } from '../../model/index.ts';
import { addressOf, plainName } from './each-replica.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metrics {
  /** Of a replica that was asked for itself; undefined for whichever answered. */
  readonly address: string | undefined;
  readonly listing: StoredListing;
  readonly evidence: readonly string[];
  /** One of the stored objects, for findings to point at. */
  readonly object: StoredObject;
  /** Text of `process_start_time_seconds`: which process this is. */
  readonly process: string;
  readonly families: ReadonlyMap<string, readonly Sample[]>;
}

const pages = new WeakMap<EvidenceReader, readonly Metrics[]>();
const one: ListingKind = 'k8s.apiserver/metrics';
const each: ListingKind = 'k8s.apiservers/metrics';

/**
 * The pages of this snapshot, one per process, read as the population's evidence: those of the replicas that were asked one by one, and
 * that of the one that answered where it is none of them. None where nothing was read whole. Several populations ask.
 */
export function readEachMetrics(input: PopulationInput): readonly Metrics[] {
  // Each population still says which evidence it stands on.
  input.listing(one);
  input.listing(each);
  let known = pages.get(input.reader);
  if (known === undefined) {
    known = readPages({ listing: (kind) => input.listing(kind), objects: (kind) => input.each(kind) });
    pages.set(input.reader, known);
  }
  return known;
}

type Source = Pick<EvidenceReader, 'listing' | 'objects'>;

function readPages(source: Source): readonly Metrics[] {
  const found: Metrics[] = [];
  const add = (page: Metrics | undefined) => {
    if (page !== undefined && !found.some(({ process }) => process === page.process)) found.push(page);
  };
  const listing = source.listing(each);
  if (listing !== undefined) {
    // A page is whole or was not stored, so what one replica left unanswered is no doubt about another.
    const byReplica = Map.groupBy(source.objects(each), (object) => addressOf(object) ?? '');
    for (const [address, objects] of [...byReplica].sort(([a], [b]) => (a < b ? -1 : 1))) add(pageOf(listing, address, objects));
  }
  const answered = source.listing(one);
  if (answered !== undefined && isComplete(answered)) add(pageOf(answered, undefined, source.objects(one)));
  return found;
}

function pageOf(listing: StoredListing, address: string | undefined, objects: Iterable<StoredObject>): Metrics | undefined {
  const families = new Map<string, readonly Sample[]>();
  const evidence: string[] = [];
  let process: { readonly object: StoredObject; readonly start: string } | undefined;
  for (const object of objects) {
    const name = plainName(object);
    const samples = listAt(object.body, 'samples').map((sample) => {
      const labels = Object.entries(at(sample, 'labels') ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      return { labels: Object.fromEntries(labels), value: valueOf(sample) };
    });
    // A counter that is no number could be any: then nothing on the page can be relied on.
    if (name.endsWith('_total') && !samples.every(({ value }) => Number.isFinite(value))) return undefined;
    families.set(name, samples);
    evidence.push(object.id);
    if (name === 'process_start_time_seconds') process = { object, start: textAt(listAt(object.body, 'samples')[0], 'value') ?? '' };
  }
  return process === undefined ? undefined : { address, listing, evidence, object: process.object, process: process.start, families };
}

/** NaN where it is no number, or one that no JSON holds. */
export function valueOf(sample: Json): number {
  const value = Number(textAt(sample, 'value') || Number.NaN);
  return Number.isFinite(value) ? value : Number.NaN;
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

/** What decides whether a page is compared with, by its process; of each snapshot that was looked at, as long as somebody holds its reader. */
const facts = new WeakMap<EvidenceReader, ReadonlyMap<string, string>>();
/** Only those read last: pages are large, and a reader may hold all that its series has read. */
let lastRead: { readonly reader: WeakRef<EvidenceReader>; readonly pages: readonly Metrics[] } | undefined;

function readEarlierPages(reader: EvidenceReader): readonly Metrics[] {
  if (lastRead?.reader.deref() !== reader) lastRead = { reader: new WeakRef(reader), pages: readPages(reader) };
  return lastRead.pages;
}

/** Pages of the same process in the snapshots before this one, newest first; lazily, because each is read from storage. */
export function* readEarlier({ reader }: PopulationInput, process: string): Iterable<EarlierMetrics> {
  // A replica behind a load balancer answers only now and then, so a page of another process does not end the walk at once.
  let others = 0;
  for (let before = reader.previous(); before !== null && others < 10; before = before.previous()) {
    const earlier = before;
    let known = facts.get(earlier);
    if (known === undefined) {
      known = new Map(readEarlierPages(earlier).map((page) => [page.process, configurationOf(page)]));
      facts.set(earlier, known);
    }
    const configuration = known.get(process);
    if (configuration === undefined) others += 1;
    else yield { configuration, read: () => readEarlierPages(earlier).find((page) => page.process === process) as Metrics };
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
