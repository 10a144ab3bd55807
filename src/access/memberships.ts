/**
 * Who is in which group, from a file that people export from their identity provider, because no object of the cluster says it. CSV with one
 * `user,group` a line, or SCIM 2.0 JSON (RFC 7643): Groups with members, or Users with groups. Names must be as the API server sees them,
 * prefixes included. A line that cannot be read is an error: a membership that is lost without a word would hide access.
 */
import { at, isObject, type Json, KubevidenceError, listAt, reasonOf, textAt } from '../model/index.ts';

export interface Memberships {
  /** Groups of a user, in the order of the file. */
  groupsOf(user: string): readonly string[];
  /** Users of a group. */
  membersOf(group: string): readonly string[];
  readonly groups: readonly string[];
}

/** Throws `input`, naming the file and the line or key. */
export function readMemberships(text: string, file: string): Memberships {
  const pairs = /^\s*[[{]/.test(text) ? fromScim(text, file) : fromCsv(text, file);
  const groups = new Map<string, Set<string>>();
  const users = new Map<string, Set<string>>();
  const add = (map: Map<string, Set<string>>, key: string, value: string) => {
    const set = map.get(key);
    if (set === undefined) map.set(key, new Set([value]));
    else set.add(value);
  };
  for (const [user, group] of pairs) {
    add(users, user, group);
    add(groups, group, user);
  }
  return {
    groupsOf: (user) => [...(users.get(user) ?? [])],
    membersOf: (group) => [...(groups.get(group) ?? [])],
    groups: [...groups.keys()],
  };
}

type Pair = readonly [user: string, group: string];

function broken(file: string, place: { readonly line?: number; readonly key?: string }, message: string): KubevidenceError {
  return new KubevidenceError('input', message, {
    place: { file, ...place },
    means: 'nothing of the file was used: a lost membership would hide access',
    next: 'Write CSV with a line `user,group` for each membership, or a SCIM export of Groups or Users as JSON.',
  });
}

function fromCsv(text: string, file: string): readonly Pair[] {
  const pairs: Pair[] = [];
  for (const { line, cells } of csvRecords(text.replace(/^\ufeff/, ''), file)) {
    if (cells.length === 1 && cells[0]?.trim() === '') continue;
    const [user = '', group = '', ...more] = cells.map((cell) => cell.trim());
    if (line === 1 && /^user(name)?$/i.test(user) && /^groups?$/i.test(group)) continue;
    if (more.some((cell) => cell !== '')) throw broken(file, { line }, `it has ${cells.length} columns, not user and group`);
    if (user === '' || group === '') throw broken(file, { line }, `it names no ${user === '' ? 'user' : 'group'}`);
    pairs.push([user, group]);
  }
  if (pairs.length === 0) throw broken(file, {}, 'it holds no membership');
  return pairs;
}

/** RFC 4180, with a comma or a semicolon. `line` is where the record begins. */
function* csvRecords(text: string, file: string): Iterable<{ readonly line: number; readonly cells: readonly string[] }> {
  const separator = /^[^\n"]*;/.test(text) && !/^[^\n"]*,/.test(text) ? ';' : ',';
  let line = 1;
  let begin = 1;
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === '\n') line += 1;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (character === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
    } else if (character === separator) {
      cells.push(cell);
      cell = '';
    } else if (character === '\n') {
      yield { line: begin, cells: [...cells, cell] };
      cells = [];
      cell = '';
      begin = line;
    } else if (character !== '\r') cell += character;
  }
  if (quoted) throw broken(file, { line: begin }, 'a quotation mark is never closed');
  if (cell !== '' || cells.length > 0) yield { line: begin, cells: [...cells, cell] };
}

function fromScim(text: string, file: string): readonly Pair[] {
  let document: Json;
  try {
    document = JSON.parse(text) as Json;
  } catch (error) {
    throw broken(
      file,
      {},
      `it is not JSON (${reasonOf(error)
        .replace(/[^\x20-\x7e]/g, '?')
        .slice(0, 100)})`,
    );
  }
  const resources = Array.isArray(document) ? (document as readonly Json[]) : listAt(document, 'Resources');
  if (resources.length === 0) throw broken(file, { key: 'Resources' }, 'it holds no resources of a SCIM export');
  const userNames = new Map<string, string>();
  for (const resource of resources) {
    const [id, userName] = [textAt(resource, 'id'), textAt(resource, 'userName')];
    if (id !== undefined && userName !== undefined) userNames.set(id, userName);
  }
  return resources.flatMap((resource, index): Pair[] => {
    const key = `Resources[${index}]`;
    if (!isObject(resource)) throw broken(file, { key }, 'it is no object');
    const userName = textAt(resource, 'userName');
    if (userName !== undefined) {
      return listAt(resource, 'groups').map((each, position) => {
        const group = textAt(each, 'display') ?? textAt(each, 'value');
        if (!group) throw broken(file, { key: `${key}.groups[${position}]` }, 'the group has no name');
        return [userName, group];
      });
    }
    const group = textAt(resource, 'displayName');
    if (!group) throw broken(file, { key }, 'it is neither a User with userName nor a Group with displayName');
    return listAt(resource, 'members').map((member, position) => {
      // A group inside a group: its own members are wherever it stands itself, and which scheme nests them nobody knows.
      if (textAt(member, 'type') === 'Group')
        throw broken(file, { key: `${key}.members[${position}]` }, 'groups in groups are not resolved: export them flat');
      const value = at(member, 'value');
      const user = (typeof value === 'string' ? userNames.get(value) : undefined) ?? textAt(member, 'display') ?? textAt(member, 'value');
      if (!user) throw broken(file, { key: `${key}.members[${position}]` }, 'the member has no name');
      return [user, group];
    });
  });
}
