/**
 * Opens the one SQLite file of a ledger, or says in a sentence why not. A ledger opened for writing is this process's alone until it is
 * closed: the lock is a lock of the operating system (on a small file beside the ledger), so it ends with the process, however that ends.
 * Everything is created with mode 0600.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Clock, KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { applicationId, schema, schemaVersion } from './schema.ts';

export type Db = Database.Database;

export interface OpenedDatabase {
  readonly db: Db;
  /** True when the file holds nothing yet: the caller writes the genesis. */
  readonly empty: boolean;
  readonly close: () => void;
}

/** How long a writer waits for another one that is about to finish. */
const patienceMs = 1000;

export function openForReading(path: string): OpenedDatabase {
  if (!existsSync(path)) throw noLedger(path);
  const db = guard(path, () => new Database(path, { readonly: true, timeout: patienceMs }));
  return opened(path, db, () => {
    requireLedger(path, db);
    return { db, empty: false, close: () => db.close() };
  });
}

/** With `create`, a missing or empty file becomes a ledger without records; the caller appends the genesis in the same transaction. */
export function openForWriting(path: string, clock: Clock, create: boolean): OpenedDatabase {
  if (!existsSync(path) && !create) throw noLedger(path);
  if (!existsSync(path)) guard(path, () => createPrivate(path));
  const release = lock(path, clock);
  let db: Db;
  try {
    db = guard(path, () => new Database(path, { fileMustExist: true, timeout: patienceMs }));
  } catch (error) {
    release();
    throw error;
  }
  const close = () => {
    db.close();
    release();
  };
  return opened(
    path,
    db,
    () => {
      const empty = statSync(path).size === 0;
      if (empty && !create) throw noLedger(path);
      if (!empty) requireLedger(path, db);
      // FULL: a committed record is on the disk. WAL: readers see the last commit and never block the writer.
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
      return { db, empty, close };
    },
    release,
  );
}

/** Makes the tables; inside the caller's transaction. */
export function createTables(db: Db): void {
  for (const statement of schema) db.exec(statement);
  db.pragma(`application_id = ${applicationId}`);
  db.pragma(`user_version = ${schemaVersion}`);
}

/** Runs `act`; what SQLite or the file system throws becomes one sentence with its exit code. */
export function guard<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw translate(path, error);
  }
}

function opened(path: string, db: Db, act: () => OpenedDatabase, release: () => void = () => {}): OpenedDatabase {
  try {
    return guard(path, act);
  } catch (error) {
    db.close();
    release();
    throw error;
  }
}

function requireLedger(path: string, db: Db): void {
  const id = db.pragma('application_id', { simple: true });
  const version = Number(db.pragma('user_version', { simple: true }));
  if (id !== applicationId) {
    throw new KubevidenceError('input', `${visible(path)} is a database, but no Kubevidence ledger`, {
      next: 'Name the ledger in kubevidence.yaml (`ledger`).',
    });
  }
  if (version > schemaVersion) {
    throw new KubevidenceError(
      'input',
      `the ledger ${visible(path)} was made by a newer Kubevidence (schema ${version}; this one knows ${schemaVersion})`,
      {
        next: 'Use the newer version; this one changed nothing.',
      },
    );
  }
  if (version < 1)
    throw new KubevidenceError('integrity', `the ledger ${visible(path)} says it has schema ${version}, which never existed`);
}

function noLedger(path: string): KubevidenceError {
  return new KubevidenceError('input', `there is no ledger at ${visible(path)}`, {
    next: 'Create it: `kubevidence init`, then `kubevidence collect`.',
  });
}

function createPrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'wx', 0o600));
}

/** Holds `<path>-lock` until released. Its one row says who holds it, for the message to the one who comes second. */
function lock(path: string, clock: Clock): () => void {
  const file = `${path}-lock`;
  return guard(path, () => {
    if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
    const db = new Database(file, { timeout: patienceMs });
    try {
      db.exec('CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER, host TEXT, since TEXT)');
      db.exec('BEGIN IMMEDIATE');
      db.prepare('INSERT OR REPLACE INTO holder VALUES (1, ?, ?, ?)').run(process.pid, hostname(), clock().toISOString());
      db.exec('COMMIT; BEGIN IMMEDIATE');
      return () => db.close();
    } catch (error) {
      const busy = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
      const who = busy ? holderOf(db) : '';
      db.close();
      throw busy ? lockedBy(path, who, error) : error;
    }
  });
}

function holderOf(db: Db): string {
  try {
    const row = db.prepare<[], { pid: number; host: string; since: string }>('SELECT pid, host, since FROM holder').get();
    return row === undefined ? '' : ` by process ${row.pid} on ${row.host} since ${row.since}`;
  } catch {
    return '';
  }
}

function lockedBy(path: string, who: string, cause: unknown): KubevidenceError {
  return new KubevidenceError('unreachable', `the ledger ${visible(path)} is being written${visible(who)}`, {
    next: 'Wait until it is done, and try again; reading works meanwhile.',
    cause,
  });
}

function translate(path: string, cause: unknown): unknown {
  if (cause instanceof KubevidenceError) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code !== 'string' || !(cause instanceof Error)) return cause;
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
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') {
    return fail(
      'unreachable',
      `the disk is full: nothing more can be written to the ledger ${name}`,
      'Make room and try again; everything that was finished is kept.',
    );
  }
  if (code.startsWith('SQLITE_BUSY')) return lockedBy(path, '', cause);
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return fail(
      'unreachable',
      `the ledger ${name} cannot be written: ${reasonOf(cause)}`,
      'Give this user write access to the file and its directory.',
    );
  }
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN') || /^E[A-Z]+$/.test(code)) {
    return fail(
      'unreachable',
      `the ledger ${name} cannot be opened or read: ${reasonOf(cause)}`,
      'Check the path, the disk and the permissions.',
    );
  }
  return cause;
}
