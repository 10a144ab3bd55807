/**
 * `npm run bench [-- --pods N --rounds N --source --out FILE]`: seeds a real API server and measures, alternately and in one run, a bare
 * download of the pages that a collection reads, a first collection, a second one of the unchanged cluster, and an assessment; each in a
 * process of its own, with the built package (`--source`: with the sources). Prints one table in Markdown.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { enabledCollectors } from '../../src/collectors/index.ts';
import { seedScale, startCluster } from '../cluster/index.ts';
import { measure, type Measured } from './measure.ts';
import { profile } from './profile.ts';
import { measureStartUp } from './start-up.ts';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
    source: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
const pods = Number(values.pods);
const rounds = Number(values.rounds);
const scale = { pods, deployments: Math.ceil(pods / 5), rbac: Math.ceil((pods * 2) / 5) };
const root = join(import.meta.dirname, '..', '..');
const say = (text: string) => process.stderr.write(`${text}\n`);
const sources = [join(root, 'src', 'cli', 'main.ts')];
const built = [join(root, 'bin', 'kubevidence.mjs')];
const cli = values.source ? sources : built;

/** What a collection asks page by page, without what is one small answer. */
const paths = enabledCollectors({}).flatMap(({ listings }) =>
  listings.flatMap(({ requests }) => requests({}).flatMap(({ path, paged, query }) => (paged && query === undefined ? [path] : []))),
);

async function command(args: readonly string[], cwd: string, kubeconfig: string): Promise<Measured> {
  const result = await measure([...cli, ...args], { cwd, env: { ...(values.source && npmRun), KUBECONFIG: kubeconfig } });
  if (result.code !== 0) throw new Error(`${args.join(' ')}: exit ${result.code}: ${result.stderr}`);
  return result;
}

async function download(kubeconfig: string, encoding: string, connections: number): Promise<{ ms: number; bytes: number; pages: number }> {
  const script = join(import.meta.dirname, 'download.ts');
  const { stdout, stderr } = await measure([script, kubeconfig, encoding, String(connections), ...paths], { cwd: root });
  if (stdout === '') throw new Error(`the bare download failed: ${stderr}`);
  return JSON.parse(stdout) as { ms: number; bytes: number; pages: number };
}

const middle = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const ledgerBytes = (work: string) => statSync(join(work, 'kubevidence', 'ledger.db')).size;
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

