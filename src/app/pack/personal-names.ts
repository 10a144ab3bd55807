/**
 * Where evidence, decisions and reports name persons: one walk, by which names are found and by which they are replaced, so that no place
 * is known to the one and not to the other. Accounts of Kubernetes itself (`system:`) and of programs are no persons.
 */
import { isObject, type Json, type JsonObject } from '../../model/index.ts';

export interface NameScope {
  /** Users that bindings, certificate requests, audit policies and rights to impersonate name. */
  readonly users: boolean;
  readonly groups: boolean;
  /** Who collected. */
  readonly collector: boolean;
  /** Who requested, approved, revoked or placed something. */
  readonly people: boolean;
  /** Annotations whose values are names, and labels of the same key; `example.com/*` is all of a prefix. */
  readonly annotations: readonly string[];
}

export type NameClass = 'person' | 'group';

export interface NameVisitor {
  /** A string that is a name, and nothing else. */
  readonly name: (text: string, as: NameClass) => string;
  /** A text that is about a person. */
  readonly about: (text: string) => string;
  /** Any other text. */
  readonly text: (text: string) => string;
}

const peopleKeys: ReadonlySet<string> = new Set(['requester', 'approver', 'revokedBy', 'by', 'reviewer', 'preparer']);
const userKeys: ReadonlySet<string> = new Set(['username', 'users', 'usernames']);
const groupKeys: ReadonlySet<string> = new Set(['groups', 'userGroups']);

/** The same value with every string, keys too, as the visitor gives it. `skip`: keys whose values stay as they are. */
export function visitNames(value: Json, scope: NameScope, visitor: NameVisitor, skip: ReadonlySet<string> = new Set()): Json {
  const named = (text: string, as: NameClass) => (isPersonal(text) ? visitor.name(text, as) : visitor.text(text));
  const classOf = (key: string): NameClass | null => {
    if (scope.people && peopleKeys.has(key)) return 'person';
    if (scope.users && userKeys.has(key)) return 'person';
    return scope.groups && groupKeys.has(key) ? 'group' : null;
  };
  const walk = (each: Json, key: string): Json => {
    if (typeof each === 'string') {
      const as = classOf(key);
      // The bounds of a deviation are `by` an instant, too.
      if (as !== null && !/^\d{4}-\d\d-\d\dT/.test(each)) return named(each, as);
      return scope.collector && key === 'actor' ? visitor.about(each) : visitor.text(each);
    }
    if (Array.isArray(each)) return (each as readonly Json[]).map((member) => walk(member, key));
    return isObject(each) ? walkObject(each, key) : each;
  };
  /** `O=dev, CN=alice`, as a client certificate names a user and the groups. */
  const certified = (subject: string) => {
    const give = (part: string) => {
      const [, type = '', written = ''] = /^([^=]*=)(.*)$/s.exec(part) ?? [];
      const as = certifies(type, scope);
      if (as === null) return visitor.text(part);
      const plain = written.replaceAll(/\\(.)/gs, '$1');
      const given = named(plain, as);
      return type + (given === plain ? written : given);
    };
    return subject
      .split(betweenNames)
      .map((part, i) => (i % 2 === 0 ? give(part) : part))
      .join('');
  };
  const walkObject = (object: JsonObject, own: string): JsonObject =>
    Object.fromEntries(
      Object.entries(object).map(([key, member]) => {
        if (member === undefined || skip.has(key)) return [key, member];
        if (key === 'subject' && own === 'certificate' && typeof member === 'string') return [key, certified(member)];
        const as = typeof member === 'string' ? positionOf(object, own, key, scope) : impersonated(object, key, scope);
        if (as === null) return [visitor.text(key), walk(member, key)];
        const give = (each: Json): Json => (typeof each === 'string' ? named(each, as) : walk(each, key));
        return [visitor.text(key), Array.isArray(member) ? (member as readonly Json[]).map(give) : give(member)];
      }),
    );
  return walk(value, '');
}

