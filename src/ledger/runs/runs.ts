/**
 * Runs as the log tells them. There is no table of runs: a summary is made from the records of planning, ending or missing, each time it
 * is asked for, so it cannot say anything else.
 */
import type { RecordOf } from '../../log/index.ts';
import { type Instant, KubevidenceError, type RunSummary } from '../../model/index.ts';
import type { Db } from '../storage/database.ts';
import type { Found, LogStore } from '../storage/log-store.ts';
import type { PayloadStore } from '../storage/payloads.ts';
import { isOfSnapshot, namesNoCluster, saysWhatToReuse } from '../storage/schema.ts';
import type { RunDetails } from './run-payload.ts';

export type Planned = Found<'run-planned'>;
export type Ended = Found<'run-ended'>;

export interface ClusterSummary {
  readonly name: string;
  /** As bound by the first success; null before. */
  readonly uid: string | null;
  readonly caFingerprint: string | null;
  readonly lastRun: RunSummary;
}

export interface Runs {
  all(cluster?: string): RunSummary[];
  get(cluster: string, number: number): RunSummary | undefined;
  /** The same, and what its end says. */
  find(cluster: string, number: number): { readonly run: RunSummary; readonly end: Ended | undefined } | undefined;
  /** Planned and neither ended nor missed. */
  open(): Planned[];
  planned(cluster: string, number: number): Planned | undefined;
  ended(cluster: string, number: number): Ended | undefined;
  /** Ended runs, the latest first. */
  latest(cluster: string): Iterable<Ended>;
  /** The latest ended run with a number below `number` that has a snapshot. */
  snapshotBefore(cluster: string, number: number): Ended | undefined;
  /** The latest ended run whose record says what may be reused. */
  lastReusable(cluster: string): Ended | undefined;
  /** The latest run that decides the state at `instant`: a snapshot observed by then, or an ended attempt that began and read nothing. */
  at(cluster: string, instant: Instant): RunSummary | undefined;
  next(cluster: string): number;
  /** Of clusters that have a run, sorted. */
  names(): string[];
  clusters(): ClusterSummary[];
  /** What the first success says of the cluster, or the last record that bound its name to another one. */
  binding(cluster: string): { readonly uid: string; readonly caFingerprint: string | null } | undefined;
}

