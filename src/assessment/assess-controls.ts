/**
 * Judges one snapshot: every control over its population, each population read exactly once, however many controls test it. Pure: the
 * same snapshot, catalog and parameters give the same results.
 */
import { type ConfiguredParams, effectiveParams, toCel } from '../catalog/index.ts';
import type { Control, ControlResult, EvidenceReader, Population } from '../model/index.ts';
import { type Evaluation, type ItemException, startEvaluation } from './evaluate.ts';
import { readPopulation } from './read-population.ts';

export interface AssessmentInput {
  readonly reader: EvidenceReader;
  readonly populations: readonly Population[];
  /** Control id → parameter → value, as configured. */
  readonly params?: ConfiguredParams | undefined;
  /** Only rows whose resource is in this namespace. */
  readonly namespace?: string | undefined;
  readonly exceptions?: readonly ItemException[] | undefined;
  /** Who runs the control plane: eks, gke, aks, …; null when the cluster's owner does. */
  readonly managed?: string | null | undefined;
}

/** Results in the order of `controls`. Errors: `configuration`, for parameters that do not fit. */
export function assessControls(controls: readonly Control[], input: AssessmentInput): readonly ControlResult[] {
  const { reader, populations, params = {}, namespace, exceptions = [], managed = null } = input;
  const results = new Map<string, ControlResult>();
  for (const population of populations) {
    const evaluations = new Map<string, Evaluation>();
    for (const control of controls)
      if (control.population === population.name)
        evaluations.set(
          control.id,
          startEvaluation(control, { params: effectiveParams(control, params[control.id]), exceptions, managed }),
        );
    if (evaluations.size === 0) continue;

    const all = [...evaluations.values()];
    let outside = 0;
    const reading = readPopulation(population, reader, (row) => {
      if (namespace !== undefined && row.resource.namespace !== namespace) {
        outside += 1;
        return;
      }
      const prepared = { row, cel: toCel(row) };
      for (const evaluation of all) evaluation.visit(prepared);
    });
    for (const [id, evaluation] of evaluations) results.set(id, evaluation.conclude(reading, outside));
  }
  return controls.map((control) => {
    const result = results.get(control.id);
    if (result === undefined) throw new Error(`no population is called ${control.population}`);
    return result;
  });
}
