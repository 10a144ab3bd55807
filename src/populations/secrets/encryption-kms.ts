/**
 * Key services as API servers see them (KMS v2): which key id is in use, by the hash that the server publishes, since when, and whether the
 * service still answers. A server asks for the key id every minute, so the last time that it was given an earlier one is when that one was
 * replaced. Where a process has seen no other id, runs before it tell; where they neither, only how long it has been the same is known.
 */
import type { EvidenceReader, ListingKind, Population, PopulationInput, Row, StoredObject } from '../../model/index.ts';
import { at, listAt } from '../../model/index.ts';
import type { AnsweringReplica } from '../control-plane/answering-replica.ts';
import { readReplicaMetrics } from '../control-plane/answering-replica.ts';
import { addressOf, plainName } from '../control-plane/each-replica.ts';
import type { Metrics, Sample } from '../control-plane/metrics.ts';
import { valueOf } from '../control-plane/metrics.ts';
import { resourceOf, segment } from '../identity.ts';
import { unseenRow } from './encryption.ts';
import { declared, holderListings, readHolders } from './encryption-holders.ts';

const status = 'apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds';
const operations = 'apiserver_storage_transformation_operations_total';
const start = 'process_start_time_seconds';
const pagesKinds: readonly ListingKind[] = ['k8s.apiserver/metrics', 'k8s.apiservers/metrics'];

/** One key service, in one page. Times are seconds since 1970. */
export interface KeyState {
  /** Hash of the key id that it gave last. */
  readonly id: string;
  readonly answered: number;
  /** When the one before was given for the last time; 0 where this process has seen no other. */
  readonly replaced: number;
  readonly started: number;
}

export function statesOf({ families, process }: Pick<Metrics, 'families' | 'process'>): ReadonlyMap<string, KeyState> {
  const states = new Map<string, KeyState>();
  for (const [provider, samples] of Map.groupBy(families.get(status) ?? [], ({ labels }) => labels['provider_name'] ?? '')) {
    const [last, before] = samples.filter(({ value }) => value > 0 && value < 1e11).sort((a, b) => b.value - a.value);
    if (last === undefined) continue;
    const id = last.labels['key_id_hash'] ?? '';
    states.set(provider, { id, answered: last.value, replaced: before?.value ?? 0, started: Number(process) });
  }
  return states;
}

/** Key services that a page names, without a time at which they gave their key: those of KMS v1, which do not tell it. */
function silentOf({ families }: Metrics, states: ReadonlyMap<string, KeyState>): readonly string[] {
  const used = (families.get(operations) ?? []).flatMap(
    ({ labels }) => /^k8s:enc:kms:v\d+:(.+):$/.exec(labels['transformer_prefix'] ?? '')?.[1] ?? [],
  );
  const asked = (families.get(status) ?? []).map(({ labels }) => labels['provider_name'] ?? '');
  return [...new Set([...used, ...asked])].filter((provider) => !states.has(provider)).sort();
}

/** Of all pages of a snapshot, the one that answered last, by provider; remembered as long as somebody holds the reader. */
const known = new WeakMap<EvidenceReader, ReadonlyMap<string, KeyState>>();

function statesAt(reader: EvidenceReader): ReadonlyMap<string, KeyState> {
  let states = known.get(reader);
  if (states === undefined) {
    const merged = new Map<string, KeyState>();
    for (const page of pagesAt(reader))
      for (const [provider, state] of statesOf(page))
        if (state.answered > (merged.get(provider)?.answered ?? 0)) merged.set(provider, state);
    known.set(reader, (states = merged));
  }
  return states;
}

/** Only what is needed of each page, because many runs may have to be looked at. */
function pagesAt(reader: EvidenceReader): readonly Pick<Metrics, 'families' | 'process'>[] {
  const objects = pagesKinds.flatMap((kind) =>
    [...reader.objects(kind)].filter((each) => plainName(each) === status || plainName(each) === start),
  );
  return [...Map.groupBy(objects, (object) => addressOf(object) ?? '').values()].map((page) => {
    const families = new Map(page.map((object) => [plainName(object), samplesOf(object)]));
    return { families, process: String(families.get(start)?.[0]?.value ?? Number.NaN) };
  });
}

interface Age {
  /** The present id was in use at this time, in milliseconds. */
  readonly since: number;
  /** It was not yet in use at this time; undefined where nobody saw another one. */
  readonly notBefore: number | undefined;
}

/** More runs than a year of hourly ones are not looked at. */
const most = 9000;

