/** Small file systems for tests, where the user may mount any. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Mount {
  readonly directory: string;
  readonly remount: (mode: 'ro' | 'rw') => void;
  readonly unmount: () => void;
}

export const canMount = tryMount();

/** A tmpfs of that size (as mount(8) takes it). */
export function mountTemporary(size: string): Mount {
  return mounted('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs');
}

/** Shows `from` a second time, read-only. */
export function mountReadOnly(from: string): Mount {
  const mount = mounted('--bind', from);
  run('mount', '-o', 'remount,bind,ro', mount.directory);
  return mount;
}

function mounted(...what: string[]): Mount {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-mount-'));
  run('mount', ...what, directory);
  return {
    directory,
    remount: (mode) => run('mount', '-o', `remount,${mode}`, directory),
    unmount: () => {
      // Lazily: a test that failed may still have something open.
      run('umount', '-l', directory);
      rmSync(directory, { recursive: true });
    },
  };
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

function tryMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    mountTemporary('64k').unmount();
    return true;
  } catch {
    return false;
  }
}
