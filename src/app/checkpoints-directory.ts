/** Where the checkpoints of a ledger are published on this machine: known without loading the ledger, which a collection leaves to its worker. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Config } from './config.ts';
import type { AppContext } from './context.ts';

/** Where published checkpoints are kept: as configured, else in the user's state directory (XDG Base Directory). */
export function checkpointsDirectory({ env }: Pick<AppContext, 'env'>, { checkpoints }: Pick<Config, 'checkpoints'>): string {
  if (checkpoints !== null) return checkpoints;
  const state = env['XDG_STATE_HOME'];
  const home = env['HOME'] ?? homedir();
  return join(state !== undefined && isAbsolute(state) ? state : join(home, '.local', 'state'), 'kubevidence');
}
