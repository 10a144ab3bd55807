/**
 * The ledger as JSON lines that anybody can read and check without this program (export-format.ts, export-readme.ts). It holds what the
 * last checkpoint signs, and everything that those records name: a run that has not ended is left out, so all that is exported can be
 * proved. One state is read, whatever a writer does meanwhile; the directory appears whole or not at all. The same ledger gives the same
 * bytes, also after an import.
 */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubevidenceError } from '../../model/index.ts';
import { guard } from '../storage/database-errors.ts';
import { openForReading } from '../storage/database.ts';
import { describeExport, type ExportFile, exportFiles } from './export-format.ts';
import { exportedLines } from './export-lines.ts';
import { exportReadme } from './export-readme.ts';
import { openLines } from './line-files.ts';
import { discard, guardFile, placeDirectory, refuseExisting, temporaryNameFor } from '../storage/new-file.ts';
import { createStores, type Stores } from '../stores.ts';
import { verifyLedger } from '../verification/verify.ts';

export interface ExportedLedger {
  readonly path: string;
  readonly bytes: number;
  /** Lines of each file. */
  readonly lines: Readonly<Record<ExportFile, number>>;
  /** Records after the last checkpoint, which announce runs that have not ended. */
  readonly leftOut: number;
}

/**
 * Throws `usage` when there is something at `out`; `integrity` for a ledger that does not verify.
 */
export function exportLedger(path: string, out: string): ExportedLedger {
  refuseExisting(out);
  const { ok, problems } = verifyLedger(path);
  if (!ok) {
    throw new KubevidenceError('integrity', `the ledger does not verify, and is not exported: ${problems[0] ?? ''}`, {
      next: 'See what is wrong: `kubevidence ledger verify`.',
    });
  }
  const { db, close } = openForReading(path);
  const temporary = temporaryNameFor(out);
  try {
    guardFile(out, () => mkdirSync(temporary, { mode: 0o700 }));
    return guard(path, () => {
      db.exec('BEGIN');
      const stores = createStores(db);
      const size = signedSize(stores);
      const lines = guardFile(out, () => writeFiles(stores, size, temporary));
      const bytes = exportFiles.reduce((sum, file) => sum + statSync(join(temporary, file)).size, 0);
      placeDirectory(temporary, out);
      return { path: out, bytes, lines, leftOut: stores.log.size() - size };
    });
  } finally {
    close();
    discard(temporary);
  }
}

/** How many records are signed. In a ledger that verifies, what is not only announces runs: those have no evidence yet. */
function signedSize({ log }: Stores): number {
  return log.lastCheckpoint()?.size ?? 0;
}

function writeFiles(stores: Stores, size: number, directory: string): Record<ExportFile, number> {
  const sources = exportedLines(stores, size);
  const counts = exportFiles.map((file) => {
    const lines = openLines(join(directory, file));
    try {
      for (const line of sources[file]()) lines.write(line);
      return [file, lines.finish()] as const;
    } finally {
      lines.close();
    }
  });
  const lines = Object.fromEntries(counts) as Record<ExportFile, number>;
  const { ledger, logKey } = stores.log.genesis();
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o600, flush: true, flag: 'wx' });
  write('export.json', describeExport(ledger, logKey, lines));
  write('README.md', exportReadme);
  return lines;
}
