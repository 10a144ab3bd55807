/** Ledgers that live as long as the test that made them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Ledger, openLedger } from '../../src/ledger/index.ts';
import { clockFrom, create, signerOf } from './given.ts';

export function temporaryPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'ledger.db');
}

export function openForTest(path = temporaryPath(), clock = clockFrom()): Ledger {
  const ledger = openLedger({ path, mode: 'write', clock, signer: signerOf(), create });
  onTestFinished(() => ledger.close());
  return ledger;
}
