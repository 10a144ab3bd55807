/**
 * An audit policy (audit.k8s.io/v1) as the API server reads it: what it refuses is a problem with its key, what it silently drops (an
 * unknown field: k8s.io/apiserver falls back to lenient decoding) is said too, because a rule that lost a field matches more.
 * After k8s.io/apiserver 0.36 pkg/audit/policy/reader.go and pkg/apis/audit/validation.
 */
import type { Json, JsonObject } from '../model/index.ts';
import { findNearest, isObject, visible } from '../model/index.ts';

export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof levels)[number];

export const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof stages)[number];

export interface GroupResources {
  /** Empty for the core group; `*` for all. */
  readonly group: string;
  /** Empty: all of the group. `pods`, `pods/exec`, `pods/*` (also pods), `*`/`exec`, `*`. */
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

/** An empty list restricts nothing. */
export interface AuditRule {
  readonly level: Level;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  /** The empty text is what lies in no namespace. */
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  /** Its own and the policy's, in the order of {@link stages}. */
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

export interface AuditPolicy {
  /** At least one. */
  readonly rules: readonly AuditRule[];
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

/** Where in the policy: `['rules', 2, 'level']`. */
export type PolicyPath = readonly (string | number)[];

export interface PolicyRemark {
  readonly path: PolicyPath;
  /** A phrase about it, without what it is. Holds no control characters. */
  readonly message: string;
}

/** `policy` is null exactly when there are problems, and then no API server starts with it. */
export interface ReadPolicy {
  readonly policy: AuditPolicy | null;
  readonly problems: readonly PolicyRemark[];
  /** Keys that the API server does not know and goes on without. */
  readonly ignored: readonly PolicyRemark[];
}

/** `rules[2].level`. */
export function keyOf(path: PolicyPath): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

/** It leaves nothing open, so that no request gets to a rule behind it. */
export function isForEverything({ users, userGroups, verbs, resources, namespaces, nonResourceURLs }: AuditRule): boolean {
  return [users, userGroups, verbs, resources, namespaces, nonResourceURLs].every((list) => list.length === 0);
}

const policyKeys = ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields'];
const ruleKeys = ['level', 'users', 'userGroups', 'verbs', 'resources', 'namespaces', 'nonResourceURLs', 'omitStages', 'omitManagedFields'];
const entryKeys = ['group', 'resources', 'resourceNames'];

interface Reading {
  readonly problems: PolicyRemark[];
  readonly ignored: PolicyRemark[];
}

export function readPolicy(body: Json | undefined): ReadPolicy {
  const into: Reading = { problems: [], ignored: [] };
  const refused = (path: PolicyPath, message: string): ReadPolicy => ({ policy: null, problems: [{ path, message }], ignored: [] });
  if (!isObject(body)) return refused([], 'it is no object');
  if (body['apiVersion'] !== 'audit.k8s.io/v1') return refused(['apiVersion'], `it must be audit.k8s.io/v1${not(body['apiVersion'])}`);
  if (body['kind'] !== 'Policy') return refused(['kind'], `it must be Policy${not(body['kind'])}`);
  noteUnknown(body, [], policyKeys, into);
  readMetadata(body['metadata'], into);
  const omitStages = readStages(body['omitStages'], ['omitStages'], into);
  const omitManagedFields = readFlag(body['omitManagedFields'], ['omitManagedFields'], into) ?? false;
  const given = readList(body['rules'], ['rules'], into);
  if (given.length === 0 && into.problems.length === 0) into.problems.push({ path: ['rules'], message: 'there must be a rule' });
  const rules = given.map((rule, i) => readRule(rule, ['rules', i], { omitStages, omitManagedFields }, into));
  return into.problems.length > 0 ? { policy: null, ...into } : { policy: { rules, omitStages, omitManagedFields }, ...into };
}

function not(value: Json | undefined): string {
  return typeof value === 'string' && value !== '' ? `, not ${visible(value.slice(0, 100))}` : '';
}

function noteUnknown(object: JsonObject, path: PolicyPath, known: readonly string[], into: Reading): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    const nearest = findNearest(key, known);
    const meant = nearest === undefined ? '' : `; ${nearest} was meant?`;
    into.ignored.push({ path: [...path, key], message: `the API server knows no such field and goes on without it${meant}` });
  }
}

function readMetadata(value: Json | undefined, into: Reading): void {
  if (value === undefined || value === null) return;
  if (!isObject(value)) into.problems.push({ path: ['metadata'], message: 'it must be an object' });
  else readText(value['name'], ['metadata', 'name'], into);
}

function readRule(value: Json, path: PolicyPath, { omitStages, omitManagedFields }: Omit<AuditPolicy, 'rules'>, into: Reading): AuditRule {
  const rule = readObject(value, path, into);
  noteUnknown(rule, path, ruleKeys, into);
  const texts = (key: string) => readTexts(rule[key], [...path, key], into);
  const level = readLevel(rule['level'], [...path, 'level'], into);
  const own = readStages(rule['omitStages'], [...path, 'omitStages'], into);
  const read: AuditRule = {
    level,
    users: texts('users'),
    userGroups: texts('userGroups'),
    verbs: texts('verbs'),
    resources: readList(rule['resources'], [...path, 'resources'], into).map((entry, i) =>
      readEntry(entry, [...path, 'resources', i], into),
    ),
    namespaces: texts('namespaces'),
    nonResourceURLs: texts('nonResourceURLs'),
    omitStages: stages.filter((stage) => omitStages.includes(stage) || own.includes(stage)),
    omitManagedFields: readFlag(rule['omitManagedFields'], [...path, 'omitManagedFields'], into) ?? omitManagedFields,
  };
  checkPaths(read, [...path, 'nonResourceURLs'], into);
  return read;
}

function readLevel(value: Json | undefined, path: PolicyPath, into: Reading): Level {
  const level = levels.find((each) => each === value);
  if (level === undefined) {
    const text = readText(value, path, into);
    if (text !== undefined) into.problems.push({ path, message: `it must be one of ${levels.join(', ')}${not(text)}` });
  }
  return level ?? 'None';
}

function readStages(value: Json | undefined, path: PolicyPath, into: Reading): readonly Stage[] {
  const texts = readTexts(value, path, into);
  for (const [i, text] of texts.entries())
    if (!(stages as readonly string[]).includes(text))
      into.problems.push({ path: [...path, i], message: `it must be one of ${stages.join(', ')}${not(text)}` });
  return stages.filter((stage) => texts.includes(stage));
}

function readEntry(value: Json, path: PolicyPath, into: Reading): GroupResources {
  const entry = readObject(value, path, into);
  noteUnknown(entry, path, entryKeys, into);
  const read = {
    group: readText(entry['group'], [...path, 'group'], into) ?? '',
    resources: readTexts(entry['resources'], [...path, 'resources'], into),
    resourceNames: readTexts(entry['resourceNames'], [...path, 'resourceNames'], into),
  };
  if (read.group !== '' && read.group !== '*' && !isSubdomain(read.group)) {
    const version = read.group.includes('/') ? '; a version does not belong here' : '';
    into.problems.push({
      path: [...path, 'group'],
      message: `it must be an API group in lower case, such as apps${not(read.group)}${version}`,
    });
  }
  if (read.resourceNames.length > 0 && read.resources.length === 0)
    into.problems.push({ path: [...path, 'resourceNames'], message: 'names need at least one entry in resources' });
  return read;
}

/** RFC 1123, as k8s.io/apimachinery NameIsDNSSubdomain. */
function isSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(label));
}

