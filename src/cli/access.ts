/** `access can|check|who-can|matrix`: RBAC as an auditor asks it. A "no" over objects that were not all read is printed as "not known". */
import type { AccessCan, AccessWhoCan } from '../access/index.ts';
import { accessCan, accessCheck, accessMatrix, accessWhoCan } from '../app/index.ts';
import { clip, KubevidenceError, visible } from '../model/index.ts';
import { checkFormat, printDocument, toJsonLine } from './output.ts';
import type { Action } from './session.ts';
import { columnsOf, plural, type Terminal, wrap } from './terminal.ts';

interface Common {
  readonly config?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly at?: string;
  readonly run?: number;
  readonly strict?: boolean;
  readonly output: string;
}

interface CanOptions extends Common {
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly name?: string;
  readonly namespace?: string;
  readonly memberships?: string;
}

/** Exit 0 for yes and 1 for no, as `kubectl auth can-i`; what is not known is no yes: 1, and 3 with --strict. */
export const canAction: Action<CanOptions> = async ({ app, terminal }, options, [verb = '', resource = '', ...more]) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  // `--as-group a b`: kubectl repeats the flag, but people write this too.
  if (more.length > 0 && options.asGroup === undefined)
    throw new KubevidenceError('usage', `there is no place for ${visible(more.join(' '))} here`, {
      next: 'Name an object with --name, a group with --as-group.',
    });
  const asGroup = options.asGroup === undefined ? undefined : [...options.asGroup, ...more];
  const { name, namespace } = options;
  const result = await accessCan(app, { ...options, asGroup, configPath: options.config }, { verb, resource, name, namespace });
  if (format === 'table') printCan(terminal, result);
  else printDocument(terminal, format, result);
  return result.answer === 'yes' ? 0 : result.answer === 'notKnown' && (options.strict || readNothing(result)) ? 3 : 1;
};

/** A run that read nothing answers nothing, whatever the options. */
function readNothing({ run }: Pick<AccessCan, 'run'>): boolean {
  return run?.status === 'failed';
}

const answers = { yes: 'yes', no: 'no', notKnown: 'not known' } as const;

function printCan(terminal: Terminal, result: AccessCan): void {
  const line = (text: string) => terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  const { user, groups, implied, verb, resource, path, answer, via } = result;
  terminal.print(answers[answer]);
  const what = resource === null ? (path ?? '') : `${nameOf(resource)}${resource.name === '' ? '' : ` ${resource.name}`}`;
  const where = resource === null ? '' : resource.namespace === '' ? ' cluster-wide' : ` in namespace ${resource.namespace}`;
  line(clip(`${verb} ${what}${where} · as ${user}`, 400));
  line(answer === 'notKnown' ? 'nothing that was read gives it' : clip(result.reason, 600));
  const given = groups.filter((group) => !implied.includes(group));
  const said = [...(given.length === 0 ? [] : [given.join(', ')]), ...(implied.length === 0 ? [] : [`${implied.join(', ')} (implied)`])];
  if (said.length > 0) line(clip(`groups: ${said.join('; ')}`, 600));
  if (via?.subject.startsWith('Group/')) line(clip(`through the group ${via.subject.slice('Group/'.length)}`, 300));
  printLimits(terminal, result.gaps, result.notes);
}

