/** `collect`: one run, told as a short story: what was read, what was not and why, what to do next. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { collectFiles, collectLive, loadConfig, parseInstant, pickCluster, replayIntoLedger, tellPlatform } from '../app/index.ts';
import type { CollectReport, ToldPlatform } from '../app/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { megabytes, plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly files?: readonly string[];
  readonly record?: string;
  readonly dryRun?: boolean;
  readonly scheduled?: boolean;
  readonly slot?: string;
  readonly strict?: boolean;
  readonly output: string;
}

export const collectAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const cluster = pickCluster(config, options.cluster);
  const from = options.from ?? cluster.directory;
  if (from !== undefined && options.files !== undefined)
    throw new KubevidenceError('usage', '--files joins a live run; with --from, put the files beside the others', {
      next: 'Leave one of them out.',
    });
  const missing = options.files?.find((path) => !existsSync(resolve(app.cwd, path)));
  if (missing !== undefined)
    throw new KubevidenceError('usage', `there is no ${visible(missing)}`, { next: 'Name a file or a directory.' });
  if (options.slot !== undefined && options.scheduled !== true)
    throw new KubevidenceError('usage', '--slot names a slot of the schedule', { next: 'Add --scheduled.' });
  const scheduled = options.scheduled === true ? { slot: options.slot === undefined ? null : await parseInstant(options.slot) } : null;
  const settings = {
    config,
    cluster,
    scheduled,
    files: options.files ?? [],
    record: options.record ?? null,
    dryRun: options.dryRun ?? false,
  };
  const reports =
    from === undefined
      ? [await collectLive(app, settings)]
      : ((await replayIntoLedger(app, settings, from)) ?? [await collectFiles(app, settings, from)]);
  const last = reports.at(-1);
  const told = last?.run && last.status !== 'failed' ? await tellPlatform(app, config, cluster.name, last.run.number) : null;
  if (format === 'table') for (const report of reports) printReport(terminal, report, report === last ? told : null);
  else printDocument(terminal, format, reports.length === 1 ? reports[0] : reports);
  if (reports.some((report) => report.fileProblems.some(({ integrity }) => integrity))) return 4;
  if (reports.some((report) => report.status === 'failed')) return 3;
  return options.strict && reports.some((report) => report.status !== 'succeeded') ? 3 : 0;
};

export function printReport(terminal: Terminal, report: CollectReport, told: ToldPlatform | null = null): void {
  const { identity, run, status, listings } = report;
  const complete = listings.filter((listing) => listing.gaps.length === 0).length;
  const items = listings.reduce((sum, listing) => sum + listing.items, 0);
  const who = `${visible(identity.name)}${identity.version ? ` (${visible(identity.version)})` : ''}`;
  terminal.print(
    `${who} · ${run ? `run ${run.number}` : 'dry run'} ${status} · ${complete} of ${listings.length} sources complete · ${plural(items, 'object')}${report.bytes === 0 ? '' : `, ${megabytes(report.bytes)} in ${(report.milliseconds / 1000).toFixed(1)} s`}`,
  );
  if (told?.platform) terminal.print(`  ${wrap(visible(told.platform), terminal.columns, '  ')}`);
  for (const { what, detail = '' } of told?.unused ?? [])
    terminal.print(`  ${wrap(`warning: not used: ${visible(what)}: ${visible(detail)}`, terminal.columns, '  ')}`);
  for (const warning of report.warnings) terminal.print(`  ${wrap(`warning: ${visible(warning)}`, terminal.columns, '  ')}`);
  const byFix = new Map<string, string[]>();
  for (const { gaps } of listings) {
    for (const gap of gaps) {
      const key = gap.closedBy ?? '';
      byFix.set(key, [...(byFix.get(key) ?? []), `${visible(gap.what)} (${gap.reason})`]);
    }
  }
  if (byFix.size > 0) terminal.print();
  for (const [fix, what] of byFix) {
    const shown = [...new Set(what)];
    const more = shown.length > 8 ? `, and ${shown.length - 8} more` : '';
    terminal.print(`  ${wrap(`not read: ${shown.slice(0, 8).join(', ')}${more}`, terminal.columns, '    ', 2)}`);
    if (fix !== '') terminal.print(`    ${wrap(`Read it: ${fix}`, terminal.columns, '    ')}`);
  }
  if (report.checkpoint !== null) {
    const [, size, root] = report.checkpoint.split('\n');
    terminal.print();
    terminal.print(`  checkpoint ${size} ${root}`);
  }
  terminal.print();
  terminal.print('  kubevidence assess');
}
