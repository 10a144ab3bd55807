/** What a command gets from the outside: the only place where the clock, the environment and the user's identity come in. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../model/index.ts';

export interface AppContext {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Null where the platform has no user ids. */
  readonly uid: number | null;
  /** A warning for the person, safe to print. */
  readonly warn: (text: string) => void;
  /** One line of progress that replaces the last one. */
  readonly progress: (text: string) => void;
}

/** The package's own directory: `controls`, `mappings`, `reports`, `demo` lie in it, beside `src` or `dist`. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

export const shipped = {
  controls: join(packageRoot, 'controls'),
  mappings: join(packageRoot, 'mappings'),
  techniques: join(packageRoot, 'techniques'),
  /** Written by the build (scripts/prepare-catalog.mjs); absent beside the sources. */
  prepared: fileURLToPath(new URL('../catalog/prepared.json', import.meta.url)),
};

export const toolVersion: string = (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
export const toolName = `kubevidence/${toolVersion}`;
