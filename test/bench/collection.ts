/**
 * `npm run bench [-- --pods N --rounds N --source --out FILE]`: seeds a real API server and measures, alternately and in one run, a bare
 * download of the pages that a collection reads, a first collection, a second one of the unchanged cluster, and an assessment, by thirty
 * controls and by all; each in a process of its own, with the built package (`--source`: with the sources). Prints one table in Markdown.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { enabledCollectors } from '../../src/collectors/index.ts';
import { seedScale, startCluster } from '../cluster/index.ts';
import { measure, type Measured } from './measure.ts';
import { profile } from './profile.ts';
import { measureStartUp } from './start-up.ts';
import { thirtyControls } from './thirty-controls.ts';

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

interface Round {
  /** Before the first collection, between the two, and after the second. */
  readonly downloads: readonly { readonly ms: number; readonly bytes: number; readonly pages: number }[];
  readonly first: Measured;
  readonly second: Measured;
  readonly assess: Measured;
  readonly assessThirty: Measured;
  readonly version: Measured;
  readonly startUp: number;
  readonly startUpOfSources: number;
  /** After the first collection. */
  readonly ledgerBytes: number;
}

async function collectAndAssess(dir: string, kubeconfig: string): Promise<Measured> {
  await command(['collect'], dir, kubeconfig);
  return await command(['assess', '-o', 'json'], dir, kubeconfig);
}

async function measureRound(number: number, kubeconfig: string, bare: () => Promise<Round['downloads'][number]>): Promise<Round> {
  const dir = join(work, `round-${number}`);
  const nobody = join(work, `nobody-${number}`);
  const thirty = join(work, `thirty-${number}`);
  for (const copy of [dir, thirty, nobody]) cpSync(join(work, 'fresh'), copy, { recursive: true });
  const downloads = [await bare()];
  const first = await command(['collect'], dir, kubeconfig);
  const bytes = ledgerBytes(dir);
  mkdirSync(join(thirty, 'own'));
  writeFileSync(join(thirty, 'own', 'thirty.yaml'), thirtyControls);
  appendFileSync(join(thirty, 'kubevidence.yaml'), 'mappings: [own]\nframeworks: [thirty]\n');
  downloads.push(await bare());
  const second = await command(['collect'], dir, kubeconfig);
  downloads.push(await bare());
  return {
    downloads,
    first,
    second,
    assess: await command(['assess', '-o', 'json'], dir, kubeconfig),
    assessThirty: await collectAndAssess(thirty, kubeconfig),
    version: await command(['--version'], dir, kubeconfig),
    startUp: await measureStartUp(cli, nobody, values.source ? npmRun : {}),
    startUpOfSources: await measureStartUp(sources, nobody, npmRun),
    ledgerBytes: bytes,
  };
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

  const list: Round[] = [];
  for (let number = 1; number <= rounds; number++) {
    const round = await measureRound(number, cluster.kubeconfig, () => download(cluster.kubeconfig, fastest.encoding, fastest.connections));
    list.push(round);
    say(
      `round ${number}: download ${round.downloads.map(({ ms }) => seconds(ms)).join(', ')}; first ${seconds(round.first.ms)}, second ${seconds(round.second.ms)}, assess ${seconds(round.assess.ms)}, by thirty controls ${seconds(round.assessThirty.ms)}`,
    );
  }
  const last = join(work, `round-${rounds}`);

  // One more first: it takes the assessment over from SQLite's journal, and leaves the pages that its rewriting has freed.
  await command(['collect'], last, cluster.kubeconfig);
  const assessedBytes = ledgerBytes(last);
  const more = 8;
  for (let i = 0; i < more; i++) await command(['collect'], last, cluster.kubeconfig);
  const growth = (ledgerBytes(last) - assessedBytes) / more;

  const median = (of: (round: Round) => number) => middle(list.map(of));
  // Each is compared with the downloads just before and after it: the machine is not equally busy all the time.
  const floor = (round: Round, index: 0 | 1) => ((round.downloads[index]?.ms ?? 0) + (round.downloads[index + 1]?.ms ?? 0)) / 2;
  const row = (
    name: string,
    of: (round: Round) => Measured,
    target: string,
    less: (round: Round) => number,
    base: (round: Round) => number,
  ) => {
    const peak = Math.max(...list.map((round) => of(round).peakMb));
    const without = (round: Round) => of(round).ms - less(round);
    return `| ${name} | ${seconds(median((round) => of(round).ms))} | ${seconds(median(without))} | ${median((round) => without(round) / base(round)).toFixed(2)}x | ${median((round) => of(round).ms / base(round)).toFixed(2)}x | ${target} | ${seconds(median((round) => of(round).cpuMs))} | ${peak.toFixed(0)} MB |`;
  };
  const startUp = (round: Round) => round.startUp;
  const bare = middle(list.flatMap(({ downloads }) => downloads.map(({ ms }) => ms)));
  const [any] = list[0]?.downloads ?? [];
  const lines = [
    `${pods} pods, ${scale.deployments} deployments, ${scale.rbac} RBAC objects; ${((any?.bytes ?? 0) / 1e6).toFixed(1)} MB in ${any?.pages ?? 0} pages; medians of ${rounds} rounds, taken alternately.`,
    `Kubernetes ${cluster.version}; Node ${process.version}; ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, shared with the API server, etcd and other work.`,
    '',
    '| | wall | without start-up | ratio | with start-up | target | CPU | peak memory |',
    '|---|---|---|---|---|---|---|---|',
    `| bare download (${fastest.encoding}, ${fastest.connections} connections) | | ${seconds(bare)} | 1 | | | | |`,
    row(
      'first collection',
      ({ first }) => first,
      '2.5x',
      startUp,
      (round) => floor(round, 0),
    ),
    row(
      'second, unchanged',
      ({ second }) => second,
      '1.5x',
      startUp,
      (round) => floor(round, 1),
    ),
    row(
      'assessment by 30 controls, of the first collection',
      ({ assessThirty }) => assessThirty,
      '0.33x',
      ({ version }) => version.ms,
      (round) => round.first.ms - round.startUp,
    ),
    row(
      'assessment by all controls',
      ({ assess }) => assess,
      '0.33x',
      ({ version }) => version.ms,
      (round) => round.first.ms - round.startUp,
    ),
    '',
    `Start-up, from the start of the process to the first request: ${seconds(median(startUp))} (sources: ${seconds(median((round) => round.startUpOfSources))}; target 0.5 s). \`--version\`: ${seconds(median(({ version }) => version.ms))}.`,
    `Ledger: ${(median(({ ledgerBytes: bytes }) => bytes) / 1e6).toFixed(2)} MB after the first collection, ${(assessedBytes / 1e6).toFixed(2)} MB with an assessment; each of ${more} further unchanged collections adds ${(growth / 1e3).toFixed(1)} kB.`,
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
