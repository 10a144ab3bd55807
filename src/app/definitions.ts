/**
 * One digest over everything that decides what is collected and judged, for a run's `run-planned` record: the bytes of all controls and
 * mappings, the configured parameters, and how each listing is read and scrubbed. Bytes are enough to see a change, and a collection
 * then neither waits for controls to be compiled nor fails because of a mistake in one; judging says what is wrong with it.
 */
import { createHash, hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { KubevidenceError, canonicalBytes, reasonOf, visible } from '../model/index.ts';
import type { Config } from './config.ts';
import { shipped } from './context.ts';
import type { PlanArguments } from './worker-protocol.ts';

/** SHA-256, hex. Throws `configuration` for a directory of controls that cannot be read. */
export function digestDefinitions(
  config: Pick<Config, 'controlDirs' | 'params' | 'keepAnnotations'>,
  listings: PlanArguments['listings'],
): string {
  const files = [shipped.controls, shipped.mappings, ...config.controlDirs].map(digestYaml);
  return hash('sha256', canonicalBytes({ files, params: config.params, listings, keepAnnotations: config.keepAnnotations }));
}

/** Names below the directory and contents, in the order of the names; where the directory lies does not matter. */
function digestYaml(directory: string): string {
  const digest = createHash('sha256');
  try {
    const names = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
      .sort();
    for (const name of names) {
      const bytes = readFileSync(join(directory, name));
      digest.update(`${JSON.stringify([name, bytes.length])}\n`).update(bytes);
    }
  } catch (cause) {
    const message = `cannot read the directory of controls: ${visible(reasonOf(cause))}`;
    throw new KubevidenceError('configuration', message, { place: { file: directory }, cause });
  }
  return digest.digest('hex');
}
