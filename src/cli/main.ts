/** The entry: parses the command line, runs one command, and turns whatever happens into an exit code and at most five lines. */
import { pathToFileURL } from 'node:url';
import { CommanderError } from 'commander';
import { exitCodeOf } from '../model/index.ts';
import { printError } from './output.ts';
import { buildProgram, exitOfCommander } from './program.ts';
import { openTerminal } from './terminal.ts';

/** As a shell says it of a program that a closed pipe ended: 128 and SIGPIPE. */
const cutOff = 141;

/** Returns the exit code; never throws, and never ends the process, so that buffered output gets out. */
export async function main(argv: readonly string[]): Promise<number> {
  process.umask(0o077);
  const terminal = openTerminal({ out: process.stdout, err: process.stderr }, process.env);
  // Whoever pipes us into `head` has read enough; the exit code says all the same what there was to say.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exit(70);
  });
  // Nobody listens any more: what is done is done all the same, and the exit code says it.
  process.stderr.on('error', () => {});
  let code = 0;
  const app = {
    cwd: process.cwd(),
    env: process.env,
    clock: () => new Date(),
    uid: process.getuid?.() ?? null,
    warn: (text: string) => terminal.note(`warning: ${text}`),
    progress: (text: string) => terminal.status(text),
  };
  try {
    await buildProgram({ app, terminal }, (result) => {
      code = result;
    }).parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return exitOfCommander(error);
    if (error === process.stdout.errored) return cutOff;
    printError(terminal, error);
    return exitCodeOf(error);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
