/**
 * Reading where nothing can be written. Readers of a write-ahead log share memory in a file beside the ledger, and SQLite makes that file
 * even for somebody who only reads. Where it is missing and cannot be made (a read-only mount, directory or file, a full disk), a private
 * temporary copy is read instead, log included; it loses its name before the first query, so that nothing of it stays behind.
 */
import { chmodSync, closeSync, constants, copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { KubevidenceError, visible } from '../../model/index.ts';
import { codeOf, isWritable, lockedBy } from './database-errors.ts';

// The last belongs to a ledger that is becoming one with a write-ahead log.
const suffixes = ['', '-wal', '-journal'];
const attempts = 3;

/** Whether SQLite would fail to share memory, or would leave a file behind that the next writer may not write. */
export function cannotBeShared(path: string): boolean {
  return needsSharing(path) && !existsSync(`${path}-shm`) && !(isWritable(path) && isWritable(dirname(path)));
}

/** Whether sharing memory is what failed. */
export function isUnshared(path: string, error: unknown): boolean {
  return /^SQLITE_(CANTOPEN|FULL|READONLY|IOERR_SHM)/.test(codeOf(error)) && needsSharing(path);
}

/** Byte 18 of the file says whether readers look for a write-ahead log; without one, only a transaction that was cut off needs room. */
function needsSharing(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  const file = openSync(path, 'r');
  try {
    const version = Buffer.alloc(1);
    return readSync(file, version, 0, 1, 18) === 1 && (version[0] !== 1 || existsSync(`${path}-journal`));
  } finally {
    closeSync(file);
  }
}

/** Throws `unreachable` when there is no room for the copy, or the ledger is being written. */
export function openCopy(path: string): { readonly db: Database.Database; readonly close: () => void } {
  const { directory, copy } = makeCopy(path);
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const whole = new Database(copy);
    try {
      // Brings what the write-ahead log holds into the file.
      whole.pragma('journal_mode = DELETE');
    } finally {
      whole.close();
    }
    const db = new Database(copy, { readonly: true });
    // Windows removes no file that is open.
    if (process.platform !== 'win32') remove();
    const close = () => {
      db.close();
      remove();
    };
    return { db, close };
  } catch (error) {
    remove();
    throw error;
  }
}

function makeCopy(path: string): { directory: string; copy: string } {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = stateOf(path);
    const made = copyFiles(path);
    if (stateOf(path) === before) return made;
    rmSync(made.directory, { recursive: true, force: true });
  }
  throw lockedBy(path, '');
}

function copyFiles(path: string): { directory: string; copy: string } {
  let directory: string | undefined;
  try {
    directory = mkdtempSync(join(tmpdir(), 'kubevidence-read-'));
    const copy = join(directory, basename(path));
    for (const suffix of suffixes) {
      if (!existsSync(path + suffix)) continue;
      copyFileSync(path + suffix, copy + suffix, constants.COPYFILE_FICLONE);
      chmodSync(copy + suffix, 0o600);
    }
    return { directory, copy };
  } catch (cause) {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    const [name, where] = [visible(path), visible(tmpdir())];
    throw new KubevidenceError(
      'unreachable',
      `beside the ledger ${name} nothing can be written, and no copy of it can be made in ${where}`,
      {
        next: 'Copy the ledger, with its -wal file if there is one, to where you can write, and name that copy.',
        cause,
      },
    );
  }
}

/** Differs when anybody wrote. */
function stateOf(path: string): string {
  return suffixes
    .map((suffix) => {
      const state = statSync(path + suffix, { bigint: true, throwIfNoEntry: false });
      return state === undefined ? '-' : [state.ino, state.size, state.mtimeNs].join(' ');
    })
    .join('\n');
}
