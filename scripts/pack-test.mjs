/**
 * `npm run pack:test`: builds and packs the package, installs the tarball in an empty directory with an empty home, and runs it there: with
 * the pinned Node the demo, with an older Node (when the machine has one) the sentence that says what is needed. Why it is hard to install:
 * docs/decisions/0001-toolchain.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const work = mkdtempSync(join(tmpdir(), 'kubevidence-package-'));
const pinned = dirname(process.execPath);
// Of `npm run` only how to reach the registry is passed on: settings of this checkout or its user must not make it work.
const inherited = Object.entries(process.env).filter(([key]) => !/^npm_|^INIT_CWD$|^NODE(_OPTIONS)?$/i.test(key));
const reach = ['registry', 'cache', 'cafile', 'proxy', 'https-proxy'].flatMap((key) => {
  const value = execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();
  return value === 'null' || value === '' ? [] : [[`npm_config_${key.replace('-', '_')}`, value]];
});
const env = {
  ...Object.fromEntries([...inherited, ...reach]),
  HOME: join(work, 'home'),
  PATH: `${pinned}${delimiter}${process.env.PATH ?? ''}`,
};
const say = (text) => process.stdout.write(`${text}\n`);
const npm = (args, cwd) =>
  execFileSync('npm', [...args, '--loglevel=error', '--no-update-notifier'], { cwd, env, encoding: 'utf8', timeout: 300_000 });

try {
  const root = join(import.meta.dirname, '..');
  const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', work], root));
  const tarball = join(work, packed.filename);
  say(`packed ${packed.entryCount} files, ${(statSync(tarball).size / 1e6).toFixed(1)} MB`);
  const own = packed.files.map((file) => file.path).filter((path) => !path.startsWith('node_modules/'));
  const missing = [
    'bin/',
    'dist/cli/',
    'controls/',
    'mappings/',
    'techniques/',
    'reports/',
    'schemas/',
    'demo/',
    'deploy/',
    'LICENSE',
    'README.md',
  ].filter((part) => !own.some((path) => path.startsWith(part)));
  const strange = own.filter((path) => /^(src|test|scripts|\.)|(?<!\.d)\.ts$|\.key$/.test(path));
  if (missing.length + strange.length > 0)
    throw new Error(`the tarball lacks ${missing.join(', ')}, and should not have ${strange.join(', ')}`);
  const empty = join(work, 'empty');
  execFileSync('mkdir', [empty]);
  writeFileSync(join(empty, 'package.json'), '{"private": true}');
  npm(['install', tarball], empty);
  const bin = join(empty, 'node_modules', '.bin', 'kubevidence');
  say(`installed; kubevidence ${execFileSync(bin, ['--version'], { env, encoding: 'utf8' }).trim()}`);
  // npm drops `gypfile: false` from a lock file and would build better-sqlite3, did the package not bring it along.
  npm(['ci'], empty);
  if (!execFileSync(bin, ['--help'], { env, encoding: 'utf8' }).startsWith('Usage: ')) throw new Error('--help says no usage');
  say('installed again from the lock file of that directory');
  execFileSync(bin, ['demo', '--out', join(work, 'demo')], { cwd: empty, env, stdio: ['ignore', 'ignore', 'inherit'] });
  say('the demo runs from the installed package');
  const old = ['/usr/bin/node', '/usr/local/bin/node'].find(
    (node) => Number(spawnSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }).stdout) < 22,
  );
  if (old === undefined) say('skip: no Node older than 22 on this machine');
  else {
    const { status, stderr } = spawnSync(old, [join(empty, 'node_modules', 'kubevidence', 'bin', 'kubevidence.mjs')], { encoding: 'utf8' });
    if (status !== 2 || !/^kubevidence needs Node 22\.19 or newer; [^\n]+\n$/.test(stderr))
      throw new Error(`an older Node says: ${stderr}`);
    say('an older Node says one sentence');
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
