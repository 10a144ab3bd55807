/**
 * The files that a manifest lists, each held against its line as it is read, so that what is judged is what was hashed. Whatever differs is
 * a problem once, and whoever needs it cannot go on.
 */
import { hash } from 'node:crypto';
import { visible } from '../model/index.ts';
import { exhibitId, exhibitPath, manifestPath, manifestSealPath, manifestTimestampPath, proofPath, requiredPaths } from './layout.ts';
import { isSealName, type Manifest } from './manifest.ts';
import type { PackFiles } from './pack-files.ts';
import { dependent, sentenceOf } from './verification.ts';

export interface Contents {
  /** Ids of the exhibits that are listed, in order. */
  readonly exhibits: readonly string[];
  readonly has: (path: string) => boolean;
  /** Throws `dependent` for a file that is missing or changed. */
  readonly bytes: (path: string) => Uint8Array;
  /** UTF-8, without a byte order mark. Throws as `bytes` does, and for bytes that are no text. */
  readonly text: (path: string) => string;
  /** Reads what nobody has read so far; returns how many files are not as they were listed. */
  readonly readRest: () => number;
  /** Listed files that nobody looked into. */
  readonly unread: () => string[];
}

export function readContents(files: PackFiles, manifest: Manifest, problem: (sentence: string) => void): Contents {
  const lines = new Map(manifest.files.map((line) => [line.path, line]));
  const present = new Set(files.names);
  const unread = new Set(lines.keys());
  let broken = 0;
  const fail = (sentence: string): never => {
    broken += 1;
    problem(sentence);
    throw dependent;
  };
  const bytes = (path: string): Uint8Array => {
    const line = lines.get(path);
    // Both are reported with the names.
    if (line === undefined || !present.has(path)) throw dependent;
    unread.delete(path);
    let content: Uint8Array;
    try {
      content = files.read(path);
    } catch (error) {
      return fail(sentenceOf(error));
    }
    if (content.length !== line.size) return fail(`${visible(path)} has ${content.length} bytes, and the manifest lists ${line.size}`);
    return hash('sha256', content) === line.sha256
      ? content
      : fail(`${visible(path)} was changed: its SHA-256 is not the one in the manifest`);
  };
  return {
    exhibits: [...lines.keys()].flatMap((path) => /^evidence\/(.*)\.json$/.exec(path)?.[1] ?? []).filter((id) => exhibitId.test(id)),
    has: (path) => lines.has(path),
    bytes,
    text: (path) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes(path)),
    readRest() {
      for (const path of unread) {
        try {
          bytes(path);
        } catch (error) {
          if (error !== dependent) throw error;
        }
      }
      return broken;
    },
    unread: () => [...unread],
  };
}

/** The names in the container against the manifest, and the manifest against what every pack has. */
export function checkNames(files: PackFiles, manifest: Manifest, problem: (sentence: string) => void): void {
  const listed = new Set(manifest.files.map(({ path }) => path));
  const named = new Set(manifest.seals.map(({ file }) => file));
  for (const name of files.names) {
    const isSealOfManifest = name === manifestSealPath || (name === manifestTimestampPath && named.has(name));
    if (name !== manifestPath && !isSealOfManifest && !listed.has(name))
      problem(`${visible(name)} is in the pack, and the manifest does not list it`);
  }
  const present = new Set(files.names);
  if (named.has(manifestTimestampPath) && !present.has(manifestTimestampPath)) problem(`${manifestTimestampPath} is missing`);
  for (const path of listed) {
    if (!present.has(path)) problem(`${visible(path)} is missing`);
    if (isSealName(path) && !named.has(path)) problem(`${visible(path)} looks like a seal, and the manifest does not name it as one`);
    const [, id] = /^(?:evidence|proofs)\/([^/]*)\.(?:json|tlog-proof)$/.exec(path) ?? [];
    if (id !== undefined && !(listed.has(exhibitPath(id)) && listed.has(proofPath(id))))
      problem(`${visible(path)} stands alone: an exhibit and its proof belong together`);
  }
  for (const path of requiredPaths) if (!listed.has(path)) problem(`the manifest does not list ${path}, which every pack has`);
}
