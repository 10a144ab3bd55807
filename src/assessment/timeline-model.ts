/** What a timeline is made from and what it says. Times going in and coming out are RFC 3339, UTC; lengths are milliseconds. */
import type { Gap, Instant, ListingKind, Outcome, RunKind, RunStatus } from '../model/index.ts';

/** An outcome over time. Unknown time is neither good nor bad. */
export type TimelineState = Exclude<Outcome, 'notAssessed'> | 'unknown';

/** A moment that the evidence itself names. `source` says where: `creationTimestamp of ClusterRoleBinding/friday`. */
export interface ExactTime {
  readonly at: Instant;
  readonly source: string;
}

/** A finding of an assessment, or as much of it as a timeline asks for. */
export interface TimelineFinding {
  readonly item: string;
  readonly resource?: { readonly uid: string; readonly kind?: string; readonly namespace?: string; readonly name?: string };
  /** Since when the item has been as it was found. */
  readonly since?: ExactTime | undefined;
  /** As the run told it: what a person reads, and ids of the objects that it stands on. */
  readonly message?: string;
  readonly evidence?: readonly string[];
}

/** What one run says of one control. */
export interface TimelineResult {
  readonly outcome: Outcome;
  readonly findings: readonly TimelineFinding[];
  readonly gaps: readonly Gap[];
  /** Listings that the outcome stands on: it holds until the first of them no longer does. */
  readonly kinds: readonly ListingKind[];
  /** Of a pass: since when it has been so. */
  readonly since?: ExactTime;
  /** The outcome of the same evidence by the definitions of the run before, where they were others. */
  readonly byOldDefinitions?: Outcome;
}

/** The same without what was found, which is kept by item: see {@link TimelineRecord}. */
export interface RunOutcome extends Omit<TimelineResult, 'findings'> {
  /** How many findings. */
  readonly found: number;
  /** Moments that the evidence names for what was found. */
  readonly named: readonly ExactTime[];
}

/** Runs in which an item was found, one after the other: from `first` to `last`, both among them. */
export interface FoundSpan {
  readonly first: number;
  readonly last: number;
  /** As told by the first of them. */
  readonly finding: TimelineFinding;
  /** Of all of them. */
  readonly since: ExactTime | undefined;
}

/** What the runs of a period said. */
export interface TimelineRecord {
  outcome(control: string, run: number): RunOutcome | undefined;
  found(control: string, item: string, run: number): TimelineFinding | undefined;
  /** Every item that was ever found, with its spans in the order of the runs. */
  items(control: string): Iterable<readonly [item: string, spans: readonly FoundSpan[]]>;
}

export interface TimelineRun {
  readonly number: number;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly slot: Instant | null;
  /** All slots that a `missed` record stands for; default: its slot. */
  readonly missedSlots?: readonly Instant[];
  /** When the attempt began: from then on a failed one leaves the state unknown. */
  readonly startedAt: Instant;
  /** When the evidence was observed, at the latest; null when nothing was read. */
  readonly observedAt: Instant | null;
  /** When reading it began, where that took time: what came to be since may not have been seen. Default: {@link observedAt}. */
  readonly began?: Instant;
  /** From a recording. `provenFrom`: what it says of the time before proves nothing (ledger.md: unsigned imports before `loggedAt`). */
  readonly imported?: { readonly provenFrom: Instant | null };
  /** Seconds, as recorded at collection. */
  readonly timeToLive: Readonly<Partial<Record<ListingKind, number>>>;
  /** By control id. Without a result a control's state is unknown. Empty where the run was recorded: {@link TimelineInput.record}. */
  readonly results: ReadonlyMap<string, TimelineResult>;
}

/** An exception as approved, for as long as it is in force: it labels, and never hides. */
export interface TimelineException {
  readonly id: string;
  readonly control: string;
  readonly item: string;
  readonly from: Instant;
  /** Expiry or revocation. */
  readonly to: Instant;
}

export interface TimelineInput {
  /** Half-open. */
  readonly period: { readonly from: Instant; readonly to: Instant };
  /** As of when one looks: the checkpoint's time. Nothing is known of what comes after. */
  readonly asOf: Instant;
  /** The ledger's birth. */
  readonly genesis: Instant;
  /** All that is known by `asOf`, earlier and later than the period too, in any order. */
  readonly runs: readonly TimelineRun[];
  /** What the runs said, where it was recorded run by run; default: their results. */
  readonly record?: TimelineRecord;
  readonly controls: readonly string[];
  readonly exceptions: readonly TimelineException[];
  /** Slots of the schedule in force, as far as the caller knows it; those without a run count as missed. */
  readonly due: readonly Instant[];
  /** Of a listing whose run recorded none. */
  readonly defaultTimeToLiveSeconds: number;
}

/**
 * Why a segment begins. `run`: a run saw it. `evidence`: the evidence names the moment (`source`). Unknown because: `expired`: what was
 * read last no longer holds; `unread`: the run has gaps; `failed`: the attempt read nothing; `notJudged`: the run has no result;
 * `clock`: a run with a wrong clock happened about then and says otherwise; `unproven`: only an unsigned import says it; `noRun`: nothing
 * was read before; `beforeGenesis`: the ledger did not exist yet.
 */
