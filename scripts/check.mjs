/**
 * `npm run check`: every gate in one run, in the order of what fails fastest. Each line says what it guards; all run even when one
 * fails, so that one round shows everything. Exit 1 when any gate failed.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const bin = (name, script) => join('node_modules', name, script);
const gates = [
  ['format', [bin('@biomejs/biome', 'bin/biome'), 'format', '.']],
  ['types', [bin('typescript', 'bin/tsc'), '-p', 'tsconfig.json']],
  ['lint', [bin('oxlint', 'bin/oxlint'), '--type-aware', '--deny-warnings', 'src', 'test', 'scripts']],
  ['boundaries', ['scripts/boundaries.mjs']],
  ['dead code', [bin('knip', 'bin/knip.js'), '--no-progress']],
  ['generated files', ['scripts/generate.ts', '--check']],
  ['tests', [bin('vitest', 'vitest.mjs'), 'run']],
];
const only = process.argv.slice(2);
const unknown = only.filter((name) => !gates.some(([gate]) => gate === name));
if (unknown.length > 0) {
  process.stderr.write(`check: there is no gate ${unknown.join(', ')}; there are: ${gates.map(([name]) => name).join(', ')}\n`);
  process.exit(2);
}
const failed = [];
for (const [name, args] of gates) {
  if (only.length > 0 && !only.includes(name)) continue;
  const started = Date.now();
  process.stdout.write(`\n== ${String(name)}\n`);
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  process.stdout.write(`== ${String(name)}: ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  if (status !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? '\ncheck: all gates passed\n' : `\ncheck: failed: ${failed.join(', ')}\n`);
process.exit(failed.length === 0 ? 0 : 1);
