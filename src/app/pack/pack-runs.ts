/**
 * The runs that a pack tells of: those of its period, those that were judged for it, and those that its results stand on. A period may
 * have thousands, so what a run read is told in numbers; its listings are read again only where they are shown.
 */
import type { Ledger, StoredAssessment } from '../../ledger/index.ts';
import { decodeRecord, leafHash } from '../../log/index.ts';
import type { RunSummary } from '../../model/index.ts';
import { describeRead, type ReadInput, type RunInput } from '../../reporting/index.ts';
import type { Period } from '../period.ts';
import { isInside, withSnapshot } from './pack-period.ts';

export interface ToldRuns {
  readonly ledger: Ledger;
  readonly cluster: string;
  readonly period: Period;
  /** Ended by the checkpoint. */
  readonly runs: readonly RunSummary[];
  /** The one that is shown, and what was recorded of it. */
  readonly run: RunSummary;
  readonly stored: StoredAssessment;
  readonly judged: ReadonlySet<number>;
  /** Of the runs that were judged. */
  readonly read: ReadonlyMap<number, ReadInput>;
  /** The log's record by its leaf. */
  readonly record: (leaf: number) => Uint8Array;
}

export function tellRuns({ ledger, cluster, period, runs, run, stored, judged, read, record }: ToldRuns): readonly RunInput[] {
  const stoodOn = new Set(runsStoodOn({ ledger, runs, run, stored }).map(({ number }) => number));
  const listingsOf = ({ number }: RunSummary) => ledger.snapshot(cluster, number).listings();
  return runs
    .filter((each) => isInside(each, period) || stoodOn.has(each.number) || judged.has(each.number))
    .map((summary): RunInput => {
      const bytes = record(summary.leaf);
      const listings = () => (withSnapshot(summary) ? listingsOf(summary) : []);
      return {
        summary,
        recordHash: Buffer.from(leafHash(bytes)).toString('hex'),
        slots: slotsOf(bytes),
        read: read.get(summary.number) ?? describeRead(listings()),
        listings,
      };
    });
}

/** Runs that the results stand on: differences of counters also stand on an earlier one, which may lie before the period. */
function runsStoodOn({ ledger, runs, run, stored }: Pick<ToldRuns, 'ledger' | 'runs' | 'run' | 'stored'>): readonly RunSummary[] {
  const missing = new Set(stored.assessment.controls.flatMap((control) => control.evidence.map(({ id }) => id)));
  const found: RunSummary[] = [];
  for (const each of runs.filter(withSnapshot).toReversed()) {
    if (missing.size === 0) break;
    if (each.number > run.number) continue;
    const cited = ledger
      .snapshot(each.cluster, each.number)
      .listings()
      .filter(({ id }) => missing.delete(id));
    if (cited.length > 0) found.unshift(each);
  }
  return found;
}

/** How many slots a record stands for: several only for a missed one after a long outage. */
function slotsOf(bytes: Uint8Array): number {
  const read = bytes.length === 0 ? undefined : decodeRecord(bytes);
  return read?.known === true && read.record.type === 'run-missed' ? (read.record.range?.slots ?? 1) : 1;
}
