/**
 * What a report is made from. Nothing here is read from a clock, a network or a file: the caller (packs) freezes the log at a checkpoint
 * and hands over what it holds up to there.
 */
import type { Timeline, TimelineRecord } from '../assessment/index.ts';
import type {
  Assessment,
  Catalog,
  ClusterIdentity,
  Gap,
  Instant,
  Json,
  RequirementResult,
  RunSummary,
  StoredListing,
} from '../model/index.ts';
import type { ReportDefinition } from './report-definition.ts';
import type {
  AuditLogSetting,
  ReportBinding,
  ReportChanges,
  ReportCheckpoint,
  ReportDefinitionChange,
  ReportException,
  ReportAuditPolicy,
  ReportPaths,
  ReportRedaction,
  ReportReview,
} from './report-model.ts';

/** One run with what it read. */
export interface RunInput {
  readonly summary: RunSummary;
  /** RFC 6962 hash of the record at `summary.leaf`, lower-case hex. */
  readonly recordHash: string;
  readonly read: ReadInput;
  /** `reader.listings()` of its snapshot, none for a run that read nothing; asked for where they are shown. */
  readonly listings: () => readonly StoredListing[];
  /** For a missed run: how many slots it stands for. Default: one. */
  readonly slots?: number;
}

/** The listings of a run in numbers: {@link describeRead}. */
export interface ReadInput {
  readonly complete: number;
  readonly total: number;
  readonly items: number;
  /** The server's clock minus ours, where they differ most; null when the server named no time. */
  readonly clockSkewSeconds: number | null;
}

/** The runs of a period, judged, and what that says over time. */
export interface JudgedPeriodInput {
  readonly timeline: Timeline;
  /** What the runs said, as judged by the definitions that held then. */
  readonly record: TimelineRecord;
  /** Rolled up from the verdicts of the controls over the period; in the order of the assessment's. */
  readonly requirements: readonly RequirementResult[];
}

export interface OwnersInput {
  /** Null where the namespace names none. Untrusted text. */
  of(namespace: string): string | null;
  /** Whether all namespaces were read. */
  readonly read: boolean;
}

export interface ReportInputs {
  readonly definition: ReportDefinition;
  readonly organization: string;
  /** IANA. */
  readonly timezone: string;
  readonly pack: string;
  /** Half-open, UTC. Null for a report of one moment. */
  readonly period: { readonly name: string; readonly start: Instant; readonly end: Instant } | null;
  readonly demo: boolean;
  readonly draft: boolean;
  readonly toolVersion: string;
  readonly checkpoint: ReportCheckpoint;
  readonly signer: { readonly subject: string; readonly fingerprint: string };
  /** The log's verifier key as a signed note names it. */
  readonly logKey: string;
  /** False: no timestamp authority vouches for the times. */
  readonly timestamped: boolean;
  /** Records of the period, dated `from` then, that no token covers before `to`, more than a day later; none without tokens. */
  readonly timestampGaps: readonly { readonly from: Instant; readonly to: Instant }[];
  /** There is a timestamp, and no certificate from outside that vouches for who made it. */
  readonly authorityUnknown: boolean;
  /** What happened to the log and its keys, one clause each: restored, replaced, revoked. Usually nothing. */
  readonly custody: readonly string[];
  readonly cluster: ClusterIdentity;
  /** What the cluster is made of and who runs its control plane, as the last run shows it; absent where nothing does. */
  readonly platform?: string;
  /** The catalog that judged. */
  readonly catalog: Catalog;
  /** Effective values that differ from the control's defaults: control id → name → value. */
  readonly params: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** Of the last run. */
  readonly assessment: Assessment;
  /** Null for a report of one moment. Its runs are among `runs`, the one before the period and the one after it too. */
  readonly judged: JudgedPeriodInput | null;
  /** Of the first run, when it is another one: then the report tells what changed. */
  readonly first: { readonly assessment: Assessment; readonly objects: ReportChanges['objects'] } | null;
  /** All runs of the time covered, by number; the assessed one among them. */
  readonly runs: readonly RunInput[];
  readonly keeping: readonly string[];
  readonly redactions: readonly ReportRedaction[];
  readonly exceptions: readonly ReportException[];
  readonly reviews: readonly ReportReview[];
  readonly definitionChanges: readonly ReportDefinitionChange[];
  /** The population `grants` of the last run. */
  readonly bindings: { readonly rows: readonly ReportBinding[]; readonly gaps: readonly Gap[] };
  /** Of the last run. */
  readonly paths: PathsInput;
  /** Of the last run. */
  readonly auditPolicies: readonly ReportAuditPolicy[];
  /** What the API servers' flags say at a run that read something; asked for where a deviation needs it. */
  readonly auditLogAt: (run: number) => AuditLogSetting;
  /** Whose namespaces are at the last run. */
  readonly owners: OwnersInput;
}

export interface PathsInput extends Omit<ReportPaths, 'gaps' | 'moved'> {
  readonly gaps: readonly Gap[];
}
