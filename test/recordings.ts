/** Runs of the demo's quarter as one recording: gzip members stand one after the other. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Alice has cluster-admin in the second of the three. */
const aroundFriday = ['2026-08-10', '2026-08-17', '2026-08-17-manual'];

export function writeRecording(path: string, names: readonly string[] = aroundFriday): string {
  const files = names.map((name) => readFileSync(join(import.meta.dirname, '..', 'demo', 'recordings', `${name}.jsonl.gz`)));
  writeFileSync(path, Buffer.concat(files));
  return path;
}
