/**
 * The message of a finding: the control's text with `{field}` placeholders filled from the row and `{params.name}` from the parameters.
 * What comes from the cluster is made visible and clipped before it goes in; braces in it are never read again.
 */
import { canonicalize, clip, isMarker, type Json } from '../model/index.ts';

const placeholder = /\{([^{}]*)\}/g;
/** Below a field there can be names of others: `flags.audit-log-path`. */
const path = /^[a-zA-Z_]\w*(\.[a-zA-Z_][\w-]*)*$/;
const longest = 400;

/** The dotted paths in a message, or what is wrong with its braces. */
export function placeholdersOf(message: string): { readonly paths: readonly string[]; readonly problem: string | null } {
  const paths = [...message.matchAll(placeholder)].map((match) => match[1] ?? '');
  const odd = paths.find((each) => !path.test(each));
  if (odd !== undefined) return { paths, problem: `{${odd}} is not the name of a field` };
  return { paths, problem: /[{}]/.test(message.replace(placeholder, '')) ? 'a brace stands alone' : null };
}

/** Splits a message once; what it gives fills in the fields of a row, and `params` for what stands below that key. */
export function compileMessage(message: string): (row: Readonly<Record<string, unknown>>, params: unknown) => string {
  // Text and placeholders in turn.
  const parts = message.split(placeholder).map((part, index) => (index % 2 === 0 ? part : part.split('.')));
  // Joined, not added up: findings can be many, and a sum of strings holds all of its parts.
  return (row, params) =>
    parts
      .map((part) => {
        if (typeof part === 'string') return part;
        return shown(part[0] === 'params' ? follow(params, part.slice(1)) : follow(row, part));
      })
      .join('');
}

function follow(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string, unknown>)[step];
  }
  return current;
}

function shown(value: unknown): string {
  if (value === undefined) return 'unknown';
  if (value === null || value === '') return 'none';
  if (isMarker(value)) return 'a value that was not kept';
  if (Array.isArray(value))
    return value.length === 0
      ? 'none'
      : clip(value.map((each) => (typeof each === 'string' ? each : canonicalize(each as Json))).join(', '), longest);
  return clip(typeof value === 'string' ? value : canonicalize(value), longest);
}
