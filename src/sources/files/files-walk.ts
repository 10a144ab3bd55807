/**
 * Finds the files that a path means and reads them, safely: a directory's .yaml, .yml and .json files in a fixed order, each file once.
 * FIFOs, devices, sockets and links to directories are never opened for reading, so nothing here can block or run in circles.
 */
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';

/** More than any dump of a cluster that Kubernetes supports as one file; a file is held in memory while it is read. */
export const largestFile = 256 * 1024 * 1024;

export type WalkedFile =
  | { readonly file: string; readonly bytes: Buffer; readonly modifiedAt: Date }
  /** Not read, and why: in the words of the report's `ignored`. */
  | { readonly file: string; readonly ignored: string }
  | { readonly file: string; readonly problem: string };

/** The files of these paths. A path that does not exist, or that is neither file nor directory: throws KubevidenceError('input'), or tells. */
export async function* walkFiles(paths: readonly string[], unreadable: 'throw' | 'tell' = 'throw'): AsyncGenerator<WalkedFile> {
  const seen = new Set<string>();
  for (const path of paths) {
    const info = await stat(path).catch((cause: unknown) => {
      if (unreadable === 'throw')
        throw new KubevidenceError('input', `cannot read ${visible(path)}: ${codeOf(cause)}`, { place: { file: path }, cause });
      return codeOf(cause);
    });
    if (typeof info === 'string') yield { file: path, problem: `it cannot be read: ${info}` };
    else if (info.isDirectory()) yield* walkDirectory(path, seen);
    else if (info.isFile()) yield* readOnce(path, seen);
    else if (unreadable === 'tell') yield { file: path, problem: 'it is neither a file nor a directory' };
    else throw new KubevidenceError('input', `${visible(path)} is neither a file nor a directory`, { place: { file: path } });
  }
}

async function* walkDirectory(directory: string, seen: Set<string>): AsyncGenerator<WalkedFile> {
  let entries;
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    yield { file: directory, problem: `the directory cannot be read: ${codeOf(cause)}` };
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const entry of entries) {
    // Dot entries are bookkeeping (.git, the ..data of a mounted ConfigMap, whose files are linked beside it).
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* walkDirectory(path, seen);
    else if (!/\.(?:ya?ml|json)$/i.test(entry.name)) yield { file: path, ignored: 'not a .yaml, .yml or .json file' };
    else if (entry.isFile()) yield* readOnce(path, seen);
    else if (!entry.isSymbolicLink()) yield { file: path, ignored: 'not a regular file' };
    else if (
      await stat(path).then(
        (info) => info.isFile(),
        () => false,
      )
    )
      yield* readOnce(path, seen);
    else yield { file: path, ignored: 'a link that leads to no file' };
  }
}

async function* readOnce(file: string, seen: Set<string>): AsyncGenerator<WalkedFile> {
  let handle;
  try {
    // Not blocking: what was a file a moment ago may be a FIFO now.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const info = await handle.stat();
    const identity = `${info.dev}:${info.ino}`;
    if (!info.isFile()) yield { file, ignored: 'not a regular file' };
    else if (seen.has(identity)) yield { file, ignored: 'the same file as one that was read' };
    else if (info.size > largestFile) yield { file, problem: `it is larger than ${largestFile / 1024 / 1024} MiB; split it` };
    else {
      seen.add(identity);
      yield { file, bytes: await handle.readFile(), modifiedAt: info.mtime };
    }
  } catch (cause) {
    yield { file, problem: `it cannot be read: ${codeOf(cause)}` };
  } finally {
    await handle?.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : reasonOf(error);
}
