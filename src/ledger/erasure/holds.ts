/**
 * Holds: what must not be erased, whatever its retention says. A hold is a record and ends by a record; who and why are salted payloads. A
 * pack that was issued holds the runs that it stands on without being asked, and its hold is released like any other. Nothing overrides a
 * hold, and the list shows released ones too.
 */
import type { RecordOf } from '../../log/index.ts';
import { type Instant, KubevidenceError, type RunSummary, textAt, visible } from '../../model/index.ts';
import { salted } from '../storage/payloads.ts';
import type { Stores } from '../stores.ts';

export type HoldScope = RecordOf<'hold-placed'>['scope'];

export interface NewHold {
  /** All null: everything that the ledger has. Runs need a cluster, and are given instead of a period. */
  readonly scope: HoldScope;
  readonly reason: string;
  readonly by: string;
}

export interface Hold {
  /** `H-<leaf>`, or `P-<leaf>` for the hold of a pack. */
  readonly id: string;
  readonly scope: HoldScope;
  readonly placedAt: Instant;
  /** Null where it was erased. For a pack: which one. */
  readonly reason: string | null;
  readonly by: string | null;
  readonly released: { readonly at: Instant; readonly reason: string | null; readonly by: string | null } | null;
}

/** What a hold may cover: evidence of a run, at the time when it was observed; or a payload of no run, at the time of its record. */
export interface Holdable {
  readonly cluster: string | null;
  readonly run: number | null;
  readonly at: Instant;
}

export interface Holds {
  placeHold(hold: NewHold): Hold;
  /** Throws `usage` for a hold that does not exist or is released. */
  releaseHold(release: { readonly id: string; readonly reason: string; readonly by: string }): Hold;
  /** In the order in which they were placed; released ones too. */
  holds(): Hold[];
}

export function createHolds(stores: Stores, now: () => Instant): Holds {
  const { db, log, payloads } = stores;
  const byId = (id: string): Hold => {
    const found = readHolds(stores).find((hold) => hold.id === id);
    if (found === undefined) {
      throw new KubevidenceError('usage', `there is no hold ${visible(id)}`, { next: 'See them: kubevidence ledger hold --list' });
    }
    return found;
  };
  return {
    holds: () => readHolds(stores),
    placeHold({ scope, reason, by }) {
      if (scope.runs !== null && (scope.cluster === null || scope.period !== null))
        throw new KubevidenceError('usage', 'a hold on runs needs a cluster, and no period beside it');
      const details = salted({ reason, by });
      const id = db
        .transaction(() => {
          const hold = `H-${log.size()}`;
          const leaf = log.append({ type: 'hold-placed', v: 1, at: now(), hold, scope, details: details.id });
          payloads.write(leaf, [details]);
          return hold;
        })
        .immediate();
      return byId(id);
    },
    releaseHold({ id, reason, by }) {
      const hold = byId(id);
      if (hold.released !== null) throw new KubevidenceError('usage', `the hold ${id} was released at ${hold.released.at}`);
      const details = salted({ reason, by });
      db.transaction(() => {
        const leaf = log.append({ type: 'hold-released', v: 1, at: now(), hold: id, details: details.id });
        payloads.write(leaf, [details]);
      }).immediate();
      return byId(id);
    },
  };
}

export function readHolds({ log, payloads, runs }: Stores): Hold[] {
  const released = new Map(log.find('hold-released').map(({ leaf, record }) => [record.hold, { leaf, at: record.at }]));
  const saidAt = (leaf: number, name: string) => {
    const details = payloads.read(leaf)?.[0]?.value;
    return details === undefined ? null : (textAt(details, name) ?? null);
  };
  const endOf = (id: string): Hold['released'] => {
    const end = released.get(id);
    return end === undefined ? null : { at: end.at, reason: saidAt(end.leaf, 'reason'), by: saidAt(end.leaf, 'by') };
  };
  const placed = log.find('hold-placed').map(({ leaf, record: { hold: id, scope, at } }) => ({
    leaf,
    hold: { id, scope, placedAt: at, reason: saidAt(leaf, 'reason'), by: saidAt(leaf, 'by'), released: endOf(id) },
  }));
  const byCluster = new Map<string, RunSummary[]>();
  const runsOf = (cluster: string): RunSummary[] => {
    const all = byCluster.get(cluster) ?? runs.all(cluster);
    byCluster.set(cluster, all);
    return all;
  };
  const issued = log.find('pack-issued').map(({ leaf, record }) => {
    const { cluster, period, number, at } = record;
    const id = `P-${leaf}`;
    const scope = { cluster, runs: runsOfPack(runsOf(cluster), record), period: null };
    const reason = `pack ${number} of the period ${period.from} to ${period.to}`;
    return { leaf, hold: { id, scope, placedAt: at, reason, by: null, released: endOf(id) } };
  });
  return [...placed, ...issued].sort((a, b) => a.leaf - b.leaf).map(({ hold }) => hold);
}

export function isCovered({ scope: { cluster, runs, period }, released }: Hold, item: Holdable): boolean {
  if (released !== null) return false;
  if (cluster !== null && item.cluster !== null && cluster !== item.cluster) return false;
  if (runs !== null) return item.run !== null && item.run >= runs.from && item.run <= runs.to;
  return period === null || (item.at >= period.from && item.at < period.to);
}

/** When a run's evidence was observed: what decides to which period it belongs, and since when it is kept. */
export function observedAt(run: Pick<RunSummary, 'observedAt' | 'endedAt' | 'plannedAt'>): Instant {
  return run.observedAt ?? run.endedAt ?? run.plannedAt;
}

/** Every run of the period that the pack knew, and the one before, on which differences of counters stand. */
function runsOfPack(runs: readonly RunSummary[], { period, checkpoint }: RecordOf<'pack-issued'>): HoldScope['runs'] {
  const known = runs.filter((run) => run.endedAt !== null && run.leaf < checkpoint);
  const inside = known.filter((run) => observedAt(run) >= period.from && observedAt(run) < period.to).map(({ number }) => number);
  const [first, last] = [inside[0] ?? 1, inside.at(-1) ?? 1];
  const before = known.findLast(({ number, status }) => number < first && (status === 'succeeded' || status === 'partial'));
  return { from: before?.number ?? first, to: last };
}
