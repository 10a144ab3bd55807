/**
 * The composition root's door: what the command line and other programs call. A use case loads its parts when it is called, so that
 * nobody who collects waits for the PDF library, or for the populations and the expression language that only judging needs.
 */
import type * as Assess from './assess.ts';
import type * as Catalog from './catalog.ts';
import type * as CollectFiles from './collect-files.ts';
import type * as Collect from './collect.ts';
import type * as Demo from './demo.ts';
import type * as Doctor from './doctor.ts';
import type * as Init from './init.ts';
import type * as Keys from './keys.ts';
import type * as Pack from './pack.ts';

export type { AssessOptions, AssessReport } from './assess.ts';
export type { CatalogInForce } from './catalog.ts';
export type { CollectReport } from './collect.ts';
export { type ClusterConfig, type Config, configSchema, loadConfig, loadConfigOrDefaults, pickCluster } from './config.ts';
export { type AppContext, packageRoot, toolName, toolVersion } from './context.ts';
export type { Check } from './doctor.ts';
export { rbacManifests } from './manifests.ts';
export type { PackReport } from './pack.ts';
export { parsePeriod } from './period.ts';

type Later<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;

export const assessCommand: typeof Assess.assessCommand = async (...args) => (await import('./assess.ts')).assessCommand(...args);
export const loadCatalogInForce: Later<typeof Catalog.loadCatalogInForce> = async (...args) =>
  (await import('./catalog.ts')).loadCatalogInForce(...args);
export const prepareShippedCatalog: Later<typeof Catalog.prepareShippedCatalog> = async () =>
  (await import('./catalog.ts')).prepareShippedCatalog();
export const runControlExamples: Later<typeof Catalog.runControlExamples> = async (...args) =>
  (await import('./catalog.ts')).runControlExamples(...args);
export const collectFiles: typeof CollectFiles.collectFiles = async (...args) => (await import('./collect-files.ts')).collectFiles(...args);
export const replayIntoLedger: typeof CollectFiles.replayIntoLedger = async (...args) =>
  (await import('./collect-files.ts')).replayIntoLedger(...args);
/** The worker loads its code while this thread loads its own. */
export const collectLive: typeof Collect.collectLive = async (context, options) => {
  const worker = (await import('./worker-client.ts')).startWorker();
  return (await import('./collect.ts')).collectLive(context, options, worker);
};
export const runDemo: typeof Demo.runDemo = async (...args) => (await import('./demo.ts')).runDemo(...args);
export const doctor: typeof Doctor.doctor = async function* (...args) {
  yield* (await import('./doctor.ts')).doctor(...args);
};
export const init: typeof Init.init = async (...args) => (await import('./init.ts')).init(...args);
export const readKeys: typeof Keys.readKeys = async (...args) => (await import('./keys.ts')).readKeys(...args);
export const signCheckpoint: typeof Keys.signCheckpoint = async (...args) => (await import('./keys.ts')).signCheckpoint(...args);
export const createPackCommand: typeof Pack.createPackCommand = async (...args) => (await import('./pack.ts')).createPackCommand(...args);
