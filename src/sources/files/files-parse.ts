/**
 * Splits the text of a file into objects, each with the line where it begins; Lists are unrolled. YAML is read as Kubernetes reads it
 * (1.1 booleans, no timestamps). Messages never quote the text, because it may be a Secret's.
 */
import type { Document } from 'yaml';
import { isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Json, JsonObject } from '../../model/index.ts';
import { isObject, textAt } from '../../model/index.ts';

export interface FileObject {
  readonly value: JsonObject;
  /** From 1. */
  readonly line: number;
}

export interface ParseProblem {
  readonly line?: number;
  readonly key?: string;
  readonly message: string;
  /** apiVersion and kind of the objects that may be missing; absent when it could be any. */
  readonly about?: { readonly apiVersion: string; readonly kind: string };
}

export interface ParsedFile {
  readonly objects: readonly FileObject[];
  /** Typed lists that were given and are empty: their kind was read, and there is none. */
  readonly empty: readonly { readonly apiVersion: string; readonly kind: string }[];
  /** Documents that are no Kubernetes objects. */
  readonly foreign: readonly { readonly value: unknown; readonly line: number }[];
  readonly problems: readonly ParseProblem[];
}

/** YAML takes about 60 times its size in memory and reads 2 MB a second; JSON has neither trouble. */
const largestYaml = 32 * 1024 * 1024;
const deepest = 100;

export function parseFile(bytes: Uint8Array): ParsedFile {
  const collected = {
    objects: [] as FileObject[],
    empty: [] as JsonObject[],
    foreign: [] as ParsedFile['foreign'][number][],
    problems: [] as ParseProblem[],
  };
  const text = decode(bytes);
  if (typeof text !== 'string') return { objects: [], empty: [], foreign: [], problems: [text] };
  const json = jsonDocument(text);
  for (const { value, line, lines } of json === undefined ? yamlDocuments(text, collected.problems) : [json]) {
    collect(value, line, lines, collected, 0);
  }
  return {
    ...collected,
    empty: collected.empty.map((list) => ({
      apiVersion: textAt(list, 'apiVersion') ?? '',
      kind: (textAt(list, 'kind') ?? '').slice(0, -4),
    })),
  };
}

function decode(bytes: Uint8Array): string | ParseProblem {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return { message: 'it is UTF-16; save it as UTF-8' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? { message: 'it holds NUL characters: no text, or UTF-16 without a mark' } : text;
  } catch {
    return { message: 'it is not UTF-8' };
  }
}

interface ParsedDocument {
  readonly value: unknown;
  readonly line: number;
  /** Where each item of a List begins. */
  readonly lines: readonly number[];
}

/** The document of a JSON text; undefined where it is none. YAML may also begin with a brace: its parser then says what is wrong. */
function jsonDocument(text: string): ParsedDocument | undefined {
  const [lead] = /^\s*/.exec(text) ?? [''];
  if (text[lead.length] !== '{' && text[lead.length] !== '[') return undefined;
  try {
    return { value: JSON.parse(text), line: lead.split('\n').length, lines: itemLines(text) };
  } catch {
    return undefined;
  }
}

