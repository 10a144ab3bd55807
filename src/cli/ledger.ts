/** `ledger status|verify|checkpoint`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadConfig, signCheckpoint } from '../app/index.ts';
import { openLedger, verifyLedger } from '../ledger/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { columnsOf, megabytes, plural } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output: string;
  readonly against?: string;
  readonly out?: string;
}

export const statusAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: app.clock });
  const status = ledger.status();
  ledger.close();
  if (format !== 'table') {
    printDocument(terminal, format, status);
    return 0;
  }
  terminal.print(
    `ledger of ${status.genesis.at} · ${plural(status.records, 'record')} · ${plural(status.runs.length, 'run')} · ${megabytes(status.bytes.file)}`,
  );
  if (status.lastCheckpoint) terminal.print(`checkpoint ${status.lastCheckpoint.size} ${status.lastCheckpoint.root}`);
  terminal.print();
  const runs = status.runs
    .slice(-20)
    .map((run) => [
      `  ${visible(run.cluster)}`,
      `${run.number}`,
      run.status,
      run.kind,
      run.endedAt ?? run.plannedAt,
      visible(run.error ?? ''),
    ]);
  for (const line of columnsOf([['  cluster', 'run', 'status', 'kind', 'ended', ''], ...runs], [1])) terminal.print(line);
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
  return 0;
};

export const verifyAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const against = options.against === undefined ? undefined : readText(options.against);
  const result = verifyLedger(config.ledgerPath, { ...(against !== undefined && { against }) });
  if (format === 'json') printDocument(terminal, 'json', result);
  else {
    terminal.print(result.ok ? 'the ledger verifies: every record, hash, id and signature holds' : 'the ledger does NOT verify:');
    for (const problem of result.problems.slice(0, 50)) terminal.print(`  ${visible(problem)}`);
    if (result.problems.length > 50) terminal.print(`  and ${result.problems.length - 50} more`);
    terminal.print(
      `  ${Object.entries(result.counts)
        .map(([name, count]) => `${count.toLocaleString('en')} ${name}`)
        .join(' · ')}`,
    );
    if (result.ok && against !== undefined) terminal.print('  the log extends the checkpoint that you kept');
  }
  return result.ok ? 0 : 4;
};

export const checkpointAction: Action<Options> = async ({ app, terminal }, options) => {
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const note = await signCheckpoint(app, config);
  if (options.out === undefined) terminal.print(note.trimEnd());
  else {
    try {
      writeFileSync(options.out, note);
    } catch (cause) {
      throw new KubevidenceError('unreachable', `cannot write ${visible(options.out)}: ${reasonOf(cause)}`, { cause });
    }
    terminal.print(`wrote ${visible(options.out)}. Keep it where whoever runs this tool cannot change it.`);
  }
  return 0;
};

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubevidenceError('usage', `cannot read ${visible(path)}: ${reasonOf(cause)}`, { cause });
  }
}
