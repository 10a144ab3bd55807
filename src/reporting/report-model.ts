/**
 * The one model that every report format sees. It is plain data, complete and ordered: a format decides how things look, never what is
 * true, in which order or in which words. All times are the evidence's own; nothing here was read from a clock.
 * Text from a cluster is kept as it is; each format makes it harmless for its own medium.
 */
import type { Assurance, Instant, RunKind, RunStatus, Severity, Strength, Covers } from '../model/index.ts';
import type { ReportAuditPolicy } from './report-audit.ts';
import type { ReportGap } from './report-gap.ts';
import type { ReportPaths } from './report-paths.ts';
import type { ReportPeriod, ReportStanding } from './report-period.ts';
import type { OutcomeCounts, ShownOutcome, Verdict } from './shown-outcome.ts';

export type * from './report-audit.ts';
export type * from './report-gap.ts';
export type * from './report-paths.ts';
export type * from './report-period.ts';
export type * from './report-trail.ts';
export { type OutcomeCounts, type ShownOutcome, shownOutcomes, type Verdict } from './shown-outcome.ts';

/** Sections of a document and sheets of a workbook that formats know. */
export const sectionIds = [
  'cover',
  'summary',
  'scope',
  'frameworks',
  'findings',
  'open',
  'exceptions',
  'reviews',
  'paths',
  'auditPolicies',
  'coverage',
  'timelines',
  'deviations',
  'changes',
  'definitions',
  'requirements',
  'controls',
  'ipe',
  'redactions',
  'limitations',
  'verification',
  'exhibits',
] as const;
export const sheetIds = [
  'summary',
  'requirements',
  'controls',
  'findings',
  'open',
  'exceptions',
  'reviews',
  'runs',
  'timeline',
  'deviations',
  'definitions',
  'bindings',
  'paths',
  'auditPolicies',
  'evidence',
  'ipe',
  'redactions',
  'limitations',
  'verification',
] as const;
export type SectionId = (typeof sectionIds)[number];
export type SheetId = (typeof sheetIds)[number];

export interface ReportMeta {
  readonly organization: string;
  readonly title: string;
  /** Number or name of the pack, as `pack-issued` records it. */
  readonly pack: string;
  /** Half-open, UTC. Null: the report is of one moment, {@link asOf}. */
  readonly period: { readonly name: string; readonly start: Instant; readonly end: Instant; readonly over: boolean } | null;
  readonly asOf: Instant;
  /** IANA name of the organization's timezone; all times in the report are UTC. */
  readonly timezone: string;
  readonly demo: boolean;
  readonly draft: boolean;
  readonly toolVersion: string;
  /** The checkpoint's time. */
  readonly generatedAt: Instant;
  /** BCP 47. */
  readonly language: string;
  readonly documentClass: string;
  readonly paper: 'A4' | 'Letter';
  /** Module specifiers or absolute paths of whole TrueType files. */
  readonly fonts: { readonly regular: string; readonly medium: string; readonly bold: string; readonly mono: string };
}

export interface ReportCluster {
  readonly name: string;
  readonly uid: string | null;
  readonly version: string | null;
  readonly server: string | null;
  readonly caFingerprint: string | null;
  readonly actor: string | null;
}

export interface ReportCheckpoint {
  readonly origin: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly root: string;
  readonly time: Instant;
  /** When the log's first record was written. */
  readonly logStarted: Instant;
}

export interface ReportControlLink {
  readonly id: string;
  readonly title: string;
  readonly strength: Strength;
  readonly covers: Covers | null;
  readonly because: string | null;
  readonly verdict: Verdict;
}

