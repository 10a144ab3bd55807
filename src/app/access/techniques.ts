/** The techniques of escalation that ship with the package. */
import type { Technique } from '../../access/index.ts';
import { conditionNames, overKinds, yieldNames } from '../../access/index.ts';
import { loadTechniques, prepareTechniques, readPrepared, techniqueSchema } from '../../catalog/index.ts';
import { shipped } from '../context.ts';

/** The words that techniques may use, because the graph carries them out. */
export const techniqueWords = { over: overKinds, conditions: conditionNames, yields: yieldNames };

const schema = techniqueSchema(techniqueWords);

/** Errors: `configuration`. */
export function loadShippedTechniques(): readonly Technique[] {
  return loadTechniques({ directory: shipped.techniques, schema, prepared: readPrepared(shipped.prepared) }) as readonly Technique[];
}

/** What the build keeps of them. */
export function prepareShippedTechniques(): Record<string, unknown> {
  return prepareTechniques({ directory: shipped.techniques, schema });
}
