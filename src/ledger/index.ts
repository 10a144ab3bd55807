export type { AssessmentEntry, PackEntry, StoredAssessment, StoredPack } from './decisions/judgements.ts';
export type { Baseline } from './decisions/baselines.ts';
export type { ChangedPaths, PathDifference } from './runs/changed-paths.ts';
export type { DiffedSide, DiffOptions, KindDifference, ObjectDifference } from './reading/diff.ts';
export type {
  Definition,
  DefinitionChange,
  DefinitionDifference,
  Definitions,
  DefinitionState,
  Explanation,
  PresentDefinitions,
} from './decisions/definitions.ts';
export { type NewException, type StoredException } from './decisions/exceptions.ts';
export { type AccessReview, decisionsInForce, type ReviewedRow, type ReviewStatement } from './decisions/reviews.ts';
export type { Rebinding } from './decisions/rebinding.ts';
export type { MissedSlots } from './runs/slots.ts';
export type { Accountable, KeyRevocation } from './decisions/key-changes.ts';
export * from './ledger.ts';
export type { StoredRecord } from './storage/log-store.ts';
export * from './storage/memory-snapshot.ts';
export { createPublishedHeads, type PublishedHeads } from './decisions/publication.ts';
export type { PlannedListing } from './runs/reuse.ts';
export type { ReuseRecord, SaltedBytes } from './runs/run-payload.ts';
export type { EndOfRun, RunWriter } from './runs/run-writer.ts';
export type { ClusterSummary } from './runs/runs.ts';
export type { Exhibit, ExhibitTree, SaltedObject, SnapshotOptions } from './reading/snapshot.ts';
export type { SeriesSnapshot, SnapshotSeries } from './reading/series.ts';
export type { Churn, Churner, RunGrowth } from './reading/growth.ts';
export type { KindSize, LedgerStatus } from './reading/status.ts';
export type { StoredToken, Tokens } from './decisions/tokens.ts';
export { backupLedger, type LedgerBackup } from './exchange/backup.ts';
export { exportLedger, type ExportedLedger } from './exchange/export.ts';
export type { LedgerCounts } from './decisions/findings.ts';
export { importLedger, type ImportedLedger } from './exchange/import.ts';
export type { VerifiedLedger, VerifyOptions } from './verification/verify.ts';
export { verifyLedger } from './verification/verify.ts';
export type { Erasure, ErasureOrder, ErasureReport } from './erasure/erase.ts';
export type { ErasurePlan, ErasureRequest, ErasureTarget } from './erasure/erasure-plan.ts';
export type { Hold, HoldScope, NewHold } from './erasure/holds.ts';
export { defaultRetention, type RetentionPolicy, type RetentionStatus } from './erasure/retention.ts';
