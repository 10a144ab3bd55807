/** `drift`: what differs between two snapshots, outcomes first and worst first, then objects, then what nobody can say. */
import type { Drift } from '../app/index.ts';
import { acceptBaseline, driftCommand, loadConfig } from '../app/index.ts';
import { clip, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { columnsOf, outcomeWord, plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly cluster?: string;
  readonly fromRun?: number;
  readonly toRun?: number;
  readonly since?: string;
  readonly namespace?: string;
  readonly failOnDrift?: boolean;
  readonly baseline?: boolean;
  readonly output: string;
}

export const driftAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const drift = await driftCommand(app, { ...options, configPath: options.config });
  if (format === 'table') printDrift(terminal, drift);
  else printDocument(terminal, format, drift);
  return drift.drift && options.failOnDrift ? 1 : 0;
};

interface AcceptOptions {
  readonly config?: string;
  readonly cluster?: string;
  readonly run?: number;
  readonly reason: string;
  readonly by: string;
}

export const acceptAction: Action<AcceptOptions> = async ({ app, terminal }, options) => {
  const config = loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid });
  const { cluster, run, by } = await acceptBaseline(app, config, options);
  terminal.print(`run ${run} of ${visible(cluster)} is the baseline, accepted by ${visible(by ?? '')} (asserted, not authenticated)`);
  terminal.print();
  terminal.print('  kubevidence drift --baseline');
  return 0;
};

/** Findings of one control, objects of one kind, and paths of one object that are printed; the rest are counted. */
const shownFindings = 4;
const shownObjects = 6;
const shownAccess = 8;
const shownWays = 5;
const shownPaths = 3;
/** Characters of a value. */
const shownValue = 60;

const causes = {
  binding: { '+': 'the binding is new', '-': 'the binding is gone' },
  subject: { '+': 'new in the binding', '-': 'taken out of the binding' },
  role: { '+': 'the role allows more', '-': 'the role allows less' },
  aggregation: { '+': 'the role aggregates more; nobody edited the binding', '-': 'the role aggregates less; nobody edited the binding' },
} as const;

const signs = { added: '+', removed: '-', changed: '~' } as const;

function printDrift(terminal: Terminal, drift: Drift): void {
  const { from, to, outcomes } = drift;
  const where = drift.namespace === null ? '' : ` · namespace ${visible(drift.namespace)}`;
  const run = ({ run, status, at }: Drift['from']) => `run ${run}${status === 'succeeded' ? '' : `, ${status}`} (${minute(at)})`;
  terminal.print(wrap(`${visible(drift.cluster.name)}${where} · ${run(from)} → ${run(to)}`, terminal.columns, '  ', 0));
  if (drift.baseline !== null) {
    const { acceptedAt, by, reason } = drift.baseline;
    terminal.print(
      wrap(
        `baseline accepted ${minute(acceptedAt)} by ${clip(by ?? 'erased', 100)}: ${clip(reason ?? 'erased', 200)}`,
        terminal.columns,
        '  ',
        0,
      ),
    );
  }
  const by = drift.judgedBy === 'recorded' ? 'as recorded' : 'both judged now';
  terminal.print(wrap(`net differences between the two snapshots; outcomes by today's catalog, ${by}`, terminal.columns, '  ', 0));
  for (const change of outcomes) printOutcome(terminal, change);
  printAccess(terminal, drift.access);
  printPaths(terminal, drift.paths);
  printObjects(terminal, drift);
  if (!drift.drift) printNoDrift(terminal, drift);
  printUnknown(terminal, drift);
  terminal.print();
  const [first] = outcomes;
  terminal.print(
    first === undefined ? '  kubevidence drift -o json' : `  kubevidence controls show ${first.control} · kubevidence drift -o json`,
  );
}

/** Of what neither run read, that nothing differs is not known. */
function printNoDrift(terminal: Terminal, { kinds, notAssessed }: Drift): void {
  const isWhole = ({ before, after }: Drift['kinds'][number]) => before?.complete === true && after?.complete === true;
  const whole = kinds.filter(isWhole).length;
  const text = `no net difference in the ${plural(whole, 'kind')} of objects that both runs read whole, and none in outcomes`;
  const unread = kinds.length - whole;
  const open = [
    ...(unread > 0 ? [`of ${plural(unread, 'kind')} of objects`] : []),
    ...(notAssessed > 0 ? [`of ${plural(notAssessed, 'control')} that ${notAssessed === 1 ? 'is' : 'are'} not assessed in both`] : []),
  ];
  terminal.print();
  terminal.print(`  ${wrap(text, terminal.columns, '  ')}`);
  if (open.length > 0) terminal.print(`  ${wrap(`not known: whether anything differs ${open.join(', and ')}`, terminal.columns, '  ')}`);
}

