export { assessControls, type AssessmentInput } from './assess-controls.ts';
export type { ItemException } from './evaluate.ts';
export { type PopulationReading, readPopulation } from './read-population.ts';
