/**
 * `serve`: stays, and collects and judges by the schedule. Its log goes to stderr: short lines on a terminal, JSON lines elsewhere. SIGTERM
 * and SIGINT end it within ten seconds; another one, two seconds later, ends it at once.
 */
import { type ServeEvent, serveCommand } from '../app/index.ts';
import { toJsonLine } from './output.ts';
import type { Action } from './session.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly log?: 'text' | 'json';
}

/** A terminal, `timeout` or npm may deliver one signal twice. */
const sameSignalMs = 2000;
/** Whatever hangs ends with the process; the ledger is whole at every moment. */
const latestMs = 9500;

export const serveAction: Action<Options> = async ({ app, terminal }, options) => {
  const stop = new AbortController();
  const format = options.log ?? (process.stderr.isTTY ? 'text' : 'json');
  // A log that cannot be written, because its disk is full or nobody reads it, must not stop the recording.
  process.stderr.on('error', () => {});
  const log = (event: ServeEvent) => terminal.note(format === 'json' ? toJsonLine(event) : describeEvent(terminal, event));
  const tell = (event: 'stopping' | 'stopped', message: string) => log({ at: app.clock().toISOString(), level: 'info', event, message });
  let signalled = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (stop.signal.aborted && now - signalled > sameSignalMs) process.exit(130);
    if (stop.signal.aborted) return;
    signalled = now;
    tell('stopping', `${signal}: ends within ten seconds`);
    stop.abort();
    setTimeout(() => process.exit(0), latestMs).unref();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    await serveCommand(app, { configPath: options.config, log, stop: stop.signal });
    tell('stopped', 'nothing is under way');
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
  return 0;
};

function describeEvent(terminal: Terminal, { at, level, cluster, message, next }: ServeEvent): string {
  const mark = level === 'info' ? '' : `${terminal.style(level === 'error' ? ['red', 'bold'] : 'bold', level)} `;
  const more = next === undefined ? '' : `\n  ${next}`;
  return `${at.slice(0, 19)}Z ${mark}${cluster === undefined ? '' : `${cluster}: `}${message}${more}`;
}
