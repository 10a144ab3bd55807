/** `exception add|approve|list|revoke`: what management accepts, by whom, until when. Names are as they were typed. */
import {
  addException,
  approveException,
  type ListedException,
  listExceptions,
  loadConfig,
  revokeException,
  type StoredException,
} from '../app/index.ts';
import { visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { plural, type Terminal, wrap } from './terminal.ts';

interface Common {
  readonly config?: string;
  readonly cluster?: string;
  readonly output?: string;
}

interface AddOptions extends Common {
  readonly expires: string;
  readonly reason: string;
  readonly requester: string;
  readonly compensatingControl?: string;
  readonly ticket?: string;
}

const configOf = ({ cwd, uid }: { readonly cwd: string; readonly uid: number | null }, { config }: Common) =>
  loadConfig({ cwd, path: config, uid });

export const addAction: Action<AddOptions> = async ({ app, terminal }, options, [control = '', item = '']) => {
  const { exception, warning } = await addException(app, configOf(app, options), { ...options, control, item });
  if (warning !== null) terminal.note(wrap(`warning: ${warning}`, terminal.columns, '  ', 0));
  terminal.print(`${describe(exception)}: requested, without effect until another person approves it`);
  terminal.print();
  terminal.print(`  kubevidence exception approve ${exception.id} --approver NAME`);
  return 0;
};

export const approveAction: Action<Common & { approver: string }> = async ({ app, terminal }, options, [id = '']) => {
  const exception = await approveException(app, configOf(app, options), id, options.approver);
  terminal.print(`${describe(exception)}: in force until ${exception.expires}; the finding stays a deviation, and is labelled`);
  terminal.print();
  terminal.print('  kubevidence assess');
  return 0;
};

export const revokeAction: Action<Common & { reason: string; by: string }> = async ({ app, terminal }, options, [id = '']) => {
  const exception = await revokeException(app, configOf(app, options), id, options);
  terminal.print(`${describe(exception)}: revoked; its findings are plain deviations again`);
  return 0;
};

export const listAction: Action<Common> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output ?? 'table', ['table', 'json', 'yaml']);
  const exceptions = await listExceptions(app, configOf(app, options), options.cluster);
  if (format !== 'table') {
    printDocument(terminal, format, exceptions);
    return 0;
  }
  if (exceptions.length === 0) terminal.print('no exception was ever requested');
  const order = ['inForce', 'requested', 'expired', 'rebound', 'revoked'];
  for (const each of exceptions.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))) printException(terminal, each);
  if (exceptions.length > 0) terminal.print('Names are asserted, not authenticated.');
  const waiting = exceptions.find(({ status }) => status === 'requested');
  terminal.print();
  terminal.print(
    waiting === undefined
      ? '  kubevidence exception add CONTROL ITEM --expires DATE --reason TEXT --requester NAME'
      : `  kubevidence exception approve ${waiting.id} --approver NAME`,
  );
  return 0;
};

function printException(terminal: Terminal, exception: ListedException): void {
  const { requester, requested, approver, approved, revoked, revocation, justification, ticket, compensatingControl } = exception;
  const line = (text: string) => terminal.print(`    ${wrap(text, terminal.columns, '    ')}`);
  terminal.print(wrap(`${describe(exception)} · ${stateOf(exception)}`, terminal.columns, '    ', 0));
  const people = [
    `requested by ${name(requester)} ${requested.at.slice(0, 10)}`,
    ...(approved === null ? [] : [`approved by ${name(approver)} ${approved.at.slice(0, 10)}`]),
    ...(revoked === null
      ? []
      : [`revoked by ${name(revocation?.by ?? null)} ${revoked.at.slice(0, 10)}: ${name(revocation?.reason ?? null)}`]),
  ];
  line(people.join(' · '));
  line(`${name(justification)}${ticket === null ? '' : ` (${visible(ticket)})`}`);
  if (compensatingControl !== null) line(`compensated by: ${visible(compensatingControl)}`);
}

function stateOf({ status, expires, labelled, rebound }: ListedException): string {
  if (status === 'requested') return 'waits for approval';
  if (status === 'revoked') return 'revoked';
  if (status === 'rebound') return `over: its cluster's name stands for another cluster since ${rebound?.at.slice(0, 10) ?? ''}`;
  if (status === 'expired') return `expired ${expires.slice(0, 10)}`;
  const use =
    labelled === null
      ? ', not assessed since: kubevidence assess'
      : labelled === 0
        ? ', unused: its item is gone, or passes'
        : `, labels ${plural(labelled, 'finding')}`;
  return `in force until ${expires.slice(0, 16)}Z${use}`;
}

function describe({ id, cluster, control, item }: StoredException): string {
  return `${id} · ${visible(cluster)} · ${visible(control)} · ${name(item)}`;
}

function name(text: string | null): string {
  return text === null ? '(erased)' : visible(text);
}
