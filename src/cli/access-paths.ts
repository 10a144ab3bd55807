/** `access paths`: the ways on which somebody can climb, worst first, each hop with the right that allows it, and what to take away. */
import type { AccessPaths } from '../access/index.ts';
import { accessPaths } from '../app/index.ts';
import { clip } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly at?: string;
  readonly run?: number;
  readonly to?: string;
  readonly subject?: string;
  readonly all?: boolean;
  readonly strict?: boolean;
  readonly output: string;
}

/** Exit 0 whether there are paths or not; 3 with --strict when something was not read, and always over a run that read nothing. */
export const pathsAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const result = await accessPaths(app, { ...options, configPath: options.config });
  if (format === 'table') printPaths(terminal, result, options);
  else printDocument(terminal, format, result);
  return !result.complete && (options.strict || result.run?.status === 'failed') ? 3 : 0;
};

type Path = AccessPaths['paths'][number];

/** Ways that are printed; the rest are counted. */
const shownWays = 8;
const shownGaps = 6;

/** Subjects that climb the same way stand together: only their first step differs, in who takes it. */
interface Way {
  readonly first: Path;
  readonly others: string[];
}

function waysOf(paths: readonly Path[]): readonly Way[] {
  const ways = new Map<string, Way>();
  for (const path of paths) {
    const [first, ...rest] = path.hops;
    const key = JSON.stringify([
      path.kind,
      first?.technique,
      first?.to,
      first?.right,
      first?.through.replace(/^Group\/.* → (?=\S*Binding\/)/, ''),
      rest,
    ]);
    const way = ways.get(key);
    if (way === undefined) ways.set(key, { first: path, others: [] });
    else way.others.push(path.from);
  }
  const order = ({ first, others }: Way) => [Number(!first.certain), first.hops.length, -others.length];
  return [...ways.values()].sort((a, b) => {
    const [left, right] = [order(a), order(b)];
    const differs = left.findIndex((value, i) => value !== right[i]);
    return differs < 0 ? 0 : (left[differs] ?? 0) - (right[differs] ?? 0);
  });
}

function printPaths(terminal: Terminal, result: AccessPaths, options: Pick<Options, 'all' | 'subject'>): void {
  const line = (text: string, indent = 2) =>
    terminal.print(`${' '.repeat(indent)}${wrap(clip(text, 900), terminal.columns, ' '.repeat(indent + 2), indent)}`);
  const run = result.scope === 'files' ? 'files' : result.run === null ? `recorded ${result.at}` : `run ${result.run.number}`;
  const climbing = new Set(result.paths.map(({ from }) => from));
  const sure = new Set(result.paths.filter(({ certain }) => certain).map(({ from }) => from));
  terminal.print(
    wrap(
      clip(
        `${result.cluster.name} · ${run} · ${plural(climbing.size, 'subject')} can reach ${result.target}${climbing.size === 0 ? '' : `, ${sure.size === climbing.size ? 'certainly' : `${sure.size} of them certainly`}`}`,
        300,
      ),
      terminal.columns,
      '  ',
      0,
    ),
  );
  const ways = waysOf(result.paths);
  for (const way of ways.slice(0, shownWays)) printWay(terminal, way);
  if (ways.length > shownWays) {
    terminal.print();
    line(`and ${plural(ways.length - shownWays, 'more way')}: -o json`);
  }
  terminal.print();
  if (climbing.size === 0)
    line(result.complete ? 'no path by the techniques that are known' : 'no path through what was read; what was not read may hold one');
  if (options.subject === undefined) printRemovals(terminal, result, line);
  if (result.builtin > 0 && options.all !== true && options.subject === undefined)
    line(`${plural(result.builtin, 'subject')} of the control plane can by what the cluster is made with: --all`);
  const gaps = gapsByLoss(result.gaps);
  for (const gap of gaps.slice(0, shownGaps)) line(gap);
  if (gaps.length > shownGaps) line(`and ${plural(gaps.length - shownGaps, 'more gap')}: -o json`);
  for (const note of result.notes) line(note);
}

function printWay(terminal: Terminal, { first, others }: Way): void {
  const print = (text: string, indent: number) =>
    terminal.print(`${' '.repeat(indent)}${wrap(clip(text, 700), terminal.columns, ' '.repeat(indent + 2), indent)}`);
  terminal.print();
  const more = others.length === 0 ? '' : ` and ${others.length === 1 ? (others[0] ?? '') : `${others.length} more`}`;
  const kind = `${first.kind === 'leastPrivileged' ? 'least privileged, ' : ''}${plural(first.hops.length, 'hop')}`;
  print(
    `${terminal.style('bold', clip(first.from, 120))}${more} · ${kind}${first.certain ? '' : ' · possible'}${first.builtin ? ' · built in' : ''}`,
    2,
  );
  for (const [index, hop] of first.hops.entries()) {
    print(`${index + 1}. ${hop.technique} → ${hop.to}`, 4);
    print(hop.right === '' ? hop.through : `${hop.right} · ${hop.through}`, 7);
    if (!hop.certain) print(`possible: ${hop.because ?? ''}`, 7);
  }
}

function printRemovals(terminal: Terminal, { removals, cut }: AccessPaths, line: (text: string, indent?: number) => void): void {
  for (const { binding, role, cuts, of } of removals.slice(0, 3))
    line(`remove ${binding} (${role}) and ${cuts} of ${plural(of, 'path')} ${cuts === 1 && of === 1 ? 'vanishes' : 'vanish'}`);
  if (cut === null || cut.bindings.length < 2) return;
  const names = cut.bindings.slice(0, 6).join(', ') + (cut.bindings.length > 6 ? ` and ${cut.bindings.length - 6} more` : '');
  line(`${plural(cut.bindings.length, 'binding')} ${cut.minimum ? 'at least ' : ''}must go before none has: ${names}`);
  terminal.print();
}

/** What is lost for the same reason is said once. */
function gapsByLoss(gaps: AccessPaths['gaps']): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { what, reason, detail } of gaps) {
    const key = `(${reason}): ${detail ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), what]);
  }
  return [...groups].map(([loss, whats]) => `not read: ${whats.join(', ')} ${loss}`);
}
