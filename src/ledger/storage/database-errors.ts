/** What SQLite and the file system say of a ledger, as one sentence with its exit code, its cause and the next step. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';

/** Runs `act`; what SQLite or the file system throws becomes one sentence with its exit code. */
export function guard<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw translate(path, error);
  }
}

export function noLedger(path: string): KubevidenceError {
  return new KubevidenceError('input', `there is no ledger at ${visible(path)}`, {
    next: 'Create it: `kubevidence init`, then `kubevidence collect`.',
  });
}

/** `who`: ` by process …`, as far as it is known. */
export function lockedBy(path: string, who: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('unreachable', `the ledger ${visible(path)} is being written${visible(who)}`, {
    next: 'Wait until it is done, and try again; reading works meanwhile.',
    cause,
  });
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

export function isWritable(path: string): boolean {
  return allows(path, constants.W_OK);
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function translate(path: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (cause instanceof KubevidenceError || code === '' || !(cause instanceof Error)) return cause;
  const name = visible(path);
  const fail = (kind: 'unreachable' | 'integrity', message: string, next: string) => new KubevidenceError(kind, message, { next, cause });
  if (code === 'SQLITE_NOTADB')
    return fail('unreachable', `${name} is no database`, 'Restore the ledger from a backup, or name another file.');
  if (code.startsWith('SQLITE_CORRUPT')) {
    return fail(
      'integrity',
      `the ledger ${name} is damaged: ${reasonOf(cause)}`,
      'See what is damaged: `kubevidence ledger verify`; then restore a backup.',
    );
  }
  const ioError = code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN');
  if (['SQLITE_FULL', 'ENOSPC', 'EDQUOT'].includes(code) || (ioError && isFull(path))) {
    return fail(
      'unreachable',
      `the disk is full: nothing more can be written to the ledger ${name}`,
      'Make room and try again; everything that was finished is kept.',
    );
  }
  if (code.startsWith('SQLITE_BUSY')) return lockedBy(path, '', cause);
  const unwritable = code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM';
  if (allows(existsSync(path) ? path : dirname(path), constants.R_OK) && (unwritable || (ioError && !isWritable(dirname(path))))) {
    return fail(
      'unreachable',
      `the ledger ${name} cannot be written: ${reasonOf(cause)}`,
      'Give this user write access to the file and its directory.',
    );
  }
  if (ioError || /^E[A-Z]+$/.test(code)) {
    return fail(
      'unreachable',
      `the ledger ${name} cannot be opened or read: ${reasonOf(cause)}`,
      'Check the path, the disk and the permissions.',
    );
  }
  return cause;
}

/** SQLite calls a disk that has no room for its shared memory an I/O error; that memory takes 32 kB at a time. */
function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < 64 * 1024;
  } catch {
    return false;
  }
}