function checkPaths({ nonResourceURLs, resources, namespaces }: AuditRule, path: PolicyPath, into: Reading): void {
  for (const [i, url] of nonResourceURLs.entries()) {
    if (url === '*') continue;
    if (!url.startsWith('/')) into.problems.push({ path: [...path, i], message: `it must be * or begin with /${not(url)}` });
    if (url.slice(0, -1).includes('*'))
      into.problems.push({ path: [...path, i], message: `a * may only be its last character${not(url)}` });
  }
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0))
    into.problems.push({ path, message: 'a rule is for paths or for resources, never for both' });
}

function readObject(value: Json | undefined, path: PolicyPath, into: Reading): JsonObject {
  if (isObject(value)) return value;
  // As Go reads it, null is the empty object.
  if (value !== null) into.problems.push({ path, message: 'it must be an object' });
  return {};
}

function readList(value: Json | undefined, path: PolicyPath, into: Reading): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  if (value !== undefined && value !== null) into.problems.push({ path, message: 'it must be a list' });
  return [];
}

function readTexts(value: Json | undefined, path: PolicyPath, into: Reading): readonly string[] {
  return readList(value, path, into).map((entry, i) => readText(entry, [...path, i], into) ?? '');
}

/** The text, empty where it is absent; undefined where it is something else, which is then a problem. */
function readText(value: Json | undefined, path: PolicyPath, into: Reading): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  const quoted = typeof value === 'boolean' || typeof value === 'number' ? '; YAML reads it as something else, so put it in quotes' : '';
  into.problems.push({ path, message: `it must be text${quoted}` });
  return undefined;
}

function readFlag(value: Json | undefined, path: PolicyPath, into: Reading): boolean | null {
  if (typeof value === 'boolean') return value;
  if (value !== undefined && value !== null) into.problems.push({ path, message: 'it must be true or false' });
  return null;
}
