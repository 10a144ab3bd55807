/**
 * `access review export|import|status`: a workbook goes out to people, their decisions come back as one signed record, and the snapshots
 * that follow show what was done. Commands for revokes are printed, never run.
 */
import { basename } from 'node:path';
import {
  exportReview,
  type FollowedRow,
  importReview,
  loadConfig,
  type ReviewImport,
  type ReviewStatus,
  reviewStatus,
} from '../app/index.ts';
import { clip, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { plural, type Terminal, wrap } from './terminal.ts';

interface Common {
  readonly config?: string;
  readonly cluster?: string;
  readonly output: string;
}

interface ExportOptions extends Common {
  readonly out: string;
  readonly run?: number;
  readonly at?: string;
  readonly all?: boolean;
  readonly preparer?: string;
  readonly carry?: string;
}

const formats = ['table', 'json', 'yaml'] as const;

export const exportAction: Action<ExportOptions> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, formats);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const report = await exportReview(app, config, options);
  if (format !== 'table') {
    printDocument(terminal, format, report);
    return 0;
  }
  const line = (text: string) => terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  const { risks, carried, preparer } = report;
  terminal.print(
    `${visible(report.out)}: ${plural(report.rows, 'grant')} of ${visible(report.cluster)} to review, as of ${report.observed.slice(0, 16)}Z, run ${report.run}`,
  );
  line(`${risks.high} high, ${risks.medium} medium, ${risks.low} low · ${plural(report.owners, 'owner')}`);
  if (options.all !== true) line(`not among them: ${plural(report.builtin, 'grant')} that every API server makes for itself (--all)`);
  if (carried !== null)
    line(
      `${plural(carried.taken, 'decision')} taken over${carried.left === 0 ? '' : `; ${carried.left} not, because the grant is another now`}`,
    );
  if (report.missing !== '') line(`NOT COMPLETE, not read: ${clip(report.missing, 300)}`);
  line(
    preparer === null
      ? 'nobody is named as its preparer: --preparer NAME'
      : `prepared by ${visible(preparer)}, who cannot be its reviewer (asserted, not authenticated)`,
  );
  terminal.print();
  terminal.print(`  kubevidence access review import ${quoted(basename(report.out))} --reviewer NAME`);
  return 0;
};

function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : 'FILE';
}

interface ImportOptions extends Common {
  readonly reviewer: string;
  readonly preparer?: string;
  readonly partial?: boolean;
}

/** Lines that are shown of each kind; the others are counted. */
const shownLines = 50;

/** 4 when locked cells do not hold, 2 when something else keeps it from being imported. */
export const importAction: Action<ImportOptions> = async ({ app, terminal }, options, [file = '']) => {
  const format = checkFormat(options.output, formats);
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const result = await importReview(app, config, file, options);
  if (format !== 'table') printDocument(terminal, format, result);
  else if (result.imported) printImported(terminal, result);
  if (!result.imported) noteRefused(terminal, result, file);
  if (result.imported) return 0;
  return result.problems.some(({ kind }) => kind === 'tampered') ? 4 : 2;
};

function counts({ keep, revoke, change, open }: ReviewImport['decisions']): string {
  return `${keep} keep, ${revoke} revoke, ${change} change, ${open} open`;
}

function printImported(terminal: Terminal, result: ReviewImport): void {
  const line = (text: string) => terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  const { reviewer, preparer, notes, commands } = result;
  terminal.print(`access review of ${visible(result.cluster)}, run ${result.run}: ${counts(result.decisions)} · record ${result.record}`);
  line(
    `reviewed by ${visible(reviewer)}${preparer === null ? '' : `, prepared by ${visible(preparer)}`}; names are asserted, not authenticated`,
  );
  for (const note of notes) line(clip(note, 300));
  printCommands(terminal, commands);
  terminal.print();
  terminal.print(`  kubevidence access review status`);
}

function printCommands(terminal: Terminal, commands: ReviewImport['commands']): void {
  if (commands.length === 0) return;
  terminal.print();
  terminal.print('  Nothing was changed. For the revokes, a person reads and runs:');
  for (const { command, note } of commands) {
    if (note !== null) terminal.print(`  # ${visible(note)}`);
    // Not wrapped: it is copied.
    terminal.print(`  ${command}`);
  }
}

