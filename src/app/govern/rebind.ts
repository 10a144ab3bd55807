/** `cluster rebind`: somebody answers for another cluster behind a known name. */
import type { Rebinding } from '../../ledger/index.ts';
import type { Config } from '../config.ts';
import { pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { writeToLedger } from '../open-ledger.ts';
import { requireText } from './exceptions.ts';

export interface RebindOrder {
  readonly cluster?: string | undefined;
  readonly reason: string;
  readonly by: string;
}

export function rebindCluster(context: AppContext, config: Config, order: RebindOrder): Promise<Rebinding> {
  const { name: cluster } = pickCluster(config, order.cluster);
  const said = { cluster, reason: requireText('--reason', order.reason), by: requireText('--by', order.by, 200) };
  return writeToLedger(context, config, (ledger) => ledger.rebindCluster(said));
}
