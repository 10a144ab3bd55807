/**
 * A new ledger from an export (export.ts). Every line must be one that the export writes; ids are compared with salts and texts as they are
 * read, and the finished ledger is proved as any other, from the signed checkpoints down to each object, before it gets its name. What does
 * not hold is refused with file and line; an existing ledger is never touched.
 */
import { closeSync, lstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import { guard } from '../storage/database-errors.ts';
import { describeExport, type ExportFile, exportFiles } from './export-format.ts';
import type { LedgerCounts } from '../decisions/findings.ts';
import { createImporter, type Importer } from './import-lines.ts';
import type { LineTaker } from './import-log.ts';
import { readLines } from './line-files.ts';
import { createTables } from '../storage/migrations.ts';
import { discard, guardFile, placeFile, refuseExisting, temporaryNameFor } from '../storage/new-file.ts';
import { createStores } from '../stores.ts';
import { verifyLedger } from '../verification/verify.ts';

export interface ImportedLedger {
  readonly path: string;
  readonly bytes: number;
  readonly counts: Readonly<LedgerCounts>;
  /** As the first record says. */
  readonly genesis: { readonly at: string; readonly ledger: string };
}

/**
 * Throws `usage` when there is something at `path`; `input` for a directory or a line that is no export's; `integrity` for what does not
 * hold.
 */
export function importLedger(directory: string, path: string): ImportedLedger {
  // What a journal of an earlier ledger holds would be written into the new one.
  for (const each of [path, `${path}-wal`, `${path}-journal`]) refuseExisting(each);
  requireDirectory(directory);
  const temporary = temporaryNameFor(path);
  try {
    guardFile(path, () => closeSync(openSync(temporary, 'wx', 0o600)));
    const { importer, genesis } = guard(path, () => fill(directory, temporary));
    const { ok, problems, counts } = verifyLedger(temporary);
    if (!ok) throw refusal(directory, problems, importer);
    placeFile(temporary, path);
    return { path, bytes: statSync(path).size, counts, genesis };
  } finally {
    discard(temporary);
  }
}

function requireDirectory(directory: string): void {
  const found = guardFile(directory, () => lstatSync(directory, { throwIfNoEntry: false }));
  if (found?.isDirectory() === true) return;
  throw new KubevidenceError('input', `${visible(directory)} is no directory`, {
    next: 'Name one that `kubevidence ledger export` wrote.',
  });
}

function fill(directory: string, file: string): { importer: Importer; genesis: ImportedLedger['genesis'] } {
  const db = new Database(file, { fileMustExist: true });
  try {
    // Nobody else knows the file, and what a crash leaves of it is thrown away: it is made durable once, when it gets its name.
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = ON');
    createTables(db);
    const stores = createStores(db);
    const importer = createImporter(stores);
    const counts = Object.fromEntries(exportFiles.map((name) => [name, 0])) as Record<ExportFile, number>;
    db.exec('BEGIN');
    for (const name of exportFiles) counts[name] = readFile(join(directory, name), importer.files[name]);
    db.exec('COMMIT');
    const { at, ledger, logKey } = stores.log.genesis();
    requireDescription(join(directory, 'export.json'), describeExport(ledger, logKey, counts));
    return { importer, genesis: { at, ledger } };
  } finally {
    db.close();
  }
}

function readFile(path: string, taker: LineTaker): number {
  let last = 0;
  const placed = (act: () => void, line: number) => {
    try {
      act();
    } catch (error) {
      throw at(error, path, line);
    }
  };
  for (const { text, line } of readLines(path, taker.longest)) {
    placed(() => taker.take(text, line), line);
    last = line;
  }
  placed(() => taker.end(), Math.max(1, last));
  return last;
}

/** The same failure, at its line. What SQLite refuses is a line that no ledger could have written. */
function at(error: unknown, file: string, line: number): unknown {
  const place = { file, line };
  if (error instanceof KubevidenceError) {
    const { code, message, means, next } = error;
    return new KubevidenceError(code, message, { place, ...(means && { means }), ...(next && { next }), cause: error });
  }
  const refused = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT');
  return refused
    ? new KubevidenceError('integrity', `the line does not fit the others: ${reasonOf(error)}`, { place, cause: error })
    : error;
}

function requireDescription(file: string, expected: string): void {
  const wanted = expected.split('\n').slice(0, -1);
  const fail = (line: number, said: string) =>
    new KubevidenceError('integrity', `this says ${said}, and the files hold ${plain(wanted[line - 1]) || 'nothing more'}`, {
      place: { file, line },
      next: 'Copy the export again: something of it is missing, or is of another.',
    });
  let last = 0;
  for (const { text, line } of readLines(file, 65_536)) {
    if (text !== wanted[line - 1]) throw fail(line, plain(text.slice(0, 200)));
    last = line;
  }
  if (last < wanted.length) throw fail(last + 1, 'nothing');
}

function plain(line = ''): string {
  return visible(line.trim().replace(/,$/, ''));
}

function refusal(directory: string, problems: readonly string[], importer: Importer): KubevidenceError {
  const [first = 'the ledger does not verify'] = problems;
  const place = importer.placeOf(first);
  return new KubevidenceError('integrity', first, {
    place: place === undefined ? { file: directory } : { ...place, file: join(directory, place.file) },
    means: problems.length > 1 ? `${problems.length - 1} more things do not hold` : 'Nothing was imported',
    next: 'Export the ledger again, or find out who changed the export.',
  });
}
