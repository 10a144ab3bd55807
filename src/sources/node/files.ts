/** Modes and owners of the files that matter: an entry for each path that was asked for, there or not, and for each that a glob matches. */
import { posix } from 'node:path';
import type { JsonObject } from '../../model/index.ts';
import type { FileRole, KnownPath } from './installers.ts';
import type { Owners } from './owners.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import type { Unread } from './unread.ts';

export interface FileEntry {
  readonly role: FileRole;
  readonly path: string;
  readonly json: JsonObject;
  /** A regular file, through links too: its content can be read. */
  readonly isFile: boolean;
}

/** Of one pattern or directory. */
const mostMatches = 10_000;
const deepest = 8;

export function readFileEntries(root: Root, owners: Owners, wanted: readonly KnownPath[], unread: Unread): readonly FileEntry[] {
  const entries = new Map<string, FileEntry>();
  /** By role, what was reached under its own path already: `/lib` is often a link to `/usr/lib`. */
  const real = new Set<string>();
  /** What is neither certificate nor key, wherever it lies: Talos keeps its EncryptionConfiguration among the keys. */
  const named = new Set(wanted.filter(({ tree, role }) => tree !== true && !/-(?:ca|certificate|key)$/.test(role)).map(({ path }) => path));

  function add(role: FileRole, path: string): void {
    const key = `${role} ${path}`;
    if (entries.has(key)) return;
    const found = path.includes('\uFFFD') ? { reason: 'error' as const, detail: 'its name is not UTF-8' } : root.find(path);
    if (isFailure(found)) {
      const leadsTo = 'leadsTo' in found ? found.leadsTo : undefined;
      const json =
        found.reason === 'absent'
          ? { role, path, type: 'absent', ...(leadsTo === undefined ? {} : { target: leadsTo }) }
          : { role, path, type: 'unreadable', problem: found.detail };
      entries.set(key, { role, path, json, isFile: false });
      return;
    }
    const { stats, isLink } = found;
    const place = `${role} ${found.path}`;
    if (!isLink && real.has(place)) return;
    real.add(place);
    const type = isLink ? 'symlink' : stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
    const json = {
      role,
      path,
      type,
      mode: (stats.mode & 0o7777).toString(8).padStart(4, '0'),
      uid: stats.uid,
      gid: stats.gid,
      owner: owners.user(stats.uid),
      group: owners.group(stats.gid),
      ...(isLink ? { target: found.path } : {}),
    };
    entries.set(key, { role, path, json, isFile: stats.isFile() });
  }

  function addUnreadable(role: FileRole, path: string, problem: string): void {
    entries.set(`${role} ${path}`, { role, path, json: { role, path, type: 'unreadable', problem }, isFile: false });
  }

  function tooMany(role: FileRole, path: string): void {
    unread(role, path, { reason: 'error', detail: `there are more than ${mostMatches} files; the others were not looked at` });
  }

  function addTree(directory: string): void {
    let left = mostMatches;
    const walk = (path: string, depth: number): void => {
      const listed = root.list(path, left);
      if (isFailure(listed)) return addUnreadable('pki-directory', path, listed.detail);
      add('pki-directory', path);
      left -= listed.names.length;
      if (listed.more || depth > deepest) return tooMany('pki-directory', path);
      for (const name of listed.names) {
        const child = posix.join(path, name);
        const found = root.find(child);
        if (!isFailure(found) && found.stats.isDirectory() && !found.isLink) walk(child, depth + 1);
        else if (!named.has(child)) add(roleInTree(child.slice(posix.dirname(directory).length)), child);
      }
    };
    const found = root.find(directory);
    if (isFailure(found) && found.reason === 'absent') add('pki-directory', directory);
    else walk(directory, 0);
  }

  function addPattern({ role, path, literal }: KnownPath): void {
    if (literal === true || !path.includes('*')) return add(role, path);
    let count = 0;
    const walk = (at: string, rest: readonly string[]): void => {
      const [part, ...others] = rest;
      if (part === undefined) {
        count += 1;
        return add(role, at);
      }
      if (!part.includes('*')) {
        const child = posix.join(at, part);
        return isFailure(root.find(child)) ? undefined : walk(child, others);
      }
      const listed = root.list(at, mostMatches);
      if (isFailure(listed))
        return listed.reason === 'absent' || listed.detail === 'ENOTDIR' ? undefined : addUnreadable(role, at, listed.detail);
      const matches = matcher(part);
      for (const name of listed.names) {
        if (count >= mostMatches) return tooMany(role, path);
        if (matches(name)) walk(posix.join(at, name), others);
      }
      if (listed.more) tooMany(role, at);
    };
    walk('/', path.split('/').slice(1));
    if (count === 0) add(role, path);
  }

  for (const each of wanted) if (each.tree !== true) addPattern(each);
  for (const each of wanted) if (each.tree === true) addTree(each.path);
  return [...entries.values()];
}

/** What lies in a directory of certificates and keys; whatever does not look like a certificate counts as a key. */
function roleInTree(path: string): FileRole {
  const ofEtcd = path.split('/').some((part) => part.startsWith('etcd'));
  const name = posix.basename(path);
  const isCertificate = /\.(?:crt|cert|cer|pub)$/.test(name) || (name.endsWith('.pem') && !/key/i.test(name));
  if (isCertificate) return ofEtcd ? 'etcd-pki-certificate' : 'pki-certificate';
  return ofEtcd ? 'etcd-pki-key' : 'pki-key';
}

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  const form = new RegExp(`^${parts.join('.*')}$`, 's');
  return (name) => !name.startsWith('.') && form.test(name);
}
