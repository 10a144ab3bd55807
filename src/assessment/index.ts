export { assessControls, type AssessmentInput } from './assess-controls.ts';
export { compareOutcomes, countNotAssessed, type Drift, driftSchema, type OutcomeChange } from './drift.ts';
export type { ItemException } from './evaluate.ts';
export { countLabelled, type ExceptionFacts, type ExceptionStatus, exceptionStatus, isExcepted, labelsOf } from './exceptions.ts';
export { type AssessmentMemory, createAssessmentMemory, type Remembering } from './memory.ts';
export { type PopulationReading, readPopulation } from './read-population.ts';
export { buildTimeline } from './timeline.ts';
export { createTimelineRecorder, recordRuns, type SinceNew, type TimelineRecorder } from './timeline-record.ts';
export type * from './timeline-model.ts';
