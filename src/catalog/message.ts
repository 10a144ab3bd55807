/**
 * The message of a finding: the control's text with `{field}` placeholders filled from the row and `{params.name}` from the parameters.
 * What comes from the cluster is made visible and clipped before it goes in; braces in it are never read again.
 */
import { canonicalize, clip, isMarker, type Json } from '../model/index.ts';

const placeholder = /\{([^{}]*)\}/g;
const path = /^[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*$/;
const longest = 400;

/** The dotted paths in a message, or what is wrong with its braces. */
export function placeholdersOf(message: string): { readonly paths: readonly string[]; readonly problem: string | null } {
  const paths = [...message.matchAll(placeholder)].map((match) => match[1] ?? '');
  const odd = paths.find((each) => !path.test(each));
  if (odd !== undefined) return { paths, problem: `{${odd}} is not the name of a field` };
  return { paths, problem: /[{}]/.test(message.replace(placeholder, '')) ? 'a brace stands alone' : null };
}

/** `values` are the row's fields, and `params` below the key `params`. */
export function renderMessage(message: string, values: Readonly<Record<string, unknown>>): string {
  return message.replace(placeholder, (_, name: string) => shown(follow(values, name.split('.'))));
}

function follow(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return follow((value as Record<string, unknown>)[step], rest);
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