export function createRuns(db: Db, log: LogStore, payloads: PayloadStore): Runs {
  // One step at a time along the index: what is asked for is nearly always the first.
  const endedBefore = db
    .prepare<[string, number], number | null>("SELECT max(run) FROM log WHERE type = 'run-ended' AND cluster = ? AND run < ?")
    .pluck();
  // In an older ledger that is only read, these look at every run: their index was not there yet (schema.ts).
  const snapshotBelow = db
    .prepare<[string, number, number], number | null>(
      `SELECT max(run) FROM log WHERE ${isOfSnapshot} AND cluster = ? AND ${namesNoCluster} = ? AND run < ?`,
    )
    .pluck();
  const firstNamed = db
    .prepare<[string], number | null>(`SELECT min(run) FROM log WHERE ${isOfSnapshot} AND cluster = ? AND ${namesNoCluster} = 0`)
    .pluck();
  // Only runs whose process died say nothing: these are passed over one by one.
  const reusable = db
    .prepare<[string], number | null>(`SELECT max(run) FROM log WHERE type = 'run-ended' AND cluster = ? AND ${saysWhatToReuse}`)
    .pluck();
  const nextName = db.prepare<[string, string], string | null>('SELECT min(cluster) FROM log WHERE type = ? AND cluster > ?').pluck();
  const names = (): string[] => {
    const [found, all] = [new Set<string>(), new Set<string>()];
    for (const type of ['run-planned', 'run-missed'])
      for (let name = nextName.get(type, '') ?? null; name !== null; name = nextName.get(type, name) ?? null) {
        // In a damaged index what follows may be what came before, and so without an end.
        if (found.has(`${type} ${name}`)) throw disordered();
        found.add(`${type} ${name}`);
        all.add(name);
      }
    return [...all].sort();
  };
  const hasBlocks = db.prepare<[number], number>('SELECT 1 FROM block WHERE run = ? ORDER BY first DESC LIMIT 1').pluck();

  const wasErased = db.prepare<[number], number>('SELECT 1 FROM payload WHERE leaf = ? AND length(bytes) = 0').pluck();

  const planned = (cluster: string, number: number) => log.find('run-planned', cluster, number)[0];
  const ended = (cluster: string, number: number) => log.find('run-ended', cluster, number)[0];
  const errorOf = ({ leaf, record }: Ended): string | null => {
    if (record.snapshot !== null && wasErased.get(leaf) !== undefined) return 'what it read was erased since';
    if (record.status === 'interrupted' && record.snapshot === null) return 'the process ended before the run did';
    if (record.status === 'succeeded' || record.snapshot === null) return null;
    return (payloads.read(leaf)?.[0]?.value as unknown as RunDetails | undefined)?.error ?? null;
  };
  const summarize = (plan: Planned, end: Ended | undefined): RunSummary => {
    const { cluster, run: number, uuid, kind, slot, at } = plan.record;
    const common = { cluster, number, uuid, kind, slot, plannedAt: at };
    if (end === undefined) {
      const status = hasBlocks.get(plan.leaf) === undefined ? ('planned' as const) : ('running' as const);
      return { ...common, status, startedAt: at, endedAt: null, leaf: plan.leaf, error: null, observedAt: null };
    }
    const { status, startedAt, endedAt, observedAt } = end.record;
    return { ...common, status, startedAt, endedAt, observedAt, leaf: end.leaf, error: errorOf(end) };
  };
  const find: Runs['find'] = (cluster, number) => {
    const plan = planned(cluster, number);
    if (plan !== undefined) {
      const end = ended(cluster, number);
      return { run: summarize(plan, end), end };
    }
    const missed = log.find('run-missed', cluster, number)[0];
    return missed === undefined ? undefined : { run: missedSummary(missed), end: undefined };
  };
  const get = (cluster: string, number: number): RunSummary | undefined => find(cluster, number)?.run;
  const next = (cluster: string): number =>
    1 + Math.max(log.latest('run-planned', cluster)?.record.run ?? 0, log.latest('run-missed', cluster)?.record.run ?? 0);

  /** What an index says of a run, held against its record. */
  const endOf = (cluster: string, run: number | null, holds: (end: Ended) => boolean): Ended | undefined => {
    if (run === null) return undefined;
    const end = ended(cluster, run);
    if (end === undefined || !holds(end)) throw disordered();
    return end;
  };
  const endedBelow = function* (cluster: string, below: number): Generator<Ended> {
    for (let last = below, run = endedBefore.get(cluster, below) ?? null; run !== null; run = endedBefore.get(cluster, run) ?? null) {
      if (run >= last) throw disordered();
      last = run;
      const end = ended(cluster, run);
      if (end !== undefined) yield end;
    }
  };

  return {
    get,
    find,
    planned,
    ended,
    next,
    names,
    all(cluster) {
      const ends = new Map(log.find('run-ended', cluster).map((end) => [nameOf(end.record), end]));
      const summaries = log.find('run-planned', cluster).map((plan) => summarize(plan, ends.get(nameOf(plan.record))));
      const missed = log.find('run-missed', cluster).map(missedSummary);
      return [...summaries, ...missed].sort((a, b) => (a.cluster === b.cluster ? a.number - b.number : a.cluster < b.cluster ? -1 : 1));
    },
    open() {
      // Only the latest one of a cluster can be: no run is planned while another is open.
      const latest = names().flatMap((cluster) => log.latest('run-planned', cluster) ?? []);
      return latest.filter(({ record: { cluster, run } }) => ended(cluster, run) === undefined).toSorted((a, b) => a.leaf - b.leaf);
    },
    latest: (cluster) => endedBelow(cluster, Number.MAX_SAFE_INTEGER),
    snapshotBefore(cluster, number) {
      const found = [0, 1].map((without) => snapshotBelow.get(cluster, without, number) ?? 0);
      return endOf(cluster, Math.max(...found) || null, ({ record }) => isSnapshot(record));
    },
    lastReusable: (cluster) => endOf(cluster, reusable.get(cluster) ?? null, ({ record }) => record.reusable !== null),
    at(cluster, instant) {
      for (const end of this.latest(cluster)) if (heldFrom(end.record) <= instant) return get(cluster, end.record.run);
      return undefined;
    },
    clusters() {
      return names().flatMap((name) => {
        const lastRun = get(name, next(name) - 1);
        const binding = this.binding(name);
        return lastRun === undefined ? [] : [{ name, uid: binding?.uid ?? null, caFingerprint: binding?.caFingerprint ?? null, lastRun }];
      });
    },
    binding(cluster) {
      const rebound = log.latest('cluster-rebound', cluster)?.record;
      if (rebound !== undefined) return { uid: rebound.to, caFingerprint: rebound.caFingerprint };
      const record = endOf(cluster, firstNamed.get(cluster) ?? null, (end) => isSnapshot(end.record))?.record;
      return record === undefined || record.clusterUid === null
        ? undefined
        : { uid: record.clusterUid, caFingerprint: record.caFingerprint };
    },
  };
}

function disordered(): KubevidenceError {
  return new KubevidenceError('integrity', 'the index by which records are found is damaged', {
    next: 'See what is damaged: `kubevidence ledger verify`; then restore a backup.',
  });
}

/** A snapshot is what a run that succeeded, at least in part, stored. */
export function isSnapshot(record: RecordOf<'run-ended'>): boolean {
  return record.snapshot !== null && (record.status === 'succeeded' || record.status === 'partial');
}

/** From when on it decides the state: when its evidence was observed, or when an attempt that read nothing began. */
function heldFrom(record: RecordOf<'run-ended'>): Instant {
  return isSnapshot(record) ? (record.observedAt ?? record.endedAt) : record.startedAt;
}

function missedSummary({ leaf, record }: Found<'run-missed'>): RunSummary {
  const { cluster, run: number, uuid, slot, at } = record;
  return {
    cluster,
    number,
    uuid,
    kind: 'scheduled',
    status: 'missed',
    plannedAt: at,
    startedAt: at,
    endedAt: at,
    slot,
    leaf,
    error: record.range === undefined ? null : `stands for ${record.range.slots} slots, the last of them ${record.range.through}`,
    observedAt: null,
  };
}

const nameOf = ({ cluster, run }: { cluster: string; run: number }): string => `${run} ${cluster}`;