function noteRefused(terminal: Terminal, result: ReviewImport, file: string): void {
  const { problems, changed, open, decisions } = result;
  const line = (text: string) => terminal.note(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  terminal.note(`kubevidence: nothing was imported from ${visible(file)}.`);
  const list = (texts: readonly string[]) => {
    for (const text of texts.slice(0, shownLines)) line(clip(text, 500));
    if (texts.length > shownLines) line(`and ${texts.length - shownLines} more: -o json`);
  };
  list(
    problems.map(({ sheet, row, column, text }) => {
      const place = [sheet, ...(row === null ? [] : [`row ${row}`]), ...(column === null ? [] : [`column ${column}`])].join(', ');
      return `${place}: ${text}`;
    }),
  );
  if (changed !== null) {
    line(`Run ${changed.run} differs from run ${result.run}, which was exported:`);
    list(changed.differences.map(({ text }) => text));
    line(`Take over what is still the same: kubevidence access review export --out NEW.xlsx --carry ${quoted(basename(file))}`);
  }
  if (open.length > 0) {
    line(`${plural(decisions.open, 'row')} of ${decisions.open + decisions.keep + decisions.revoke + decisions.change} not decided:`);
    list([...open, ...(decisions.open > open.length ? [`and ${decisions.open - open.length} more`] : [])]);
    line('Decide them, or import what there is with --partial; the rest stays open.');
  }
}

const stateWords: Readonly<Record<FollowedRow['state'], string>> = {
  done: 'done',
  stillThere: 'still there',
  changed: 'changed',
  elsewhere: 'held elsewhere',
  notKnown: 'not known',
};

export const statusAction: Action<Common> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, formats);
  const status = await reviewStatus(app, loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid }), options.cluster);
  if (format === 'table') printStatus(terminal, status);
  else printDocument(terminal, format, status);
  return 0;
};

function printStatus(terminal: Terminal, { cluster, reviews, snapshot, rows, commands }: ReviewStatus): void {
  const [latest] = reviews;
  if (latest === undefined || snapshot === null) {
    terminal.print(`no access review of ${visible(cluster)} is on record`);
    terminal.print();
    terminal.print('  kubevidence access review export --out review.xlsx');
    return;
  }
  const line = (text: string, indent = '  ') => terminal.print(`${indent}${wrap(text, terminal.columns, `${indent}  `, indent.length)}`);
  const who = latest.reviewers === null ? '(erased)' : latest.reviewers.map(visible).join(', ');
  terminal.print(
    `${visible(cluster)}: ${plural(reviews.length, 'access review')}; the last of ${latest.at.slice(0, 10)} over run ${latest.run}`,
  );
  line(`${counts(latest.decisions)} · by ${clip(who, 300)} · names are asserted, not authenticated`);
  if (latest.complete === false) line('not all roles and bindings could be read for it');
  terminal.print();
  if (rows.length === 0) line('nothing was to be revoked or changed');
  else if (snapshot.run === latest.run) line('to be revoked or changed; nothing was collected since it was reviewed:');
  else line(`to be revoked or changed, as run ${snapshot.run} of ${snapshot.at.slice(0, 16)}Z shows it:`);
  for (const row of rows) {
    const { state, detail, decision, subject, binding, role, reviewer, date, comment } = row;
    const word = decision === 'change' && state === 'done' ? 'gone' : stateWords[state];
    line(clip(`${word.padEnd(14)}  ${decision}  ${subject} through ${binding} → ${role}`, 300));
    const said = [...(detail === null ? [] : [detail]), ...(comment === '' ? [] : [`"${comment}"`]), `decided by ${reviewer}, ${date}`];
    line(clip(said.join(' · '), 400), '                  ');
  }
  printCommands(terminal, commands);
  const waiting = rows.some(({ state }) => state !== 'done');
  terminal.print();
  terminal.print(waiting ? '  kubevidence collect' : '  kubevidence access review export --out review.xlsx');
}
