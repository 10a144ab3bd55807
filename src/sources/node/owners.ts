/** Names of users and groups as the node's own etc/passwd and etc/group give them: an id is what counts, its name is for people. */
import type { Root } from './root.ts';
import { isFailure } from './root.ts';

export interface Owners {
  /** Null where the node's files do not name the id (it may come from a directory service). */
  readonly user: (uid: number) => string | null;
  readonly group: (gid: number) => string | null;
}

const largest = 4 * 1024 * 1024;

export function readOwners(root: Root): Owners {
  // Some images keep their own names apart from those of /etc (nss-altfiles).
  const users = namesOf(root, ['/etc/passwd', '/usr/lib/passwd']);
  const groups = namesOf(root, ['/etc/group', '/usr/lib/group']);
  return { user: (uid) => users.get(uid) ?? null, group: (gid) => groups.get(gid) ?? null };
}

/** `name:x:id:…`, one a line; the first that names an id wins, as for getpwuid(3). */
function namesOf(root: Root, files: readonly string[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const file of files) {
    const bytes = root.read(file, largest);
    if (isFailure(bytes)) continue;
    for (const line of new TextDecoder().decode(bytes).split('\n')) {
      const [name = '', , id = ''] = line.split(':');
      if (/^\d{1,10}$/.test(id) && /^[\w.][\w.$-]{0,63}$/.test(name) && !names.has(Number(id))) names.set(Number(id), name);
    }
  }
  return names;
}