/** The line of each element of `items` of the outermost object, by counting brackets outside strings. */
function itemLines(text: string): number[] {
  const lines: number[] = [];
  let line = 1;
  let depth = 0;
  let key = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x0a) line += 1;
    else if (code === 0x22) {
      const start = i + 1;
      for (i += 1; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i += 1;
      if (depth === 1) key = i - start > 16 ? '' : text.slice(start, i);
    } else if (code === 0x7b || code === 0x5b) {
      if (depth === 2 && key === 'items') lines.push(line);
      depth += 1;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return lines;
}

function* yamlDocuments(text: string, problems: ParseProblem[]): Generator<ParsedDocument> {
  if (text.length > largestYaml) {
    problems.push({
      message: `it is YAML of more than ${largestYaml / 1024 / 1024} MiB; write it with -o json, which is read much faster`,
    });
    return;
  }
  const counter = new LineCounter();
  const lineOf = (position: number) => counter.linePos(position).line;
  let documents: Document[];
  try {
    documents = parseAllDocuments(text, {
      lineCounter: counter,
      version: '1.1',
      merge: true,
      prettyErrors: false,
      logLevel: 'silent',
      customTags: (tags) => tags.filter((tag) => typeof tag !== 'object' || !isForeignTag(tag.tag, tag.format)),
    }) as Document[];
  } catch {
    problems.push({ message: 'it is nested too deeply' });
    return;
  }
  for (const document of documents) {
    const line = lineOf(document.contents?.range?.[0] ?? document.range?.[0] ?? 0);
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push({ line: lineOf(error.pos[0]), message: `it is not valid YAML (${error.code.toLowerCase().replaceAll('_', ' ')})` });
      continue;
    }
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 100 });
    } catch {
      problems.push({ line, message: 'its aliases cannot be resolved, or they expand to far more than is written' });
      continue;
    }
    const items = document.contents !== null && 'get' in document.contents ? (document.contents.get('items', true) as unknown) : undefined;
    const lines = isSeq(items) ? items.items.map((item) => lineOf((item as { range?: [number] }).range?.[0] ?? 0)) : [];
    yield { value, line, lines };
  }
}

// Kubernetes' YAML has no timestamps, sexagesimals or binary: what looks so stays the text that it is.
function isForeignTag(tag: string, format: string | undefined): boolean {
  return format === 'TIME' || /:(?:timestamp|binary|set|omap|pairs)$/.test(tag);
}

interface Collected {
  readonly objects: FileObject[];
  readonly empty: JsonObject[];
  readonly foreign: ParsedFile['foreign'][number][];
  readonly problems: ParseProblem[];
}

function collect(value: unknown, line: number, lines: readonly number[], into: Collected, nesting: number): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value) && nesting < 3) {
    for (const [index, item] of value.entries()) collect(item, lines[index] ?? line, [], into, nesting + 1);
    return;
  }
  const kind = textAt(value, 'kind');
  const apiVersion = textAt(value, 'apiVersion');
  if (!isObject(value) || kind === undefined || apiVersion === undefined) into.foreign.push({ value, line });
  else if (kind.endsWith('List') && Array.isArray(value['items'])) unroll(value, { kind, apiVersion }, line, lines, into, nesting);
  else {
    const unfit = unfitPath(value, '', 0);
    if (unfit === undefined) into.objects.push({ value, line });
    else into.problems.push({ line, key: unfit.key, message: unfit.message, about: { apiVersion, kind } });
  }
}

function unroll(
  list: JsonObject,
  type: { readonly kind: string; readonly apiVersion: string },
  line: number,
  lines: readonly number[],
  into: Collected,
  nesting: number,
): void {
  const items = list['items'] as Json[];
  const about = { apiVersion: type.apiVersion, kind: type.kind.slice(0, -4) };
  const typed = about.kind !== '';
  if (textAt(list, 'metadata', 'continue')) {
    into.problems.push({ line, key: 'metadata.continue', message: 'it is only the first page of a list', ...(typed && { about }) });
  }
  if (nesting > 3) into.problems.push({ line, message: 'it has lists inside of lists' });
  else if (items.length === 0 && typed) into.empty.push(list);
  else {
    for (const [index, item] of items.entries()) {
      // Items of a typed list carry neither apiVersion nor kind.
      const whole = typed && isObject(item) && item['kind'] === undefined ? { ...item, ...about } : item;
      collect(whole, lines[index] ?? line, [], into, nesting + 1);
    }
  }
}

/** The first thing in a value that has no canonical form or is too deep to walk, by its path. */
function unfitPath(value: unknown, key: string, depth: number): { readonly key: string; readonly message: string } | undefined {
  if (depth > deepest) return { key: key.split('.').slice(0, 5).join('.'), message: 'it is nested too deeply' };
  if (typeof value === 'string') return value.isWellFormed() ? undefined : { key, message: 'its text is no Unicode' };
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : { key, message: 'it is no finite number' };
  if (typeof value !== 'object' || value === null) return undefined;
  const prefix = key === '' ? '' : `${key}.`;
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) return { key, message: 'it has a key that is no Unicode' };
    const found = unfitPath(member, prefix + name, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
