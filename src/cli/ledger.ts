/** `ledger status|verify`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeKeeping, loadConfig, readKeeping, readPublished } from '../app/index.ts';
import { type LedgerStatus, openLedger, type RunGrowth, verifyLedger } from '../ledger/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { columnsOf, megabytes, plural, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output: string;
  readonly against?: string;
}

export const statusAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: app.clock });
  const status = ledger.status();
  const keeping = await readKeeping(ledger, config);
  ledger.close();
  if (format !== 'table') {
    printDocument(terminal, format, { ...status, keeping });
    return 0;
  }
  terminal.print(
    `ledger of ${status.genesis.at} · ${plural(status.records, 'record')} · ${plural(status.runs.length, 'run')} · ${megabytes(status.bytes.file)}`,
  );
  if (status.lastCheckpoint) terminal.print(`checkpoint ${status.lastCheckpoint.size} ${status.lastCheckpoint.root}`);
  for (const each of describeTokens(status.tokens)) terminal.print(each);
  for (const each of status.custody) terminal.print(`  ${wrap(`note: ${visible(each)}`, terminal.columns, '    ')}`);
  terminal.print();
  const growth = new Map(status.growth.map((each) => [`${each.run} ${each.cluster}`, each]));
  const runs = status.runs
    .slice(-20)
    .map((run) => [
      `  ${visible(run.cluster)}`,
      `${run.number}`,
      run.status,
      run.kind,
      (run.status === 'missed' ? run.slot : run.endedAt) ?? run.plannedAt,
      describeGrowth(growth.get(`${run.number} ${run.cluster}`)),
      visible(run.error ?? ''),
    ]);
  for (const line of columnsOf([['  cluster', 'run', 'status', 'kind', 'ended', 'added', ''], ...runs], [1, 5])) terminal.print(line);
  if (status.runs.length > 20) terminal.print(`  and ${status.runs.length - 20} earlier runs: -o json`);
  terminal.print();
  for (const line of columnsOf(
    [
      ['  kind', 'objects', 'stored'],
      ...status.kinds.map((kind) => [`  ${kind.kind}`, kind.objects.toLocaleString('en'), megabytes(kind.bytes)]),
    ],
    [1, 2],
  ))
    terminal.print(line);
  terminal.print();
  if (status.churn.objects.length > 0) {
    terminal.print(`  most versions among the latest ${status.churn.among.toLocaleString('en')} objects stored`);
    const rows = status.churn.objects
      .slice(0, 5)
      .map(({ kind, namespace, name, versions }) => [
        `  ${kind}`,
        visible(namespace === '' ? name : `${namespace}/${name}`),
        `${versions}`,
      ]);
    for (const line of columnsOf([['  kind', 'object', 'versions'], ...rows], [2])) terminal.print(line);
    if (status.churn.objects.length > 5) terminal.print(`  and ${status.churn.objects.length - 5} more: -o json`);
    terminal.print();
  }
  for (const sentence of await describeKeeping(keeping)) terminal.print(`  ${wrap(sentence, terminal.columns, '  ')}`);
  return 0;
};

export const verifyAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const against = options.against === undefined ? undefined : readText(resolve(app.cwd, options.against));
  const published = await readPublished(app, config);
  const result = verifyLedger(config.ledgerPath, {
    ...(against !== undefined && { against }),
    ...(published !== undefined && { published }),
  });
  if (format === 'json') printDocument(terminal, 'json', result);
  else {
    terminal.print(result.ok ? 'the ledger verifies: every record, hash, id and signature holds' : 'the ledger does NOT verify:');
    for (const problem of result.problems.slice(0, 50)) terminal.print(`  ${visible(problem)}`);
    if (result.problems.length > 50) terminal.print(`  and ${result.problems.length - 50} more`);
    for (const notice of result.notices) terminal.print(`  ${wrap(`note: ${visible(notice)}`, terminal.columns, '    ')}`);
    terminal.print(
      `  ${Object.entries(result.counts)
        .map(([name, count]) => `${count.toLocaleString('en')} ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`)
        .join(' · ')}`,
    );
    if (result.ok && against !== undefined) terminal.print('  the log extends the checkpoint that you kept');
  }
  return result.ok ? 0 : 4;
};

function describeGrowth(growth: RunGrowth | undefined): string {
  if (growth === undefined) return '';
  return growth.bytes < 1e6 ? `${(growth.bytes / 1e3).toFixed(1)} kB` : megabytes(growth.bytes);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubevidenceError('usage', `cannot read ${visible(path)}: ${reasonOf(cause)}`, { cause });
  }
}

/** Which times somebody else vouches for. */
function describeTokens({ count, last, gaps }: LedgerStatus['tokens']): string[] {
  if (last === null) return ["  no time-stamp token: all times rest on the collector's clock"];
  const earlier = gaps.length > 3 ? [`  and ${gaps.length - 3} earlier gaps: -o json`] : [];
  return [
    `time-stamped ${last.at} (checkpoint ${last.size}); ${plural(count, 'token')}`,
    ...gaps.slice(-3).map(({ from, to }) => `  records dated ${from} and later have no token before ${to}`),
    ...earlier,
  ];
}
