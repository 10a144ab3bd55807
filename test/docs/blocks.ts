/** The commands of a guide: its fenced `sh` blocks, each run by bash as a reader would type it, in the directory where the last one ended. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findOnPath } from '../cluster/binaries.ts';

export interface Block {
  /** File, line and first command. */
  readonly name: string;
  readonly text: string;
  /** Programs that not every machine has. */
  readonly tools: readonly string[];
}

const tools = ['jq', 'openssl', 'pdfsig', 'python3', 'sha256sum', 'shuf', 'timeout', 'unzip'];

export function readBlocks(file: string): Block[] {
  const blocks: Block[] = [];
  const text = readFileSync(file, 'utf8');
  for (const match of text.matchAll(/^```sh\n(.*?)^```$/gms)) {
    const [, body = ''] = match;
    const line = text.slice(0, match.index).split('\n').length + 1;
    blocks.push({
      name: `${basename(file)}:${line} ${body.split('\n')[0]?.slice(0, 60) ?? ''}`,
      text: body,
      tools: tools.filter((tool) => new RegExp(`(^|[|(;] *|\\$\\()${tool} `, 'm').test(body)),
    });
  }
  return blocks;
}

export function missingTools({ tools: needed }: Block): string[] {
  return needed.filter((tool) => findOnPath(tool) === undefined);
}

/** What a block has to print: the first pattern of the table whose command the block has; anything where there is none. */
export function saidBy({ text }: Block, table: readonly (readonly [command: string, said: RegExp])[]): RegExp {
  return table.find(([command]) => text.includes(command))?.[1] ?? /^/;
}

export interface Finished {
  readonly code: number | null;
  /** What the terminal would show. */
  readonly output: string;
}

export interface Reader {
  /** Where the next block starts. */
  cwd: string;
  run(text: string, cwd?: string): Promise<Finished>;
}

/** `directory` is of the reader alone: home, and programs in `bin` that come first. */
export function openReader(directory: string, cwd: string, env: NodeJS.ProcessEnv): Reader {
  const state = join(directory, '.cwd');
  mkdirSync(join(directory, 'bin'), { recursive: true });
  const reader: Reader = {
    cwd,
    run: (text, where) =>
      new Promise((resolve, reject) => {
        const script = `set -euo pipefail\n${text}\npwd > "${state}"\n`;
        const child = spawn('bash', ['-c', script], {
          cwd: where ?? reader.cwd,
          env: { HOME: directory, NO_COLOR: '1', PATH: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`, ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let output = '';
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (output += part));
        child.on('error', reject);
        child.on('close', (code) => {
          if (code === 0 && where === undefined) reader.cwd = readFileSync(state, 'utf8').trim();
          resolve({ code, output });
        });
      }),
  };
  return reader;
}

/** Puts a program on the reader's path. */
export function install(directory: string, name: string, ...command: readonly string[]): void {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  mkdirSync(join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'bin', name), `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
}
