/**
 * `npm run fuzz -- [MINUTES]`: the property tests again and again, with new random cases each time (default: 10 minutes). The first failure
 * ends it, exit 1, with the seed that shows it again: `KUBEVIDENCE_SEED=N npm test -- FILE`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const minutes = Number(process.argv[2] ?? 10);
if (!(minutes > 0)) {
  process.stderr.write('usage: npm run fuzz -- [MINUTES]\n');
  process.exit(2);
}
const files = globSync('test/**/*.test.ts').filter(
  (file) => !file.startsWith(join('test', 'cluster')) && readFileSync(file, 'utf8').includes("from 'fast-check'"),
);
const until = Date.now() + minutes * 60_000;
let rounds = 0;
for (; Date.now() < until; rounds++) {
  const { status } = spawnSync(
    process.execPath,
    [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--silent=passed-only', '--reporter=dot', ...files],
    {
      stdio: 'inherit',
      env: { ...process.env, KUBEVIDENCE_SEED: 'random' },
    },
  );
  if (status !== 0) process.exit(1);
}
process.stdout.write(`fuzz: ${rounds} rounds of ${files.length} files, and nothing failed\n`);
