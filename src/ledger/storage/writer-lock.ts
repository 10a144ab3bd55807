/**
 * One writer at a time. The lock is a lock of the operating system on a small database beside the ledger (`<path>-lock`), so it ends with
 * the process that holds it, however that ends; its one row says who that is, for the message to the one who comes second.
 */
import { closeSync, openSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import Database from 'better-sqlite3';
import { type Clock, KubevidenceError, visible } from '../../model/index.ts';
import { codeOf, lockedBy } from './database-errors.ts';

/** Waits up to `patienceMs`; then throws who holds the ledger. Returns how to let go. */
export function lockForWriting(path: string, clock: Clock, patienceMs: number): () => void {
  // By its real name, as SQLite itself finds the files beside it: two links to one ledger have one lock.
  const file = `${realpathSync(path)}-lock`;
  closeSync(openSync(file, 'a', 0o600));
  const db = new Database(file, { timeout: patienceMs });
  try {
    db.exec('CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER, host TEXT, since TEXT)');
    db.exec('BEGIN IMMEDIATE');
    db.prepare('INSERT OR REPLACE INTO holder VALUES (1, ?, ?, ?)').run(process.pid, hostname(), clock().toISOString());
    db.exec('COMMIT; BEGIN IMMEDIATE');
    return () => db.close();
  } catch (error) {
    const who = codeOf(error).startsWith('SQLITE_BUSY') ? holderOf(db) : undefined;
    db.close();
    if (who !== undefined) throw lockedBy(path, who, error);
    if (/^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error))) throw damagedLock(file, error);
    throw error;
  }
}

function holderOf(db: Database.Database): string {
  try {
    const row = db.prepare<[], { pid: number; host: string; since: string }>('SELECT pid, host, since FROM holder').get();
    return row === undefined ? '' : ` by process ${row.pid} on ${row.host} since ${row.since}`;
  } catch {
    return '';
  }
}

function damagedLock(file: string, cause: unknown): KubevidenceError {
  return new KubevidenceError('unreachable', `the lock of the ledger, ${visible(file)}, is damaged`, {
    means: 'It holds nothing but who writes; the ledger itself was not touched.',
    next: 'Make sure that nobody writes to the ledger, and remove this one file.',
    cause,
  });
}
