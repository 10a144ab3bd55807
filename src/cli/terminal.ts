/**
 * What a person sees on a terminal: calm, 80 columns first, numbers aligned, no colour and no cursor movement when the stream is no
 * terminal or NO_COLOR is set. Every text that came from a cluster passes {@link visible} before it gets here.
 */
import { once } from 'node:events';
import { styleText } from 'node:util';
import type { Outcome } from '../model/index.ts';

export interface Streams {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

export interface Terminal {
  /** Width for wrapping, 80 to 160. */
  readonly columns: number;
  print(text?: string): void;
  /**
   * Waits until a reader that is slower has taken what was printed, so that a long answer does not pile up in memory. Rejects when nobody
   * reads any more: what answers line by line need not go on.
   */
  readonly drained?: () => Promise<void>;
  /** To stderr: progress, warnings, errors. */
  note(text: string): void;
  /** Replaces the last status line on a terminal; prints nothing elsewhere. */
  status(text: string): void;
  style(format: Parameters<typeof styleText>[0], text: string): string;
}

export function openTerminal(streams: Streams, env: NodeJS.ProcessEnv): Terminal {
  const colour = streams.out.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const live = streams.err.isTTY && env['TERM'] !== 'dumb';
  let pending = false;
  const clear = () => {
    if (pending) streams.err.write('\r\u001b[2K');
    pending = false;
  };
  return {
    columns: Math.min(160, Math.max(80, streams.out.columns || 80)),
    print(text = '') {
      clear();
      streams.out.write(`${text}\n`);
    },
    async drained() {
      if (streams.out.writableNeedDrain) await once(streams.out, 'drain');
      if (streams.out.errored) throw streams.out.errored;
    },
    note(text) {
      clear();
      streams.err.write(`${text}\n`);
    },
    status(text) {
      if (!live) return;
      clear();
      streams.err.write(text.slice(0, (streams.err.columns || 80) - 1));
      pending = true;
    },
    style: (format, text) => (colour ? styleText(format, text, { validateStream: false }) : text),
  };
}

/** Rows as aligned columns, two spaces between; `right` names columns whose content is aligned right. The last column is not padded. */
export function columnsOf(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] ?? 0) : i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * Wraps at spaces (longer words are cut) for lines of `columns`. The first line stands `first` columns in already; the others get `indent`.
 */
export function wrap(text: string, columns: number, indent = '', first = indent.length): string {
  const lines: string[] = [];
  let line = '';
  const room = () => Math.max(20, columns - (lines.length === 0 ? first : indent.length));
  for (let word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room()) {
      lines.push(line);
      line = '';
    }
    while (word.length > room()) {
      const fits = room();
      lines.push(word.slice(0, fits));
      word = word.slice(fits);
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, i) => (i === 0 ? each : indent + each)).join('\n');
}

const benchmarkWords: Record<Outcome, string> = {
  pass: 'pass',
  fail: 'fail',
  notAssessed: 'not assessed',
  manual: 'need a person',
  providerResponsibility: "provider's part",
  notApplicable: 'not applicable',
};
const lawWords: Record<Outcome, string> = {
  pass: 'no deviation found',
  fail: 'deviations',
  notAssessed: 'not concluded',
  manual: 'need evidence from people',
  providerResponsibility: "provider's part",
  notApplicable: 'not applicable',
};

/** Outcome words: a law is never "passed" (docs/audit-pack: Wording). */
export function outcomeWord(outcome: Outcome, kind: 'benchmark' | 'law' | 'policy'): string {
  return (kind === 'law' ? lawWords : benchmarkWords)[outcome];
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** `3 min ago`, `2 h ago`, `5 d ago`; `in the future` when the clock says so. */
export function ago(instant: string, now: Date): string {
  const seconds = Math.round((now.getTime() - Date.parse(instant)) / 1000);
  if (seconds < -60) return 'in the future';
  if (seconds < 90) return 'just now';
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
