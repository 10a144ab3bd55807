/** `ledger hold|erase`. */
import { erase, listHolds, loadConfig, placeHold, planErasure, releaseHold } from '../app/index.ts';
import type { ErasurePlan, Hold, HoldScope } from '../ledger/index.ts';
import { clip, KubevidenceError, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { columnsOf, plural, type Terminal, wrap } from './terminal.ts';

interface HoldOptions {
  readonly config?: string;
  readonly output: string;
  readonly list?: boolean;
  readonly release?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly cluster?: string;
  readonly run?: number;
  readonly from?: string;
  readonly to?: string;
}

export const holdAction: Action<HoldOptions> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const { list = false, release: id, reason = '', by = '' } = options;
  const scoped = [options.cluster, options.run, options.from, options.to].some((each) => each !== undefined);
  if ((list && id !== undefined) || ((list || id !== undefined) && scoped)) {
    throw new KubevidenceError('usage', 'a hold is placed, released or listed, one at a time', {
      next: 'Place one with --reason and --by, release it with --release ID --reason --by, list them with --list.',
    });
  }
  if (list) {
    const holds = await listHolds(app, config);
    if (format === 'json') printDocument(terminal, format, { holds });
    else printHolds(terminal, holds);
    return 0;
  }
  const hold =
    id === undefined ? await placeHold(app, config, { ...options, reason, by }) : await releaseHold(app, config, { id, reason, by });
  if (format === 'json') printDocument(terminal, format, hold);
  else if (id !== undefined) terminal.print(`released ${hold.id}, which was on ${scopeText(hold.scope)}`);
  else {
    terminal.print(`placed ${hold.id} on ${scopeText(hold.scope)}: nothing that it covers can be erased`);
    terminal.print(`  release it: kubevidence ledger hold --release ${hold.id} --reason TEXT --by NAME`);
  }
  return 0;
};

interface EraseOptions {
  readonly config?: string;
  readonly output: string;
  readonly cluster?: string;
  readonly object?: readonly string[];
  readonly id?: readonly string[];
  readonly payload?: readonly string[];
  readonly person?: readonly string[];
  readonly expired?: boolean;
  readonly before?: string;
  readonly assessments?: boolean;
  readonly legalBasis?: string;
  readonly requester?: string;
  readonly approver?: string;
  readonly overrideRetention?: boolean;
  readonly dryRun?: boolean;
}

export const eraseAction: Action<EraseOptions> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const { object = [], id = [], payload = [], person = [], expired = false, assessments = false, overrideRetention = false } = options;
  const wanted = {
    ...options,
    objects: object,
    ids: id,
    payloads: payload.map(recordNumber),
    persons: person,
    expired,
    assessments,
    overrideRetention,
  };
  if (options.dryRun === true) {
    const plan = await planErasure(app, config, wanted);
    if (format === 'json') printDocument(terminal, format, plan);
    else {
      terminal.print(plan.targets.length === 0 ? 'nothing matches' : `would erase ${summary(plan)}; nothing was changed`);
      printPlan(terminal, plan);
    }
    return 0;
  }
  const report = await erase(app, config, wanted);
  if (format === 'json') printDocument(terminal, format, report);
  else {
    terminal.print(`erased ${summary(report.plan)}: their bytes and salts are destroyed; see ${said(report.records)} of the log`);
    printPlan(terminal, report.plan);
    for (const note of lasting) terminal.print(`  ${wrap(note, terminal.columns, '  ')}`);
    terminal.print();
    terminal.print('  kubevidence ledger verify');
  }
  if (report.swept) return 0;
  throw new KubevidenceError('incomplete', 'it is erased, but the file could not be written anew yet', {
    means: 'Old bytes may still lie in free pages of the file or in its journal: somebody reads the ledger, or the disk is full.',
    next: 'The next command that writes the ledger finishes it: kubevidence ledger checkpoint',
  });
};

/** What no command of ours can reach. */
const lasting: readonly string[] = [
  'Backups, exports, recordings and packs made before still hold it, and so may snapshots of the disk: erase them where they are kept.',
  'What is still in the cluster is stored again by the next run.',
];

function printHolds(terminal: Terminal, holds: readonly Hold[]): void {
  if (holds.length === 0) {
    terminal.print('no holds: what is past its retention may be erased');
    return;
  }
  const rows = holds.map((hold) => [
    `  ${hold.id}`,
    hold.released === null ? 'in force' : `released ${hold.released.at.slice(0, 10)}`,
    scopeText(hold.scope),
    hold.placedAt.slice(0, 10),
    clip(visible(`${hold.reason ?? '(erased)'}${hold.by === null ? '' : `, ${hold.by}`}`), 80),
  ]);
  for (const line of columnsOf([['  hold', 'state', 'on', 'placed', 'why'], ...rows])) terminal.print(line);
}

function printPlan(terminal: Terminal, { targets, stays }: ErasurePlan): void {
  const shown = targets
    .slice(0, 30)
    .map((target) => [
      `  ${clip(visible(target.title), 60)}`,
      runsText(target.runs),
      target.retainUntil === null ? 'in effect' : target.retainUntil.slice(0, 10),
      target.holds.join(' '),
    ]);
  if (shown.length > 0) for (const line of columnsOf([['  what', 'runs', 'keep until', 'holds'], ...shown])) terminal.print(line);
  if (targets.length > shown.length) terminal.print(`  and ${targets.length - shown.length} more: -o json`);
  for (const sentence of stays) terminal.print(`  ${wrap(`stays: ${sentence}`, terminal.columns, '  ')}`);
}

function summary({ targets, orphans }: ErasurePlan): string {
  const count = (of: string) => targets.filter((target) => target.class === of).length;
  const parts: [number, string][] = [
    [count('object'), 'version of objects'],
    [count('assessment'), 'assessment'],
    [count('people'), 'payload that names people'],
    [count('run'), 'whole run'],
    [orphans.objects.length, 'object that no other run names'],
  ];
  return parts.flatMap(([number, what]) => (number === 0 ? [] : [pluralOf(number, what)])).join(', ');
}

function pluralOf(count: number, what: string): string {
  const [noun = '', ...rest] = what.split(' ');
  return what.startsWith('whole') ? plural(count, what) : [plural(count, noun), ...rest].join(' ');
}

function said(records: readonly number[]): string {
  return records.length === 1 ? `record ${records[0]}` : `records ${records[0]} to ${records.at(-1)}`;
}

function runsText(runs: readonly number[]): string {
  const [first, last] = [runs[0], runs.at(-1)];
  return first === undefined ? '' : first === last ? `${first}` : `${first}–${last}`;
}

function scopeText({ cluster, runs, period }: HoldScope): string {
  const where = cluster === null ? '' : ` of ${visible(cluster)}`;
  if (runs !== null) return runs.from === runs.to ? `run ${runs.from}${where}` : `runs ${runs.from} to ${runs.to}${where}`;
  if (period === null) return cluster === null ? 'everything' : `everything${where}`;
  const day = (at: string) => at.replace('T00:00:00.000Z', '');
  return period.to.startsWith('9999')
    ? `everything${where} from ${day(period.from)} on`
    : `${day(period.from)} to ${day(period.to)}${where}`;
}

function recordNumber(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new KubevidenceError('usage', `${visible(text)} is no number of a record`, { next: 'Records count from 0.' });
}
