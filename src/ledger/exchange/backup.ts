/**
 * A copy of the ledger at one moment, while others may write it: a snapshot of SQLite's own making, proved like any ledger before it gets
 * its name. It is one file without a journal, so it can be kept anywhere and opened from a read-only place.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { KubevidenceError } from '../../model/index.ts';
import { guard } from '../storage/database-errors.ts';
import { type Db, openForReading } from '../storage/database.ts';
import type { LedgerCounts } from '../decisions/findings.ts';
import { discard, guardFile, placeFile, refuseExisting, temporaryNameFor } from '../storage/new-file.ts';
import { type LedgerStatus, readStatus } from '../reading/status.ts';
import { createStores } from '../stores.ts';
import { verifyLedger } from '../verification/verify.ts';

export interface LedgerBackup {
  readonly path: string;
  readonly bytes: number;
  readonly counts: Readonly<LedgerCounts>;
  readonly runs: LedgerStatus['runs'];
  readonly genesis: LedgerStatus['genesis'];
  readonly lastCheckpoint: LedgerStatus['lastCheckpoint'];
}

// 4 MB a step of the event loop.
const pagesAtOnce = 1000;

/** Throws `usage` when there is something at `out`; `integrity` when the copy does not verify, which then is not kept. */
export async function backupLedger(path: string, out: string): Promise<LedgerBackup> {
  refuseExisting(out);
  const { db, close } = openForReading(path);
  const temporary = temporaryNameFor(out);
  try {
    guardFile(out, () => closeSync(openSync(temporary, 'wx', 0o600)));
    // With its own view open, a copy is not started again by every commit of a writer.
    guard(path, () => db.exec('BEGIN; SELECT count(*) FROM log'));
    try {
      await db.backup(temporary, { progress: () => pagesAtOnce });
      const copy = new Database(temporary, { fileMustExist: true });
      copy.pragma('journal_mode = DELETE');
      sweep(copy);
      copy.close();
    } catch (error) {
      guard(out, () => {
        throw error;
      });
    }
    const { ok, problems, counts } = verifyLedger(temporary);
    if (!ok) {
      throw new KubevidenceError('integrity', `the ledger does not verify, so this would be no backup: ${problems[0] ?? ''}`, {
        next: 'See what is wrong: `kubevidence ledger verify`.',
      });
    }
    const { runs, genesis, lastCheckpoint } = describe(temporary);
    placeFile(temporary, out);
    return { path: out, bytes: statSync(out).size, counts, runs, genesis, lastCheckpoint };
  } finally {
    close();
    discard(temporary);
  }
}

/** Where an erasure was not finished, free pages may still hold what is gone: the copy gets none of them. */
function sweep(copy: Db): void {
  const known = copy.prepare<[], number>("SELECT count(*) FROM sqlite_schema WHERE name = 'unswept'").pluck().get() ?? 0;
  if (known > 0 && copy.prepare('SELECT 1 FROM unswept').get() !== undefined) copy.exec('VACUUM');
}

function describe(path: string): LedgerStatus {
  const { db, close } = openForReading(path);
  try {
    return guard(path, () => readStatus(createStores(db)));
  } finally {
    close();
  }
}
