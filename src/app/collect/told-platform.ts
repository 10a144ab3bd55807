/** What the last run shows of the distribution, and which answers of a provider it was given and does not use: said when a run ends. */
import type { Gap } from '../../model/index.ts';
import { unusedAnswers } from '../../populations/index.ts';
import { describePlatform } from '../assess/platform.ts';
import type { Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { openLedgerForReading } from '../open-ledger.ts';

export interface ToldPlatform {
  readonly platform: string | null;
  readonly unused: readonly Gap[];
}

/** Of a run that has ended and read something. */
export function tellPlatform(context: AppContext, config: Config, cluster: string, run: number): ToldPlatform {
  const ledger = openLedgerForReading(context, config);
  try {
    const reader = ledger.snapshot(cluster, run);
    return { platform: describePlatform(config, reader), unused: unusedAnswers(reader) };
  } finally {
    ledger.close();
  }
}