function printOutcome(terminal: Terminal, change: Drift['outcomes'][number]): void {
  const word = (outcome: typeof change.before) => outcomeWord(outcome, 'benchmark');
  const became = change.before === change.after ? `${word(change.after)} as before` : `${word(change.before)} → ${word(change.after)}`;
  const mark = change.severity.toUpperCase().padEnd(8);
  terminal.print();
  terminal.print(
    `  ${change.after === 'fail' ? terminal.style(['red', 'bold'], mark) : mark}  ${change.control}  ${wrap(`${visible(change.title)} · ${became}`, terminal.columns, '            ', 14 + change.control.length)}`,
  );
  const lines = [...change.appeared.map((item) => ['+', item] as const), ...change.resolved.map((item) => ['-', item] as const)];
  for (const [sign, { message, certain, exception }] of lines.slice(0, shownFindings)) {
    const doubt = certain ? '' : sign === '+' ? ' (perhaps not new: unread before)' : ' (perhaps still there: not read)';
    const label = exception === null ? '' : ` (exception ${visible(exception)})`;
    terminal.print(`            ${sign} ${wrap(`${clip(message, 150)}${label}${doubt}`, terminal.columns, '              ', 14)}`);
  }
  if (lines.length > shownFindings) terminal.print(`            and ${lines.length - shownFindings} more: -o json`);
  if (change.after === 'notAssessed' && change.before !== 'notAssessed')
    for (const { what, reason } of change.gaps.slice(0, 2)) terminal.print(`            not read: ${clip(what, 100)} (${reason})`);
}

/** Those with dangerous rights first. */
function printAccess(terminal: Terminal, { gained, lost, notListed, unknown }: Drift['access']): void {
  const lines = [...gained.map((change) => ['+', change] as const), ...lost.map((change) => ['-', change] as const)];
  if (lines.length + unknown === 0) return;
  lines.sort(([, a], [, b]) => Number(a.powers.length === 0) - Number(b.powers.length === 0));
  terminal.print();
  terminal.print('  effective access, by RBAC');
  for (const [sign, change] of lines.slice(0, shownAccess)) {
    const { subject, namespace, rights, more, binding, role, cause } = change;
    const scope = namespace === '' ? 'cluster-wide' : `in ${clip(namespace, 80)}`;
    const what = `${clip(rights.join('; '), 160)}${more > 0 ? `, and ${more} more` : ''}`;
    terminal.print(`  ${sign} ${wrap(`${clip(subject, 120)} ${scope}: ${what}`, terminal.columns, '    ')}`);
    terminal.print(`      ${wrap(`${clip(binding, 120)} → ${clip(role, 120)}: ${causes[cause][sign]}`, terminal.columns, '        ', 6)}`);
  }
  const left = lines.length - Math.min(lines.length, shownAccess) + notListed;
  if (left > 0) terminal.print(`    and ${left} more: -o json`);
  if (unknown > 0) terminal.print(`    unknown: ${plural(unknown, 'grant')} of which the other run, not read whole, says nothing`);
}

type PathChanges = NonNullable<Drift['paths']>;

const climbs = {
  gained: 'can now reach',
  confirmed: 'can now certainly reach',
  lost: 'can no longer reach',
  weakened: 'can now only possibly reach',
} as const;

/** Subjects that climb since the same thing, by the same last hops, stand together. */
function printPaths(terminal: Terminal, paths: Drift['paths']): void {
  if (paths === null) return;
  const { target, notListed, unknown } = paths;
  const kinds = ['gained', 'confirmed', 'lost', 'weakened'] as const;
  const ways = kinds.flatMap((kind) => {
    const alike = Map.groupBy(paths[kind], ({ cause, certain, known, hops }) =>
      JSON.stringify([cause, certain, known, hops.map(({ technique, to }) => [technique, to])]),
    );
    const groups = [...alike.values()].map((group) => ({ kind, first: group[0] as PathChanges['gained'][number], others: group.slice(1) }));
    return groups.sort((a, b) => Number(b.first.certain) - Number(a.first.certain) || a.first.hops.length - b.first.hops.length);
  });
  if (ways.length + unknown === 0) return;
  terminal.print();
  terminal.print(`  paths to ${visible(target)}`);
  for (const { kind, first, others } of ways.slice(0, shownWays)) {
    const { subject, certain, hops, cause, known } = first;
    const sign = kind === 'gained' || kind === 'confirmed' ? '+' : '-';
    const who = `${clip(subject, 120)}${others.length === 0 ? '' : ` and ${plural(others.length, 'other')}`}`;
    const doubt = known ? '' : sign === '+' ? ' (perhaps before too, by what was not read)' : ' (perhaps still, by what was not read)';
    const possible = kind === 'gained' && !certain ? ', possibly' : '';
    const steps = hops.map(({ technique, to }) => `${technique} → ${clip(to, 100)}`).join(', ');
    terminal.print(
      `  ${sign} ${wrap(`${who} ${climbs[kind]} ${visible(target)} in ${plural(hops.length, 'step')}${possible}: ${steps}${doubt}`, terminal.columns, '    ')}`,
    );
    if (cause !== null) terminal.print(`      ${wrap(causeOfPath(cause, sign), terminal.columns, '        ', 6)}`);
  }
  const left = ways.slice(shownWays).reduce((sum, { others }) => sum + 1 + others.length, 0) + notListed;
  if (left > 0) terminal.print(`    and ${plural(left, 'more subject')}: -o json`);
  if (unknown > 0) terminal.print(`    not known: ${plural(unknown, 'subject')} of whose paths one run, not read whole, says nothing`);
}

