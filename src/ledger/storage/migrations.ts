/**
 * From one schema to the next, forwards only. Whoever opens for writing migrates, in one transaction: a process that dies in it leaves the
 * older ledger, whole. A reader changes nothing: it reads an older ledger as it is, and what that ledger cannot have yet is empty.
 */
import type Database from 'better-sqlite3';
import { KubevidenceError } from '../../model/index.ts';
import { applicationId, schemas, schemaVersion } from './schema.ts';

export function schemaOf(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** Every statement that makes an empty ledger of a version; `verify` compares them with what a file declares. */
export function declared(version: number): string[] {
  return schemas.slice(0, version).flat();
}

/** Makes the tables of the current schema; inside the caller's transaction. */
export function createTables(db: Database.Database): void {
  for (const statement of declared(schemaVersion)) db.exec(statement);
  db.pragma(`application_id = ${applicationId}`);
  db.pragma(`user_version = ${schemaVersion}`);
}

/** Brings a ledger that is open for writing to the current schema. Leaves foreign keys unenforced, as rebuilding a table needs it. */
export function migrate(db: Database.Database): void {
  if (schemaOf(db) === schemaVersion) return;
  db.pragma('foreign_keys = OFF');
  db.transaction(() => {
    for (const statement of schemas.slice(schemaOf(db)).flat()) db.exec(statement);
    if ((db.pragma('foreign_key_check') as unknown[]).length > 0) {
      throw new KubevidenceError('integrity', 'the ledger names rows that are missing, and was not migrated', {
        next: 'See what is damaged: `kubevidence ledger verify`; then restore a backup.',
      });
    }
    db.pragma(`user_version = ${schemaVersion}`);
  }).immediate();
}

/** Gives a reader of an older ledger the tables that it lacks, empty, in the connection's own temporary schema. */
export function standIn(db: Database.Database): void {
  const missing = schemas.slice(schemaOf(db)).flat();
  db.pragma('temp_store = MEMORY');
  // A stand-in may reference a table that is none; nobody writes here.
  db.pragma('foreign_keys = OFF');
  for (const statement of missing)
    if (statement.startsWith('CREATE TABLE ')) db.exec(statement.replace('CREATE TABLE', 'CREATE TEMP TABLE'));
}
