/**
 * What a report says of a period: a standing for every control, deviations by item, and outcomes that flipped by definition. Times are
 * UTC; those of the timelines are as src/assessment/timeline-model.ts gives them.
 */
import type { ControlTimeline, StateTimeline, TimelineBounds, TimelineSegment, TimelineState } from '../assessment/index.ts';
import type { Instant, Severity } from '../model/index.ts';
import type { ReportTrail } from './report-trail.ts';
import type { OutcomeCounts, ShownOutcome, Verdict } from './shown-outcome.ts';

export type { ControlTimeline, TimelineBounds, TimelineSegment, TimelineState };

/** A control over the whole period. */
export interface ReportStanding {
  readonly verdict: Verdict;
  readonly timeline: ControlTimeline;
  /** Its known state was another one at some time of the period. */
  readonly changed: boolean;
  /** Ids. */
  readonly deviations: readonly string[];
}

/** One item that failed for one time, by one or more controls alike. */
export interface ReportDeviation {
  /** `D-0001`: first what began or ended in the period, then what lasted all of it; each worst first, then by its begin. */
  readonly id: string;
  /** The worst of its controls. */
  readonly severity: Severity;
  /** By id. */
  readonly controls: readonly { readonly id: string; readonly title: string; readonly severity: Severity }[];
  /** Null where a control failed without naming an item. */
  readonly item: string | null;
  /** What the run that detected it says of the item. */
  readonly message: string | null;
  /** What the item's namespace says at the last run; `cluster` for what is in none. */
  readonly owner: string;
  /** Numbers of runs. `firstBad` detected it; `firstGood` is the retest. */
  readonly lastGood: number | null;
  readonly firstBad: number;
  readonly lastBad: number;
  readonly firstGood: number | null;
  readonly detectedAt: Instant;
  readonly retestedAt: Instant | null;
  readonly onset: TimelineBounds;
  readonly end: TimelineBounds | null;
  /** Milliseconds; `most` is null where nothing bounds it. */
  readonly exposure: { readonly least: number; readonly most: number | null };
  /** Ids of exceptions in force at some time of it. */
  readonly exceptions: readonly string[];
  readonly uids: readonly string[];
  /** It was there at the period's beginning, and had not ended at its end. */
  readonly throughout: boolean;
  /** States of the item over the period. */
  readonly timeline: Pick<StateTimeline, 'segments'>;
  /** Of the run that detected it, and of the retest; empty for what lasted throughout. */
  readonly exhibits: readonly string[];
  /** Of those that say who could do something, and are told one by one; null for others. */
  readonly trail: ReportTrail | null;
}

export interface ReportFlip {
  readonly control: string;
  readonly title: string;
  readonly run: number;
  readonly at: Instant;
  /** Of the same evidence, by the definitions before and after. */
  readonly before: Verdict;
  readonly after: Verdict;
}

export interface ReportPeriod {
  readonly from: Instant;
  readonly to: Instant;
  /** Where knowledge ends: the period's end, or the checkpoint. */
  readonly until: Instant;
  readonly progress: 'over' | 'running' | 'notBegun';
  /** What a reader must know first, in sentences. */
  readonly notices: readonly string[];
  /** Verdicts of controls over the period. */
  readonly counts: OutcomeCounts;
  readonly total: number;
  readonly verdicts: Readonly<Record<ShownOutcome, Verdict>>;
  readonly deviations: readonly ReportDeviation[];
  readonly flips: readonly ReportFlip[];
  /** Times that are unknown, and why, with how many controls they concern; in their order. */
  readonly unknown: readonly (Pick<TimelineSegment, 'from' | 'to' | 'cause' | 'run' | 'missed' | 'gaps'> & { readonly controls: number })[];
  /** Slots of the schedule that no run stands for: they were missed, and nobody was there to record it. */
  readonly unrecorded: readonly Instant[];
  /** Runs whose clock contradicts the log. */
  readonly doubtful: readonly { readonly run: number; readonly claimed: Instant; readonly after: Instant; readonly before: Instant }[];
}
