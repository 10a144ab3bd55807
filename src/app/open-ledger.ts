/**
 * Opens the configured ledger for writing, the only way there is: with its key, compared with its last published checkpoint, and with a
 * place to publish the next.
 */
import { createPublishedHeads, type Ledger, type LedgerOptions, openLedger } from '../ledger/index.ts';
import { checkpointsDirectory } from './checkpoints-directory.ts';
import type { Config } from './config.ts';
import type { AppContext } from './context.ts';
import { loadLogSigner } from './keys/keys.ts';

export async function openLedgerForWriting(
  context: Pick<AppContext, 'env' | 'clock' | 'warn'>,
  config: Pick<Config, 'ledgerPath' | 'keys' | 'checkpoints'>,
  options: Pick<LedgerOptions, 'create' | 'restored' | 'signer'> = {},
): Promise<Ledger> {
  return openLedger({
    path: config.ledgerPath,
    mode: 'write',
    clock: context.clock,
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
