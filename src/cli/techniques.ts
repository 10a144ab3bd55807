/** `techniques list|show|test`. */
import { loadCatalogInForce, loadConfigOrDefaults, runTechniqueExamplesIn } from '../app/index.ts';
import { KubevidenceError, type Technique, visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action, Session } from './session.ts';
import { columnsOf, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output: string;
  readonly headers?: boolean;
}

function configOf({ app }: Session, options: Options) {
  return loadConfigOrDefaults({ cwd: app.cwd, path: options.config, uid: app.uid });
}

async function inForce(session: Session, options: Options): Promise<readonly Technique[]> {
  return (await loadCatalogInForce(configOf(session, options))).catalog.techniques;
}

export const listTechniques: Action<Options> = async (session, options) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml', 'name']);
  const techniques = await inForce(session, options);
  if (format === 'name') for (const { id } of techniques) session.terminal.print(id);
  else if (format === 'table') {
    const rows = techniques.map(({ id, privilege, title }) => [id, String(privilege), title]);
    for (const line of columnsOf(options.headers === false ? rows : [['ID', 'PRIVILEGE', 'TITLE'], ...rows])) session.terminal.print(line);
  } else printDocument(session.terminal, format, techniques);
  return 0;
};

export const showTechnique: Action<Options> = async (session, options, [id = '']) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const technique = (await inForce(session, options)).find((each) => each.id === id);
  if (!technique)
    throw new KubevidenceError('usage', `there is no technique ${visible(id)}`, { next: 'See them: kubevidence techniques list' });
  if (format === 'table') printTechnique(session.terminal, technique);
  else printDocument(session.terminal, format, technique);
  return 0;
};

function printTechnique(terminal: Terminal, { id, title, why, privilege, needs, yields, evidence, reference }: Technique): void {
  const paragraph = (name: string, text: string) =>
    terminal.print(`  ${name.padEnd(12)}${wrap(text.trim().replaceAll('\n', ' '), terminal.columns, ' '.repeat(14))}`);
  terminal.print(`${id} · privilege ${privilege} of 5 · ${title}`);
  terminal.print();
  paragraph('why', why);
  for (const need of needs) paragraph('needs', tellNeed(need));
  for (const { what, when, undecided } of yields)
    paragraph('gives', [what, ...(when === undefined ? [] : [`when ${when}`]), ...(undecided === undefined ? [] : [undecided])].join('; '));
  paragraph('decided by', evidence);
  paragraph('reference', reference);
}

function tellNeed(need: Technique['needs'][number]): string {
  if ('together' in need) return need.together.map(tellNeed).join(', and by the same identity ');
  if ('controls' in need) return `control of ${need.controls}`;
  if ('holds' in need) return 'the role, bound to an identity in hand';
  const names = need.names === undefined || need.names === 'none' ? '' : ` (named: ${[need.names].flat().join(', ')})`;
  return `${need.verbs.join(' or ')} ${need.resources.join(' or ')}${names}${need.scope === undefined ? '' : scopes[need.scope]}`;
}

const scopes = { cluster: ', cluster-wide', namespace: ' in the namespace', anywhere: ' in any namespace' } as const;

/** Exit 1 when an example does not hold. */
export const testTechniques: Action<Options> = async (session, options, [dir]) => {
  const results = await runTechniqueExamplesIn(session.app, configOf(session, options), dir);
  const failed = results.filter(({ problems }) => problems.length > 0);
  for (const { technique, example, problems } of failed) {
    session.terminal.print(`failed  ${technique}: ${example}`);
    for (const problem of problems) session.terminal.print(`        ${wrap(visible(problem), session.terminal.columns, '        ')}`);
  }
  session.terminal.print(`${results.length - failed.length} of ${results.length} examples hold`);
  return failed.length === 0 ? 0 : 1;
};
