/**
 * Controls and frameworks that were parsed and validated when the package was built, by the SHA-256 of their files' bytes. A file that
 * changed since, or is the user's own, has another digest and is read as YAML, so nothing here can differ from what the files say.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** {@link prepareKey} to the value that a file's YAML gives, to the canonical text of the whole catalog, and for the populations to true. */
export type Prepared = ReadonlyMap<string, unknown>;

/** What a text is read as, and its SHA-256. */
export const prepareKey = (as: 'control' | 'framework' | 'extension' | 'technique' | 'populations' | 'catalog', text: string): string =>
  `${as} ${hash('sha256', text)}`;

/** Empty when there is none, or when it is not one: then everything is read as YAML. */
export function readPrepared(path: string): Prepared {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>));
  } catch {
    return new Map();
  }
}
