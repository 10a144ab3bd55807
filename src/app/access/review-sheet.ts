/**
 * The rows of a review's workbook, made of nothing but one snapshot and of what the log said up to a size: so the import can make them anew
 * and hold the file against them, whatever was recorded since.
 */
import { type ReviewPopulation, type ReviewRow, rbacListings, readReview } from '../../access/index.ts';
import { decisionsInForce, type Ledger, type ReviewedRow } from '../../ledger/index.ts';
import type { Instant, RunSummary } from '../../model/index.ts';
import { observedAt } from '../../model/index.ts';
import type { FilledCells, ReviewSheetRow } from '../../reporting/index.ts';
import { rememberObjects } from '../assess/remembering-reader.ts';

export interface SheetOrder {
  readonly cluster: string;
  /** A snapshot. */
  readonly run: number;
  readonly all: boolean;
  readonly ownerKeys: readonly string[];
  /** Of the log: what earlier reviews decided. */
  readonly size: number;
}

export type ReviewLedger = Pick<Ledger, 'runs' | 'snapshot' | 'differences' | 'reviews'>;

export function readPopulation(ledger: ReviewLedger, { cluster, run, all, ownerKeys }: Omit<SheetOrder, 'size'>): ReviewPopulation {
  return readReview(rememberObjects(ledger.snapshot(cluster, run)), { all, ownerKeys });
}

export function makeSheetRows(ledger: ReviewLedger, order: SheetOrder, population: ReviewPopulation): readonly ReviewSheetRow[] {
  const seen = readHistory(ledger, order, population);
  const decided = decisionsInForce(ledger.reviews(order.cluster, order.size));
  return population.rows.map((row): ReviewSheetRow => {
    const history = seen.get(row.item);
    return {
      id: row.id,
      owner: row.owner,
      risk: row.risk,
      because: row.because,
      subject: row.kind === 'ServiceAccount' ? row.account : row.name,
      kind: kindWords[row.kind],
      right: row.right,
      where: row.namespace === '' ? 'cluster-wide' : row.namespace,
      via: `${row.binding} → ${row.role}`,
      firstSeen: history?.firstSeen ?? null,
      lastChange: history?.lastChange ?? null,
      lastDecision: describeLast(row, decided.get(row.item)?.row),
      filled: null,
    };
  });
}

const kindWords = { User: 'user', Group: 'group', ServiceAccount: 'service account' } as const;

function describeLast(row: ReviewRow, last: ReviewedRow | undefined): string {
  if (last === undefined) return 'none';
  return `${last.decision}: ${last.reviewer}, ${last.date}${last.id === row.id ? '' : ' (it gave something else then)'}`;
}

interface GrantHistory {
  firstSeen: { readonly at: Instant; readonly exact: boolean };
  lastChange: Instant | null;
}

/** How far back is looked: snapshots, and those among them from which roles or bindings differ, which have to be read whole. */
const deepest = { snapshots: 100, changed: 15 } as const;

/** When each grant was first in a snapshot, and when what it gives changed last, as far back as is looked. */
function readHistory(ledger: ReviewLedger, order: SheetOrder, population: ReviewPopulation): ReadonlyMap<string, GrantHistory> {
  const snapshots = ledger
    .runs(order.cluster)
    .filter(({ number, status }) => number <= order.run && (status === 'succeeded' || status === 'partial'))
    .toReversed();
  const histories = new Map<string, GrantHistory>();
  const [latest] = snapshots;
  if (latest === undefined) return histories;
  const ids = new Map(population.rows.map(({ item, id }) => [item, id]));
  const first = { at: observedAt(latest), exact: false };
  for (const item of ids.keys()) histories.set(item, { firstSeen: first, lastChange: null });
  let [later, changed] = [latest, 0];
  for (const run of snapshots.slice(1, deepest.snapshots)) {
    const differs = isDifferent(ledger, run, later);
    if (differs && changed === deepest.changed) break;
    if (differs) {
      const then = readPopulation(ledger, { ...order, run: run.number });
      changed += 1;
      // Of what was not read nobody can say that it was not there, or was another.
      if (!then.read.bindings || !then.read.roles) continue;
      const thenIds = new Map(then.rows.map(({ item, id }) => [item, id]));
      for (const [item, id] of ids) {
        const history = histories.get(item) as GrantHistory;
        const before = thenIds.get(item);
        if (before === undefined) {
          history.firstSeen = { at: observedAt(later), exact: true };
          ids.delete(item);
        } else if (before !== id) {
          history.lastChange ??= observedAt(later);
          ids.set(item, before);
        }
      }
    }
    later = run;
    const there = { at: observedAt(run), exact: false };
    for (const item of ids.keys()) (histories.get(item) as GrantHistory).firstSeen = there;
  }
  return histories;
}

function isDifferent(ledger: ReviewLedger, from: RunSummary, to: RunSummary): boolean {
  const isWanted = (kind: string) => rbacListings.some((each) => each === kind);
  for (const { items, unknown, before } of ledger.differences(to.cluster, from.number, to.number, { isWanted }))
    if (items.length > 0 || unknown > 0 || before?.complete !== true) return true;
  return false;
}

/** What a later workbook takes over from a filled one. */
export function withFilled(rows: readonly ReviewSheetRow[], filled: ReadonlyMap<string, FilledCells>): readonly ReviewSheetRow[] {
  return rows.map((row) => ({ ...row, filled: filled.get(row.id) ?? null }));
}