function causeOfPath({ what, object }: NonNullable<PathChanges['gained'][number]['cause']>, sign: '+' | '-'): string {
  const name = clip(object, 160);
  if (what === 'change') return `by a change of ${name}`;
  if (what === 'binding' || what === 'object') return `since ${name} ${sign === '+' ? 'was added' : 'is gone'}`;
  return `since a change of ${name}: ${causes[what][sign]}`;
}

function printObjects(terminal: Terminal, { kinds, objects, notListed }: Drift): void {
  const differing = kinds.filter(({ added, removed, changed }) => added + removed + changed > 0);
  if (differing.length === 0) return;
  terminal.print();
  const rows = differing.map(({ kind, added, removed, changed, readDifferently }) => [
    `  ${kind}`,
    `${added}`,
    `${removed}`,
    `${changed}`,
    readDifferently ? 'read by another keep-list' : '',
  ]);
  for (const line of columnsOf([['  objects', 'added', 'removed', 'changed', ''], ...rows], [1, 2, 3])) terminal.print(line);
  for (const { kind } of differing) {
    const own = objects.filter((object) => object.kind === kind);
    terminal.print();
    for (const object of own.slice(0, shownObjects)) printObject(terminal, object);
    if (own.length > shownObjects) terminal.print(`  and ${own.length - shownObjects} more of ${kind}: -o json`);
  }
  if (notListed > 0)
    terminal.print(`  ${plural(notListed, 'differing object')} beyond the first ${objects.length} are counted, not listed`);
}

function printObject(terminal: Terminal, object: Drift['objects'][number]): void {
  const { change, type, namespace, name, file, before, after } = object;
  const again = before !== null && after !== null && before.uid !== after.uid ? ', re-created' : '';
  const place = file === null ? '' : ` in ${file}`;
  terminal.print(
    `  ${signs[change]} ${wrap(clip(`${type}/${namespace === '' ? '' : `${namespace}/`}${name}`, 240) + again + clip(place, 200), terminal.columns, '    ')}`,
  );
  // That the object is another one was just said.
  const paths = object.paths.filter(({ path }) => again === '' || !/^metadata\.(uid|creationTimestamp)$/.test(path));
  for (const { path, before: was, after: is } of paths.slice(0, shownPaths))
    terminal.print(`      ${wrap(`${visible(path)}: ${valueOf(was)} → ${valueOf(is)}`, terminal.columns, '        ', 6)}`);
  const more = object.more + paths.length - Math.min(paths.length, shownPaths);
  if (more > 0) terminal.print(`      and ${plural(more, 'more path')}: -o json`);
}

function valueOf(text: string | null): string {
  return text === null ? 'absent' : clip(text, shownValue);
}

/** What one of the two could not read; what neither has is no news. */
function printUnknown(terminal: Terminal, { kinds, from, to }: Drift): void {
  const lines = kinds.flatMap(({ kind, before, after, unknown }) => {
    const [was, is] = [whyUnread(before), whyUnread(after)];
    if (was === is && unknown === 0) return [];
    const reasons = [was === null ? [] : `run ${from.run}: ${was}`, is === null ? [] : `run ${to.run}: ${is}`].flat().join('; ');
    return reasons === '' ? [] : [`${kind} (${reasons})${unknown > 0 ? `, ${plural(unknown, 'object')}` : ''}`];
  });
  if (lines.length === 0) return;
  terminal.print();
  terminal.print('  unknown, because a run could not read it; neither added nor removed:');
  for (const line of lines) terminal.print(`    ${wrap(line, terminal.columns, '      ', 4)}`);
}

function whyUnread(read: Drift['kinds'][number]['before']): string | null {
  if (read === null) return 'not collected';
  if (read.complete) return null;
  return read.gaps.length === 0 ? 'not from one moment' : [...new Set(read.gaps.map(({ reason }) => reason))].join(', ');
}

function minute(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}
