/** `ledger backup|export|import|reconcile`: the ledger elsewhere, and beside the cluster's own audit log. */
import { resolve } from 'node:path';
import { type Config, loadConfig, parseInstant, reconcile, type Reconciliation, signCheckpoint } from '../app/index.ts';
import { backupLedger, type ExportedLedger, exportLedger, importLedger } from '../ledger/index.ts';
import { KubevidenceError, type RunSummary, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action, Session } from './session.ts';
import { columnsOf, megabytes, plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output: string;
  readonly out: string;
  readonly from: string;
  readonly ledger?: string;
}

interface ReconcileOptions extends Pick<Options, 'config' | 'output'> {
  readonly auditLog: readonly string[];
  readonly cluster?: string;
  readonly from?: string;
  readonly to?: string;
}

const configOf = ({ app }: Session, path: string | undefined) => loadConfig({ cwd: app.cwd, path, uid: app.uid });

export const backupAction: Action<Options> = async (session, options) => {
  const { app, terminal } = session;
  const format = checkFormat(options.output, ['table', 'json']);
  const backup = await backupLedger(configOf(session, options.config).ledgerPath, resolve(app.cwd, options.out));
  if (format === 'json') {
    printDocument(terminal, 'json', backup);
    return 0;
  }
  const { runs, lastCheckpoint, counts } = backup;
  terminal.print(`wrote ${visible(options.out)}: ${megabytes(backup.bytes)}, verified`);
  terminal.print(`  ledger of ${backup.genesis.at} · ${plural(counts.records, 'record')} · ${lastRun(runs)}`);
  if (lastCheckpoint !== null) terminal.print(`  checkpoint ${lastCheckpoint.size} ${lastCheckpoint.root}`);
  if (counts.unsignedRecords > 0) terminal.print(`  ${plural(counts.unsignedRecords, 'record')} after it not signed yet`);
  terminal.print('It holds no keys. Keep the key files too, apart from it.');
  return 0;
};

export const exportAction: Action<Options> = async (session, options) => {
  const { terminal } = session;
  const format = checkFormat(options.output, ['table', 'json']);
  const { exported, pseudonyms } = await exportSigned(session, options);
  if (format === 'json') {
    printDocument(terminal, 'json', exported);
    return 0;
  }
  const { lines } = exported;
  terminal.print(
    `wrote ${visible(options.out)}: ${megabytes(exported.bytes)}, ${plural(lines['log.jsonl'], 'record')}, ${plural(lines['objects.jsonl'], 'object')}`,
  );
  if (exported.leftOut > 0)
    terminal.print(
      `  left out: ${plural(exported.leftOut, 'record')} that no checkpoint signs yet (runs that have not ended, or were missed)`,
    );
  if (pseudonyms !== null)
    terminal.print('  It is the raw ledger: it shows names as they were read, where packs show pseudonyms. Nothing else could be proved.');
  terminal.print('README.md in it says how to check it by hand.');
  return 0;
};

export const importAction: Action<Options> = async (session, options) => {
  const { app, terminal } = session;
  const format = checkFormat(options.output, ['table', 'json']);
  const path = options.ledger === undefined ? configOf(session, options.config).ledgerPath : resolve(app.cwd, options.ledger);
  const imported = importLedger(resolve(app.cwd, options.from), path);
  if (format === 'json') {
    printDocument(terminal, 'json', imported);
    return 0;
  }
  const { counts, genesis } = imported;
  terminal.print(`made ${visible(path)}: every record, hash, id and signature of the export holds`);
  terminal.print(
    `  ledger of ${genesis.at} · ${plural(counts.records, 'record')} · ${plural(counts.runs, 'run')} · ${plural(counts.objects, 'object')}`,
  );
  terminal.print('Compare it with a checkpoint that you kept: kubevidence ledger verify --against FILE');
  return 0;
};