/** Members that are names because of what stands beside or above them. */
function positionOf(object: JsonObject, own: string, key: string, scope: NameScope): NameClass | null {
  if (key === 'name' && object['kind'] === 'User') return scope.users ? 'person' : null;
  if (key === 'name' && object['kind'] === 'Group') return scope.groups ? 'group' : null;
  // Of a cluster's identity; elsewhere an actor is told in words.
  if (key === 'actor' && 'caFingerprint' in object) return scope.collector ? 'person' : null;
  return (own === 'annotations' || own === 'labels') && isListed(key, scope.annotations) ? 'person' : null;
}

/** Rights to act as somebody name users and groups as names of resources. */
function impersonated(rule: JsonObject, key: string, scope: NameScope): NameClass | null {
  const resources = rule['resources'];
  if (key !== 'resourceNames' || !Array.isArray(resources)) return null;
  const verbs = rule['verbs'];
  const isAny = resources.includes('*') && Array.isArray(verbs) && verbs.some((verb) => /^impersonate(:|$)/.test(String(verb)));
  if (scope.users && (isAny || resources.some((each) => /^(users|uids|userextras(\/.*)?)$/.test(String(each))))) return 'person';
  return scope.groups && (isAny || resources.includes('groups')) ? 'group' : null;
}

const betweenNames = /(?<!\\)(, | \+ )(?=[A-Za-z][A-Za-z0-9.]*=)/;

/** Kubernetes takes the user from the common name and groups from organizations (reference/access-authn-authz/authentication, x509). */
function certifies(type: string, scope: NameScope): NameClass | null {
  if (/^(CN|UID|emailAddress)=$/.test(type)) return scope.users ? 'person' : null;
  return type === 'O=' && scope.groups ? 'group' : null;
}

function isListed(key: string, annotations: readonly string[]): boolean {
  return annotations.some((each) => (each.endsWith('*') ? key.startsWith(each.slice(0, -1)) : key === each));
}

/** A number stands in many places, and one or two letters stand in anything; but two ideographs or syllables can be a whole name. */
export function isDistinct(name: string): boolean {
  return /\p{L}/u.test(name) && (name.length > 2 || /\p{Lo}/u.test(name));
}

/** `erased` stands where a name was. */
function isPersonal(name: string): boolean {
  return name.trim() !== '' && name !== 'erased' && !name.startsWith('system:');
}

export type Names = ReadonlyMap<string, NameClass>;

export interface NameFinder {
  /** Takes the names of a value. */
  take(value: unknown): void;
  /** Who is known as a person is no group. */
  readonly names: Names;
}

export function createNameFinder(scope: NameScope, given: readonly string[]): NameFinder {
  const names = new Map<string, NameClass>(given.map((name) => [name, 'person']));
  const add = (name: string, as: NameClass) => {
    if (names.get(name) !== 'person') names.set(name, as);
    return name;
  };
  const text = (each: string): string => {
    for (const { name, as } of subjectsIn(each)) if ((as === 'person' ? scope.users : scope.groups) && isPersonal(name)) add(name, as);
    // As the API server says whom it refused, and we which user of a kubeconfig has no credentials.
    for (const [, name = ''] of scope.collector ? each.matchAll(/\buser "([^"]+)"/gi) : []) if (isPersonal(name)) add(name, 'person');
    return each;
  };
  return { names, take: (value) => void visitNames(value as Json, scope, { name: add, about: text, text }) };
}

/** `User/alice` as parameters have it, in quotes in an expression, or as the first part of an item, where `|`, `/` and `%` may be encoded. */
function* subjectsIn(text: string): Iterable<{ readonly name: string; readonly as: NameClass }> {
  const [, kind, whole, part] = /^(User|Group)\/(?:([^|\s]+)$|([^|]+)\|[A-Za-z]+\/)/.exec(text) ?? [];
  const found = (given: string, name: string) => ({ name, as: given === 'User' ? ('person' as const) : ('group' as const) });
  if (kind !== undefined) yield found(kind, whole ?? (part ?? '').replaceAll(/%(?:25|7C|2F)/gi, decodeURIComponent));
  for (const [, , given = '', name = ''] of text.matchAll(/(["'])(User|Group)\/((?:(?!\1)[^|\\])+)\1/g)) yield found(given, name);
}