function ageOf(input: PopulationInput, provider: string, state: KeyState): Age {
  if (state.replaced > 0) return { since: state.replaced * 1000, notBefore: state.replaced * 1000 };
  let since = Math.min(state.started, state.answered) * 1000;
  let looked = 0;
  for (let reader = input.reader.previous(); reader !== null && looked < most; reader = reader.previous(), looked++) {
    const earlier = statesAt(reader).get(provider);
    if (earlier === undefined) continue;
    const listing = reader.listing('k8s.apiserver/metrics');
    if (earlier.id !== state.id) {
      if (listing !== undefined) input.cite(listing);
      return { since, notBefore: earlier.answered * 1000 };
    }
    if (earlier.replaced > 0) {
      if (listing !== undefined) input.cite(listing);
      return { since: earlier.replaced * 1000, notBefore: earlier.replaced * 1000 };
    }
    since = Math.min(since, earlier.started * 1000, earlier.answered * 1000);
  }
  return { since, notBefore: undefined };
}

function samplesOf(object: StoredObject): readonly Sample[] {
  return listAt(object.body, 'samples').map((sample) => {
    const labels = Object.entries(at(sample, 'labels') ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    return { labels: Object.fromEntries(labels), value: valueOf(sample) };
  });
}

const toSee = 'get /metrics of every API server; of KMS v1 they do not tell the key';

/** `evidence` of the answer comes on top of the row's own. */
type Fields = (state: KeyState, input: PopulationInput, provider: string, metrics: Metrics) => Partial<Row>;

/** A row per key service of each server, and one for each server of which that is not known. */
export function kmsPopulation(name: string, doc: string, fields: Fields, also: readonly ListingKind[] = []): Population {
  const row = ({ key, name: holder, evidence }: AnsweringReplica, metrics: Metrics, provider: string): Row => ({
    item: `${key}/${segment(provider)}`,
    resource: resourceOf(metrics.object),
    evidence: [...metrics.evidence, ...evidence],
    holder,
    service: provider,
  });
  return {
    name,
    doc,
    from: [],
    also: [...holderListings, ...also],
    *rows(input) {
      const seen = new Set<Metrics>();
      for (const { replica, metrics } of input.reader.scope === 'cluster' ? readReplicaMetrics(input) : []) {
        const states = statesOf(metrics);
        for (const [provider, state] of states) {
          seen.add(metrics);
          const [own, told] = [row(replica, metrics, provider), fields(state, input, provider, metrics)];
          yield { ...own, ...told, evidence: [...own.evidence, ...(told.evidence ?? [])] };
        }
        for (const provider of silentOf(metrics, states)) {
          seen.add(metrics);
          const what = `key service ${provider} of ${replica.name}`;
          yield {
            ...row(replica, metrics, provider),
            gaps: [{ reason: 'absent', what, detail: 'it is used, and its key is not told', closedBy: toSee }],
          };
        }
      }
      for (const holder of readHolders(input)) {
        if (!holder.isServer || holder.off || (holder.metrics !== undefined && seen.has(holder.metrics))) continue;
        const file = declared(holder);
        if (file?.provider.startsWith('kms') === true)
          yield unseenRow(input, holder, 'the key service that its file names was not seen', toSee);
        // A page shows every key service there is; what was not read could have been one.
        else if (holder.metrics === undefined && file === undefined)
          yield unseenRow(input, holder, 'whether it uses a key service was not seen', toSee);
      }
    },
  };
}

/** Of the hash of a key id, as rows show it. */
export function shortId(hash: string): string {
  return hash.replace(/^sha256:/, '').slice(0, 12);
}

const day = 86_400_000;

export const kmsKeys = kmsPopulation(
  'kmsKeys',
  'A key service that an API server uses, with how long its key has been the same',
  (state, input, provider) => {
    const now = Date.parse(input.reader.at);
    const { since, notBefore } = ageOf(input, provider, state);
    const atLeastDays = Math.max(0, Math.floor((now - since) / day));
    const keyId = shortId(state.id);
    if (notBefore !== undefined) return { keyId, atLeastDays, atMostDays: Math.max(0, Math.ceil((now - notBefore) / day)) };
    const detail = `it has been the same for ${atLeastDays} days at least; no run saw another one`;
    const closedBy = 'the key service itself, or a change of its key while runs go on';
    return { keyId, atLeastDays, gaps: [{ reason: 'absent', what: `age of the key of ${provider}`, detail, closedBy }] };
  },
);

export const kmsServices = kmsPopulation(
  'kmsServices',
  'A key service that an API server uses, with when it answered last',
  (state, { reader }) => ({ silentMinutes: Math.max(0, Math.floor((Date.parse(reader.at) / 1000 - state.answered) / 60)) }),
);
