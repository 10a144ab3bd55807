/** Runs one process to its end and says what it took: wall time from before the start, CPU, and the peak of its memory (Linux: VmHWM). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Measured {
  readonly ms: number;
  /** User and system, of all threads. */
  readonly cpuMs: number;
  readonly peakMb: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const probe = join(import.meta.dirname, 'probe.mjs');
const marker = 'bench-probe ';
// Whoever installs the package has no cache of compiled code.
const { NODE_COMPILE_CACHE: _cache, ...inherited } = process.env;

/** `command` is a script and its arguments, for the node that runs this; `flags` are node's own. */
export function measure(
  command: readonly string[],
  { cwd, env = {}, flags = [] }: { cwd: string; env?: NodeJS.ProcessEnv; flags?: readonly string[] },
) {
  return new Promise<Measured>((resolve, reject) => {
    const started = performance.now();
    const args = ['--disable-warning=ExperimentalWarning', ...flags, ...command];
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...inherited, ...env, NODE_OPTIONS: `--import=${probe}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const ms = performance.now() - started;
      const said = Buffer.concat(err).toString('utf8').split('\n');
      const line = said.findLast((each) => each.startsWith(marker)) ?? `${marker}{}`;
      const { cpuMs = 0, peakMb = 0 } = JSON.parse(line.slice(marker.length)) as Partial<Measured>;
      const stderr = said.filter((each) => !each.startsWith(marker)).join('\n');
      resolve({ ms, cpuMs, peakMb, code, stdout: Buffer.concat(out).toString('utf8'), stderr });
    });
  });
}
