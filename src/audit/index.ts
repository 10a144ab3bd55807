/** What an audit policy records: of one request exactly as the API server decides, and of kinds of requests by kinds of callers. */
export { anybody, type CallerKind, person, personOrWorkload } from './callers.ts';
export { columns } from './events.ts';
export { type AuditDecision, type AuditRequest, decideAudit } from './decide.ts';
export { type AuditPolicy, type AuditRule, keyOf, type Level, levels, type PolicyPath, readPolicy, type Stage, stages } from './policy.ts';
export { type Bound, decidePlain, highestAudit, lowestAudit, nameKind, type RequestKind, type ResourceKind } from './reach.ts';
export { remarksOn } from './remarks.ts';
export { recordsAnything, stagesOf } from './stages.ts';
export { type AuditMatrix, makeMatrix, type MatrixCell, type Mistake } from './matrix.ts';
export { tellRule } from './rule-text.ts';
