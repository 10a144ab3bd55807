/** `pack create`, `verify`. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { createPackCommand, loadConfig } from '../app/index.ts';
import type { PackReport } from '../app/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { type PackVerification, verifyCheckpointFile, verifyPack } from '../packs/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action, Session } from './session.ts';
import { megabytes, plural, type Terminal, wrap } from './terminal.ts';
import { verifyLedgerFile } from './verify-ledger.ts';

interface CreateOptions {
  readonly config?: string;
  readonly cluster?: string;
  readonly period?: string;
  readonly checkpoint?: number;
  readonly out: string;
  readonly zip: boolean;
  readonly zipOnly?: boolean;
  readonly output: string;
}

export const createAction: Action<CreateOptions> = async (session, options) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const config = loadConfig({ cwd: session.app.cwd, path: options.config, uid: session.app.uid });
  if (!options.zip && options.zipOnly)
    throw new KubevidenceError('usage', '--zip-only and --no-zip contradict each other', { next: 'Leave one of them out.' });
  const form = options.zipOnly ? 'zip' : options.zip ? 'both' : 'directory';
  const report = await createPackCommand(session.app, {
    config,
    cluster: options.cluster,
    period: options.period,
    checkpoint: options.checkpoint,
    out: options.out,
    form,
  });
  if (format === 'json') {
    const { assessment: _assessment, catalog: _catalog, ...rest } = report;
    printDocument(session.terminal, 'json', rest);
  } else {
    printPack(session, report);
    session.terminal.print();
    session.terminal.print(
      `  kubevidence verify ${relative(session.app.cwd, report.zip ?? report.directory ?? '')} --trust ${report.fingerprint}`,
    );
  }
  return 0;
};

export function printPack({ app, terminal }: Session, report: PackReport): void {
  const { period } = report;
  const short = (path: string) => relative(app.cwd, path) || path;
  terminal.print(
    `pack of ${period.name}${period.over ? '' : ' (not over)'} · ${report.files} files, ${megabytes(report.bytes)} · checkpoint ${report.checkpoint.size} ${report.checkpoint.root}`,
  );
  for (const sentence of [report.result, ...report.notices]) terminal.print(`  ${wrap(sentence, terminal.columns, '    ', 2)}`);
  if (report.directory !== null) {
    terminal.print(`  ${short(join(report.directory, 'report.pdf'))}`);
    terminal.print(`  ${short(join(report.directory, 'workbook.xlsx'))}`);
    terminal.print(`  ${short(join(report.directory, 'README-verify.txt'))}  how an outsider verifies it`);
  }
  if (report.zip !== null) terminal.print(`  ${short(report.zip)}  to hand over`);
  if (report.pseudonyms !== null) {
    const { names, objects, key } = report.pseudonyms;
    const said = `${plural(names, 'name')} shown as pseudonyms (key ${key}), in ${plural(objects, 'object')} among others; names in texts that nothing marks as names are shown: redact.pseudonyms.names hides them`;
    terminal.print(`  ${wrap(said, terminal.columns, '    ', 2)}`);
  }
}

interface VerifyOptions {
  readonly trust?: string;
  readonly tsaCa?: string;
  readonly output: string;
}

export const verifyAction: Action<VerifyOptions> = async ({ terminal }, options, [path = '']) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const trust = options.trust === undefined ? undefined : readTrust(options.trust);
  const timestampCa = options.tsaCa === undefined ? undefined : readCa(options.tsaCa);
  const result = await verifyAny(path, trust, timestampCa);
  if (format === 'json') printDocument(terminal, 'json', result);
  else printVerification(terminal, basename(path), result);
  return result.ok ? 0 : 4;
};

/** What `path` is decides how it is checked: a ledger (SQLite), a lone checkpoint (a signed note), else a pack. */
async function verifyAny(path: string, trust: string | undefined, timestampCa: string | undefined): Promise<PackVerification> {
  const start = headOf(path);
  if (start.startsWith('SQLite format 3')) return verifyLedgerFile(path, trust, timestampCa);
  if (/^[^\n]+\n\d+\n[A-Za-z0-9+/]{43}=\n/.test(start)) return verifyCheckpointFile(readFileSync(path, 'utf8'), { trust });
  return verifyPack(path, { trust, timestampCa });
}

/** The first bytes of a regular file as text; empty for a directory or what is not there, which the pack's reader explains. */
function headOf(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return '';
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(512);
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

export function printVerification(terminal: Terminal, name: string, result: PackVerification): void {
  terminal.print(`${visible(name)}: ${wrap(result.headline, terminal.columns, '  ', visible(name).length + 2)}`);
  const list = (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return;
    terminal.print(`  ${title}`);
    for (const line of lines.slice(0, 40)) terminal.print(`    ${wrap(visible(line), terminal.columns, '      ', 4)}`);
    if (lines.length > 40) terminal.print(`    and ${lines.length - 40} more`);
  };
  list('does not hold:', result.problems);
  list('proved:', result.proved);
  list('not proved:', result.notProved);
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubevidenceError('usage', `--tsa-ca ${visible(path)} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** A fingerprint as it stands, or the file of a certificate or public key. */
function readTrust(trust: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(trust.replaceAll(/[:\s]/g, ''))) return trust.replaceAll(/[:\s]/g, '').toLowerCase();
  try {
    return readFileSync(trust, 'utf8');
  } catch (cause) {
    throw new KubevidenceError(
      'usage',
      `--trust ${visible(trust)} is neither a fingerprint nor a file that can be read: ${reasonOf(cause)}`,
      {
        cause,
        next: 'Give the 64 hex digits that the signer told you, or the file of its certificate.',
      },
    );
  }
}
