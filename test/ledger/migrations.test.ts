/** A ledger of every schema that ever was is read as it is, migrated by whoever writes, and says afterwards what it said before. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { declared } from '../../src/ledger/storage/migrations.ts';
import { schemas, schemaVersion } from '../../src/ledger/storage/schema.ts';
import { type ReadOut, readOut } from './fixtures/read-out.ts';
import { clockFrom, collect, identity, pod, signerOf } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
const older = schemas.slice(1).map((_, index) => index + 1);
const verified = { ok: true, problems: [] };

function stored(version: number): { path: string; was: ReadOut } {
  const path = temporaryPath();
  copyFileSync(fixture(`schema-${version}.sqlite`), path);
  return { path, was: JSON.parse(readFileSync(fixture(`schema-${version}.json`), 'utf8')) as ReadOut };
}

function withRaw<T>(path: string, act: (raw: Database.Database) => T): T {
  const raw = new Database(path);
  try {
    return act(raw);
  } finally {
    raw.close();
  }
}

const versionOf = (path: string) => withRaw(path, (raw) => raw.pragma('user_version', { simple: true }));
const declarations = (path: string) =>
  withRaw(path, (raw) => raw.prepare<[], unknown[]>('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2').raw().all());

describe.each(older)('a ledger of schema %i', (version) => {
  it('is read and verified as it is', () => {
    const { path, was } = stored(version);
    const bytes = readFileSync(path);
    const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
    expect(readOut(reader)).toEqual(was);
    expect(reader.status().records).toBe(was.records);
    reader.close();
    expect(verifyLedger(path)).toMatchObject(verified);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('is migrated by whoever writes, loses nothing, and goes on', () => {
    const { path, was } = stored(version);
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom('2026-09-01T00:00:00.000Z'), signer: signerOf() });
    expect(readOut(ledger)).toEqual(was);
    expect(collect(ledger, [pod({ name: 'new' })], { identity, resourceVersion: '400' })).toMatchObject({ number: 8, status: 'succeeded' });
    expect(readOut(ledger, was.records)).toMatchObject({ log: was.log, checkpoints: was.checkpoints });
    ledger.close();
    expect(versionOf(path)).toBe(schemaVersion);
    expect(verifyLedger(path)).toMatchObject(verified);
    const fresh = temporaryPath();
    openForTest(fresh).close();
    expect(declarations(path)).toEqual(declarations(fresh));
  });

  it('is left whole when the migration cannot be done', () => {
    const { path, was } = stored(version);
    withRaw(path, (raw) => raw.exec('DROP TRIGGER log_never_changes; CREATE INDEX log_of_snapshots ON tree (run)'));
    expect(() => openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() })).toThrow('already exists');
    expect(versionOf(path)).toBe(version);
    withRaw(path, (raw) => raw.exec(`DROP INDEX log_of_snapshots; ${declared(1).find((sql) => sql.includes('log_never_changes'))}`));
    const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
    expect(readOut(reader)).toEqual(was);
    reader.close();
    expect(verifyLedger(path)).toMatchObject(verified);
  });

  it('is verified against its own schema', () => {
    const { path } = stored(version);
    withRaw(path, (raw) => raw.exec('DROP TRIGGER log_never_changes'));
    expect(verifyLedger(path).problems).toEqual([expect.stringContaining('lacks a part of the schema: CREATE TRIGGER log_never_changes')]);
  });
});