if (!values.source) {
  say('building the package …');
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'run.mjs'), 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the package does not build');
}
const cluster = await startCluster();
const work = mkdtempSync(join(tmpdir(), 'kubevidence-bench-'));
/** As scripts/run.mjs starts the sources. */
const npmRun = { NODE_COMPILE_CACHE: join(work, 'compiled') };
try {
  const seeded = performance.now();
  await seedScale(cluster, scale);
  say(`seeded ${pods} pods, ${scale.deployments} deployments, ${scale.rbac} RBAC objects in ${seconds(performance.now() - seeded)}`);
  const fresh = join(work, 'fresh');
  mkdirSync(fresh, { mode: 0o700 });
  await command(['init'], fresh, cluster.kubeconfig);

  const ways: { encoding: string; connections: number; ms: number }[] = [];
  for (const encoding of ['identity', 'gzip'])
    for (const connections of [1, 4]) {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) times.push((await download(cluster.kubeconfig, encoding, connections)).ms);
      ways.push({ encoding, connections, ms: middle(times) });
    }
  const fastest = ways.toSorted((a, b) => a.ms - b.ms)[0] ?? { encoding: 'gzip', connections: 1, ms: 0 };
  say(`fastest bare download: ${fastest.encoding}, ${fastest.connections} connections`);

  const floors: number[] = [];
  const kinds = {
    startUp: [] as number[],
    startUpSource: [] as number[],
    version: [] as Measured[],
    first: [] as Measured[],
    second: [] as Measured[],
    assess: [] as Measured[],
  };
  let pageBytes = 0;
  let pages = 0;
  let firstBytes = 0;
  let last = fresh;
  for (let round = 1; round <= rounds; round++) {
    last = join(work, `round-${round}`);
    cpSync(fresh, last, { recursive: true });
    const bare = await download(cluster.kubeconfig, fastest.encoding, fastest.connections);
    floors.push(bare.ms);
    ({ bytes: pageBytes, pages } = bare);
    kinds.first.push(await command(['collect'], last, cluster.kubeconfig));
    firstBytes = ledgerBytes(last);
    floors.push((await download(cluster.kubeconfig, fastest.encoding, fastest.connections)).ms);
    kinds.second.push(await command(['collect'], last, cluster.kubeconfig));
    kinds.assess.push(await command(['assess', '-o', 'json'], last, cluster.kubeconfig));
    kinds.version.push(await command(['--version'], last, cluster.kubeconfig));
    const nobody = join(work, `nobody-${round}`);
    cpSync(fresh, nobody, { recursive: true });
    kinds.startUp.push(await measureStartUp(cli, nobody));
    kinds.startUpSource.push(await measureStartUp(sources, nobody, npmRun));
    say(
      `round ${round}: download ${seconds(bare.ms)}, first ${seconds(kinds.first.at(-1)?.ms ?? 0)}, second ${seconds(kinds.second.at(-1)?.ms ?? 0)}, assess ${seconds(kinds.assess.at(-1)?.ms ?? 0)}`,
    );
  }

  // Over several, and after the second: SQLite keeps the pages that one rewrite has freed for the next.
  const secondBytes = ledgerBytes(last);
  const more = 8;
  for (let i = 0; i < more; i++) await command(['collect'], last, cluster.kubeconfig);
  const growth = (ledgerBytes(last) - secondBytes) / more;

  const floor = middle(floors);
  const wall = (list: readonly Measured[]) => middle(list.map(({ ms }) => ms));
  const startUp = middle(kinds.startUp);
  const row = (name: string, list: readonly Measured[], target: string, of: number, less: number) =>
    `| ${name} | ${seconds(wall(list))} | ${seconds(wall(list) - less)} | ${((wall(list) - less) / of).toFixed(2)}x | ${target} | ${seconds(middle(list.map(({ cpuMs }) => cpuMs)))} | ${Math.max(...list.map(({ peakMb }) => peakMb)).toFixed(0)} MB |`;
  const collected = wall(kinds.first) - startUp;
  const lines = [
    `${pods} pods, ${scale.deployments} deployments, ${scale.rbac} RBAC objects; ${(pageBytes / 1e6).toFixed(1)} MB in ${pages} pages; medians of ${rounds} rounds, taken alternately.`,
    `Kubernetes ${cluster.version}; Node ${process.version}; ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, shared with the API server, etcd and other work.`,
    '',
    '| | wall | without start-up | ratio | target | CPU | peak memory |',
    '|---|---|---|---|---|---|---|',
    `| bare download (${fastest.encoding}, ${fastest.connections} connections, without start-up) | ${seconds(floor)} | ${seconds(floor)} | 1 | | | |`,
    row('first collection', kinds.first, '2.5x', floor, startUp),
    row('second, unchanged', kinds.second, '1.5x', floor, startUp),
    row('assessment, of the first collection', kinds.assess, '0.33x', collected, wall(kinds.version)),
    '',
    `Start-up, from the start of the process to the first request: ${seconds(startUp)} (sources: ${seconds(middle(kinds.startUpSource))}; target 0.5 s). \`--version\`: ${seconds(wall(kinds.version))}.`,
    `With start-up: first ${(wall(kinds.first) / floor).toFixed(2)}x, second ${(wall(kinds.second) / floor).toFixed(2)}x; assessment ${(wall(kinds.assess) / wall(kinds.first)).toFixed(2)}x of the first collection.`,
    `Ledger: ${(firstBytes / 1e6).toFixed(2)} MB after the first collection, ${(secondBytes / 1e6).toFixed(2)} MB after the second and its assessment; each of ${more} further unchanged ones adds ${(growth / 1e3).toFixed(1)} kB.`,
    '',
    'Where the time goes (CPU profiles, milliseconds of work of all threads, slower than without profiler):',
    '',
  ];
  const profiled = join(work, 'profiled');
  cpSync(fresh, profiled, { recursive: true });
  for (const [what, args] of [
    ['first collection', ['collect']],
    ['second', ['collect']],
    ['assessment', ['assess', '-o', 'json']],
  ] as const) {
    const parts = await profile(cli, args, profiled, { KUBECONFIG: cluster.kubeconfig });
    lines.push(`- ${what}: ${parts.map(([purpose, ms]) => `${purpose} ${ms.toFixed(0)}`).join(', ')}`);
  }
  const text = `${lines.join('\n')}\n`;
  process.stdout.write(text);
  if (values.out !== undefined) writeFileSync(values.out, text);
} finally {
  rmSync(work, { recursive: true, force: true });
  await cluster.stop();
}
