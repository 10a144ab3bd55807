/** What every command gets and gives. */
import type { AppContext } from '../app/index.ts';
import type { Terminal } from './terminal.ts';

export interface Session {
  readonly app: AppContext;
  readonly terminal: Terminal;
}

/** Returns the exit code. */
export type Action<Options> = (session: Session, options: Options, args: readonly string[]) => Promise<number>;
