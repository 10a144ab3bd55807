/**
 * `npm run bench -- paths --anchor [--pods N --rounds N --source]`: `collect` into a new ledger and `access paths -o json`, the two commands as
 * people type them, over a real API server with as many RBAC objects as the fastest RBAC tool was measured with; once with the collectors of
 * what that tool reads, once with all of them and pods. Prints one table in Markdown.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AccessPaths } from '../../src/access/index.ts';
import { enabledCollectors } from '../../src/collectors/index.ts';
import { startCluster } from '../cluster/index.ts';
import { anchorScale, seedAnchor } from './anchor-cluster.ts';
import { measure, type Measured } from './measure.ts';

const { values } = parseArgs({
  options: {
    anchor: { type: 'boolean' },
    pods: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    source: { type: 'boolean', default: false },
  },
});
/** What the tool took for the same number of RBAC objects on the machine where all tools were measured, one hop deep. */
const published = { seconds: 1.25, peakMb: 148 };
const pods = Number(values.pods);
const root = join(import.meta.dirname, '..', '..');
const cli = [values.source ? join(root, 'src', 'cli', 'main.ts') : join(root, 'bin', 'kubevidence.mjs')];
const say = (text: string) => process.stderr.write(`${text}\n`);
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const middle = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

if (!values.source) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'run.mjs'), 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the package does not build');
}
const cluster = await startCluster({ audit: 'none' });
const work = mkdtempSync(join(tmpdir(), 'kubevidence-anchor-'));
const env = { KUBECONFIG: cluster.kubeconfig, ...(values.source && { NODE_COMPILE_CACHE: join(work, 'compiled') }) };

async function command(args: readonly string[], cwd: string): Promise<Measured> {
  const result = await measure([...cli, ...args], { cwd, env });
  if (result.code !== 0) throw new Error(`${args.join(' ')}: exit ${result.code}: ${result.stderr}`);
  return result;
}

/** What the anchor reads, and the namespaces. */
const alike = new Set(['k8s.rbac', 'k8s.serviceaccounts', 'k8s.namespaces']);
const off = enabledCollectors({})
  .map(({ kind }) => kind)
  .filter((kind) => !alike.has(kind) && kind.startsWith('k8s.'));
const ways = {
  'RBAC, accounts and namespaces': `collectors: {${off.map((kind) => `${kind.slice('k8s.'.length)}: false`).join(', ')}}\n`,
  [`all collectors, ${pods.toLocaleString('en')} pods`]: '',
};

try {
  const begun = performance.now();
  await seedAnchor(cluster, pods);
  say(`seeded in ${seconds(performance.now() - begun)}`);
  const rows: string[] = [];
  for (const [way, config] of Object.entries(ways)) {
    const fresh = join(work, `fresh-${rows.length}`);
    mkdirSync(fresh, { mode: 0o700 });
    await command(['init'], fresh);
    appendFileSync(join(fresh, 'kubevidence.yaml'), config);
    const rounds: { collect: Measured; paths: Measured; again: Measured }[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const dir = join(work, `round-${rows.length}-${round}`);
      cpSync(fresh, dir, { recursive: true });
      const collect = await command(['collect'], dir);
      const paths = await command(['access', 'paths', '-o', 'json'], dir);
      const again = await command(['collect'], dir);
      rounds.push({ collect, paths, again });
      say(`${way}: collect ${seconds(collect.ms)}, paths ${seconds(paths.ms)}, collect again ${seconds(again.ms)}`);
    }
    const found = JSON.parse(rounds[0]?.paths.stdout ?? '') as AccessPaths;
    say(`${found.subjects} subjects have a path; ${found.gaps.length} gaps; cut ${found.cut?.bindings.length ?? 0}`);
    const row = (name: string, of: (round: (typeof rounds)[number]) => readonly Measured[], bar: string) => {
      const total = (what: 'ms' | 'cpuMs') => middle(rounds.map((round) => of(round).reduce((sum, each) => sum + each[what], 0)));
      const peak = Math.max(...rounds.flatMap((round) => of(round).map(({ peakMb }) => peakMb)));
      rows.push(`| ${way}: ${name} | ${seconds(total('ms'))} | ${seconds(total('cpuMs'))} | ${peak.toFixed(0)} MB | ${bar} |`);
    };
    const bar = rows.length > 0 ? '' : `${seconds(published.seconds * 2000)}, ${published.peakMb * 2} MB`;
    row('`collect`', ({ collect }) => [collect], '');
    row(`\`access paths\`, ${found.subjects} subjects with one`, ({ paths }) => [paths], '');
    row('both', ({ collect, paths }) => [collect, paths], bar);
    row('both, the cluster unchanged since a run', ({ again, paths }) => [again, paths], '');
  }
  const { namespaces, roles, roleBindings, clusterRoles, clusterRoleBindings, accounts } = anchorScale;
  process.stdout.write(
    [
      `${namespaces} namespaces, ${roles} Roles, ${roleBindings} RoleBindings, ${clusterRoles} ClusterRoles, ${clusterRoleBindings} ClusterRoleBindings, ${accounts} service accounts, beside what the API server makes; medians of ${values.rounds} rounds, peaks the highest.`,
      `Kubernetes ${cluster.version}; Node ${process.version}; ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), shared with the API server, etcd and other work.`,
      '',
      '| | wall | CPU | peak memory | bar |',
      '|---|---|---|---|---|',
      `| the fastest known RBAC tool, one hop, as published for another run of that machine | ${published.seconds} s | 1.3 s | ${published.peakMb} MB | |`,
      ...rows,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
  await cluster.stop();
}
