/**
 * The composition root's door: what the command line and other programs call. A use case loads its parts when it is called, so that
 * nobody who collects waits for the PDF library, or for the populations and the expression language that only judging needs.
 */
import type * as AccessCan from './access/can.ts';
import type * as AccessCheck from './access/check.ts';
import type * as AccessMatrix from './access/matrix.ts';
import type * as AccessPaths from './access/paths.ts';
import type * as ReviewExports from './access/review-export.ts';
import type * as ReviewImports from './access/review-import.ts';
import type * as ReviewStates from './access/review-status.ts';
import type * as AccessWhoCan from './access/who-can.ts';
import type * as AuditMatrix from './audit/matrix.ts';
import type * as AuditSimulate from './audit/simulate.ts';
import type * as Assess from './assess/assess.ts';
import type * as Explain from './assess/explain.ts';
import type * as Catalog from './catalog.ts';
import type * as Checkpoints from './keys/checkpoints.ts';
import type * as CollectFiles from './collect/collect-files.ts';
import type { CollectOptions } from './collect/collect.ts';
import type * as LiveRun from './collect/live-run.ts';
import type * as NodeEvidence from './collect/node-evidence.ts';
import type * as ToldPlatform from './collect/told-platform.ts';
import type { AppContext } from './context.ts';
import type * as Demo from './demo/demo.ts';
import type * as Doctor from './doctor/doctor.ts';
import type * as Erase from './govern/erase.ts';
import type * as Drift from './govern/drift.ts';
import type * as DefinitionChanges from './govern/definition-changes.ts';
import type * as Exceptions from './govern/exceptions.ts';
import type * as Init from './init.ts';
import type * as Keeping from './keys/keeping.ts';
import type * as Keys from './keys/keys.ts';
import type * as Rebind from './govern/rebind.ts';
import type * as RotateKeys from './keys/rotate-keys.ts';
import type * as Pack from './pack/pack.ts';
import type * as Reconcile from './reconcile/reconcile.ts';
import type * as Serve from './serve.ts';

export type { ReviewImport } from './access/review-import.ts';
export type { FollowedRow, ReviewStatus } from './access/review-status.ts';
export type { AuditMatrixReport, Simulation } from './audit/documents.ts';
export type { SimulatedRequest } from './audit/simulate.ts';
export type { AssessOptions, AssessReport } from './assess/assess.ts';
export type { Drift } from '../assessment/index.ts';
export type { Explanation } from '../mapping/index.ts';
export type { CatalogInForce } from './catalog.ts';
export { clockGapName } from './collect/clock-gap.ts';
export type { CollectReport } from './collect/collect.ts';
export type { NodeCollectReport } from './collect/node-evidence.ts';
export type { ToldPlatform } from './collect/told-platform.ts';
export { type ClusterConfig, type Config, configSchema, loadConfig, loadConfigOrDefaults, pickCluster } from './config.ts';
export { type AppContext, packageRoot, toolName, toolVersion } from './context.ts';
export type { Check } from './doctor/doctor.ts';
export type { ListedException } from './govern/exceptions.ts';
export type { DefinitionChange, StoredException } from '../ledger/index.ts';
export { isUnexplained } from './reconcile/unexplained.ts';
export { rbacManifests } from './manifests.ts';
export type { PackReport } from './pack/pack.ts';
export type { Rotation } from './keys/rotate-keys.ts';
export { durationForm, parseDuration } from './duration.ts';
export { parsePeriod } from './period.ts';
export type { Reconciliation } from './reconcile/reconcile.ts';
export type { ServeEvent } from './serve.ts';

type Later<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;

export const accessCan: typeof AccessCan.accessCan = async (...args) => (await import('./access/can.ts')).accessCan(...args);
export const accessCheck: typeof AccessCheck.accessCheck = async (...args) => (await import('./access/check.ts')).accessCheck(...args);
export const accessMatrix: typeof AccessMatrix.accessMatrix = async (...args) => (await import('./access/matrix.ts')).accessMatrix(...args);
export const accessPaths: typeof AccessPaths.accessPaths = async (...args) => (await import('./access/paths.ts')).accessPaths(...args);
export const accessWhoCan: typeof AccessWhoCan.accessWhoCan = async (...args) =>
  (await import('./access/who-can.ts')).accessWhoCan(...args);
