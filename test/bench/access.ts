/**
 * `npm run bench -- access [--subjects N --bindings N --roles N --checks N --rounds N]`: how long the access index takes to build, how many
 * requests a second it answers on one core, how long `who-can` takes (CPU time of its thread), and the memory of all of it with the objects.
 * Needs no cluster.
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
    checks: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
  },
});

interface Round {
  readonly indexMs: number;
  readonly perSecond: number;
  readonly share: number;
  readonly whoCanMs: number;
  readonly whoCanWorstMs: number;
  readonly peakMb: number;
}

const child = join(import.meta.dirname, 'access-child.ts');
const rounds: Round[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const { code, stdout, stderr, peakMb } = await measure([child, values.subjects, values.bindings, values.roles, values.checks], {
    cwd: process.cwd(),
  });
  if (code !== 0) throw new Error(stderr);
  rounds.push({ ...(JSON.parse(stdout) as Omit<Round, 'peakMb'>), peakMb });
}
const middle = (of: (round: Round) => number) => rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
const rows = [
  ['index built', `${(middle(({ indexMs }) => indexMs) / 1000).toFixed(2)} s`, '2 s'],
  ['checks a second on one core', Math.round(middle(({ perSecond }) => perSecond)).toLocaleString('en'), '100,000'],
  ['who-can, median of 60 rights', `${middle(({ whoCanMs }) => whoCanMs).toFixed(1)} ms`, '50 ms'],
  ['who-can, the slowest of them', `${middle(({ whoCanWorstMs }) => whoCanWorstMs).toFixed(1)} ms`, '50 ms'],
  ['peak memory, objects included', `${Math.round(middle(({ peakMb }) => peakMb))} MB`, '400 MB'],
];
process.stdout.write(
  [
    `${Number(values.subjects).toLocaleString('en')} subjects, ${Number(values.bindings).toLocaleString('en')} bindings, ${Number(values.roles).toLocaleString('en')} roles; ` +
      `${Math.round(middle(({ share }) => share) * 100)} % of ${Number(values.checks).toLocaleString('en')} requests allowed; Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? ''}`,
    '',
    '| | median of the rounds | bar |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n'),
);
