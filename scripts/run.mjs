#!/usr/bin/env node
/**
 * The one door behind `npm run NAME`: makes sure that dependencies are there and that the pinned Node runs them.
 * Written for Node 20 with built-ins only, because it must run before anything is installed. Why not plain `npm ci && node …`:
 * docs/decisions/0001-toolchain.md.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const bin = (name, script) => join(root, 'node_modules', name, script);
const cli = join(root, 'src', 'cli', 'main.ts');
const vitest = bin('vitest', 'vitest.mjs');

const build = [
  // What a renamed source left behind would be packed.
  ['-e', "fs.rmSync('dist', { recursive: true, force: true })"],
  [bin('typescript', 'bin/tsc'), '-p', 'tsconfig.build.json'],
  [join(root, 'scripts', 'prepare-catalog.mjs')],
];

/** Each task: the commands it runs in order, every one with the pinned Node. */
const tasks = {
  demo: [[cli, 'demo']],
  test: [[vitest, 'run']],
  kubevidence: [[cli]],
  fuzz: [[join(root, 'scripts', 'fuzz.mjs')]],
  check: [[join(root, 'scripts', 'check.mjs')]],
  'test:cluster': [[join(root, 'test', 'cluster', 'run.ts')]],
  'cluster:up': [[join(root, 'test', 'cluster', 'up.ts')]],
  'cluster:down': [[join(root, 'test', 'cluster', 'up.ts'), '--down']],
  bench: [[join(root, 'test', 'bench', 'main.ts')]],
  build,
  'pack:test': [...build, [join(root, 'scripts', 'pack-test.mjs')]],
  generate: [[join(root, 'scripts', 'generate.ts')]],
  'golden:update': [[vitest, 'run', '--update']],
  'demo:record': [[join(root, 'test', 'cluster', 'record-demo.ts')]],
};

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) fail(`cannot start ${command}: ${result.error.message}`);
  return result.signal ? 128 : (result.status ?? 1);
}

/** True when what npm installed is at least as new as the lock file; npm writes node_modules/.package-lock.json last. */
function installed() {
  const stamp = join(root, 'node_modules', '.package-lock.json');
  return existsSync(node) && existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function install() {
  // npm ci empties the directory that a link leads to, and with it somebody else's checkout.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() === true)
    fail('node_modules is a link, and what it leads to is older than package-lock.json. Run npm there, or remove the link.');
  process.stderr.write('installing dependencies (once) …\n');
  const npm = (...args) =>
    run('npm', [...args, '--loglevel=error', '--no-update-notifier', '--no-fund', '--no-audit'], { stdio: ['ignore', 2, 2] });
  if (npm('ci', '--ignore-scripts') !== 0) fail('npm ci failed: see above. Nothing else was run.');
  if (npm('rebuild', 'node', '--ignore-scripts=false') !== 0) fail('the pinned Node could not be installed (npm rebuild node): see above.');
}

const [name, ...args] = process.argv.slice(2);
const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : fail(`usage: node scripts/run.mjs ${Object.keys(tasks).join('|')} [ARGS]`);
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`Node ${process.versions.node} is too old: Node 20 or newer starts the pinned one.`);
if (!installed()) install();
// Half of a command's start from source is stripping types and compiling, which is the same each time (node_modules goes when it is stale).
const env = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compile'), ...process.env };
for (const [index, command] of task.entries()) {
  const last = index === task.length - 1;
  // The CLI keeps the caller's directory (npm's INIT_CWD), so that relative paths mean what the caller typed.
  const cwd = command[0] === cli ? (process.env.INIT_CWD ?? process.cwd()) : root;
  const code = run(node, ['--disable-warning=ExperimentalWarning', ...command, ...(last ? args : [])], { cwd, env });
  if (code !== 0) process.exit(code);
}
