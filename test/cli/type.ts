/** Types a command line as people do, in this process: what is printed, what is noted, and the exit code. */
import { printError } from '../../src/cli/output.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { exitCodeOf } from '../../src/model/index.ts';

export interface Typed {
  readonly code: number;
  /** Standard output, lines joined. */
  readonly out: string;
  /** Standard error: notes, warnings, errors. */
  readonly err: string;
}

export interface Typist {
  /** Where it is typed; also HOME. */
  readonly home: string;
  readonly clock: () => Date;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function typist({ home, clock, columns = 100, env = {} }: Typist): (...args: readonly string[]) => Promise<Typed> {
  return async (...args) => {
    const [out, err]: [string[], string[]] = [[], []];
    const terminal: Terminal = {
      columns,
      print: (text = '') => void out.push(text),
      note: (text) => void err.push(text),
      status: () => {},
      style: (_, text) => text,
    };
    const app = {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, ...env },
      clock,
      uid: process.getuid?.() ?? null,
      warn: (text: string) => void err.push(text),
      progress: () => {},
    };
    let code = 0;
    try {
      await buildProgram({ app, terminal }, (result) => {
        code = result;
      }).parseAsync(args, { from: 'user' });
    } catch (error) {
      printError(terminal, error);
      code = exitCodeOf(error);
    }
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
}
