/**
 * Whether records can have been written one after the other: the genesis first and only there, runs of each cluster numbered without gaps,
 * ended once and only after they were planned, judged only after they had ended, packs of a period counted. A run that was left out leaves
 * a gap. The ledger's verification and the pack's say the same of the same records, because both ask here.
 */
import { type Instant, visible } from '../model/index.ts';
import { createDefinitionOrder } from './definition-order.ts';
import { createExceptionHistory } from './exception-order.ts';
import type { LogRecord, RecordOf } from './records.ts';
import { clockToleranceMs } from './token-times.ts';

export interface RecordOrder {
  /** Takes the records in the order of the log; returns what is wrong with this one, each a sentence that is safe to print. */
  take(leaf: number, record: LogRecord): string[];
  /** Cluster → its highest run number so far. */
  readonly runs: ReadonlyMap<string, number>;
}

interface ClusterState {
  open: { readonly run: number; readonly uuid: string; readonly at: Instant } | null;
  readonly ended: Set<number>;
  /** UID of kube-system that the name stands for. */
  uid: string | null;
}

export function createRecordOrder(): RecordOrder {
  const runs = new Map<string, number>();
  const uuids = new Set<string>();
  const clusters = new Map<string, ClusterState>();
  const packs = new Map<string, number>();
  const holds = new Map<string, 'in force' | 'released'>();
  const [definitions, exceptions] = [createDefinitionOrder(), createExceptionHistory()];
  const stateOf = (name: string): ClusterState => {
    const state = clusters.get(name) ?? { open: null, ended: new Set<number>(), uid: null };
    clusters.set(name, state);
    return state;
  };
  /** Gives the run its number. */
  const take = ({ cluster, run, uuid }: { readonly cluster: string; readonly run: number; readonly uuid: string }): string[] => {
    const last = runs.get(cluster) ?? 0;
    runs.set(cluster, run);
    const problems =
      run === last + 1 ? [] : [`${nameOf(cluster, run)} follows run ${last}: the runs between are missing, or it is there twice`];
    // A run's requests are found in the cluster's audit log by its uuid: two runs of one uuid would share them.
    if (uuids.has(uuid)) problems.push(`${nameOf(cluster, run)} has the uuid of an earlier run`);
    uuids.add(uuid);
    return problems;
  };
  const judge = (leaf: number, record: LogRecord): string[] => {
    switch (record.type) {
      case 'run-planned': {
        const state = stateOf(record.cluster);
        const problems = take(record);
        if (state.open !== null)
          problems.push(`${nameOf(record.cluster, record.run)} is planned while run ${state.open.run} has not ended`);
        state.open = record;
        return problems;
      }
      case 'run-missed':
        return take(record);
      case 'run-ended': {
        const state = stateOf(record.cluster);
        const { open } = state;
        state.open = null;
        state.ended.add(record.run);
        if (open?.run !== record.run || open.uuid !== record.uuid) return [`${nameOf(record.cluster, record.run)} ends, and was not open`];
        const problems = problemsOfTimes(record, open.at);
        if (record.clusterUid !== null && (record.status === 'succeeded' || record.status === 'partial')) {
          state.uid ??= record.clusterUid;
          if (state.uid !== record.clusterUid) problems.push('is of another cluster than the name stood for');
        }
        return problems.map((problem) => `${nameOf(record.cluster, record.run)} ${problem}`);
      }
      case 'cluster-rebound': {
        const state = stateOf(record.cluster);
        const fits = state.uid === record.from && record.to !== record.from && state.ended.has(record.run);
        state.uid = record.to;
        return fits ? [] : [`${visible(record.cluster)} is bound to another cluster, and no run before found that`];
      }
      case 'assessed':
        return stateOf(record.cluster).ended.has(record.run) ? [] : [`${nameOf(record.cluster, record.run)} is judged before it ended`];
      case 'baseline-accepted':
        return stateOf(record.cluster).ended.has(record.run)
          ? []
          : [`${nameOf(record.cluster, record.run)} is accepted as a baseline before it ended`];
      case 'access-reviewed':
        return stateOf(record.cluster).ended.has(record.run) ? [] : [`${nameOf(record.cluster, record.run)} is reviewed before it ended`];
      case 'period-closed':
        return record.at >= record.period.to ? [] : [`the period to ${record.period.to} is closed before it is over`];
      case 'pack-issued': {
        const period = JSON.stringify([record.cluster, record.period.from, record.period.to]);
        const number = (packs.get(period) ?? 0) + 1;
        packs.set(period, number);
        holds.set(`P-${leaf}`, 'in force');
        return record.number === number && record.checkpoint <= leaf
          ? []
          : [`pack ${record.number} of a period is issued, and it is its pack number ${number}`];
      }
      case 'hold-placed': {
        holds.set(record.hold, 'in force');
        return record.hold === `H-${leaf}` ? [] : [`the hold ${record.hold} is named after another record`];
      }
      case 'hold-released': {
        const state = holds.get(record.hold);
        holds.set(record.hold, 'released');
        return state === 'in force'
          ? []
          : [`the hold ${record.hold} is released, and ${state === undefined ? 'was never placed' : 'was so before'}`];
      }
      default:
        return [];
    }
  };
  return {
    runs,
    take(leaf, record) {
      const misplaced =
        (record.type === 'genesis') === (leaf === 0)
          ? []
          : [`record ${leaf} is a ${record.type} record: the first one, and only that, is the genesis`];
      const problems = [
        ...problemsOfDates(record),
        ...judge(leaf, record),
        ...definitions.take(leaf, record),
        ...exceptions.take(leaf, record),
      ];
      return [...misplaced, ...problems.map((problem) => `record ${leaf}: ${problem}`)];
    },
  };
}

const written = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** The 30th of February would be in March, and the hour 24 on the next day. */
function isReal(time: string): boolean {
  return new Date(time).getUTCDate() === Number(time.slice(8, 10));
}

/** Looks at every text of a record, and at millions of records. */
function problemsOfDates(part: object): string[] {
  const problems: string[] = [];
  for (const value of Object.values(part) as unknown[]) {
    if (typeof value === 'string' && value.length === 24 && written.test(value) && !isReal(value)) problems.push(`${value} is no time`);
    if (typeof value === 'object' && value !== null) problems.push(...problemsOfDates(value));
  }
  return problems;
}

/** A replayed recording says when its evidence was observed; any other run says what it did between its two records. */
function problemsOfTimes({ at, startedAt, endedAt, observedAt }: RecordOf<'run-ended'>, planned: Instant): string[] {
  if (observedAt !== null || (inOrder(planned, startedAt) && inOrder(startedAt, endedAt) && inOrder(endedAt, at))) return [];
  const [first, last] = [Date.parse(planned) - clockToleranceMs, Date.parse(at) + clockToleranceMs];
  return [
    ...(Date.parse(startedAt) < first ? [`says that it began at ${startedAt}, before it was planned`] : []),
    ...(Date.parse(endedAt) > last ? [`says that it ended at ${endedAt}, after its record`] : []),
    ...(Date.parse(endedAt) < Date.parse(startedAt) - clockToleranceMs ? ['says that it ended before it began'] : []),
  ];
}

/** Of one day, where texts tell: most are, and need not be read as numbers. */
function inOrder(earlier: Instant, later: Instant): boolean {
  return earlier <= later && earlier.slice(0, dayLength) === later.slice(0, dayLength);
}

const dayLength = '2026-08-14'.length;

const nameOf = (cluster: string, run: number): string => `run ${run} of ${visible(cluster)}`;
