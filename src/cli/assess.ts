/** `assess`: the verdicts of one snapshot, worst first, and what could not be concluded with what would close it. */
import { assessCommand, clockGapName } from '../app/index.ts';
import type { AssessReport } from '../app/index.ts';
import { isExcepted } from '../assessment/index.ts';
import type { Catalog, ControlResult, Outcome, Severity } from '../model/index.ts';
import { clip, severities, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { ago, columnsOf, outcomeWord, plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly at?: string;
  readonly run?: number;
  readonly framework?: string;
  readonly control?: string;
  readonly namespace?: string;
  readonly auditPolicy?: string;
  readonly failOn?: Severity;
  readonly strict?: boolean;
  readonly output: string;
}

export const assessAction: Action<Options> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const report = await assessCommand(app, { ...options, configPath: options.config });
  if (format === 'table') printAssessment(terminal, report, app.clock());
  else printDocument(terminal, format, report.assessment);
  const { controls } = report.assessment;
  const worst = options.failOn === undefined ? -1 : severities.indexOf(options.failOn);
  if (controls.some((control) => control.outcome === 'fail' && severities.indexOf(control.severity) <= worst)) return 1;
  // A run that read nothing is no assessment, whatever the options.
  if (report.run?.status === 'failed') return 3;
  return options.strict && controls.some((control) => control.gaps.length > 0) ? 3 : 0;
};

/** Findings of one control that are printed; the rest are counted. */
const shownFindings = 3;
/** Reasons for what is not assessed; the rest are counted. */
const shownGroups = 8;

export function printAssessment(
  terminal: Terminal,
  { assessment, catalog, listings, run, platform, unexplained }: AssessReport,
  now: Date,
  { next = true, most = Infinity } = {},
): void {
  const { cluster, controls } = assessment;
  const complete = listings.filter((listing) => listing.gaps.length === 0).length;
  const what =
    assessment.scope === 'files'
      ? 'files'
      : run
        ? `run ${run.number}${run.status === 'succeeded' ? '' : `, ${run.status}`}, ${ago(assessment.at, now)}`
        : `recorded ${assessment.at}`;
  terminal.print(
    `${visible(cluster.name)}${cluster.version ? ` (${visible(cluster.version)})` : ''} · ${what} · ${complete} of ${listings.length} sources complete`,
  );
  if (platform !== null) terminal.print(`  ${wrap(visible(platform), terminal.columns, '  ')}`);
  for (const gap of listings.flatMap((listing) => listing.gaps).filter((each) => each.what === clockGapName))
    terminal.print(`  ${wrap(`the times of this run are doubtful: ${visible(gap.detail ?? '')}`, terminal.columns, '    ', 2)}`);
  printSummary(terminal, assessment, catalog);
  const failed = controls
    .filter((control) => control.outcome === 'fail')
    .sort(
      (a, b) =>
        Number(isExcepted(a)) - Number(isExcepted(b)) ||
        severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
        (a.id < b.id ? -1 : 1),
    );
  for (const control of failed.slice(0, most)) printFailed(terminal, control);
  if (failed.length > most) {
    terminal.print();
    terminal.print(`  and ${failed.length - most} more controls deviate: in the report, or kubevidence assess`);
  }
  printOpen(terminal, controls);
  printUnexplained(terminal, unexplained);
  if (!next) return;
  terminal.print();
  const first = failed[0];
  const then = run === null ? 'kubevidence init' : 'kubevidence pack create --out DIR';
  terminal.print(`  ${first ? `kubevidence controls show ${first.id} · ` : ''}${then}`);
}

function printSummary(terminal: Terminal, { summary, requirements }: AssessReport['assessment'], catalog: Catalog): void {
  const shown: readonly Outcome[] = ['pass', 'fail', 'notAssessed', 'manual', 'providerResponsibility', 'notApplicable'];
  const frameworks = new Map(catalog.frameworks.map((framework) => [framework.id, framework]));
  const labels = new Map(requirements.map(({ framework, version }) => [framework, version]));
  terminal.print();
  const unlisted: string[] = [];
  const rows = Object.entries(summary).map(([id, counts]) => {
    const { kind = 'policy', title = id } = frameworks.get(id) ?? {};
    // "2.0.1 (not published for 1.36)": the number in the row, the rest below.
    const [version = '', unpublished] = (labels.get(id) ?? '').split(/ \((.+)\)$/);
    if (unpublished !== undefined) unlisted.push(`${title} ${version} is ${unpublished}; it is the nearest`);
    const cells = shown.flatMap((outcome) =>
      counts[outcome] ? [`${String(counts[outcome]).padStart(3)} ${outcomeWord(outcome, kind)}`] : [],
    );
    return [`  ${id}${kind === 'benchmark' ? ` ${version}` : ''}`, cells.join('  ')];
  });
  for (const line of columnsOf(rows)) terminal.print(wrap(line, terminal.columns, '      '));
  for (const line of unlisted) terminal.print(`  ${wrap(line, terminal.columns, '    ', 2)}`);
}