export const exportReview: typeof ReviewExports.exportReview = async (...args) =>
  (await import('./access/review-export.ts')).exportReview(...args);
export const importReview: typeof ReviewImports.importReview = async (...args) =>
  (await import('./access/review-import.ts')).importReview(...args);
export const reviewStatus: Later<typeof ReviewStates.reviewStatus> = async (...args) =>
  (await import('./access/review-status.ts')).reviewStatus(...args);
export const auditMatrix: Later<typeof AuditMatrix.auditMatrix> = async (...args) =>
  (await import('./audit/matrix.ts')).auditMatrix(...args);
export const simulateRequest: Later<typeof AuditSimulate.simulateRequest> = async (...args) =>
  (await import('./audit/simulate.ts')).simulateRequest(...args);
export const simulateFile: typeof AuditSimulate.simulateFile = async (...args) =>
  (await import('./audit/simulate.ts')).simulateFile(...args);
export const assessCommand: typeof Assess.assessCommand = async (...args) => (await import('./assess/assess.ts')).assessCommand(...args);
export const explainCommand: typeof Explain.explainCommand = async (...args) =>
  (await import('./assess/explain.ts')).explainCommand(...args);
export const findFramework: Later<typeof Explain.findFramework> = async (...args) =>
  (await import('./assess/explain.ts')).findFramework(...args);
export const parseInstant: Later<typeof Assess.parseInstant> = async (...args) =>
  (await import('./assess/assess.ts')).parseInstant(...args);
export const loadCatalogInForce: Later<typeof Catalog.loadCatalogInForce> = async (...args) =>
  (await import('./catalog.ts')).loadCatalogInForce(...args);
export const prepareShippedCatalog: Later<typeof Catalog.prepareShippedCatalog> = async () =>
  (await import('./catalog.ts')).prepareShippedCatalog();
export const runTechniqueExamplesIn: Later<typeof Catalog.runTechniqueExamplesIn> = async (...args) =>
  (await import('./catalog.ts')).runTechniqueExamplesIn(...args);
export const runControlExamples: Later<typeof Catalog.runControlExamples> = async (...args) =>
  (await import('./catalog.ts')).runControlExamples(...args);
export const collectFiles: typeof CollectFiles.collectFiles = async (context, options, path) =>
  thenStamp(context, options, (await import('./collect/collect-files.ts')).collectFiles(context, options, path));
export const replayIntoLedger: typeof CollectFiles.replayIntoLedger = async (context, options, path) =>
  thenStamp(context, options, (await import('./collect/collect-files.ts')).replayIntoLedger(context, options, path));
export const collectNodeEvidence: typeof NodeEvidence.collectNodeEvidence = async (...args) =>
  (await import('./collect/node-evidence.ts')).collectNodeEvidence(...args);

export const tellPlatform = async (...args: Parameters<typeof ToldPlatform.tellPlatform>) =>
  (await import('./collect/told-platform.ts')).tellPlatform(...args);
/** The worker loads its code while this thread loads its own. */
export const collectLive: typeof LiveRun.collectLive = async (context, options) => {
  const worker = (await import('./collect/worker-client.ts')).startWorker();
  return thenStamp(context, options, (await import('./collect/live-run.ts')).collectLive(context, options, worker));
};
/** After a run into the ledger, the head of the log gets its time-stamp when that is due. Null: there was no run. */
async function thenStamp<T>(
  context: AppContext,
  { config, dryRun }: Pick<CollectOptions, 'config' | 'dryRun'>,
  work: Promise<T>,
): Promise<T> {
  const report = await work;
  if (report !== null && !dryRun && config.timestampAuthority !== null)
    await (await import('./keys/timestamps.ts')).stampWhenDue(context, config);
  return report;
}
export const addException: typeof Exceptions.addException = async (...args) =>
  (await import('./govern/exceptions.ts')).addException(...args);
