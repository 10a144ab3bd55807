/** Where nothing can be written a ledger is still read, whole and with what its write-ahead log holds; who wants to write is told so. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { collect, pod } from './given.ts';
import { type Answer, look, type Question } from './look.ts';
import { canMount, type Mount, mountReadOnly, mountTemporary } from './mounts.ts';
import { openForTest, temporaryPath } from './temporary.ts';

// Permissions stop nobody who is root.
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const podsOf = (count: number) => Array.from({ length: count }, (_, index) => pod({ name: `p-${index}` }));

function own(path: string): void {
  if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
}

/** Two runs; with `open`, as a writer that died leaves them: the second one only in the write-ahead log. */
function given(path: string, { open = false, shm = true } = {}): string {
  const made = temporaryPath();
  const first = openForTest(made);
  collect(first, podsOf(2));
  first.close();
  const ledger = openForTest(made);
  collect(ledger, podsOf(3));
  if (!open) ledger.close();
  const suffixes = ['', ...(open ? ['-wal'] : []), ...(open && shm ? ['-shm'] : [])];
  for (const suffix of suffixes) copyFileSync(made + suffix, path + suffix);
  return path;
}

const states: readonly [string, Parameters<typeof given>[1]][] = [
  ['closed', {}],
  ['left by a writer that died', { open: true }],
  ['left by a writer that died, copied without its shared memory', { open: true, shm: false }],
];

const read: Answer = { exit: 0, objects: [2, 3], problems: [] };
const refused: Answer = {
  exit: 5,
  message: expect.stringMatching(/^the ledger .* cannot be written: /),
  next: expect.stringContaining('write access'),
};

let child: ChildProcessByStdio<Writable, Readable, null>;
let lines: Interface;
beforeAll(() => {
  child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'ask-child.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...user,
  });
  lines = createInterface({ input: child.stdout });
});
afterAll(() => {
  child.kill();
});

async function ask(path: string, mode: Question['mode'], tmp = dirname(temporaryPath())): Promise<Answer> {
  own(tmp);
  child.stdin.write(`${JSON.stringify({ path, mode, tmp })}\n`);
  const [line] = (await once(lines, 'line')) as [string];
  expect(readdirSync(tmp)).toEqual([]);
  return JSON.parse(line) as Answer;
}

/** Everything beside the ledger belongs to who asks; then the modes hold. */
function permit(path: string, modes: { readonly file: number; readonly directory: number }): void {
  const directory = dirname(path);
  for (const name of readdirSync(directory)) {
    own(join(directory, name));
    chmodSync(join(directory, name), modes.file);
  }
  own(directory);
  chmodSync(directory, modes.directory);
  onTestFinished(() => chmodSync(directory, 0o700));
}

describe('a ledger', () => {
  it.each(states)('%s, in a directory that may not be written, is read', async (_, state) => {
    const path = given(temporaryPath(), state);
    permit(path, { file: 0o600, directory: 0o500 });
    const before = readdirSync(dirname(path));
    expect(await ask(path, 'read')).toEqual(read);
    expect(readdirSync(dirname(path))).toEqual(before);
    expect(await ask(path, 'write')).toEqual(refused);
  });

  it.each(states)('%s, that may not be written, is read, and written once it may', async (_, state) => {
    const path = given(temporaryPath(), state);
    permit(path, { file: 0o400, directory: 0o700 });
    expect(await ask(path, 'read')).toEqual(read);
    expect(await ask(path, 'write')).toEqual(refused);
    permit(path, { file: 0o600, directory: 0o700 });
    expect(await ask(path, 'write')).toEqual(read);
  });

  it('that may not be read is refused', async () => {
    const path = given(temporaryPath());
    permit(path, { file: 0, directory: 0o700 });
    expect(await ask(path, 'read')).toMatchObject({ exit: 5, message: expect.stringContaining('cannot be opened or read: EACCES') });
  });

  it('that could be read only by way of a copy, for which there is no place, is refused', async () => {
    const path = given(temporaryPath());
    permit(path, { file: 0o600, directory: 0o500 });
    const tmp = dirname(temporaryPath());
    chmodSync(tmp, 0o500);
    expect(await ask(path, 'read', tmp)).toEqual({
      exit: 5,
      message: expect.stringContaining('nothing can be written, and no copy of it can be made in'),
      next: expect.stringContaining('-wal'),
    });
  });
});

describe.skipIf(!canMount)('on a mount that is read-only (skipped where nothing can be mounted), a ledger', () => {
  let mount: Mount;
  beforeAll(() => {
    mount = mountTemporary('8m');
    return mount.unmount;
  });

  it.each(states)('%s is read', (name, state) => {
    mount.remount('rw');
    const home = join(mount.directory, name.replaceAll(' ', '-'));
    mkdirSync(home);
    const path = given(join(home, 'ledger.db'), state);
    mount.remount('ro');
    expect(look({ path, mode: 'read' })).toEqual(read);
    expect(look({ path, mode: 'write' })).toEqual(refused);
  });

  it('that is being written elsewhere is read to its last commit', async () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, podsOf(2));
    permit(path, { file: 0o600, directory: 0o700 });
    const seen = mountReadOnly(dirname(path));
    onTestFinished(seen.unmount);
    const there = join(seen.directory, basename(path));
    expect(await ask(there, 'read')).toEqual({ ...read, objects: [2] });
    collect(ledger, podsOf(3));
    expect(await ask(there, 'read')).toEqual(read);
  });
});
