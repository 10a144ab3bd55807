/** `pack create`, `verify`. */
import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { createPackCommand, loadConfig } from '../app/index.ts';
import type { PackReport } from '../app/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { type PackVerification, verifyPack } from '../packs/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action, Session } from './session.ts';
import { megabytes, type Terminal, wrap } from './terminal.ts';

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
    `pack of ${period.name}${period.over ? '' : ' (still running)'} · ${report.files} files, ${megabytes(report.bytes)} · checkpoint ${report.checkpoint.size} ${report.checkpoint.root}`,
  );
  if (report.directory !== null) {
    terminal.print(`  ${short(join(report.directory, 'report.pdf'))}`);
    terminal.print(`  ${short(join(report.directory, 'workbook.xlsx'))}`);
    terminal.print(`  ${short(join(report.directory, 'README-verify.txt'))}  how an outsider verifies it`);
  }
  if (report.zip !== null) terminal.print(`  ${short(report.zip)}  to hand over`);
}

interface VerifyOptions {
  readonly trust?: string;
  readonly output: string;
}

export const verifyAction: Action<VerifyOptions> = async ({ terminal }, options, [path = '']) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const result = await verifyPack(path, options.trust === undefined ? {} : { trust: readTrust(options.trust) });
  if (format === 'json') printDocument(terminal, 'json', result);
  else printVerification(terminal, basename(path), result);
  return result.ok ? 0 : 4;
};

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
