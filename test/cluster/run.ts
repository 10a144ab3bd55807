/**
 * `npm run test:cluster [VITEST ARGUMENTS]`: builds the binaries when they are not there yet and runs the tests against real clusters.
 * Exit 2, with one sentence, when this machine lacks what that needs; what only parts of the tests need is said in `skip:` lines.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ClusterUnavailable, ensureBinaries, missingFeatures } from './binaries.ts';
import { requireOpenssl } from './pki.ts';

try {
  requireOpenssl();
  for (const feature of missingFeatures(await ensureBinaries())) process.stderr.write(`skip: ${feature}\n`);
} catch (error) {
  if (!(error instanceof ClusterUnavailable)) throw error;
  process.stderr.write(`test:cluster: ${error.message}\n`);
  process.exit(2);
}
const vitest = join('node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', 'vitest.cluster.config.ts', ...process.argv.slice(2)], {
  cwd: join(import.meta.dirname, '..', '..'),
  stdio: 'inherit',
});
process.exit(status ?? 1);
