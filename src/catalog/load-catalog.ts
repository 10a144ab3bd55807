/**
 * Loads controls and frameworks. What it returns is whole and consistent, or it throws: no control is ever dropped because its file has
 * a mistake, and the digest covers everything that decides an outcome.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type Catalog,
  type Control,
  type Framework,
  KubevidenceError,
  type Place,
  canonicalBytes,
  reasonOf,
  visible,
} from '../model/index.ts';
import type { ZodType } from 'zod';
import { checkCisReferences, checkControl, checkFramework } from './cross-checks.ts';
import { type Prepared, prepareKey } from './prepared.ts';
import { controlSchema, frameworkSchema } from './schemas.ts';
import { parseYaml, readText, type YamlFile } from './yaml-file.ts';

export interface CatalogSources {
  /** Directories of control files, searched to any depth. */
  readonly controlDirs: readonly string[];
  readonly mappingDirs: readonly string[];
  /** Names of the populations that exist. */
  readonly populations: readonly string[];
  /** What the build has parsed already. */
  readonly prepared?: Prepared;
}

interface Loaded<T> {
  readonly value: T;
  readonly file: string;
  readonly placeOf: YamlFile<T>['placeOf'];
}

/** Errors: `configuration`, naming file, line and key. */
export function loadCatalog({ prepared = new Map(), ...sources }: CatalogSources): Catalog {
  try {
    return load(sources, prepared);
  } catch (error) {
    // What was prepared has no lines to name; what is wrong is found again in the files.
    if (prepared.size === 0 || !(error instanceof KubevidenceError)) throw error;
    return load(sources, new Map());
  }
}

/** What a build keeps for {@link CatalogSources.prepared}: every file of a catalog that loads, by its digest. Errors as `loadCatalog`. */
export function prepareCatalog(sources: CatalogSources): Record<string, unknown> {
  loadCatalog(sources);
  const prepared: Record<string, unknown> = {};
  for (const [directories, schema] of [
    [sources.controlDirs, controlSchema],
    [sources.mappingDirs, frameworkSchema],
  ] as const)
    for (const file of directories.flatMap((directory) => listYaml(directory))) {
      const text = readText(file);
      prepared[prepareKey(text)] = parseYaml<ZodType>(text, file, schema).value;
    }
  return prepared;
}

function load({ controlDirs, mappingDirs, populations }: Omit<CatalogSources, 'prepared'>, prepared: Prepared): Catalog {
  const controls = controlDirs.flatMap((directory) => listYaml(directory)).map((file) => loadControl(file, prepared));
  const frameworks = mappingDirs.flatMap((directory) => listYaml(directory)).map((file) => loadFramework(file, prepared));
  refuseTwice(controls, (control) => control.id);
  refuseTwice(frameworks, (framework) => `${framework.id} ${framework.version}`);

  const names = new Set(populations);
  for (const { value, placeOf } of controls) checkControl(value, names, placeOf);
  const ids = new Set(controls.map(({ value }) => value.id));
  const recommendations = new Set(
    frameworks.filter(({ value }) => value.kind === 'benchmark').flatMap(({ value }) => value.requirements.map(({ id }) => id)),
  );
  for (const { value, placeOf } of frameworks) {
    checkFramework(value, ids, placeOf);
    checkCisReferences(value, recommendations, placeOf);
  }
  return makeCatalog(
    controls.map(({ value }) => value),
    frameworks.map(({ value }) => value),
  );
}

/** Sorts, and adds the canonical bytes with their digest. */
export function makeCatalog(controls: readonly Control[], frameworks: readonly Framework[]): Catalog {
  const kinds = ['benchmark', 'law', 'policy'];
  const rest = {
    controls: [...controls].sort((a, b) => order(a.id, b.id)),
    frameworks: [...frameworks].sort(
      (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || order(a.id, b.id) || order(a.version, b.version),
    ),
  };
  const bytes = canonicalBytes(rest);
  return { ...rest, bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}

function parse<T>(file: string, schema: ZodType<T>, prepared: Prepared): Omit<Loaded<T>, 'file'> {
  const text = readText(file);
  const known = prepared.get(prepareKey(text));
  return known === undefined ? parseYaml(text, file, schema) : { value: known as T, placeOf: () => ({ file }) };
}

function loadControl(file: string, prepared: Prepared): Loaded<Control> {
  const { value, placeOf } = parse<Control>(file, controlSchema, prepared);
  const expected = basename(file).replace(/\.ya?ml$/, '');
  if (value.id !== expected)
    throw new KubevidenceError('configuration', `the control ${value.id} is in a file named ${visible(expected)}`, {
      place: placeOf('id'),
      next: `Name the file ${value.id}.yaml.`,
    });
  return { value, file, placeOf };
}

/** A framework's file is named after its id, with the version where several versions are kept. */
function loadFramework(file: string, prepared: Prepared): Loaded<Framework> {
  const { value, placeOf } = parse<Framework>(file, frameworkSchema, prepared);
  const name = basename(file).replace(/\.ya?ml$/, '');
  if (name !== value.id && name !== `${value.id}-${value.version}`)
    throw new KubevidenceError('configuration', `the framework ${value.id} is in a file named ${visible(name)}`, {
      place: placeOf('id'),
      next: `Name the file ${value.id}.yaml, or ${value.id}-${visible(value.version)}.yaml beside another version.`,
    });
  return { value, file, placeOf };
}

function refuseTwice<T>(loaded: readonly Loaded<T>[], idOf: (value: T) => string): void {
  const first = new Map<string, string>();
  for (const { value, file, placeOf } of loaded) {
    const id = idOf(value);
    const other = first.get(id);
    if (other !== undefined)
      throw new KubevidenceError('configuration', `${id} is defined twice, also in ${visible(other)}`, {
        place: placeOf('id'),
        next: 'Give one of them another id.',
      });
    first.set(id, file);
  }
}

/** All .yaml and .yml files below a directory, in a stable order. Links are not followed. */
function listYaml(directory: string): readonly string[] {
  const place: Place = { file: directory };
  let files: string[];
  try {
    files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort(order);
  } catch (cause) {
    throw new KubevidenceError('configuration', `cannot read the directory: ${visible(reasonOf(cause))}`, { place, cause });
  }
  if (files.length === 0) throw new KubevidenceError('configuration', 'there is no .yaml file in this directory', { place });
  return files;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
