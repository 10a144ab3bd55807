export { isGeneralBenchmark, pickFrameworks } from './benchmarks.ts';
export { type Budget, CelProblem, compilePredicate, type Predicate, stepsPerControl, stepsPerRow, toCel } from './cel.ts';
export { type CatalogSources, loadCatalog, loadTechniques, makeCatalog, parseCatalog, prepareCatalog } from './load-catalog.ts';
export { compileMessage } from './message.ts';
export { checkConfiguredParams, type ConfiguredParams, effectiveParams } from './params.ts';
export { readPrepared } from './prepared.ts';
export { controlSchema, frameworkSchema } from './schemas.ts';
export { techniqueSchema } from './techniques.ts';
export { readYamlFile } from './yaml-file.ts';
