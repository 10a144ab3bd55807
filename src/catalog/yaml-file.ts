/**
 * Reads our own YAML (controls, mappings, configuration) strictly: one document, no duplicate or unknown keys, no alias bombs. Every
 * complaint names the file, the line and the key, and for an unknown key the nearest known one.
 */
import { readFileSync } from 'node:fs';
import { isMap, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { KubevidenceError, type Place, clip, reasonOf, visible, findNearest } from '../model/index.ts';

const maxBytes = 4 * 1024 * 1024;

type Path = readonly PropertyKey[];

export interface YamlFile<T> {
  readonly value: T;
  /** Where the value at `path` stands, or its nearest parent that stands anywhere. */
  readonly placeOf: (...path: (string | number)[]) => Place;
}

/** Reads and validates one file. Errors: `configuration`; `missing` completes the one for a file that does not exist. */
export function readYamlFile<S extends z.ZodType>(file: string, schema: S, words: { readonly missing: string }): z.output<S> {
  return parseYaml(readText(file, words.missing), file, schema).value;
}

export function readText(file: string, missing?: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KubevidenceError(
      'configuration',
      absent ? `there is no file ${visible(file)}` : `cannot read ${visible(file)}: ${visible(reasonOf(cause))}`,
      {
        ...(missing !== undefined && { next: missing }),
        cause,
      },
    );
  }
  if (bytes.length > maxBytes)
    throw new KubevidenceError('configuration', `the file is larger than ${maxBytes} bytes`, { place: { file } });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new KubevidenceError('configuration', 'the file is not UTF-8 text', { place: { file }, cause });
  }
}

/** Validates `text` against `schema`. Errors: `configuration`, for the first problem in the file. */
export function parseYaml<S extends z.ZodType>(text: string, file: string, schema: S): YamlFile<z.output<S>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken) {
    const first = clip(broken.message.split('\n')[0] ?? broken.message, 200);
    throw new KubevidenceError('configuration', `not valid YAML: ${first}`, {
      place: { file, line: lines.linePos(broken.pos[0]).line },
      cause: broken,
    });
  }
  const placeOf = (...path: (string | number)[]): Place => place(document.contents, file, lines, path);

  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new KubevidenceError('configuration', `not valid YAML: ${clip(reasonOf(cause), 200)}`, { place: { file }, cause });
  }
  const result = schema.safeParse(raw);
  if (result.success) return { value: result.data, placeOf };
  const issue = firstIssue(result.error.issues);
  throw complain(issue, schema, placeOf);
}

/** Unknown keys first: a misspelt key also makes the right one missing, and the typo is the cause. */
function firstIssue(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  return issues.find((issue) => issue.code === 'unrecognized_keys') ?? (issues[0] as z.core.$ZodIssue);
}

function complain(issue: z.core.$ZodIssue, schema: z.ZodType, placeOf: YamlFile<unknown>['placeOf']): KubevidenceError {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code !== 'unrecognized_keys')
    return new KubevidenceError('configuration', lowerFirst(clip(issue.message, 300)), { place: placeOf(...path) });
  const key = issue.keys[0] ?? '';
  const known = knownKeys(schema, issue.path);
  const near = findNearest(key, known);
  return new KubevidenceError('configuration', `unknown key "${clip(key, 80)}"`, {
    place: placeOf(...path, key),
    next: near === undefined ? `Known keys here: ${known.join(', ')}.` : `Did you mean "${near}"?`,
  });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The keys of the object that `schema` expects at `path`. */
function knownKeys(schema: z.ZodType, path: Path): readonly string[] {
  let here: z.core.$ZodType[] = [schema];
  for (const step of path) here = here.flatMap((each) => alternatives(each).flatMap((one) => childOf(one, step)));
  return here.flatMap(alternatives).flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape as object) : []));
}

/** Looks through wrappers (optional, default, union, refinement) to what is inside. */
function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => alternatives(option));
  const inner = (schema._zod.def as { innerType?: z.core.$ZodType }).innerType;
  return inner === undefined ? [schema] : alternatives(inner);
}

function childOf(schema: z.core.$ZodType, step: PropertyKey): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (!(schema instanceof z.ZodObject) || typeof step !== 'string') return [];
  const child = (schema.shape as Record<string, z.core.$ZodType>)[step];
  return child === undefined ? [] : [child];
}

function place(root: Node | null, file: string, lines: LineCounter, path: readonly (string | number)[]): Place {
  let node: unknown = root;
  let offset = root?.range?.[0];
  for (const step of path) {
    // For a key in a map, the line of the key is what a reader looks for, not the line where its value starts.
    const pair = isMap(node) ? node.items.find((item) => (item.key as { value?: unknown } | null)?.value === step) : undefined;
    const child: unknown = pair ? pair.value : (node as { get?: (key: unknown, keep: boolean) => unknown } | null)?.get?.(step, true);
    offset = (pair?.key as Node | undefined)?.range?.[0] ?? (child as Node | undefined)?.range?.[0] ?? offset;
    if (child === undefined || child === null) break;
    node = child;
  }
  const key = path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
  return { file, ...(offset !== undefined && { line: lines.linePos(offset).line }), ...(key !== '' && { key: visible(key) }) };
}
