/**
 * Reads kubeconfig files and merges them by kubectl's rules: of several files the first that names a cluster, user, context or current
 * context wins, and paths are relative to the file they stand in. Where two files define one name differently that is told, because a
 * context would then be joined with another file's credentials. Every complaint names file, line and key; no credential is ever quoted.
 */
import { readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { isAlias, isCollection, isScalar, LineCounter, parseDocument } from 'yaml';
import {
  at,
  canonicalize,
  clip,
  isObject,
  type JsonObject,
  KubevidenceError,
  listAt,
  type Place,
  findNearest,
  reasonOf,
  textAt,
} from '../../model/index.ts';

export interface KubeconfigOptions {
  /** Files named by the user: each must exist. Absent: the list in KUBECONFIG, else `~/.kube/config`. */
  readonly kubeconfig?: readonly string[] | string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** A named cluster, user or context as its file gives it. */
export interface KubeconfigEntry {
  readonly name: string;
  readonly body: JsonObject;
  readonly file: string;
  /** File, line and key path of a member of `body`. */
  readonly placeOf: (key: string) => Place;
}

type Section = 'clusters' | 'users' | 'contexts';
type Entries = ReadonlyMap<string, KubeconfigEntry>;

export interface Kubeconfig extends Readonly<Record<Section, Entries>> {
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  /** One sentence for each name that two files define differently, by `<section>/<name>`. */
  readonly collisions: ReadonlyMap<string, string>;
}

export interface ContextSummary {
  readonly name: string;
  readonly current: boolean;
  /** Null when the context names a cluster that is not there. */
  readonly server: string | null;
}

const largestFile = 16 * 1024 * 1024;

/** The contexts in the order of the files. Throws KubevidenceError('configuration') as reading a kubeconfig does. */
export function listContexts(options: KubeconfigOptions): ContextSummary[] {
  const config = readKubeconfig(options);
  return [...config.contexts.values()].map(({ name, body }) => ({
    name,
    current: name === config.currentContext,
    server: textAt(config.clusters.get(textAt(body, 'cluster') ?? '')?.body, 'server') ?? null,
  }));
}

/** Reads and merges all files. Throws KubevidenceError('configuration'). */
export function readKubeconfig(options: KubeconfigOptions): Kubeconfig {
  const files = findFiles(options);
  const sections = { clusters: new Map(), users: new Map(), contexts: new Map() } satisfies Record<Section, Map<string, KubeconfigEntry>>;
  const collisions = new Map<string, string>();
  let currentContext: string | undefined;
  for (const file of files) {
    const { value, placeOf } = parseFile(file);
    currentContext ??= textAt(value, 'current-context') || undefined;
    for (const section of ['clusters', 'users', 'contexts'] as const) {
      for (const entry of readSection(file, value, section, placeOf)) {
        const first: KubeconfigEntry | undefined = sections[section].get(entry.name);
        if (first === undefined) sections[section].set(entry.name, entry);
        else if (canonicalize(first.body) !== canonicalize(entry.body)) {
          const what = `the ${section.slice(0, -1)} "${clip(entry.name, 80)}"`;
          collisions.set(
            `${section}/${entry.name}`,
            `${what} is defined in ${first.file} and differently in ${file}: the first is used, as by kubectl`,
          );
        }
      }
    }
  }
  return { ...sections, files, currentContext, collisions };
}

/** The entry, or a complaint that names the nearest one there is. */
export function findEntry(config: Kubeconfig, section: Section, name: string, askedAt?: Place): KubeconfigEntry {
  const entry = config[section].get(name);
  if (entry !== undefined) return entry;
  const known = [...config[section].keys()];
  const kind = section.slice(0, -1);
  const close = findNearest(name, known);
  const next =
    close !== undefined
      ? `did you mean "${clip(close, 80)}"?`
      : known.length > 0
        ? `known ${section}: ${clip(known.slice(0, 12).join(', '), 300)}`
        : `add the ${kind} to the kubeconfig, or name another file with --kubeconfig`;
  throw new KubevidenceError('configuration', `the kubeconfig has no ${kind} "${clip(name, 80)}"`, {
    place: askedAt ?? { file: config.files.join(delimiter) },
    next,
  });
}

/** A text member of an entry; absent and empty are the same, as for kubectl. */
export function textOf(entry: KubeconfigEntry, key: string): string | undefined {
  const value = entry.body[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new KubevidenceError('configuration', `"${key}" of "${clip(entry.name, 80)}" must be text`, { place: entry.placeOf(key) });
}

/** A path member, resolved against the directory of its kubeconfig. */
export function pathOf(entry: KubeconfigEntry, key: string): string | undefined {
  const value = textOf(entry, key);
  return value === undefined ? undefined : resolve(dirname(entry.file), value);
}

/** A file that the kubeconfig names. Throws KubevidenceError('configuration') when it cannot be read. */
export function readNamedFile(file: string, what: string, place: Place | undefined): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : `cannot be read (${clip(reasonOf(error), 160)})`;
    throw new KubevidenceError('configuration', `the ${what} ${clip(file, 200)} ${why}`, {
      ...(place && { place }),
      next: 'correct the path in the kubeconfig, or get a new kubeconfig for this cluster',
      cause: error,
    });
  }
}

function findFiles({ kubeconfig, env }: KubeconfigOptions): string[] {
  const named = typeof kubeconfig === 'string' ? [kubeconfig] : kubeconfig;
  if (named !== undefined && named.length > 0) {
    const missing = named.find((file) => !exists(file));
    if (missing === undefined) return named.map((file) => resolve(file));
    throw new KubevidenceError('configuration', `the kubeconfig ${clip(missing, 200)} does not exist`, {
      next: 'name an existing file with --kubeconfig',
    });
  }
  const home = env['HOME'] || env['USERPROFILE'];
  // As kubectl: files of the list that do not exist are passed over.
  const listed = env['KUBECONFIG'] ? env['KUBECONFIG'].split(delimiter).filter((file) => file !== '') : [];
  const candidates = listed.length > 0 ? [...new Set(listed)] : home ? [join(home, '.kube', 'config')] : [];
  const found = candidates.filter(exists).map((file) => resolve(file));
  if (found.length > 0) return found;
  const looked = candidates.length > 0 ? `looked for ${clip(candidates.join(', '), 300)}` : 'neither KUBECONFIG nor HOME is set';
  throw new KubevidenceError('configuration', `there is no kubeconfig: ${looked}`, {
    next: 'name one with --kubeconfig or KUBECONFIG, or set `inCluster: true` for a cluster that Kubevidence itself runs in',
  });
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

interface ParsedFile {
  readonly value: JsonObject;
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

function parseFile(file: string): ParsedFile {
  const bytes = readNamedFile(file, 'kubeconfig', undefined);
  if (bytes.length > largestFile)
    throw new KubevidenceError('configuration', `the kubeconfig ${clip(file, 200)} is larger than 16 MiB`, { place: { file } });
  const lines = new LineCounter();
  const document = parseDocument(bytes.toString('utf8'), { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const place = { file, line: lines.linePos(broken.pos[0]).line };
    // The parser's sentence may quote the text around the error, which can be a credential: only its code is told.
    const what = broken.code.toLowerCase().replaceAll('_', ' ');
    throw new KubevidenceError('configuration', `the kubeconfig ${clip(file, 200)} is not valid YAML in line ${place.line}: ${what}`, {
      place,
      next: 'correct that line, or get a new kubeconfig for this cluster',
    });
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw new KubevidenceError('configuration', `the kubeconfig ${clip(file, 200)} cannot be read: too many or unknown YAML aliases`, {
      place: { file },
      cause: error,
    });
  }
  const kind = textAt(value, 'kind');
  if (!isObject(value) || (kind !== undefined && kind !== 'Config')) {
    throw new KubevidenceError('configuration', `${clip(file, 200)} is not a kubeconfig (a YAML map with kind: Config)`, {
      place: { file },
    });
  }
  const placeOf = (path: readonly (string | number)[]): Place => {
    let node: unknown = document.contents;
    let offset: number | undefined;
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (!isCollection(node)) break;
      node = node.get(key, true);
      const range = isCollection(node) || isScalar(node) ? node.range : undefined;
      if (range) offset = range[0];
    }
    const key = path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .replace(/^\./, '');
    return { file, key, ...(offset !== undefined && { line: lines.linePos(offset).line }) };
  };
  return { value, placeOf };
}

function readSection(file: string, value: JsonObject, section: Section, placeOf: ParsedFile['placeOf']): KubeconfigEntry[] {
  const list = at(value, section) ?? [];
  if (!Array.isArray(list)) throw new KubevidenceError('configuration', `"${section}" must be a list`, { place: placeOf([section]) });
  const singular = section.slice(0, -1);
  const names = new Set<string>();
  return listAt(value, section).map((item, index) => {
    const name = textAt(item, 'name');
    if (name === undefined)
      throw new KubevidenceError('configuration', `${section}[${index}] has no name`, { place: placeOf([section, index]) });
    if (names.has(name)) {
      throw new KubevidenceError('configuration', `the name "${clip(name, 80)}" stands twice in "${section}"`, {
        place: placeOf([section, index]),
      });
    }
    names.add(name);
    const body = at(item, singular) ?? {};
    const place = (...path: string[]) => placeOf([section, index, singular, ...path]);
    if (!isObject(body))
      throw new KubevidenceError('configuration', `"${singular}" of "${clip(name, 80)}" must be a map`, { place: place() });
    return { name, body, file, placeOf: place };
  });
}
