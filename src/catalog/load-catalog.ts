/**
 * Loads controls, frameworks and techniques. What it returns is whole and consistent, or it throws: no control is ever dropped because its file has
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
  type Technique,
  canonicalBytes,
  reasonOf,
  visible,
} from '../model/index.ts';
import type { ZodType } from 'zod';
import { benchmarksOfLaws, compareVersions } from './benchmarks.ts';
import { checkCisReferences, checkControl, checkFramework } from './cross-checks.ts';
import { type Extension, extensionSchema, isExtension, resolveExtension } from './extensions.ts';
import { type Prepared, prepareKey } from './prepared.ts';
import { controlSchema, frameworkSchema } from './schemas.ts';
import { checkExamples, techniqueSchema } from './techniques.ts';
import { parseYaml, readText, type YamlFile } from './yaml-file.ts';

/** A file by its name, which errors show, and what it says. */
export interface CatalogFile {
  readonly file: string;
  readonly text: string;
}

export interface CatalogTexts {
  readonly controls: readonly CatalogFile[];
  readonly mappings: readonly CatalogFile[];
  readonly techniques?: readonly CatalogFile[];
  /** Names of the populations that exist. */
  readonly populations: readonly string[];
  /** What the build has parsed already. */
  readonly prepared?: Prepared;
}

export interface CatalogSources extends Pick<CatalogTexts, 'populations' | 'prepared'> {
  /** Directories of control files, searched to any depth. */
  readonly controlDirs: readonly string[];
  readonly mappingDirs: readonly string[];
  readonly techniqueDirs?: readonly string[];
}

interface Loaded<T> {
  readonly value: T;
  readonly file: string;
  /** The build has found it right by itself; how it fits with the others is still to be seen. */
  readonly checked?: boolean;
  readonly placeOf: YamlFile<T>['placeOf'];
}

/** Errors: `configuration`, naming file, line and key. */
export function loadCatalog(sources: CatalogSources): Catalog {
  return parseCatalog(readTexts(sources));
}

/** Values of texts that were valid, by digest: one process loads the same files many times. */
const remembered = new Map<string, unknown>();
const mostRemembered = 1000;

/** A catalog from texts that are not, or no longer, files. Errors as {@link loadCatalog}. */
export function parseCatalog({ prepared, ...texts }: CatalogTexts): Catalog {
  try {
    return load(texts, (key) => prepared?.get(key) ?? remembered.get(key), prepared);
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
    // What was parsed before has no lines to name; what is wrong is found again in the text.
    return load(texts, () => undefined);
  }
}

/**
 * What a build keeps for {@link CatalogTexts.prepared}: every file of a catalog that loads, by its digest, and the canonical text of all.
 * Errors as {@link loadCatalog}.
 */
export function prepareCatalog(sources: CatalogSources): Record<string, unknown> {
  const texts = readTexts(sources);
  const catalog = parseCatalog(texts);
  const parse = (as: keyof typeof schemas) => (each: CatalogFile) =>
    [prepareKey(as, each.text), parseYaml<ZodType>(each.text, each.file, schemas[as]).value] as const;
  return Object.fromEntries([
    ...texts.controls.map(parse('control')),
    ...texts.mappings.map((each) => parse(isExtension(each.text) ? 'extension' : 'framework')(each)),
    ...(texts.techniques ?? []).map(parse('technique')),
    [populationsKey(texts), true],
    [wholeKey(texts), Buffer.from(catalog.bytes).toString('utf8')],
  ]);
}

/** Under which it is prepared that each control fits these populations. */
const populationsKey = ({ populations }: Pick<CatalogTexts, 'populations'>): string =>
  prepareKey('populations', [...populations].sort().join('\n'));

/** Under which the canonical text of a whole catalog is prepared: all its files and the populations decide what it is, and that it loads. */
function wholeKey({ controls, mappings, techniques = [], populations }: Omit<CatalogTexts, 'prepared'>): string {
  const keysOf = (as: keyof typeof schemas, files: readonly CatalogFile[]) => files.map(({ text }) => prepareKey(as, text));
  const keys = [...keysOf('control', controls), ...keysOf('framework', mappings), ...keysOf('technique', techniques)];
  return prepareKey('catalog', [...keys, ...populations].sort().join('\n'));
}

function readTexts({ controlDirs, mappingDirs, techniqueDirs = [], ...rest }: CatalogSources): CatalogTexts {
  return { ...rest, controls: readFiles(controlDirs), mappings: readFiles(mappingDirs), techniques: readFiles(techniqueDirs) };
}

function readFiles(directories: readonly string[]): readonly CatalogFile[] {
  return directories.flatMap((directory) => listYaml(directory)).map((file) => ({ file, text: readText(file) }));
}

/** Those of a catalog alone. Errors as {@link loadCatalog}. */
export function loadTechniques({ techniqueDirs, prepared }: Pick<CatalogSources, 'techniqueDirs' | 'prepared'>): readonly Technique[] {
  const loaded = readFiles(techniqueDirs ?? []).map((each) => loadTechnique(each, (key) => prepared?.get(key)));
  refuseTwice(loaded, ({ id }) => id);
  return loaded.map(({ value }) => value).sort((a, b) => order(a.id, b.id));
}

type Known = (key: string) => unknown;

