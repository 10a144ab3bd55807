/**
 * `npm run bench -- assess [--pods N --controls N --rounds N]`: judging a snapshot that is too large to be held in memory, with the shipped
 * catalog, and with many controls over what runs (copies of the shipped ones, each with an expression of its own). Needs no cluster.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { collectSynthetic, openBenchLedger } from './fill.ts';
import { measure } from './measure.ts';
import { createSyntheticCluster } from './synthetic.ts';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '150000' },
    controls: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
  },
});

interface Round {
  readonly ms: number;
  readonly cpuMs: number;
  readonly controls: number;
  readonly findings: number;
  readonly peakMb: number;
}

const child = join(import.meta.dirname, 'assess-child.ts');
const work = mkdtempSync(join(tmpdir(), 'kubevidence-assess-'));
try {
  let objects = 0;
  const lines: string[] = [];
  for (const [pods, hardened, what, count] of [
    ['hardened', true, 'of the shipped catalog', '0'],
    ['hardened', true, 'over what runs', values.controls],
    ['careless', false, 'of the shipped catalog', '0'],
  ] as const) {
    const ledger = join(work, `${pods}.db`);
    if (!existsSync(ledger)) {
      const cluster = createSyntheticCluster(Number(values.pods), { whole: true, hardened });
      const opened = openBenchLedger(ledger);
      collectSynthetic(opened, cluster);
      opened.ledger.close();
      objects = cluster.objects;
    }
    const rounds: Round[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const { code, stdout, stderr, peakMb } = await measure([child, ledger, count], { cwd: work });
      if (code !== 0) throw new Error(stderr);
      rounds.push({ ...(JSON.parse(stdout) as Omit<Round, 'peakMb'>), peakMb });
    }
    const middle = (of: (round: Round) => number) => rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
    const [{ controls, findings } = { controls: 0, findings: 0 }] = rounds;
    const seconds = (of: (round: Round) => number) => `${(middle(of) / 1000).toFixed(1)} s`;
    lines.push(
      `| ${pods} pods, ${controls} controls ${what} | ${seconds(({ ms }) => ms)} | ${seconds(({ cpuMs }) => cpuMs)} | ` +
        `${Math.round(middle(({ peakMb }) => peakMb))} MB | ${findings.toLocaleString('en')} |`,
    );
  }
  process.stdout.write(
    [
      `${Number(values.pods).toLocaleString('en')} pods, ${objects.toLocaleString('en')} objects; ` +
        `medians of ${values.rounds} rounds; Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? ''}`,
      '',
      '| | wall | CPU, all threads | peak memory | findings |',
      '|---|---|---|---|---|',
      ...lines,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(work, { recursive: true });
}
