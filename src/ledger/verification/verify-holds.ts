/**
 * No hold was broken: nothing that a record of erasure names was under a hold when that record was written. Who erases asks the same
 * (erasure-plan.ts); here it is asked of the log, whoever wrote it.
 */
import type { RecordOf } from '../../log/index.ts';
import type { Instant } from '../../model/index.ts';
import { type Hold, type Holdable, isCovered, observedAt, readHolds } from '../erasure/holds.ts';
import { storedRun } from '../runs/run-writer.ts';
import type { Stores } from '../stores.ts';

interface KnownRun extends Holdable {
  readonly run: number;
  readonly leaf: number;
  /** Ids of the namespaces' trees, and of what is in them; empty once the run itself is erased. */
  readonly objects: () => ReadonlySet<string>;
}

export function checkHolds(stores: Stores, problem: (message: string) => void): void {
  const { log } = stores;
  const erasures = log.find('payload-erased').toSorted((a, b) => a.leaf - b.leaf);
  const released = new Map(log.find('hold-released').map(({ leaf, record }) => [record.hold, leaf]));
  const holds = readHolds(stores).map((hold) => ({
    hold: { ...hold, released: null },
    from: leafOf(hold),
    until: released.get(hold.id) ?? Infinity,
  }));
  if (erasures.length === 0 || holds.length === 0) return;
  const runs = new Map(stores.runs.names().map((cluster) => [cluster, readRuns(stores, cluster)]));
  const items = itemsOf(stores, runs);
  for (const { leaf, record } of erasures) {
    const inForce = holds.filter(({ from, until }) => from < leaf && leaf < until);
    const broken = inForce.find(({ hold }) => items(leaf, record).some((item) => isCovered(hold, item)));
    if (broken !== undefined) problem(`record ${leaf} erases what the hold ${broken.hold.id} covered then`);
  }
}

/** `H-<leaf>` and `P-<leaf>`. */
function leafOf({ id }: Hold): number {
  return Number(id.slice(2));
}

function readRuns(stores: Stores, cluster: string): KnownRun[] {
  return stores.runs.all(cluster).flatMap((summary) => {
    const end = stores.runs.ended(cluster, summary.number);
    if (end === undefined) return [];
    let known: ReadonlySet<string> | undefined;
    const objects = () => (known ??= objectsOf(stores, end));
    return [{ cluster, run: summary.number, at: observedAt(summary), leaf: end.leaf, objects }];
  });
}

function objectsOf(stores: Stores, end: Parameters<typeof storedRun>[1]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { tree } of storedRun(stores, end)?.listings ?? []) {
    for (const namespace of tree === null ? [] : stores.trees.read(tree).members)
      for (const { ref } of stores.trees.read(namespace.ref).members) {
        const { id, erased } = stores.objects.entry(ref);
        if (erased) ids.add(id.toString('hex'));
      }
  }
  return ids;
}

/** What an erasure destroyed, as far as holds can speak of it. */
function itemsOf({ log }: Stores, runs: ReadonlyMap<string, readonly KnownRun[]>) {
  const places = new Map<string, { readonly cluster: string | null; readonly run: number | null; readonly at: Instant }>();
  const observed = (cluster: string, run: number) => runs.get(cluster)?.find((each) => each.run === run)?.at;
  for (const { record } of log.find('run-ended'))
    if (record.snapshot !== null)
      places.set(record.snapshot, { cluster: record.cluster, run: record.run, at: observed(record.cluster, record.run) ?? record.at });
  for (const { record } of log.find('assessed'))
    places.set(record.assessment, { cluster: record.cluster, run: record.run, at: observed(record.cluster, record.run) ?? record.at });
  return (leaf: number, { cluster, class: what, ids }: RecordOf<'payload-erased'>): Holdable[] => {
    if (what !== 'object') return ids.flatMap((id) => places.get(id) ?? []);
    const earlier = (runs.get(cluster ?? '') ?? []).filter((run) => run.leaf < leaf);
    return earlier.filter((run) => ids.some((id) => run.objects().has(id)));
  };
}
