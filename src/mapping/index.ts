export { type Explanation, explainRequirement, explanationSchema, type ExplanationInput } from './explanation.ts';
export { rollUp, type RollUpContext, summarize } from './roll-up.ts';
export { type RequirementTrace, traceRequirement, type TraceSources } from './trace.ts';
