/**
 * Opens the configured ledger, the only way there is. For writing: with its key, compared with its last published checkpoint, and with a
 * place to publish the next. What other versions of the collectors did not keep is a gap to whoever reads.
 */
import { gapOfVersion } from '../collectors/index.ts';
import { createPublishedHeads, type Ledger, type LedgerOptions, openLedger } from '../ledger/index.ts';
import { checkpointsDirectory } from './checkpoints-directory.ts';
import type { Config } from './config.ts';
import type { AppContext } from './context.ts';
import { loadLogSigner } from './keys/keys.ts';

export function openLedgerForReading({ clock }: Pick<AppContext, 'clock'>, { ledgerPath }: Pick<Config, 'ledgerPath'>): Ledger {
  return openLedger({ path: ledgerPath, mode: 'read', clock, gapOf: (listing) => gapOfVersion(listing) });
}

export async function openLedgerForWriting(
  context: Pick<AppContext, 'env' | 'clock' | 'warn'>,
  config: Pick<Config, 'ledgerPath' | 'keys' | 'checkpoints'>,
  options: Pick<LedgerOptions, 'create' | 'restored' | 'signer'> = {},
): Promise<Ledger> {
  return openLedger({
    path: config.ledgerPath,
    mode: 'write',
    clock: context.clock,
    gapOf: (listing) => gapOfVersion(listing),
    signer: options.signer ?? (await loadLogSigner(config.keys)),
    published: createPublishedHeads(checkpointsDirectory(context, config)),
    warn: context.warn,
    ...options,
  });
}

/** Opens the ledger for writing, acts, signs the head, and closes it whatever happens. */
export async function writeToLedger<T>(context: AppContext, config: Config, act: (ledger: Ledger) => T): Promise<T> {
  const ledger = await openLedgerForWriting(context, config);
  try {
    const result = act(ledger);
    ledger.checkpoint();
    return result;
  } finally {
    ledger.close();
  }
}