export type TimelineCause =
  | 'run'
  | 'evidence'
  | 'expired'
  | 'unread'
  | 'failed'
  | 'notJudged'
  | 'clock'
  | 'unproven'
  | 'noRun'
  | 'beforeGenesis';

export interface TimelineSegment {
  readonly from: Instant;
  readonly to: Instant;
  readonly state: TimelineState;
  readonly cause: TimelineCause;
  /** The run that brought the state; for `expired` the one that no longer holds. */
  readonly run: number | null;
  /** The last run that confirmed it. */
  readonly lastRun: number | null;
  readonly source: string | null;
  /** Of `unread`. */
  readonly gaps: readonly Gap[];
  /** Missed runs that would have been due since `run`; of unknown segments. */
  readonly missed: readonly number[];
  /** Ids of exceptions in force for items that fail, and whether they cover all of them. */
  readonly exceptions: readonly string[];
  readonly excepted: 'none' | 'some' | 'all';
}

/** Something happened after `after` and not later than `by`; the same moment twice when `source` names it. Null: nothing says. */
export interface TimelineBounds {
  readonly after: Instant | null;
  readonly by: Instant;
  readonly source: string | null;
}

/** A time of failing, from the last good observation to the next good one; what is unknown in between does not end it. */
export interface TimelineDeviation {
  /** Numbers of runs. */
  readonly lastGood: number | null;
  readonly firstBad: number;
  readonly lastBad: number;
  /** The retest; null while it lasts. */
  readonly firstGood: number | null;
  readonly onset: TimelineBounds;
  /** Null while it lasts. */
  readonly end: TimelineBounds | null;
  /** How long at least (without what is unknown), and at most; null where nothing bounds it. */
  readonly exposure: { readonly least: number; readonly most: number | null };
  readonly exceptions: readonly string[];
  /** Of an item's objects, in the order seen: several mean that it was re-created. */
  readonly uids: readonly string[];
}

/** As outcomes are rolled up: the worst of the period decides. `noDeviation`: passed, and known, all the time. */
export type PeriodVerdict = 'deviation' | 'insufficientCoverage' | 'manual' | 'providerResponsibility' | 'noDeviation' | 'notApplicable';

export interface TimelineOpening {
  readonly state: TimelineState;
  readonly cause: TimelineCause;
  /** Null when nothing was read before. */
  readonly run: number | null;
  /** Since when it has been the same, as far as is known; null: nothing was known before. */
  readonly since: Instant | null;
}

export interface StateTimeline {
  readonly verdict: PeriodVerdict;
  /** What held when the period began; null for a period that has not begun. */
  readonly opening: TimelineOpening | null;
  /** Without gaps from the period's beginning to its end, or to `asOf`. */
  readonly segments: readonly TimelineSegment[];
  readonly time: Readonly<Record<TimelineState, number>>;
  /** One decimal; they add up to 100; 0 and 100 only where it is exactly so. */
  readonly percent: Readonly<Record<TimelineState, number>>;
  readonly longestFail: { readonly from: Instant; readonly to: Instant } | null;
  /** That touch the period, in their order; bounds may lie outside it. */
  readonly deviations: readonly TimelineDeviation[];
}

export interface ItemTimeline extends StateTimeline {
  readonly item: string;
}

export interface ControlTimeline extends StateTimeline {
  readonly control: string;
  /** Items that failed in the period, in their order. `pass` means that the item did not fail: it may be gone. */
  readonly items: readonly ItemTimeline[];
  /** Runs at which the outcome is another one only because the definitions are. */
  readonly flips: readonly { readonly run: number; readonly at: Instant; readonly before: Outcome; readonly after: Outcome }[];
}

export interface TimelineCoverage {
  /** Slots that were due in the period by `asOf`; only scheduled runs count. */
  readonly expected: number;
  readonly succeeded: number;
  readonly partial: number;
  /** Failed or interrupted. */
  readonly failed: number;
  /** Recorded as missed, or due and without any run. */
  readonly missed: number;
  /** Planned and not ended. */
  readonly open: number;
  /** Runs that a person started. */
  readonly manual: number;
  /** Succeeded and partial of expected, rounded down; null when none was expected. */
  readonly percent: number | null;
  /** The longest time in the period in which nothing was read. */
  readonly longestGap: { readonly from: Instant; readonly to: Instant } | null;
  /** Of the missed slots those that no run stands for, not even one recorded as missed; in their order. */
  readonly unrecorded: readonly Instant[];
}

export interface Timeline {
  /** `until`: where knowledge ends, the earlier of `to` and `asOf`. */
  readonly period: {
    readonly from: Instant;
    readonly to: Instant;
    readonly until: Instant;
    readonly progress: 'over' | 'running' | 'notBegun';
  };
  readonly coverage: TimelineCoverage;
  readonly controls: readonly ControlTimeline[];
  /** Runs whose clock contradicts the log, and between which moments they took place. */
  readonly doubtful: readonly { readonly run: number; readonly claimed: Instant; readonly after: Instant; readonly before: Instant }[];
}
