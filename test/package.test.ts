/** What the package carries: whatever the program reads beside its own code, it must find where it is installed. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot, shipped } from '../src/app/context.ts';

const { files } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { files: readonly string[] };

test('every directory that ships is in the package', () => {
  const { prepared: _, ...directories } = shipped;
  for (const directory of Object.values(directories)) {
    expect(existsSync(directory)).toBe(true);
    expect(files).toContain(relative(packageRoot, directory));
  }
});
