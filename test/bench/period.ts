/**
 * `npm run bench -- period [--runs N --objects N --churn SHARE --rounds N --ledger DIRECTORY --keep DIRECTORY --dist]`: how long a pack over
 * a quarter of hourly runs takes, while a share of the objects changes each day. The ledger is made once (period-ledger.ts), or
 * taken from where an earlier measurement kept it; the pack is made and verified by the commands that a user types. Needs no cluster.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';
import type { BuiltLedger, LedgerOrder } from './period-ledger.ts';

const { values } = parseArgs({
  options: {
    // The third quarter of 2026, and an hour before.
    runs: { type: 'string', default: '2209' },
    objects: { type: 'string', default: '10000' },
    /** Share of the objects that changes in a day; 0.24 is 1 % from run to run. */
    churn: { type: 'string', default: '0.01' },
    rounds: { type: 'string', default: '1' },
    /** Made by an earlier measurement with --keep. */
    ledger: { type: 'string' },
    /** Where the ledger and the last pack are left. */
    keep: { type: 'string' },
    /** The built package instead of the sources. */
    dist: { type: 'boolean', default: false },
  },
});
const root = join(import.meta.dirname, '..', '..');
const cli = values.dist ? join(root, 'bin', 'kubevidence.mjs') : join(root, 'src', 'cli', 'main.ts');
const work = mkdtempSync(join(tmpdir(), 'kubevidence-period-'));
const begins = '2026-06-30T21:00:00.000Z';
const say = (text: string) => process.stderr.write(`${text}\n`);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const count = (number: number) => number.toLocaleString('en');

async function run(command: readonly string[], cwd: string) {
  const measured = await measure(command, { cwd });
  if (measured.code !== 0) throw new Error(`${command.join(' ')}: ${measured.stdout}${measured.stderr}`);
  return measured;
}

interface Round {
  readonly packMs: number;
  readonly packCpuMs: number;
  readonly packMb: number;
  readonly verifyMs: number;
  readonly verifyMb: number;
}

try {
  let source = values.ledger;
  const lines: string[] = [];
  if (source === undefined) {
    source = join(work, 'ledger');
    const order: LedgerOrder = {
      directory: source,
      begins,
      runs: Number(values.runs),
      objects: Number(values.objects),
      churn: Number(values.churn) / 24,
    };
    const { ms, stdout } = await run([join(import.meta.dirname, 'period-ledger.ts'), JSON.stringify(order)], work);
    const built = JSON.parse(stdout) as BuiltLedger;
    lines.push(
      `${count(built.runs)} hourly runs and ${built.missed} missed ones, ${count(built.objects)} objects, ${count(built.changed)} changes ` +
        `(${((built.changed / built.runs) * 24).toFixed(0)} a day); a ledger of ${megabytes(built.bytes)}, made in ${seconds(ms)}.`,
    );
    say(lines.join('\n'));
    if (values.keep !== undefined) cpSync(source, join(values.keep, 'ledger'), { recursive: true });
  }
  const rounds: Round[] = [];
  const sizes = { pack: 0, pdf: 0, workbook: 0 };
  for (let round = 0; round < Number(values.rounds); round++) {
    // Of the very same ledger each time: a pack is recorded in it.
    const directory = join(work, `round-${round}`);
    cpSync(source, directory, { recursive: true });
    const packed = await run([cli, 'pack', 'create', '--period', '2026-Q3', '--out', 'pack'], directory);
    const verified = await run([cli, 'verify', 'pack.zip'], directory);
    const size = (name: string) => statSync(join(directory, name)).size;
    Object.assign(sizes, { pack: size('pack.zip'), pdf: size('pack/report.pdf'), workbook: size('pack/workbook.xlsx') });
    rounds.push({
      packMs: packed.ms,
      packCpuMs: packed.cpuMs,
      packMb: packed.peakMb,
      verifyMs: verified.ms,
      verifyMb: verified.peakMb,
    });
    say(`pack ${seconds(packed.ms)}, ${Math.round(packed.peakMb)} MB; verify ${seconds(verified.ms)}, ${Math.round(verified.peakMb)} MB`);
    if (values.keep !== undefined && !existsSync(join(values.keep, 'pack'))) {
      for (const name of ['pack', 'pack.zip']) cpSync(join(directory, name), join(values.keep, name), { recursive: true });
    }
    rmSync(directory, { recursive: true });
  }
  const middle = (of: (round: Round) => number) => rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
  const rows = [
    ['pack of the quarter', seconds(middle(({ packMs }) => packMs)), '60 s'],
    ['CPU of it, all threads', seconds(middle(({ packCpuMs }) => packCpuMs)), ''],
    ['peak memory of it', `${Math.round(middle(({ packMb }) => packMb))} MB`, '500 MB'],
    ['verify', seconds(middle(({ verifyMs }) => verifyMs)), ''],
    ['peak memory of it', `${Math.round(middle(({ verifyMb }) => verifyMb))} MB`, ''],
    ['pack, zipped', megabytes(sizes.pack), ''],
    ['report.pdf', megabytes(sizes.pdf), ''],
    ['workbook.xlsx', megabytes(sizes.workbook), ''],
  ];
  process.stdout.write(
    [
      ...lines,
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? ''}`,
      '',
      '| | median of the rounds | bar |',
      '|---|---|---|',
      ...rows.map((row) => `| ${row.join(' | ')} |`),
      '',
    ].join('\n'),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