export interface ReportRequirement {
  /** `<framework> <id>`: unique in the report. */
  readonly key: string;
  readonly framework: string;
  readonly id: string;
  readonly title: string;
  readonly section: string;
  readonly obligation: 'required' | 'addressable' | null;
  readonly level: 1 | 2 | null;
  /** The benchmark's own status, which stays visible beside our outcome. */
  readonly assessment: 'automated' | 'manual' | null;
  /** At the end: of the last run. */
  readonly verdict: Verdict;
  /** Over the whole period; null in a report of one moment. */
  readonly period: Verdict | null;
  /** `2 of 14 controls deviate; 3 not assessed`; empty when no control supports it. */
  readonly counts: string;
  readonly controls: readonly ReportControlLink[];
  /** Exhibit ids. */
  readonly exhibits: readonly string[];
  /** What a person must bring. */
  readonly needs: string | null;
}

export interface ReportFramework {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  /** `2.0.1, not published for Kubernetes 1.36`. */
  readonly versionLabel: string;
  readonly kind: 'benchmark' | 'law' | 'policy';
  readonly source: string;
  readonly notice: string;
  readonly total: number;
  readonly counts: OutcomeCounts;
  /** Verdicts over the whole period; null in a report of one moment. */
  readonly periodCounts: OutcomeCounts | null;
  readonly periodVerdicts: Readonly<Record<ShownOutcome, Verdict>>;
  /** The words of this framework's kind. */
  readonly verdicts: Readonly<Record<ShownOutcome, Verdict>>;
  readonly sections: readonly { readonly id: string; readonly title: string; readonly requirements: readonly ReportRequirement[] }[];
}

export interface ReportFinding {
  /** `F-0001`, numbered in the order of the report. */
  readonly id: string;
  readonly control: string;
  readonly controlTitle: string;
  readonly severity: Severity;
  /** Stable id of the item in its population. */
  readonly item: string;
  /** `Namespace/name` and kind of the object, empty when the item is none. */
  readonly resource: { readonly kind: string; readonly namespace: string; readonly name: string; readonly uid: string };
  readonly message: string;
  readonly exception: string | null;
  /** What the item's namespace says at the last run; `cluster` for what is in none. */
  readonly owner: string;
  readonly exhibits: readonly string[];
}

export interface ReportControl {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** At the end: of the last run. */
  readonly verdict: Verdict;
  /** Over the whole period; null in a report of one moment. */
  readonly period: ReportStanding | null;
  readonly why: string;
  readonly population: { readonly name: string; readonly size: number; readonly tested: number };
  readonly where: string | null;
  readonly expect: string;
  /** Effective value as JSON text; `changed` when it is not the shipped default. */
  readonly params: readonly { readonly name: string; readonly value: string; readonly changed: boolean; readonly doc: string }[];
  readonly exhibits: readonly string[];
  readonly findings: readonly ReportFinding[];
  readonly gaps: readonly ReportGap[];
  readonly procedure: string;
  readonly remediation: string;
  /** Requirement keys. */
  readonly requirements: readonly string[];
}

/** Everything that one action would close. */
export interface OpenPoint {
  /** What a person does, or that nothing is known to close it. */
  readonly closedBy: string;
  readonly gaps: readonly ReportGap[];
  readonly controls: readonly string[];
  /** Requirement keys that stay open because of it. */
  readonly requirements: readonly string[];
}

export interface ReportRun {
  readonly number: number;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly plannedAt: Instant;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly slot: Instant | null;
  /** More than one only for a missed run after a long outage, which stands for several slots. */
  readonly slots: number;
  /** For a replayed recording. */
  readonly observedAt: Instant | null;
  readonly listings: { readonly complete: number; readonly total: number };
  readonly items: number;
  readonly error: string | null;
  /** Audit-IDs of the run's requests are `<prefix>-<n>`. */
  readonly auditIdPrefix: string;
  /** The server's clock minus ours, the largest in the run, whole seconds; null when no server date was seen. */
  readonly clockSkewSeconds: number | null;
  readonly leaf: number;
  readonly recordHash: string;
  /** Where it lies in the period: the last run before it gives the opening state, the first one after it bounds what was open. */
  readonly place: 'before' | 'inside' | 'after';
}

