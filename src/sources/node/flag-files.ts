/**
 * Configuration files of k3s and RKE2, whose keys are flags: read as the arguments that they stand for, so that the same rules scrub
 * them.
 */
import { parse } from 'yaml';
import { isObject } from '../../model/index.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';

const largest = 256 * 1024;
const mostValues = 500;

export function readFlagFile(root: Root, path: string): readonly string[] | Failure {
  const bytes = root.read(path, largest);
  if (isFailure(bytes)) return bytes;
  let value: unknown;
  try {
    value = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { maxAliasCount: 0, version: '1.1', logLevel: 'error' });
  } catch {
    return { reason: 'error', detail: 'it is not YAML' };
  }
  if (value === null || value === undefined) return [];
  if (!isObject(value)) return { reason: 'error', detail: 'it is no mapping' };
  const args: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    // `key+` adds to what another file says.
    const name = key.replace(/\+$/, '');
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) continue;
    for (const each of Array.isArray(member) ? (member as unknown[]) : [member])
      if (typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean') args.push(`--${name}=${each}`);
  }
  return args.length > mostValues ? { reason: 'error', detail: `it has more than ${mostValues} values` } : args;
}