function load(texts: Omit<CatalogTexts, 'prepared'>, known: Known, prepared?: Prepared): Catalog {
  const built = prepared?.has(populationsKey(texts)) === true ? prepared : undefined;
  const controls = texts.controls.map((each) => ({
    ...loadControl(each, known),
    checked: built?.has(prepareKey('control', each.text)) === true,
  }));
  const frameworks = loadFrameworks(texts.mappings, known);
  const techniques = (texts.techniques ?? []).map((each) => loadTechnique(each, known));
  const text = known(wholeKey(texts));
  // What the build has prepared as a whole fits together; its expressions are compiled where they are asked.
  if (typeof text !== 'string') checkTogether({ controls, frameworks, techniques }, texts.populations);
  const parts = {
    controls: controls.map(({ value }) => value),
    frameworks: frameworks.map(({ value }) => value),
    techniques: techniques.map(({ value }) => value),
  };
  return makeCatalog(parts, typeof text === 'string' ? text : undefined);
}

interface LoadedFiles {
  readonly controls: readonly Loaded<Control>[];
  readonly frameworks: readonly Loaded<Framework>[];
  readonly techniques: readonly Loaded<Technique>[];
}

function checkTogether({ controls, frameworks, techniques }: LoadedFiles, populations: readonly string[]): void {
  refuseTwice(controls, (control) => control.id);
  refuseTwice(techniques, (technique) => technique.id);
  // Which of several versions holds, only the cluster's version says, and only for a benchmark.
  refuseTwice(frameworks, ({ id, kind, version }) => (kind === 'benchmark' ? `${id} ${version}` : id));

  const names = new Set(populations);
  for (const { value, placeOf, checked } of controls) if (checked !== true) checkControl(value, names, placeOf);
  const ids = new Set(controls.map(({ value }) => value.id));
  const recommendations = new Set(
    benchmarksOfLaws(frameworks.map(({ value }) => value)).flatMap(({ requirements }) => requirements.map(({ id }) => id)),
  );
  for (const { value, placeOf } of frameworks) {
    checkFramework(value, ids, placeOf);
    checkCisReferences(value, recommendations, placeOf);
  }
}

/**
 * Sorts, the general benchmark before those of providers, the newest version before older ones, and adds the canonical bytes with their digest; `text` is what they say, where it
 * is known.
 */
export function makeCatalog(
  { controls, frameworks, techniques }: Pick<Catalog, 'controls' | 'frameworks' | 'techniques'>,
  text?: string,
): Catalog {
  const kinds = ['benchmark', 'law', 'policy'];
  const rest = {
    controls: [...controls].sort((a, b) => order(a.id, b.id)),
    frameworks: [...frameworks].sort(
      (a, b) =>
        kinds.indexOf(a.kind) - kinds.indexOf(b.kind) ||
        order(a.platform ?? '', b.platform ?? '') ||
        order(a.id, b.id) ||
        compareVersions(b.version, a.version),
    ),
    techniques: [...techniques].sort((a, b) => order(a.id, b.id)),
  };
  // One that was recorded before there were techniques keeps its digest.
  const bytes = text === undefined ? canonicalBytes(techniques.length === 0 ? omitTechniques(rest) : rest) : Buffer.from(text, 'utf8');
  return { ...rest, bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}

function omitTechniques({ controls, frameworks }: Pick<Catalog, 'controls' | 'frameworks'>) {
  return { controls, frameworks };
}

const schemas = { control: controlSchema, framework: frameworkSchema, extension: extensionSchema, technique: techniqueSchema } as const;

function parse<T>({ file, text }: CatalogFile, as: keyof typeof schemas, known: Known): Loaded<T> {
  const key = prepareKey(as, text);
  const value = known(key);
  if (value !== undefined) return { file, value: value as T, placeOf: () => ({ file }) };
  const parsed = parseYaml<ZodType<T>>(text, file, schemas[as] as ZodType as ZodType<T>);
  if (remembered.size >= mostRemembered) remembered.clear();
  remembered.set(key, parsed.value);
  return { file, ...parsed };
}

function loadControl(text: CatalogFile, known: Known): Loaded<Control> {
  const loaded = parse<Control>(text, 'control', known);
  refuseOtherName(loaded, 'control');
  return loaded;
}

function loadTechnique(text: CatalogFile, known: Known): Loaded<Technique> {
  const loaded = parse<Technique>(text, 'technique', known);
  refuseOtherName(loaded, 'technique');
  checkExamples(loaded.value, loaded.placeOf);
  return loaded;
}

function refuseOtherName({ value: { id }, file, placeOf }: Loaded<{ readonly id: string }>, what: string): void {
  const expected = basename(file).replace(/\.ya?ml$/, '');
  if (id !== expected)
    throw new KubevidenceError('configuration', `the ${what} ${id} is in a file named ${visible(expected)}`, {
      place: placeOf('id'),
      next: `Name the file ${id}.yaml.`,
    });
}

/** Those that are written in full, and the versions that say what differs from one of them. */
function loadFrameworks(files: readonly CatalogFile[], known: Known): readonly Loaded<Framework>[] {
  const { whole = [], other = [] } = Object.groupBy(files, ({ text }) => (isExtension(text) ? 'other' : 'whole'));
  const frameworks = whole.map((each) => parse<Framework>(each, 'framework', known));
  const extensions = other.map((each) => parse<Extension>(each, 'extension', known));
  for (const each of [...frameworks, ...extensions]) refuseOtherFrameworkName(each);
  return [...frameworks, ...extensions.map((each) => resolveExtension(each, frameworks))];
}

/** A framework's file is named after its id, with the version where several versions are kept. */
function refuseOtherFrameworkName({ value, file, placeOf }: Loaded<Pick<Framework, 'id' | 'version'>>): void {
  const name = basename(file).replace(/\.ya?ml$/, '');
  if (name !== value.id && name !== `${value.id}-${value.version}`)
    throw new KubevidenceError('configuration', `the framework ${value.id} is in a file named ${visible(name)}`, {
      place: placeOf('id'),
      next: `Name the file ${value.id}.yaml, or ${value.id}-${visible(value.version)}.yaml beside another version.`,
    });
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
