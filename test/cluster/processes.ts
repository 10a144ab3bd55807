/**
 * The processes of one test cluster, recorded in `DIR/processes` in the order of their start. They end newest first (etcd before the
 * API server would leave that one hanging), by the recorded id and only while it is still the same process. Unless they are meant to
 * outlive us, a small reaper ends them when this process dies, however it dies.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export type ProcessHandle = { readonly name: string; readonly pid: number; readonly child: ChildProcess };

/** Starts a process of the cluster in `dir`, its output going to `log/NAME.log`, and records it. */
export function startProcess(dir: string, name: string, command: string, args: readonly string[], cwd = dir): ProcessHandle {
  const log = openSync(join(dir, 'log', `${name}.log`), 'a', 0o600);
  try {
    const child = spawn(command, args, { cwd, stdio: ['ignore', log, log], detached: true });
    child.on('error', () => undefined); // without a pid: reported below
    if (child.pid === undefined) throw new Error(`${name} could not be started: ${command}`);
    appendFileSync(join(dir, 'processes'), `${child.pid} ${identify(child.pid) ?? '-'} ${name}\n`);
    child.unref();
    return { name, pid: child.pid, child };
  } finally {
    closeSync(log);
  }
}

/** True while the process runs. */
export function isRunning({ child }: ProcessHandle): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Waits until `ready` says so; throws when the time is over, or with the end of the log when one of `processes` ends meanwhile. */
export async function waitFor(
  what: string,
  timeoutMs: number,
  processes: readonly (ProcessHandle | undefined)[],
  dir: string,
  ready: () => Promise<boolean>,
): Promise<void> {
  const watched = processes.filter((handle) => handle !== undefined);
  const logs = () =>
    watched.map(({ name }) => `${name}.log ends:\n${readFileSync(join(dir, 'log', `${name}.log`), 'utf8').slice(-1500)}`).join('\n');
  for (const deadline = Date.now() + timeoutMs; !(await ready()); await wait(50)) {
    const ended = watched.find((handle) => !isRunning(handle));
    if (ended) throw new Error(`${ended.name} ended while waiting for ${what}; ${logs()}`);
    if (Date.now() > deadline) throw new Error(`no ${what} within ${timeoutMs / 1000} s; ${logs()}`);
  }
}

/** Ends one process: SIGTERM, and SIGKILL when it is still there after `graceMs`. */
export async function endProcess(pid: number, graceMs = 1500): Promise<void> {
  const identity = identify(pid);
  const gone = () => identity === undefined || identify(pid) !== identity;
  for (const [name, patience] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 10_000],
  ] as const) {
    if (gone() || !signal(pid, name)) return;
    for (const deadline = Date.now() + patience; Date.now() < deadline && !gone(); ) await wait(20);
  }
}

/** True when any process recorded in `dir` still runs. */
export function anyRunning(dir: string): boolean {
  return recorded(dir).length > 0;
}

/** Ends all that was started in `dir`, unmounts what the kubelet mounted there, and removes the directory. */
export async function endAll(dir: string): Promise<void> {
  for (const pid of recorded(dir).toReversed()) await endProcess(pid);
  for (const point of mountsBelow(dir)) spawnSync('umount', [point]);
  const left = mountsBelow(dir);
  if (left.length > 0) throw new Error(`still mounted, so ${dir} is left as it is: ${left.join(', ')}`);
  rmSync(dir, { recursive: true, force: true });
}

/** Starts the reaper: when the pipe to it closes, because this process ended, it runs endAll(dir). Returns how to dismiss it. */
export function startReaper(dir: string): () => void {
  const script = join(import.meta.dirname, 'reaper.ts');
  // The shell waits in `cat`; Node is only loaded when there is something to end.
  const child = spawn('/bin/sh', ['-c', 'cat >/dev/null; exec "$@"', 'sh', process.execPath, script, dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  return () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) signal(-child.pid, 'SIGKILL');
  };
}

/** Ids of the recorded processes that still are what was recorded, oldest first. */
function recorded(dir: string): number[] {
  const file = join(dir, 'processes');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
  return lines.flatMap((line) => {
    const [pid = '', identity] = line.split(' ');
    return identify(Number(pid)) === identity ? [Number(pid)] : [];
  });
}

/** What tells a process from a later one with the same id: its start time in /proc (proc_pid_stat(5), field 22), else only that it runs. Zombies are gone. */
function identify(pid: number): string | undefined {
  if (process.platform !== 'linux') return signal(pid, 0) ? '-' : undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function mountsBelow(dir: string): string[] {
  if (!existsSync('/proc/mounts')) return [];
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return points
    .filter((point) => point.startsWith(`${dir}/`))
    .toSorted()
    .toReversed();
}
