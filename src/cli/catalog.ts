/** `controls list|show|test`. */
import { loadCatalogInForce, loadConfigOrDefaults, runControlExamples } from '../app/index.ts';
import type { Control, Framework } from '../model/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import { nameOf } from './frameworks.ts';
import { checkFormat, type OutputFormat, printDocument } from './output.ts';
import type { Action, Session } from './session.ts';
import { columnsOf, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output: string;
  readonly headers?: boolean;
}

const everywhere: readonly OutputFormat[] = ['table', 'json', 'yaml', 'name'];

function inForce({ app }: Session, options: Options) {
  return loadCatalogInForce(loadConfigOrDefaults({ cwd: app.cwd, path: options.config, uid: app.uid }));
}

function printTable(terminal: Terminal, options: Options, header: readonly string[], rows: readonly (readonly string[])[]): void {
  for (const line of columnsOf(options.headers === false ? rows : [header, ...rows])) terminal.print(line);
}

export const listControls: Action<Options> = async (session, options) => {
  const format = checkFormat(options.output, everywhere);
  const { controls } = (await inForce(session, options)).catalog;
  if (format === 'name') for (const control of controls) session.terminal.print(control.id);
  else if (format === 'table')
    printTable(
      session.terminal,
      options,
      ['ID', 'SEVERITY', 'POPULATION', 'TITLE'],
      controls.map((control) => [control.id, control.severity, control.population, control.title]),
    );
  else printDocument(session.terminal, format, controls);
  return 0;
};

export const showControl: Action<Options> = async (session, options, [id = '']) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const { catalog, configured } = await inForce(session, options);
  const control = catalog.controls.find((each) => each.id === id);
  if (!control) throw new KubevidenceError('usage', `there is no control ${visible(id)}`, { next: 'See them: kubevidence controls list' });
  if (format === 'table') printControl(session.terminal, control, configured[id] ?? {}, catalog.frameworks);
  else printDocument(session.terminal, format, { ...control, configured: configured[id] ?? {} });
  return 0;
};

function printControl(
  terminal: Terminal,
  control: Control,
  params: Readonly<Record<string, unknown>>,
  frameworks: readonly Framework[],
): void {
  const paragraph = (title: string, text: string) =>
    terminal.print(`  ${title.padEnd(12)}${wrap(text.trim().replaceAll('\n', ' '), terminal.columns, ' '.repeat(14))}`);
  terminal.print(`${control.id} · ${control.severity} · ${control.title}`);
  terminal.print();
  paragraph('why', control.why);
  paragraph('tests', `${control.population}${control.where === undefined ? '' : ` where ${control.where}`}`);
  paragraph('expects', control.expect);
  for (const [name, parameter] of Object.entries(control.params))
    paragraph('param', `${name} = ${JSON.stringify(params[name] ?? parameter.default)}: ${parameter.doc}`);
  paragraph('procedure', control.procedure);
  paragraph('remediation', control.remediation);
  const used = new Set<string>();
  // The newest version of each comes first; of an older one only what it has otherwise.
  for (const framework of frameworks)
    for (const requirement of framework.requirements.filter((each) => each.controls.some((link) => link.id === control.id)))
      if (!used.has(`${framework.id} ${requirement.id}`)) used.add(`${nameOf(framework, frameworks)} ${requirement.id}`);
  paragraph('supports', [...used].join(', ') || 'no requirement');
}

export const testControls: Action<Options> = async (session, options, [dir]) => {
  const results = await runControlExamples(session.app, dir);
  const failed = results.filter((result) => result.problems.length > 0);
  for (const { control, example, problems } of failed) {
    session.terminal.print(`failed  ${control}: ${example}`);
    for (const problem of problems) session.terminal.print(`        ${wrap(visible(problem), session.terminal.columns, '        ')}`);
  }
  session.terminal.print(`${results.length - failed.length} of ${results.length} examples hold`);
  return failed.length === 0 ? 0 : 1;
};
