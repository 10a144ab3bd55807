/**
 * What a scheduler needs of the application, and nothing more: it knows neither SQL nor HTTP nor files. Whatever can be expected to go wrong
 * comes back as a value or as a KubevidenceError, so that nothing ends a process that is there to stay.
 */
import type { Assessment, Clock, Instant, RunSummary } from '../model/index.ts';
import type { Schedule } from './expression.ts';

/** What is configured now. */
export interface ServePlan {
  readonly collect: Schedule;
  /** Null: after each run that read something. */
  readonly assess: Schedule | null;
  readonly timezone: string;
  /** By name, in the order of the configuration. */
  readonly clusters: readonly string[];
}

/** What the ledger knows of a cluster's latest slot. */
export interface SlotHistory {
  /** Slots after it are due: the last one on record, or since when the schedule holds. Null: the cluster has no run. */
  readonly dueSince: Instant | null;
  /** The slot is on record as missed. */
  readonly missed: boolean;
  /** Scheduled runs of the slot, and those without one since it came; in order. */
  readonly attempts: readonly RunSummary[];
}

export interface CollectResult {
  /** Null where none was planned: another process holds the ledger, the disk is full, somebody else took the slot. */
  readonly run: RunSummary | null;
  /** What went wrong, safe to print. */
  readonly problem: { readonly message: string; readonly next?: string } | null;
  /** Slots that the run found missed, and recorded. */
  readonly missed: readonly RunSummary[];
}

export interface ServeApp {
  /** Reads the configuration again where it changed. A changed one that is wrong is told, and the old one holds. */
  plan(): ServePlan;
  /**
   * Puts the schedule on record, so that its slots count from now on, and before it the slots that were missed, which it returns. Nothing
   * where there is no ledger yet.
   */
  begin(): Promise<readonly RunSummary[]>;
  history(cluster: string, slot: Instant): SlotHistory;
  /** Ends soon after `stop`: finished if it can, else interrupted. Throws only defects. */
  collect(cluster: string, slot: Instant, stop: AbortSignal): Promise<CollectResult>;
  /** Judges the latest run, and records it. Ends at once after `stop`. */
  assess(cluster: string, stop: AbortSignal): Promise<AssessResult>;
}

export interface AssessResult {
  readonly run: number;
  /** How many controls have which outcome. */
  readonly outcomes: Readonly<Partial<Record<Assessment['controls'][number]['outcome'], number>>>;
}

/** Rings about once a minute of real time, whatever the clock on the wall does. */
export interface Alarm {
  /** Resolves at the next ring, at once when it rang since the last call, and when `stop` is aborted. */
  wait(stop: AbortSignal): Promise<void>;
  close(): void;
}

export interface ServeEvent {
  readonly at: Instant;
  readonly level: 'info' | 'warning' | 'error';
  readonly event:
    | 'started'
    | 'planned'
    | 'collecting'
    | 'collected'
    | 'taken'
    | 'missed'
    | 'failed'
    | 'waiting'
    | 'assessed'
    | 'warning'
    | 'stopping'
    | 'stopped';
  /** One sentence, safe to print. */
  readonly message: string;
  readonly cluster?: string;
  readonly run?: number;
  readonly status?: RunSummary['status'];
  readonly slot?: Instant | null;
  readonly next?: string;
}

export interface ServeOptions {
  readonly alarm: Alarm;
  readonly clock: Clock;
  readonly log: (event: ServeEvent) => void;
  /** Aborted when the process is to end. */
  readonly stop: AbortSignal;
}