export interface ReportCoverage {
  /** Scheduled runs whose slot lies in the report's time; only these count. */
  readonly expected: number;
  readonly succeeded: number;
  readonly partial: number;
  readonly failed: number;
  readonly missed: number;
  /** Runs that a person started. */
  readonly manual: number;
  /** Succeeded and partial of expected, rounded down; null without a schedule. */
  readonly percent: number | null;
  /** The longest time without a run that read anything. */
  readonly longestGap: { readonly from: Instant; readonly to: Instant } | null;
  /** Missed slots that one later run made good; by the number of the missed run. None in a report of one moment. */
  readonly catchUps: readonly ReportCatchUp[];
}

export interface ReportCatchUp {
  readonly slot: Instant;
  /** More than one for a record that stands for several slots, of which this is the first. */
  readonly slots: number;
  /** Numbers of the missed run and of the one that made it good. */
  readonly missed: number;
  readonly run: number;
  readonly status: RunStatus;
  /** When that one read. */
  readonly at: Instant;
  /** Between slot and `at`, where times to live had ended; for so many controls. Null: what had been read still held. */
  readonly unknown: { readonly from: Instant; readonly to: Instant; readonly controls: number } | null;
}

export interface ReportExhibit {
  /** `EX-0001`. */
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly run: number;
  readonly observedAt: Instant;
  readonly items: number;
  readonly complete: boolean;
  readonly leaf: number;
  readonly recordHash: string;
  readonly listing: string;
  readonly assurance: Assurance;
  /** Values that scrubbing removed or marked. */
  readonly scrubbed: number;
  readonly controls: readonly string[];
  readonly requirements: readonly string[];
}

/** Information produced by the entity: how one exhibit came to be (docs/audit-pack). */
export interface ReportIpe {
  readonly exhibit: string;
  readonly source: string;
  readonly actor: string;
  readonly tool: string;
  readonly requests: readonly {
    readonly query: string;
    readonly status: number | null;
    readonly startedAt: Instant;
    readonly endedAt: Instant;
    readonly serverDate: string | null;
    readonly resourceVersion: string | null;
    readonly pages: number;
    readonly items: number;
    readonly consistent: boolean;
    readonly auditId: string | null;
  }[];
  readonly completeness: string;
  readonly handling: string;
  readonly assurance: Assurance;
}

export interface ReportBinding {
  readonly subject: string;
  readonly role: string;
  readonly scope: string;
  readonly binding: string;
  readonly created: Instant | null;
  readonly uid: string;
}

export interface ReportChanges {
  readonly fromRun: number;
  readonly toRun: number;
  readonly outcomes: readonly {
    readonly control: string;
    readonly title: string;
    readonly before: Verdict | null;
    readonly after: Verdict | null;
  }[];
  /** Net differences between the two snapshots, never "all changes". */
  readonly objects: readonly { readonly kind: string; readonly added: number; readonly removed: number; readonly changed: number }[];
}

/** What was destroyed on request, as the log records it; the ids stay, and every proof with them. */
export interface ReportRedaction {
  /** Of the record. */
  readonly leaf: number;
  readonly at: Instant;
  /** `objects`, `assessments`, `payloads that named people`, `whole runs`. */
  readonly what: string;
  /** Kind of the listings, for objects. */
  readonly kind: string | null;
  readonly count: number;
  /** Null where that was erased in its turn. Names are as they were typed. */
  readonly legalBasis: string | null;
  readonly requester: string | null;
  readonly approver: string | null;
  /** The legal basis went before the retention. */
  readonly overrideRetention: boolean;
}