function printFailed(terminal: Terminal, control: ControlResult): void {
  terminal.print();
  const { size, tested, name } = control.population;
  const of = `${control.findings.length} of ${tested}${tested === size ? '' : ` (${size} read)`} ${name}`;
  const excepted = isExcepted(control);
  const severity = control.severity.toUpperCase().padEnd(8);
  const mark = excepted ? severity : terminal.style(['red', 'bold'], severity);
  const label = excepted ? ' · deviation under approved exception' : '';
  terminal.print(
    `  ${mark}  ${control.id}  ${wrap(`${visible(control.title)} · ${of}${label}`, terminal.columns, '            ', 14 + control.id.length)}`,
  );
  for (const finding of control.findings.slice(0, shownFindings))
    terminal.print(
      `            ${wrap(`${clip(finding.message, 240)}${finding.exception === null ? '' : ` (${visible(finding.exception)})`}`, terminal.columns, '              ', 12)}`,
    );
  if (control.findings.length > shownFindings)
    terminal.print(`            and ${control.findings.length - shownFindings} more: -o json, or the pack`);
}

/** Changes that nobody answers for stay in sight until somebody does. */
function printUnexplained(terminal: Terminal, unexplained: AssessReport['unexplained']): void {
  const last = unexplained.at(-1);
  if (last === undefined) return;
  const { differences } = last;
  const [first] = differences;
  const others = differences.length > 1 ? ` and ${differences.length - 1} more` : '';
  const text = `${plural(unexplained.length, 'change')} of definitions with no reason and no approver; the last at ${last.at}: ${visible(first?.what ?? '')}${others}`;
  terminal.print();
  terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  terminal.print('    kubevidence definitions list');
}

/** What is not assessed: sources that hold up the same controls stand together, the ones that hold up most first. */
function printOpen(terminal: Terminal, controls: readonly ControlResult[]): void {
  const open = controls.filter((control) => control.outcome === 'notAssessed' || control.outcome === 'providerResponsibility');
  if (open.length === 0) return;
  const sources = new Map<string, { readonly ids: Set<string>; readonly fix: string }>();
  for (const control of open) {
    for (const gap of control.gaps) {
      const what = `${visible(gap.what)} (${gap.reason})`;
      const source = sources.get(what) ?? { ids: new Set(), fix: visible(gap.closedBy ?? gap.detail ?? '') };
      source.ids.add(control.id);
      sources.set(what, source);
    }
  }
  const groups = new Map<string, { readonly ids: readonly string[]; readonly what: string[]; readonly fixes: Set<string> }>();
  for (const [what, { ids, fix }] of sources) {
    const key = [...ids].join(' ');
    const group = groups.get(key) ?? { ids: [...ids], what: [], fixes: new Set() };
    group.what.push(what);
    if (fix !== '') group.fixes.add(fix);
    groups.set(key, group);
  }
  const list = (values: Iterable<string>, most: number) => {
    const all = [...values];
    return all.slice(0, most).join(', ') + (all.length > most ? ` and ${all.length - most} more` : '');
  };
  terminal.print();
  terminal.print(`  ${open.length} controls are not assessed:`);
  const ranked = [...groups.values()].sort((a, b) => b.ids.length - a.ids.length);
  for (const { ids, what, fixes } of ranked.slice(0, shownGroups)) {
    terminal.print(`    ${wrap(`${list(what, 6)}: ${list(ids, 6)}`, terminal.columns, '      ', 4)}`);
    for (const fix of [...fixes].slice(0, 2)) terminal.print(`      ${wrap(fix, terminal.columns, '      ')}`);
  }
  if (ranked.length > shownGroups) terminal.print(`    and ${ranked.length - shownGroups} more reasons: -o json`);
}
