/** How far somebody can climb from what RBAC gives: the graph of escalation techniques and the paths in it. */
export type { PathCause, PathChange, PathDifferences, PathDrift, PathSide } from './compare-paths.ts';
export { comparePaths, concernsPaths } from './compare-paths.ts';
export { type AccessPaths, accessPathsSchema } from './document.ts';
export type { Climber } from './climbers.ts';
export { findClimbers } from './climbers.ts';
export { type HeldPod, holdPod } from './districts.ts';
export type { Cut } from './cut.ts';
export type { Path, PathsQuestion, PathsReport, Target } from './find-paths.ts';
export { findPaths } from './find-paths.ts';
export { findHop } from './one-hop.ts';
export type { Removal } from './removals.ts';
export type { Hop, HopGrant } from './tell.ts';
export { pathListings, unreadGrants } from './world.ts';
