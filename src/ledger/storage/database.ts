/**
 * Opens the one SQLite file of a ledger, or says in a sentence why not. A ledger opened for writing is this process's alone until it is
 * closed, and of the current schema. A reader changes nothing. Everything is created with mode 0600.
 */
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Clock, KubevidenceError, visible } from '../../model/index.ts';
import { guard, noLedger } from './database-errors.ts';
import { migrate, schemaOf, standIn } from './migrations.ts';
import { cannotBeShared, isUnshared, openCopy } from './readable-copy.ts';
import { applicationId, schemaVersion } from './schema.ts';
import { lockForWriting } from './writer-lock.ts';

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
  return guard(path, () => {
    requireFile(path);
    accessSync(path, constants.R_OK);
    if (cannotBeShared(path)) return readable(path, openCopy(path));
    try {
      const db = new Database(path, { readonly: true, timeout: patienceMs });
      return readable(path, { db, close: () => db.close() });
    } catch (error) {
      if (!isUnshared(path, error)) throw error;
      return readable(path, openCopy(path));
    }
  });
}

/** With `create`, a missing or empty file becomes a ledger without records; the caller appends the genesis in the same transaction. */
export function openForWriting(path: string, clock: Clock, create: boolean): OpenedDatabase {
  if (!existsSync(path) && !create) throw noLedger(path);
  return guard(path, () => {
    if (!existsSync(path)) createPrivate(path);
    requireFile(path);
    accessSync(path, constants.W_OK);
    const release = lockForWriting(path, clock, patienceMs);
    return closedOnError(release, () => {
      const db = new Database(path, { fileMustExist: true, timeout: patienceMs });
      const close = () => {
        db.close();
        release();
      };
      return closedOnError(close, () => {
        const empty = isEmpty(db);
        if (empty && !create) throw noLedger(path);
        if (!empty) requireLedger(path, db);
        requireDurable(path, db);
        if (!empty) migrate(db);
        db.pragma('foreign_keys = ON');
        return { db, empty, close };
      });
    });
  });
}

/** FULL: a committed record is on the disk. WAL: readers see the last commit and never block the writer. */
function requireDurable(path: string, db: Db): void {
  const mode = db.pragma('journal_mode = WAL', { simple: true });
  db.pragma('synchronous = FULL');
  if (mode === 'wal' && db.pragma('synchronous', { simple: true }) === 2) return;
  throw new KubevidenceError('unreachable', `the disk of the ledger ${visible(path)} cannot be shared by readers and a writer`, {
    next: 'Keep the ledger on a local disk.',
  });
}

function readable(path: string, { db, close }: { readonly db: Db; readonly close: () => void }): OpenedDatabase {
  return closedOnError(close, () => {
    if (isEmpty(db)) throw noLedger(path);
    requireLedger(path, db);
    standIn(db);
    return { db, empty: false, close };
  });
}

function closedOnError<T>(close: () => void, act: () => T): T {
  try {
    return act();
  } catch (error) {
    close();
    throw error;
  }
}

/** No ledger yet: a process may die between making the file and writing the genesis. */
function isEmpty(db: Db): boolean {
  const tables = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  return tables === 0 && schemaOf(db) === 0 && db.pragma('application_id', { simple: true }) === 0;
}

function requireLedger(path: string, db: Db): void {
  const id = db.pragma('application_id', { simple: true });
  const version = schemaOf(db);
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
  const foreign = db.prepare<[], string>("SELECT sql FROM sqlite_schema WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'").pluck().get();
  // A view in place of a table can answer anything, or never end.
  if (foreign !== undefined)
    throw new KubevidenceError(
      'integrity',
      `the ledger ${visible(path)} has something that no ledger has: ${visible(foreign.slice(0, 80))}`,
      {
        next: 'Restore a backup; see who could write to the file.',
      },
    );
  if (version < 1)
    throw new KubevidenceError('integrity', `the ledger ${visible(path)} says it has schema ${version}, which never existed`);
}

/** Opening a named pipe would wait for somebody who writes it. */
function requireFile(path: string): void {
  if (statSync(path).isFile()) return;
  throw new KubevidenceError('unreachable', `the ledger ${visible(path)} cannot be opened or read: it is no regular file`, {
    next: 'Name the ledger in kubevidence.yaml (`ledger`).',
  });
}

function createPrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Two processes may be here at once; both then wait for the lock.
  closeSync(openSync(path, 'a', 0o600));
}
