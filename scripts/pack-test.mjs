/**
 * `npm run pack:test`: builds and packs the package, installs the tarball in an empty directory with an empty home, and runs it there: with
 * the pinned Node the demo, with an older Node (when the machine has one) the sentence that says what is needed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const work = mkdtempSync(join(tmpdir(), 'kubevidence-package-'));
const pinned = dirname(process.execPath);
const env = { ...process.env, HOME: join(work, 'home'), PATH: `${pinned}${delimiter}${process.env.PATH ?? ''}` };
const say = (text) => process.stdout.write(`${text}\n`);
const npm = (args, cwd) => execFileSync('npm', [...args, '--loglevel=error', '--no-update-notifier'], { cwd, env, encoding: 'utf8' });

try {
  const root = join(import.meta.dirname, '..');
  const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', work], root));
  const tarball = join(work, packed.filename);
  say(`packed ${packed.entryCount} files, ${(statSync(tarball).size / 1e6).toFixed(1)} MB`);
  const empty = join(work, 'empty');
  execFileSync('mkdir', [empty]);
  writeFileSync(join(empty, 'package.json'), '{"private": true}');
  npm(['install', tarball], empty);
  const bin = join(empty, 'node_modules', '.bin', 'kubevidence');
  say(`installed; kubevidence ${execFileSync(bin, ['--version'], { env, encoding: 'utf8' }).trim()}`);
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