/** Management's decision about one item. Names are as they were typed; texts are null where they were erased. */
export interface ReportException {
  readonly id: string;
  readonly control: string;
  readonly item: string | null;
  /** `unused`: in force, and labels no finding, because its item is gone or passes; `rebound`: the name stands for another cluster since. */
  readonly status: 'requested' | 'inForce' | 'unused' | 'expired' | 'revoked' | 'rebound';
  readonly expires: Instant;
  readonly requester: string | null;
  readonly requestedAt: Instant;
  readonly approver: string | null;
  readonly approvedAt: Instant | null;
  readonly revokedBy: string | null;
  readonly revokedAt: Instant | null;
  readonly justification: string | null;
  readonly compensatingControl: string | null;
  readonly ticket: string | null;
  /** Findings of this report that it labels. */
  readonly findings: number;
}

/** One definition that changed. Names are as they were typed. */
export interface ReportDefinitionChange {
  /** Of the record that closes what changed together. */
  readonly leaf: number;
  readonly at: Instant;
  readonly what: string;
  /** A small value as JSON, else a digest; null where there was none. */
  readonly before: string | null;
  readonly after: string | null;
  /** Null where nobody gave one. */
  readonly reason: string | null;
  readonly requester: string | null;
  readonly approver: string | null;
  /** When it was approved after it was in force; null otherwise. */
  readonly approvedLaterAt: Instant | null;
}

/** One import of an access review; names are asserted, not authenticated. */
export interface ReportReview {
  /** Leaf of its record. */
  readonly leaf: number;
  readonly at: Instant;
  /** Whose snapshot was reviewed. */
  readonly run: number;
  readonly keep: number;
  readonly revoke: number;
  readonly change: number;
  readonly open: number;
  /** Everybody who decided a grant; null where it was erased. */
  readonly reviewer: readonly string[] | null;
  readonly preparer: string | null;
  /** All roles and bindings could be read. */
  readonly complete: boolean | null;
}

export interface VerificationStep {
  readonly title: string;
  readonly text: string;
  readonly command: string | null;
  readonly expect: string | null;
}

export interface ReportModel {
  readonly meta: ReportMeta;
  readonly cluster: ReportCluster;
  readonly checkpoint: ReportCheckpoint;
  readonly signer: { readonly subject: string; readonly fingerprint: string };
  readonly logKey: string;
  /** What happened to the log and its keys, a sentence each; they are limitations as well. */
  readonly custody: readonly string[];
  /** One sentence: what came out. */
  readonly result: string;
  readonly scope: { readonly included: readonly string[]; readonly excluded: readonly string[] };
  readonly frameworks: readonly ReportFramework[];
  /** By id. */
  readonly controls: readonly ReportControl[];
  /** Worst first. */
  readonly findings: readonly ReportFinding[];
  readonly open: readonly OpenPoint[];
  /** In the order of the requests. */
  readonly exceptions: readonly ReportException[];
  /** In the order of the log. */
  readonly reviews: readonly ReportReview[];
  /** In the order of the log. */
  readonly definitionChanges: readonly ReportDefinitionChange[];
  readonly runs: readonly ReportRun[];
  readonly coverage: ReportCoverage;
  /** Null in a report of one moment. */
  readonly period: ReportPeriod | null;
  readonly changes: ReportChanges | null;
  readonly bindings: { readonly rows: readonly ReportBinding[]; readonly gaps: readonly ReportGap[] };
  readonly paths: ReportPaths;
  /** Those that were handed in; sections and sheets tell of them only where there are some. */
  readonly auditPolicies: readonly ReportAuditPolicy[];
  readonly exhibits: readonly ReportExhibit[];
  readonly ipe: readonly ReportIpe[];
  /** How long things are kept, and what is held, in sentences. */
  readonly keeping: readonly string[];
  /** In the order of the log. */
  readonly redactions: readonly ReportRedaction[];
  readonly limitations: readonly string[];
  readonly verification: readonly VerificationStep[];
  readonly sections: readonly { readonly id: SectionId; readonly title: string; readonly intro: string }[];
  readonly sheets: readonly { readonly id: SheetId; readonly title: string; readonly about: string; readonly source: string }[];
}
