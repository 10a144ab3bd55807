/**
 * Files and directories that appear whole or not at all: written under a temporary name beside the final one, on the disk before they get
 * it, and never in the place of anything that is there already.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';

/** Throws `usage` when there is something under that name, be it a broken link. */
export function refuseExisting(path: string): void {
  if (guardFile(path, () => lstatSync(path, { throwIfNoEntry: false })) !== undefined) throw exists(path);
}

export function temporaryNameFor(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
}

/** Gives a written file its name, atomically. */
export function placeFile(temporary: string, path: string): void {
  guardFile(path, () => {
    fsyncPath(temporary);
    // Unlike a rename, a link never replaces; where the file system has no links, the look before must do.
    try {
      linkSync(temporary, path);
      unlinkSync(temporary);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(path);
      refuseExisting(path);
      renameSync(temporary, path);
    }
    fsyncPath(dirname(path));
  });
}

/** Gives a directory, whose files are on the disk, its name. A rename replaces at most an empty directory. */
export function placeDirectory(temporary: string, path: string): void {
  guardFile(path, () => {
    fsyncPath(temporary);
    refuseExisting(path);
    renameSync(temporary, path);
    fsyncPath(dirname(path));
  });
}

/** Never throws: what is left behind says by its name what it is. */
export function discard(temporary: string): void {
  for (const path of [temporary, `${temporary}-journal`, `${temporary}-wal`, `${temporary}-shm`])
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // The failure that brought us here is the one to tell.
    }
}

/** What the file system refuses becomes one sentence; everything else passes. */
export function guardFile<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code;
    if (cause instanceof KubevidenceError || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) throw cause;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    throw new KubevidenceError('unreachable', full ? `the disk is full: ${visible(path)} was not written` : reasonOf(cause), {
      next: full ? 'Make room and try again; nothing was changed.' : `Check the path and the permissions of ${visible(path)}.`,
      cause,
    });
  }
}

function exists(path: string): KubevidenceError {
  return new KubevidenceError('usage', `${visible(path)} exists already, and nothing is overwritten`, {
    next: 'Name another place, or move what is there away.',
  });
}

function fsyncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
