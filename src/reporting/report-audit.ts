/** The part of the report model on audit policies: what one that was handed in records, by whom, and what is wrong with it. */

export type ReportAuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse';

export interface ReportAuditPart {
  readonly level: ReportAuditLevel;
  /** From 1; null where no rule matches. */
  readonly rule: number | null;
  /** `get secrets`. */
  readonly requests: readonly string[];
  /** `some`: only for some of these callers, namespaces or names. */
  readonly whom: 'all' | 'some';
}

export interface ReportAuditCell {
  readonly lowest: ReportAuditLevel;
  readonly highest: ReportAuditLevel;
  /** Where a rule for some gives less still. */
  readonly lowestForSome: ReportAuditLevel | null;
  readonly parts: readonly ReportAuditPart[];
}

export interface ReportAuditMistake {
  /** Credentials in the log; a rule that hides what a later one would record; what is recorded by none. */
  readonly kind: 'bodies' | 'hidden' | 'unrecorded';
  /** From 1; null: no rule matches. */
  readonly rule: number | null;
  readonly level: ReportAuditLevel;
  readonly whom: 'all' | 'some';
  /** Titles of rows. */
  readonly events: readonly string[];
  readonly requests: readonly string[];
  /** `hidden`: what a later rule would do. */
  readonly instead: { readonly rule: number; readonly level: ReportAuditLevel } | null;
}

export interface ReportAuditPolicy {
  /** Files that hold it. Untrusted text. */
  readonly files: readonly string[];
  /** Why no API server starts with it; then the rest is empty. Holds no control characters. */
  readonly problem: string | null;
  /** By number from 1. `text` in one line, untrusted. */
  readonly rules: readonly { readonly level: ReportAuditLevel; readonly text: string }[];
  /** Who. */
  readonly columns: readonly string[];
  /** Events that auditors ask for. A cell is null where the event is none of theirs. */
  readonly rows: readonly { readonly title: string; readonly cells: readonly (ReportAuditCell | null)[] }[];
  /** Worst first. */
  readonly mistakes: readonly ReportAuditMistake[];
}
