/**
 * A node's file system below a directory (`/host`, or `/` itself). Links are resolved inside that directory, as a process that has it as
 * its root would see them, so nothing outside is ever read. Only regular files are opened; a FIFO, a device or a link in a circle never
 * blocks. Every size and number has a bound, and nothing here throws: what cannot be read says why.
 */
import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** The system calls that are used; tests put their own in between to see which files are opened. */
export interface FileSystem {
  lstat(path: string): Stats;
  readlink(path: string): string;
  /** Names in no order, `limit` at most. */
  names(path: string, limit: number): readonly string[];
  open(path: string): number;
  fstat(handle: number): Stats;
  read(handle: number, buffer: Uint8Array, length: number): number;
  close(handle: number): void;
}

export const realFiles: FileSystem = {
  lstat: (path) => lstatSync(path),
  readlink: (path) => readlinkSync(path),
  names(path, limit) {
    const directory = opendirSync(path);
    try {
      const names: string[] = [];
      for (let entry = directory.readSync(); entry !== null && names.length < limit; entry = directory.readSync()) names.push(entry.name);
      return names;
    } finally {
      directory.closeSync();
    }
  },
  // Neither blocks on what was exchanged for a FIFO, nor follows what was exchanged for a link since it was looked at.
  open: (path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY),
  fstat: (handle) => fstatSync(handle),
  read: (handle, buffer, length) => readSync(handle, buffer, 0, length, null),
  close: (handle) => closeSync(handle),
};

export interface Failure {
  readonly reason: 'forbidden' | 'absent' | 'error';
  readonly detail: string;
}

export interface Found {
  /** Without links, below the root: `/etc/kubernetes/kubelet.conf`. */
  readonly path: string;
  readonly stats: Stats;
  /** Whether the last part of what was asked for is a link. */
  readonly isLink: boolean;
}

/** Missing, with where a dangling link leads. */
export interface Missing extends Failure {
  readonly leadsTo?: string;
}

export interface Root {
  find(path: string): Found | Missing;
  /** Sorted names of a directory, `most` at most; `more` when there were others. */
  list(path: string, most?: number): { readonly names: readonly string[]; readonly more: boolean } | Failure;
  /** The bytes of a regular file, or why not; a file larger than `most` is not read at all. */
  read(path: string, most: number): Uint8Array | Failure;
  /** Calls `use` with an opened regular file; `next(n)` reads up to n bytes further. */
  open<T>(path: string, use: (next: (length: number) => Uint8Array) => T): T | Failure;
}

/** Linux follows 40 links (path_resolution(7)). */
const mostLinks = 40;
const mostNames = 10_000;

export const isFailure = (value: unknown): value is Failure => typeof value === 'object' && value !== null && 'reason' in value;

export function openRoot(root: string, files: FileSystem = realFiles): Root {
  const base = root === '/' ? '' : root.replace(/\/+$/, '');
  const real = (path: string) => (path === '/' ? base || '/' : base + path);

  function find(path: string): Found | Missing {
    let done: string[] = [];
    let isLink = false;
    let links = 0;
    const rest = parts(path).map((name, index, all) => ({ name, last: index === all.length - 1 }));
    let stats: Stats;
    const at = () => `/${done.join('/')}`;
    try {
      stats = files.lstat(real('/'));
      for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
        if (part.name === '..') {
          done.pop();
          stats = files.lstat(real(at()));
          continue;
        }
        if (!stats.isDirectory()) return { reason: 'absent', detail: 'ENOTDIR' };
        done.push(part.name);
        stats = files.lstat(real(at()));
        if (!stats.isSymbolicLink()) continue;
        isLink ||= part.last;
        if (++links > mostLinks) return { reason: 'error', detail: 'ELOOP: its links run in a circle' };
        const target = files.readlink(real(at()));
        if (target.startsWith('/')) done = [];
        else done.pop();
        rest.unshift(...parts(target).map((name) => ({ name, last: false })));
        stats = files.lstat(real(at()));
      }
    } catch (error) {
      const failure = failureOf(error);
      return isLink && failure.reason === 'absent' ? { ...failure, leadsTo: join(at(), ...rest.map(({ name }) => name)) } : failure;
    }
    return { path: at(), stats, isLink };
  }

  function open<T>(path: string, use: (next: (length: number) => Uint8Array) => T): T | Failure {
    const found = find(path);
    if (isFailure(found)) return found;
    if (!found.stats.isFile()) return { reason: 'error', detail: 'it is no regular file' };
    let handle: number | undefined;
    try {
      const own = (handle = files.open(real(found.path)));
      const opened = files.fstat(own);
      const { dev, ino } = opened;
      // The kernel makes the files of /proc anew whenever it likes.
      const isSame = dev === found.stats.dev && (ino === found.stats.ino || found.path.startsWith('/proc/'));
      if (!isSame || !opened.isFile()) return { reason: 'error', detail: 'it was exchanged while it was looked at' };
      const buffer = new Uint8Array(64 * 1024);
      return use((length) => buffer.slice(0, files.read(own, buffer, Math.min(length, buffer.length))));
    } catch (error) {
      return failureOf(error);
    } finally {
      if (handle !== undefined) files.close(handle);
    }
  }

  return {
    find,
    open,
    list(path, most = mostNames) {
      const found = find(path);
      if (isFailure(found)) return found;
      if (!found.stats.isDirectory()) return { reason: 'error', detail: 'ENOTDIR' };
      try {
        const names = [...files.names(real(found.path), most + 1)];
        const more = names.length > most;
        return { names: names.slice(0, most).sort(), more };
      } catch (error) {
        return failureOf(error);
      }
    },
    read(path, most) {
      return open(path, (next) => {
        const pieces: Uint8Array[] = [];
        let size = 0;
        // Files of /proc have no size: what counts is what comes.
        for (let piece = next(most + 1); piece.length > 0; piece = next(most + 1 - size)) {
          size += piece.length;
          if (size > most) return { reason: 'error', detail: `it is larger than ${most} bytes` } satisfies Failure;
          pieces.push(piece);
        }
        return Buffer.concat(pieces);
      });
    },
  };
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function failureOf(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') throw error;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { reason: 'absent', detail: code };
  return { reason: code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'error', detail: code };
}
