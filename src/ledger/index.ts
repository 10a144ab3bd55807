export type { AssessmentEntry, PackEntry, StoredAssessment, StoredPack } from './judgements.ts';
export type { Baseline } from './baselines.ts';
export type { ChangedPaths, PathDifference } from './changed-paths.ts';
export type { DiffedSide, DiffOptions, KindDifference, ObjectDifference } from './diff.ts';
export type {
  Definition,
  DefinitionChange,
  DefinitionDifference,
  Definitions,
  DefinitionState,
  Explanation,
  PresentDefinitions,
} from './definitions.ts';
export { type NewException, type StoredException } from './exceptions.ts';
export type { MissedSlots } from './slots.ts';
export type { Accountable, KeyRevocation } from './key-changes.ts';
export * from './ledger.ts';
export type { StoredRecord } from './log-store.ts';
export * from './memory-snapshot.ts';
export { createPublishedHeads, type PublishedHeads } from './publication.ts';
export type { PlannedListing } from './reuse.ts';
export type { ReuseRecord, SaltedBytes } from './run-payload.ts';
export type { EndOfRun, RunWriter } from './run-writer.ts';
export type { ClusterSummary } from './runs.ts';
export type { Exhibit, ExhibitTree, SaltedObject, SnapshotOptions } from './snapshot.ts';
export type { Churn, Churner, RunGrowth } from './growth.ts';
export type { KindSize, LedgerStatus } from './status.ts';
export type { StoredToken, Tokens } from './tokens.ts';
export { backupLedger, type LedgerBackup } from './backup.ts';
export { exportLedger, type ExportedLedger } from './export.ts';
export type { LedgerCounts } from './findings.ts';
export { importLedger, type ImportedLedger } from './import.ts';
export type { VerifiedLedger, VerifyOptions } from './verify.ts';
export { verifyLedger } from './verify.ts';
export type { Erasure, ErasureOrder, ErasureReport } from './erase.ts';
export type { ErasurePlan, ErasureRequest, ErasureTarget } from './erasure-plan.ts';
export type { Hold, HoldScope, NewHold } from './holds.ts';
export { defaultRetention, type RetentionPolicy, type RetentionStatus } from './retention.ts';
