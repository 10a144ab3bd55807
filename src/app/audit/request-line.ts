/**
 * One request as a line of JSON (docs/interface: audit simulate): `{user, groups, verb, apiGroup, apiVersion, resource, subresource,
 * namespace, name}` or `{user, groups, verb, path}`. Absent and null are empty, nothing is implied. Without user and groups nobody signed in.
 */
import type { AuditRequest } from '../../audit/index.ts';
import { isObject, type Json, type JsonObject, visible } from '../../model/index.ts';

export interface BrokenRequest {
  /** Empty for the whole line. */
  readonly key: string;
  /** A phrase. Holds no control characters. */
  readonly message: string;
}

const callerKeys = ['user', 'groups', 'verb'];
const resourceKeys = ['apiGroup', 'apiVersion', 'resource', 'subresource', 'namespace', 'name'];

/** Null for a blank line. */
export function readRequestLine(text: string): AuditRequest | BrokenRequest | null {
  const trimmed = text.replace(/^\ufeff/, '').trim();
  if (trimmed === '') return null;
  let line: Json;
  try {
    line = JSON.parse(trimmed) as Json;
  } catch {
    return { key: '', message: 'it is not JSON' };
  }
  return isObject(line) ? readRequest(line) : { key: '', message: 'it is no object' };
}

export function isBroken(request: AuditRequest | BrokenRequest): request is BrokenRequest {
  return 'key' in request;
}

function readRequest(line: JsonObject): AuditRequest | BrokenRequest {
  for (const [key, value] of Object.entries(line)) {
    if (key === 'groups' || value === null || typeof value === 'string') continue;
    if (callerKeys.includes(key) || resourceKeys.includes(key) || key === 'path') return { key, message: 'it must be text' };
  }
  for (const key of Object.keys(line)) {
    if (![...callerKeys, ...resourceKeys, 'path'].includes(key))
      return {
        key: visible(key.slice(0, 100)),
        message: `there is no such key; there are ${[...callerKeys, ...resourceKeys, 'path'].join(', ')}`,
      };
  }
  const groups = line['groups'] ?? [];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string'))
    return { key: 'groups', message: 'it must be a list of texts' };
  const text = (key: string) => (line[key] ?? '') as string;
  if (typeof line['verb'] !== 'string') return { key: 'verb', message: 'it is missing' };
  const caller = { user: typeof line['user'] === 'string' ? line['user'] : groups.length > 0 ? '' : null, groups, verb: text('verb') };
  if (/[A-Z]/.test(caller.verb)) return { key: 'verb', message: 'verbs are in lower case' };
  const path = text('path');
  if (path === '') return readTarget(caller, text);
  const other = resourceKeys.find((key) => text(key) !== '');
  if (other !== undefined) return { key: other, message: 'a path has none' };
  const message = pathProblem(path);
  return message === null ? { ...caller, path } : { key: 'path', message };
}

function readTarget(
  caller: { readonly user: string | null; readonly groups: readonly string[]; readonly verb: string },
  text: (key: string) => string,
): AuditRequest | BrokenRequest {
  if (text('resource') === '') return { key: 'resource', message: 'it is missing, and so is a path' };
  const [resource = '', below, ...more] = text('resource').split('/');
  if (more.length > 0 || (below !== undefined && text('subresource') !== '' && text('subresource') !== below))
    return { key: 'resource', message: 'what is below it belongs in subresource' };
  const { verb } = caller;
  const named = { apiGroup: text('apiGroup'), resource, subresource: below ?? text('subresource'), name: text('name') };
  return { ...caller, ...named, namespace: namespaceOf({ verb, ...named }, text('namespace')) };
}

interface Target {
  readonly verb: string;
  readonly apiGroup: string;
  readonly resource: string;
  readonly name: string;
}

/** A request for one Namespace is one in that namespace; a list that a field selector narrows to it is not. */
export function namespaceOf({ verb, apiGroup, resource, name }: Target, given: string): string {
  const itself = apiGroup === '' && resource === 'namespaces' && !['list', 'watch', 'deletecollection'].includes(verb);
  return itself && given === '' ? name : given;
}

/** Why no request has this path, or null. A path below /api or /apis is that of a resource (requestinfo.go), whose parts have to be told. */
export function pathProblem(path: string): string | null {
  if (!path.startsWith('/')) return 'it must begin with /';
  const parts = withoutSlashes(path).split('/');
  const isResource = (parts[0] === 'api' && parts.length >= 3) || (parts[0] === 'apis' && parts.length >= 4);
  return isResource ? 'it is the path of a resource: say verb, resource, namespace and name instead' : null;
}

/** Without those at its ends, as the API server cuts a path into parts. */
function withoutSlashes(path: string): string {
  let [start, end] = [0, path.length];
  while (start < end && path[start] === '/') start += 1;
  while (end > start && path[end - 1] === '/') end -= 1;
  return path.slice(start, end);
}
