/** How far somebody can climb from what RBAC gives: the graph of escalation techniques and the paths in it. */
export { type AccessPaths, accessPathsSchema } from './document.ts';
export type { Cut } from './cut.ts';
export type { Path, PathsQuestion, PathsReport, Target } from './find-paths.ts';
export { findPaths } from './find-paths.ts';
export type { Removal } from './removals.ts';
export type { Technique, TechniqueExample } from './technique.ts';
export { conditionNames, overKinds, yieldNames } from './technique.ts';
export type { Hop } from './tell.ts';