/** `deployments.apps/scale`. */
function nameOf({
  group,
  resource,
  subresource,
}: {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
}): string {
  return `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
}

function printLimits(terminal: Terminal, gaps: AccessCan['gaps'], notes: readonly string[]): void {
  const line = (text: string) => terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  for (const { what, reason, detail, closedBy } of gaps.slice(0, 6)) {
    const why = detail === undefined ? reason : `${reason}: ${detail}`;
    line(clip(`not read: ${what} (${why})${closedBy === undefined ? '' : `. Close it: ${closedBy}`}`, 400));
  }
  if (gaps.length > 6) line(`and ${plural(gaps.length - 6, 'more gap')}: -o json`);
  for (const note of notes) line(clip(note, 600));
}

interface WhoCanOptions extends Common {
  readonly namespace?: string;
  readonly memberships?: string;
}

export const whoCanAction: Action<WhoCanOptions> = async ({ app, terminal }, options, [verb = '', resource = '', name]) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const question = { verb, resource, name, namespace: options.namespace };
  const result = await accessWhoCan(app, { ...options, configPath: options.config }, question);
  if (format === 'table') printWhoCan(terminal, result);
  else printDocument(terminal, format, result);
  return !result.complete && (options.strict || readNothing(result)) ? 3 : 0;
};

function printWhoCan(terminal: Terminal, result: AccessWhoCan): void {
  const { verb, resource, path, namespace, holders } = result;
  const what = resource === null ? (path ?? '') : `${nameOf(resource)}${resource.name === '' ? '' : ` ${resource.name}`}`;
  const where = namespace === '' ? '' : namespace === '*' ? ', in any namespace' : ` in namespace ${namespace}`;
  const run = result.run === null ? '' : ` · run ${result.run.number}`;
  terminal.print(clip(`${verb} ${what}${where} · ${result.cluster.name}${run} · ${plural(holders.length, 'subject')}`, 300));
  const rows = (limited: boolean) => holders.filter((holder) => holder.limited === limited).flatMap(rowsOfHolder);
  const [all, some] = [rows(false), rows(true)];
  if (all.length > 0) terminal.print();
  for (const line of columnsOf(all)) terminal.print(line);
  if (some.length > 0) {
    terminal.print();
    terminal.print('  on some names only:');
    for (const line of columnsOf(some)) terminal.print(line);
  }
  terminal.print();
  terminal.print(`  always: ${result.always.join(', ')}, which needs no binding; certificates and tokens say who is in it`);
  printLimits(terminal, result.gaps, result.notes);
  if (holders.length === 0) terminal.print(result.complete ? '  no binding gives it' : '  nothing that was read gives it');
}

/** One row for each grant, and one for the members of a group. */
function rowsOfHolder({ subject, grants, members }: AccessWhoCan['holders'][number]): string[][] {
  const rows = grants.map(({ binding, role, namespace, rule: { resourceNames } }, i) => {
    const names = resourceNames.length === 0 ? '' : ` (only: ${resourceNames.join(', ')})`;
    const scope = namespace === '' ? 'cluster-wide' : `in ${clip(namespace, 63)}`;
    return [`  ${i === 0 ? clip(subject, 80) : ''}`, scope, clip(`${binding} → ${role}${names}`, 200)];
  });
  if (members !== null && members.length > 0) rows.push(['', '', clip(`members: ${members.join(', ')}`, 400)]);
  return rows;
}

interface CheckOptions extends Common {
  readonly file: string;
}

/** Broken lines that are named on stderr; the rest are counted. */
const namedLines = 20;

export const checkAction: Action<CheckOptions> = async ({ app, terminal }, options) => {
  if (options.output !== 'jsonl')
    throw new KubevidenceError('usage', `there is no output format ${visible(options.output)} here`, { next: 'Use -o jsonl.' });
  let named = 0;
  const { unknown, broken } = await accessCheck(
    app,
    { ...options, configPath: options.config },
    options.file,
    (answer) => {
      terminal.print(toJsonLine(answer));
      return terminal.drained?.();
    },
    ({ line, message }) => {
      named += 1;
      if (named <= namedLines) terminal.note(`kubevidence: ${visible(options.file)}:${line}: ${message}`);
    },
  );
  if (broken > namedLines) terminal.note(`kubevidence: and ${plural(broken - namedLines, 'more broken line')}`);
  if (broken > 0) return 2;
  return options.strict && unknown > 0 ? 3 : 0;
};

interface MatrixOptions extends Common {
  readonly out: string;
}

export const matrixAction: Action<MatrixOptions> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json']);
  const report = await accessMatrix(app, { ...options, configPath: options.config }, options.out);
  if (format === 'json') printDocument(terminal, format, report);
  else {
    terminal.print(
      `${visible(report.out)}: ${plural(report.rows, 'row')} of effective access, ${plural(report.subjects, 'subject')} of ${visible(report.cluster.name)}`,
    );
    printLimits(terminal, [...report.gaps], report.notes);
    terminal.print();
    terminal.print('  kubevidence access who-can VERB RESOURCE');
  }
  return !report.complete && (options.strict || readNothing(report)) ? 3 : 0;
};