export const approveException: typeof Exceptions.approveException = async (...args) =>
  (await import('./govern/exceptions.ts')).approveException(...args);
export const revokeException: typeof Exceptions.revokeException = async (...args) =>
  (await import('./govern/exceptions.ts')).revokeException(...args);
export const listExceptions: Later<typeof Exceptions.listExceptions> = async (...args) =>
  (await import('./govern/exceptions.ts')).listExceptions(...args);
export const listDefinitionChanges: Later<typeof DefinitionChanges.listDefinitionChanges> = async (...args) =>
  (await import('./govern/definition-changes.ts')).listDefinitionChanges(...args);
export const approveDefinitions: typeof DefinitionChanges.approveDefinitions = async (...args) =>
  (await import('./govern/definition-changes.ts')).approveDefinitions(...args);
export const rebindCluster: typeof Rebind.rebindCluster = async (...args) => (await import('./govern/rebind.ts')).rebindCluster(...args);
export const acceptBaseline: typeof Drift.acceptBaseline = async (...args) => (await import('./govern/drift.ts')).acceptBaseline(...args);
export const driftCommand: typeof Drift.driftCommand = async (...args) => (await import('./govern/drift.ts')).driftCommand(...args);
export const runDemo: typeof Demo.runDemo = async (...args) => (await import('./demo/demo.ts')).runDemo(...args);
export const doctor: typeof Doctor.doctor = async function* (...args) {
  yield* (await import('./doctor/doctor.ts')).doctor(...args);
};
export const init: typeof Init.init = async (...args) => (await import('./init.ts')).init(...args);
export const readKeys: typeof Keys.readKeys = async (...args) => (await import('./keys/keys.ts')).readKeys(...args);
export const generateKeys: typeof RotateKeys.generateKeys = async (...args) =>
  (await import('./keys/rotate-keys.ts')).generateKeys(...args);
export const rotateKey: typeof RotateKeys.rotateKey = async (...args) => (await import('./keys/rotate-keys.ts')).rotateKey(...args);
export const revokeKey: typeof RotateKeys.revokeKey = async (...args) => (await import('./keys/rotate-keys.ts')).revokeKey(...args);
export const signCheckpoint: typeof Checkpoints.signCheckpoint = async (context, config, against) =>
  thenStamp(context, { config, dryRun: false }, (await import('./keys/checkpoints.ts')).signCheckpoint(context, config, against));
export const declareRestored: typeof Checkpoints.declareRestored = async (...args) =>
  (await import('./keys/checkpoints.ts')).declareRestored(...args);
export const readPublished: Later<typeof Checkpoints.readPublished> = async (...args) =>
  (await import('./keys/checkpoints.ts')).readPublished(...args);
export const createPackCommand: typeof Pack.createPackCommand = async (...args) =>
  (await import('./pack/pack.ts')).createPackCommand(...args);
export const erase: typeof Erase.erase = async (...args) => (await import('./govern/erase.ts')).erase(...args);
export const planErasure: Later<typeof Erase.planErasure> = async (...args) => (await import('./govern/erase.ts')).planErasure(...args);
export const placeHold: typeof Erase.placeHold = async (...args) => (await import('./govern/erase.ts')).placeHold(...args);
export const releaseHold: typeof Erase.releaseHold = async (...args) => (await import('./govern/erase.ts')).releaseHold(...args);
export const listHolds: Later<typeof Erase.listHolds> = async (...args) => (await import('./govern/erase.ts')).listHolds(...args);
export const readKeeping: Later<typeof Keeping.readKeeping> = async (...args) => (await import('./keys/keeping.ts')).readKeeping(...args);
export const describeKeeping: Later<typeof Keeping.describeKeeping> = async (...args) =>
  (await import('./keys/keeping.ts')).describeKeeping(...args);
export const reconcile: typeof Reconcile.reconcile = async (...args) => (await import('./reconcile/reconcile.ts')).reconcile(...args);
export const serveCommand: typeof Serve.serveCommand = async (...args) => (await import('./serve.ts')).serveCommand(...args);
