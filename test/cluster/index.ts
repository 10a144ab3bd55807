/** The one door of the test rig: a real cluster, example workloads for it, and many objects for the benchmark. */
export type { Binaries } from './binaries.ts';
export { ensureBinaries, missingFeatures } from './binaries.ts';
export type { ApiClient, KubeObject } from './client.ts';
export type { ApiServerChanges, AuditEvent, ClusterOptions, TestCluster } from './cluster.ts';
export { startCluster } from './cluster.ts';
export type { Scale } from './scale.ts';
export { seedScale } from './scale.ts';
export type { Audit, Encryption } from './settings.ts';
export { applyWorkloads } from './workloads.ts';