/** Records that are not signed cannot be proved by an import: they are signed first, where that is possible. */
async function exportSigned(
  session: Session,
  options: Options,
): Promise<Pick<Config, 'pseudonyms'> & { readonly exported: ExportedLedger }> {
  const config = configOf(session, options.config);
  const { pseudonyms } = config;
  const out = resolve(session.app.cwd, options.out);
  try {
    return { exported: exportLedger(config.ledgerPath, out), pseudonyms };
  } catch (error) {
    if (!(error instanceof KubevidenceError) || error.code !== 'incomplete') throw error;
    try {
      await signCheckpoint(session.app, config);
    } catch (cause) {
      if (cause instanceof KubevidenceError && cause.code === 'integrity') throw cause;
      throw error;
    }
    return { exported: exportLedger(config.ledgerPath, out), pseudonyms };
  }
}

function lastRun(runs: readonly RunSummary[]): string {
  const last = runs.reduce<RunSummary | undefined>(
    (latest, run) => (latest === undefined || run.leaf > latest.leaf ? run : latest),
    undefined,
  );
  return last === undefined
    ? 'no run'
    : `${plural(runs.length, 'run')}, the last ${last.number} of ${visible(last.cluster)} (${last.endedAt ?? last.status})`;
}

export const reconcileAction: Action<ReconcileOptions> = async (session, options) => {
  const { app, terminal } = session;
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const { ledgerPath } = configOf(session, options.config);
  const from = options.from === undefined ? undefined : await parseInstant(options.from);
  const to = options.to === undefined ? undefined : await parseInstant(options.to);
  const files = options.auditLog.map((file) => resolve(app.cwd, file));
  const result = await reconcile(app, { ledgerPath, files, cluster: options.cluster, from, to });
  if (format === 'table') printReconciliation(terminal, result);
  else printDocument(terminal, format, result);
  return { matched: 0, incomplete: 3, mismatched: 4 }[result.verdict];
};

const verdicts = {
  matched: 'every request fits: the runs and the audit log tell the same',
  incomplete: 'what could be compared fits, but not all could be',
  mismatched: 'the runs and the audit log do NOT tell the same',
} as const;

function printReconciliation(terminal: Terminal, result: Reconciliation): void {
  const { auditLog, span, runs, problems, gaps, notes } = result;
  const list = (title: string, lines: readonly string[], most: number) => {
    if (lines.length === 0) return;
    terminal.print(title);
    for (const line of lines.slice(0, most)) terminal.print(`  ${wrap(visible(line), terminal.columns, '    ', 2)}`);
    if (lines.length > most) terminal.print(`  and ${lines.length - most} more: -o json`);
  };
  terminal.print(`${visible(result.cluster)}: ${verdicts[result.verdict]}`);
  terminal.print(`  ${plural(auditLog.events, 'audit event')} · ${span.from} to ${span.to}`);
  terminal.print(`  ${plural(runs.length, 'run')} · collector ${result.collectors.map(visible).join(', ') || 'unknown'}`);
  list('What does not fit:', problems, 12);
  list('What could not be compared:', gaps, 6);
  list('To know:', notes, 6);
  terminal.print();
  const rows = runs
    .slice(-20)
    .map(({ run, status, claimed, seen, problems: own }) => [
      `  ${run}`,
      status,
      `${claimed}`,
      `${seen}`,
      own.length === 0 ? '' : 'does not fit',
    ]);
  if (rows.length > 0) terminal.print();
  const table = rows.length === 0 ? [] : columnsOf([['  run', 'status', 'claimed', 'seen', ''], ...rows], [0, 2, 3]);
  for (const line of table) terminal.print(line);
  if (runs.length > 20) terminal.print(`  and ${runs.length - 20} earlier runs: -o json`);
  if (result.otherRequests.length + result.unknownRuns.length + result.checks.length > 0)
    terminal.print('Each request that belongs to no run, with its address and program: -o json');
}
