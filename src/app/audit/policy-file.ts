/**
 * An audit policy in a file, read as kube-apiserver reads it: only the first YAML document, unknown and repeated keys with a warning, and
 * whatever it refuses is an error with file, line and key. What it says stays at hand, so that a decision can show its rule.
 */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Document } from 'yaml';
import { isNode, LineCounter, parseAllDocuments } from 'yaml';
import type { AuditPolicy, PolicyPath } from '../../audit/index.ts';
import { keyOf, readPolicy, remarksOn } from '../../audit/index.ts';
import type { Json } from '../../model/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import type { AppContext } from '../context.ts';

export interface PolicyRemarkInFile {
  readonly line: number;
  readonly key: string;
  readonly message: string;
}

export interface RuleInFile {
  /** From 1. */
  readonly line: number;
  /** As it stands in the file. Untrusted text. */
  readonly text: string;
}

export interface PolicyFile {
  /** As it was named; `-` for stdin. */
  readonly file: string;
  readonly policy: AuditPolicy;
  readonly remarks: readonly PolicyRemarkInFile[];
  readonly rule: (index: number) => RuleInFile;
}

const largest = 2 * 1024 * 1024;
const longestText = 4000;

/** Throws `usage` for a file that is none, `input` for what no API server starts with. */
export function loadPolicyFile({ cwd }: Pick<AppContext, 'cwd'>, file: string): PolicyFile {
  const text = readText(file, file === '-' ? '-' : resolve(cwd, file));
  const counter = new LineCounter();
  const fail = (line: number, key: string, message: string): never => {
    throw new KubevidenceError('input', message, {
      place: { file: file === '-' ? 'stdin' : file, line, ...(key !== '' && { key }) },
      means: 'kube-apiserver does not start with this audit policy',
    });
  };
  const [document, ...more] = parse(text, counter) ?? [];
  if (document === undefined) return fail(1, '', 'it is empty or nested too deeply');
  const lineAt = (position: number) => counter.linePos(position).line;
  const broken = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  if (broken !== undefined)
    return fail(lineAt(broken.pos[0]), '', `it is not valid YAML (${broken.code.toLowerCase().replaceAll('_', ' ')})`);
  const value = valueOf(document);
  if (value === undefined) return fail(1, '', 'its aliases expand to far more than is written');
  const { policy, problems, ignored } = readPolicy(value);
  const place = (path: PolicyPath) => ({ line: lineAt(startOf(document, path)), key: keyOf(path) });
  const [problem] = problems;
  if (policy === null) {
    const { line, key } = place(problem?.path ?? []);
    const others = problems.length < 2 ? '' : `; ${problems.length - 1} more like this`;
    return fail(line, key, `${problem?.message ?? 'it is no audit policy'}${others}`);
  }
  const remarks = [
    ...document.errors.map(({ pos }) => ({ line: lineAt(pos[0]), key: '', message: 'a key is there twice, and the last one counts' })),
    ...[...ignored, ...remarksOn(policy)].map(({ path, message }) => Object.assign(place(path), { message })),
    ...more.slice(0, 1).map(({ range }) => ({
      line: lineAt(range[0]),
      key: '',
      message: 'another document begins here, which the API server does not read',
    })),
  ];
  return {
    file,
    policy,
    remarks: remarks.toSorted((a, b) => a.line - b.line),
    rule: (index) => ({ line: place(['rules', index]).line, text: textOf(text, document, index) }),
  };
}

function readText(file: string, path: string): string {
  const shown = visible(file);
  const found = path === '-' ? undefined : statSync(path, { throwIfNoEntry: false });
  const wrong =
    path === '-'
      ? null
      : found === undefined
        ? `there is no ${shown}`
        : !found.isFile()
          ? `${shown} is no file`
          : found.size > largest
            ? `${shown} is larger than ${largest / 1024 / 1024} MiB`
            : null;
  if (wrong !== null) throw new KubevidenceError('usage', wrong, { next: 'Name a file with an audit policy, or - for stdin.' });
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path === '-' ? 0 : path);
  } catch (cause) {
    throw new KubevidenceError('input', `${shown} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'error'})`, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new KubevidenceError('input', 'it is not UTF-8', { place: { file } });
  }
}

/** Kubernetes' YAML: 1.1 booleans, no timestamps (as src/sources/files/files-parse). Undefined for what is nested too deeply. */
function parse(text: string, lineCounter: LineCounter): readonly Document.Parsed[] | undefined {
  try {
    const documents = parseAllDocuments(text, {
      lineCounter,
      version: '1.1',
      merge: true,
      prettyErrors: false,
      logLevel: 'silent',
      customTags: (tags) =>
        tags.filter((tag) => typeof tag !== 'object' || (tag.format !== 'TIME' && !/:(?:timestamp|binary|set|omap|pairs)$/.test(tag.tag))),
    });
    return [...documents] as Document.Parsed[];
  } catch {
    return undefined;
  }
}

/** Undefined when aliases multiply beyond reason. */
function valueOf(document: Document.Parsed): Json | undefined {
  try {
    return document.toJS({ maxAliasCount: 100 }) as Json;
  } catch {
    return undefined;
  }
}

/** Of what the path names, or of the nearest thing around it. */
function startOf(document: Document.Parsed, path: PolicyPath): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range[0] ?? document.range[0];
}

/** The rule's lines, moved to the left as far as they go. */
function textOf(text: string, document: Document.Parsed, index: number): string {
  const node: unknown = document.getIn(['rules', index], true);
  if (!isNode(node) || !node.range) return '';
  const [start, end] = node.range;
  const column = start - (text.lastIndexOf('\n', start - 1) + 1);
  const lines = text
    .slice(start, Math.min(end, start + longestText))
    .trimEnd()
    .split('\n');
  return lines.map((line, i) => (i === 0 ? line : line.slice(Math.min(column, line.search(/\S|$/))).trimEnd())).join('\n');
}
