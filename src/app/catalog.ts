/** The catalog in force: what ships with the package, plus the user's own controls, with effective parameters and their digests. */
import { hash } from 'node:crypto';
import { resolve } from 'node:path';
import { checkConfiguredParams, effectiveParams, loadCatalog, loadTechniques, prepareCatalog, readPrepared } from '../catalog/index.ts';
import { type ExampleResult, runExamples } from '../control-examples.ts';
import { runTechniqueExamples, type TechniqueExampleResult } from '../technique-examples.ts';
import type { Catalog, Json, Technique } from '../model/index.ts';
import { canonicalBytes } from '../model/index.ts';
import { populations } from '../populations/index.ts';
import type { CatalogConfig } from './config.ts';
import { type AppContext, shipped } from './context.ts';

export type Params = Readonly<Record<string, Readonly<Record<string, Json>>>>;

export interface CatalogInForce {
  readonly catalog: Catalog;
  /** Control id → parameter → value, as configured: only what differs from the defaults. */
  readonly configured: Params;
  /** SHA-256, hex, over the effective parameters of all controls, defaults filled in. */
  readonly paramsDigest: string;
}

const populationNames = populations.map((population) => population.name);

/** Throws `configuration` for a broken file, naming file, line and key; also for a parameter that no control has. */
export function loadCatalogInForce(config: CatalogConfig | null): CatalogInForce {
  const catalog = loadCatalog({
    controlDirs: [shipped.controls, ...(config?.controlDirs ?? [])],
    mappingDirs: [shipped.mappings, ...(config?.mappingDirs ?? [])],
    techniqueDirs: [shipped.techniques, ...(config?.techniqueDirs ?? [])],
    populations: populationNames,
    prepared: readPrepared(shipped.prepared),
  });
  const configured = config?.params ?? {};
  checkConfiguredParams(catalog.controls, configured);
  const effective = Object.fromEntries(catalog.controls.map((control) => [control.id, effectiveParams(control, configured[control.id])]));
  return { catalog, configured, paramsDigest: hash('sha256', canonicalBytes(effective)) };
}

/** Errors: `configuration`. */
export function loadTechniquesInForce(config: Pick<CatalogConfig, 'techniqueDirs'> | null): readonly Technique[] {
  return loadTechniques({
    techniqueDirs: [shipped.techniques, ...(config?.techniqueDirs ?? [])],
    prepared: readPrepared(shipped.prepared),
  });
}

/** The shipped catalog as the build keeps it, so that a command need not parse its YAML: the text of {@link shipped}.prepared. */
export function prepareShippedCatalog(): string {
  return JSON.stringify(
    prepareCatalog({
      controlDirs: [shipped.controls],
      mappingDirs: [shipped.mappings],
      techniqueDirs: [shipped.techniques],
      populations: populationNames,
    }),
  );
}

/** Runs the examples of the shipped controls, or of those in `directory`. */
export function runControlExamples(context: Pick<AppContext, 'cwd'>, directory?: string): readonly ExampleResult[] {
  const { controls } = loadCatalog({
    controlDirs: [directory === undefined ? shipped.controls : resolve(context.cwd, directory)],
    mappingDirs: [],
    populations: populationNames,
  });
  return [...runExamples(controls, { populations, techniques: loadTechniquesInForce(null) })];
}

/** Runs the examples of the techniques in force, or of those in `directory`, beside the shipped ones. Errors: `configuration`. */
export function runTechniqueExamplesIn(
  context: Pick<AppContext, 'cwd'>,
  config: Pick<CatalogConfig, 'techniqueDirs'>,
  directory?: string,
): readonly TechniqueExampleResult[] {
  if (directory === undefined) {
    const techniques = loadTechniquesInForce(config);
    return [...runTechniqueExamples(techniques, techniques)];
  }
  const techniqueDirs = [resolve(context.cwd, directory)];
  return [...runTechniqueExamples(loadTechniques({ techniqueDirs }), loadTechniquesInForce({ techniqueDirs }))];
}
