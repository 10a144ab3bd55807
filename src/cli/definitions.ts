/** `definitions list|approve`: what decides what is collected and judged, how it changed, and who answers for each change. */
import { approveDefinitions, type DefinitionChange, isUnexplained, listDefinitionChanges, loadConfig } from '../app/index.ts';
import { clip, KubevidenceError, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output?: string;
}

interface ApproveOptions extends Options {
  readonly reason: string;
  readonly requestedBy: string;
  readonly approvedBy: string;
}

/** Differences of one change that are printed; the rest are counted. */
const shownDifferences = 8;
const approveLine = 'kubevidence definitions approve --reason TEXT --requested-by NAME --approved-by NAME';

export const listAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output ?? 'table', ['table', 'json', 'yaml']);
  const report = await listDefinitionChanges(app, loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid }));
  if (format !== 'table') {
    printDocument(terminal, format, report);
    return 0;
  }
  const [first] = report.changes;
  terminal.print(first === undefined ? 'nothing is recorded yet: the first collect records the definitions' : `recorded since ${first.at}`);
  for (const change of report.changes.slice(1)) printChange(terminal, change);
  if (report.changes.length > 1) terminal.print('Names are asserted, not authenticated.');
  if (report.pending) terminal.print('the definitions differ from those on record: the next run records that, without a reason');
  const open = report.changes.findLast(isUnexplained);
  terminal.print();
  const named = open === undefined ? approveLine : approveLine.replace('approve', `approve ${open.leaf}`);
  terminal.print(`  ${report.pending ? approveLine : open === undefined ? 'kubevidence collect' : named}`);
  return 0;
};

export const approveAction: Action<ApproveOptions> = async ({ app, terminal }, options, [change]) => {
  if (change !== undefined && !/^\d{1,15}$/.test(change))
    throw new KubevidenceError('usage', `${visible(change)} is no record number`, { next: 'See them: kubevidence definitions list' });
  const said = (option: string, text: string) => {
    if (text.trim() === '') throw new KubevidenceError('usage', `${option} is empty`);
    return text.trim().slice(0, 4000).toWellFormed();
  };
  const explanation = {
    reason: said('--reason', options.reason),
    requester: said('--requested-by', options.requestedBy),
    approver: said('--approved-by', options.approvedBy),
  };
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  printChange(terminal, await approveDefinitions(app, config, explanation, change === undefined ? undefined : Number(change)));
  terminal.print();
  terminal.print('  kubevidence collect');
  return 0;
};

function printChange(terminal: Terminal, change: DefinitionChange): void {
  terminal.print();
  terminal.print(wrap(`record ${change.leaf} · ${change.at} · ${answerOf(change)}`, terminal.columns, '  ', 0));
  for (const { what, oldDigest, newDigest, oldValue, newValue } of change.differences.slice(0, shownDifferences)) {
    const side = (digest: string | null, value: unknown) =>
      digest === null ? 'none' : value === null ? digest.slice(0, 12) : clip(JSON.stringify(value), 120);
    const text = `${visible(what)}: ${side(oldDigest, oldValue)} → ${side(newDigest, newValue)}`;
    terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  }
  const more = change.differences.length - shownDifferences;
  if (more > 0) terminal.print(`  and ${plural(more, 'more definition')}: -o json`);
}

/** Who answers for a change, in words. */
function answerOf({ explanation, approval }: DefinitionChange): string {
  const told = (text: string) => (text === '' ? 'erased' : visible(text));
  const say = (said: NonNullable<DefinitionChange['explanation']>) =>
    `${told(said.reason)}; requested by ${told(said.requester)}, approved by ${told(said.approver)}`;
  if (explanation !== null) return say(explanation);
  return approval === null ? 'reason not given, approver none' : `approved afterwards, at ${approval.at}: ${say(approval)}`;
}
