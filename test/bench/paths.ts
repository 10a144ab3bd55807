/**
 * `npm run bench -- paths [--subjects N --bindings N --roles N --pods N --nodes N --rounds N]`: how long all escalation paths to cluster-admin
 * take, from the objects to what to remove, and the memory of it with the objects. Needs no cluster.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';

const { values } = parseArgs({
  options: {
    subjects: { type: 'string', default: '5000' },
    bindings: { type: 'string', default: '10000' },
    roles: { type: 'string', default: '2000' },
    pods: { type: 'string', default: '10000' },
    nodes: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
  },
});

interface Round {
  readonly indexMs: number;
  readonly pathsMs: number;
  readonly allMs: number;
  readonly driftMs: number;
  readonly nodes: number;
  readonly edges: number;
  readonly sources: number;
  readonly certain: number;
  readonly peakMb: number;
}

const child = join(import.meta.dirname, 'paths-child.ts');
const rounds: Round[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const { code, stdout, stderr, peakMb } = await measure(
    [child, values.subjects, values.bindings, values.roles, values.pods, values.nodes],
    { cwd: process.cwd() },
  );
  if (code !== 0) throw new Error(stderr);
  rounds.push({ ...(JSON.parse(stdout) as Omit<Round, 'peakMb'>), peakMb });
}
const middle = (of: (round: Round) => number) => rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
const seconds = (of: (round: Round) => number) => `${(middle(of) / 1000).toFixed(2)} s`;
const count = (text: string | number) => Number(text).toLocaleString('en');
const rows = [
  ['index', seconds(({ indexMs }) => indexMs), '2 s'],
  ['index and all paths to cluster-admin', seconds(({ indexMs, pathsMs }) => indexMs + pathsMs), '5 s'],
  ['the same, and which bindings to remove', seconds(({ allMs }) => allMs), ''],
  ['what one more binding changed: both indexes, access and paths compared', seconds(({ driftMs }) => driftMs), ''],
  ['peak memory, objects included', `${Math.round(middle(({ peakMb }) => peakMb))} MB`, ''],
];
process.stdout.write(
  [
    `${count(values.subjects)} subjects, ${count(values.bindings)} bindings, ${count(values.roles)} roles, ${count(values.pods)} pods, ${count(values.nodes)} nodes: ` +
      `a graph of ${count(middle(({ nodes }) => nodes))} nodes and ${count(middle(({ edges }) => edges))} edges; ` +
      `${count(middle(({ sources }) => sources))} subjects have a path, ${count(middle(({ certain }) => certain))} certainly; ` +
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? ''}`,
    '',
    '| | median of the rounds | bar |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n'),
);
