/** The composition root's door: what the command line and other programs call. */
export { assessCommand, type AssessOptions, type AssessReport } from './assess.ts';
export { type CatalogInForce, loadCatalogInForce, runControlExamples } from './catalog.ts';
export { collectFiles, replayIntoLedger } from './collect-files.ts';
export { collectLive, type CollectReport } from './collect.ts';
export { type ClusterConfig, type Config, configSchema, loadConfig, loadConfigOrDefaults, pickCluster } from './config.ts';
export { type AppContext, packageRoot, toolName, toolVersion } from './context.ts';
export { runDemo } from './demo.ts';
export { type Check, doctor } from './doctor.ts';
export { init } from './init.ts';
export { readKeys, signCheckpoint } from './keys.ts';
export { rbacManifests } from './manifests.ts';
export { createPackCommand, type PackReport } from './pack.ts';
export { parsePeriod } from './period.ts';
