/** `frameworks list|show`: requirements with what decides them, and one requirement from the evidence to its verdict. */
import { type Explanation, explainCommand, findFramework, loadCatalogInForce, loadConfigOrDefaults } from '../app/index.ts';
import { clip, type Framework, outcomes, type Requirement, visible } from '../model/index.ts';
import { checkFormat, type OutputFormat, printDocument } from './output.ts';
import type { Action, Session } from './session.ts';
import { ago, columnsOf, outcomeWord, plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly config?: string;
  readonly output: string;
  readonly headers?: boolean;
}

interface ShowOptions extends Options {
  readonly cluster?: string;
  readonly from?: string;
  readonly at?: string;
  readonly run?: number;
}

const formats: readonly OutputFormat[] = ['table', 'json', 'yaml', 'name'];

async function loadFrameworks({ app }: Session, options: Options) {
  return (await loadCatalogInForce(loadConfigOrDefaults({ cwd: app.cwd, path: options.config, uid: app.uid }))).catalog;
}

export const listFrameworks: Action<Options> = async (session, options) => {
  const format = checkFormat(options.output, formats);
  const { terminal } = session;
  const { frameworks } = await loadFrameworks(session, options);
  if (format === 'name') for (const framework of frameworks) terminal.print(nameOf(framework, frameworks));
  else if (format === 'table') {
    const rows = frameworks.map(({ id, version, kind, kubernetesVersions, requirements, title }) => {
      return [id, version, kind, String(requirements.length), kubernetesVersions?.join(', ') ?? '-', title];
    });
    const header = ['ID', 'VERSION', 'KIND', 'REQUIREMENTS', 'KUBERNETES', 'TITLE'];
    for (const line of columnsOf(options.headers === false ? rows : [header, ...rows])) terminal.print(line);
  } else printDocument(terminal, format, frameworks);
  return 0;
};

/** As `frameworks show` takes it: the newest version by its id alone. */
export function nameOf({ id, version }: Framework, frameworks: readonly Framework[]): string {
  return frameworks.find((each) => each.id === id)?.version === version ? id : `${id}@${version}`;
}

export const showFramework: Action<ShowOptions> = async (session, options, [id = '', wanted]) => {
  const format = checkFormat(options.output, ['table', 'json', 'yaml']);
  const { app, terminal } = session;
  if (wanted !== undefined) {
    const { config, cluster, from, at, run } = options;
    const explanation = await explainCommand(app, { configPath: config, cluster, from, at, run, framework: id, requirement: wanted });
    if (format === 'table') printExplanation(terminal, explanation, app.clock());
    else printDocument(terminal, format, explanation);
    return 0;
  }
  const catalog = await loadFrameworks(session, options);
  const framework = await findFramework(catalog, id);
  if (format !== 'table') {
    printDocument(terminal, format, framework);
    return 0;
  }
  const titles = new Map(catalog.controls.map((control) => [control.id, control.title]));
  const { kubernetesVersions: listed } = framework;
  const clusters = listed === undefined ? '' : ` · Kubernetes ${listed.join(', ')}`;
  terminal.print(`${framework.title} ${framework.version} · ${framework.requirements.length} requirements${clusters}`);
  for (const requirement of framework.requirements) printRequirement(terminal, requirement, titles);
  terminal.print();
  terminal.print(`  kubevidence frameworks show ${nameOf(framework, catalog.frameworks)} REQUIREMENT`);
  return 0;
};

function printRequirement(terminal: Terminal, requirement: Requirement, titles: ReadonlyMap<string, string>): void {
  terminal.print();
  const title = `${requirement.title}${tagsOf(requirement)}`;
  terminal.print(`  ${requirement.id}  ${wrap(title, terminal.columns, '    ', requirement.id.length + 4)}`);
  for (const { id, covers, strength } of requirement.controls)
    terminal.print(`    ${wrap(`${id} ${covers ?? strength}: ${titles.get(id) ?? ''}`, terminal.columns, '      ', 4)}`);
  if (requirement.needs !== undefined) terminal.print(`    ${wrap(`needs: ${requirement.needs}`, terminal.columns, '      ', 4)}`);
}

interface Tagged {
  readonly level?: number | null;
  readonly assessment?: string | null;
  readonly obligation?: string | null;
}

function tagsOf({ level = null, assessment = null, obligation = null }: Tagged): string {
  const tags = [level === null ? null : `level ${level}`, assessment, obligation].filter((tag) => tag !== null);
  return tags.length === 0 ? '' : ` (${tags.join(', ')})`;
}

/** Findings and gaps of one control that are printed; the rest are counted. */
const mostShown = 3;
/** Characters of a digest; -o json has all. */
const digestLength = 12;
const short = (digest: string) => digest.slice(0, digestLength);

const sources = { api: 'the API', nodes: 'evidence of every node', file: 'a file that is handed in, or comes with the evidence of nodes' };
const clusters = { provider: "the provider's part", person: 'a person', same: 'the same' };

export function printExplanation(terminal: Terminal, explanation: Explanation, now: Date): void {
  const { framework, id, title, section, present, notJudged, controls, rule, needs } = explanation;
  const paragraph = (name: string, text: string) =>
    terminal.print(`  ${name.padEnd(12)}${wrap(visible(text), terminal.columns, ' '.repeat(14))}`);
  const version = framework.title.includes(framework.version) ? '' : ` ${framework.version}`;
  terminal.print(wrap(visible(`${framework.title}${version} · ${section}`), terminal.columns, '  ', 0));
  terminal.print(wrap(visible(`${id} · ${title}${tagsOf(explanation)}`), terminal.columns, '  ', 0));
  terminal.print();
  const why = notJudged === null ? '' : `: ${notJudged}`;
  paragraph('outcome', present === null ? `not judged${why}` : describePresent(framework.kind, present, now));
  paragraph('rule', rule);
  paragraph('decided', describeDecided(explanation));
  if (needs !== null) paragraph('a person', needs);
  const open = explanation.recommendations.filter((each) => each.controls.length === 0).map((each) => each.id);
  if (open.length > 0) paragraph('open', `CIS ${open.join(', ')}: no control decides ${open.length === 1 ? 'it' : 'them'}`);
  printControls(terminal, explanation);
  printEvidence(terminal, explanation);
  terminal.print();
  const first = present?.controls.find(({ outcome }) => outcome === 'fail')?.id ?? controls[0]?.id;
  if (first !== undefined)
    terminal.print(`  kubevidence controls show ${first}${present === null ? '' : ` · kubevidence assess --control ${first}`}`);
}

function describeDecided({ decided, from, orNodes, onManaged, framework: { kind } }: Explanation): string {
  if (from === null) return `by what a person brings; on managed clusters: ${clusters[onManaged]}`;
  const source = kind === 'benchmark' ? sources[from] : 'the evidence below';
  const other = orNodes && kind === 'benchmark' ? ' where its programs are static pods, else evidence of their nodes' : '';
  return `${decided === 'whole' ? '' : 'in part, '}from ${source}${other}; on managed clusters: ${clusters[onManaged]}`;
}

type Present = NonNullable<Explanation['present']>;

function describePresent(kind: Framework['kind'], { outcome, counts, cluster, run, at }: Present, now: Date): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(counts).map(([each, count]) => `${count} ${outcomeWord(each as Present['outcome'], 'benchmark')}`);
  const when = run === null ? `as of ${at}` : `run ${run.number}, ${ago(at, now)}`;
  const whose = `${cluster.name}${cluster.version === null ? '' : ` (${cluster.version})`}`;
  const of = total === 0 ? '' : ` · of ${plural(total, 'line')}: ${parts.join(', ')}`;
  return `${oneWord(outcome, kind)} · ${whose}, ${when}${of}`;
}

/** Of one requirement; {@link outcomeWord} counts many. */
function oneWord(outcome: Present['outcome'], kind: Framework['kind']): string {
  if (outcome === 'manual') return 'needs a person';
  return kind === 'law' && outcome === 'fail' ? 'deviation' : outcomeWord(outcome, kind);
}

/** Controls of one requirement that are told in full; of more, those that are settled, or context, are named only. */
const mostInFull = 8;
const settled: ReadonlySet<Present['outcome']> = new Set(['pass', 'notApplicable']);

/** Worst first where they were judged; the catalog's order else, in which partial lines lead. */
function printControls(terminal: Terminal, explanation: Explanation): void {
  const { controls, present } = explanation;
  if (present === null) {
    for (const control of controls) printControl(terminal, control, explanation);
    return;
  }
  const results = new Map(present.controls.map(({ id, outcome }) => [id, outcome]));
  const outcomeOf = ({ id }: { readonly id: string }) => results.get(id) ?? 'notAssessed';
  const ordered = controls.toSorted((a, b) => outcomes.indexOf(outcomeOf(a)) - outcomes.indexOf(outcomeOf(b)));
  const isNamed = (control: (typeof controls)[number]) =>
    controls.length > mostInFull && (control.strength === 'supporting' || settled.has(outcomeOf(control)));
  for (const control of ordered) if (!isNamed(control)) printControl(terminal, control, explanation);
  for (const [kind, named] of Map.groupBy(
    ordered.filter(isNamed),
    (each) => `${each.strength}, ${oneWord(outcomeOf(each), 'benchmark')}`,
  )) {
    terminal.print();
    terminal.print(`  ${wrap(`${kind} (${named.length}): ${named.map(({ id }) => id).join(', ')}`, terminal.columns, '    ', 2)}`);
  }
}

function printControl(terminal: Terminal, control: Explanation['controls'][number], { present }: Explanation): void {
  const line = (text: string, indent = 4) =>
    terminal.print(`${' '.repeat(indent)}${wrap(visible(text), terminal.columns, ' '.repeat(indent + 2), indent)}`);
  const result = present?.controls.find(({ id }) => id === control.id);
  const covers = control.covers === undefined ? control.strength : `${control.covers}, ${control.strength}`;
  terminal.print();
  const outcome = result === undefined ? '' : ` · ${oneWord(result.outcome, 'benchmark')}`;
  line(`${control.id} · ${covers} · ${control.severity}${outcome} · ${control.title}`, 2);
  if (control.because !== null) line(`because ${control.because}`);
  if (result === undefined) line(`tests ${control.population.name}: ${control.population.doc}`);
  if (control.leftToAPerson !== null) line(`a person decides: ${control.leftToAPerson}`);
  if (result === undefined) return;
  const { size, tested, name } = result.population;
  line(
    `${result.findings.length} of ${tested}${tested === size ? '' : ` (${size} read)`} ${name} ${result.findings.length === 1 ? 'deviates' : 'deviate'}`,
  );
  for (const { message, evidence, exception } of result.findings.slice(0, mostShown))
    line(`${clip(message, 240)}${exception === null ? '' : ` (${exception})`} [${evidence.map(short).join(' ')}]`, 6);
  if (result.findings.length > mostShown) line(`and ${result.findings.length - mostShown} more: -o json`, 6);
  for (const { what, reason, detail, closedBy = detail } of result.gaps.slice(0, mostShown))
    line(`not read: ${clip(what, 240)} (${reason})${closedBy === undefined ? '' : `: ${clip(closedBy, 240)}`}`, 6);
  if (result.gaps.length > mostShown) line(`and ${result.gaps.length - mostShown} more gaps: -o json`, 6);
  const listings = result.evidence.map(
    (each) => `${each.kind} (${each.items}${each.complete ? '' : ', not complete'}) [${short(each.id)}]`,
  );
  if (listings.length > 0) line(`stands on ${listings.join(', ')}`);
}

function printEvidence(terminal: Terminal, { evidence, controls }: Explanation): void {
  if (evidence.length === 0) return;
  terminal.print();
  terminal.print('  evidence, and the right that brings it');
  const someRequired = evidence.some(({ required }) => required);
  for (const { kind, optIn, required, rights, controls: reading } of evidence) {
    const notes = [optIn ? 'opt-in' : null, required || !someRequired ? null : 'where it is there'].filter((note) => note !== null);
    const who = controls.length > 1 ? ` · ${reading.length > 4 ? plural(reading.length, 'control') : reading.join(', ')}` : '';
    const text = `${kind}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}: ${rights.join('; ') || 'no right'}${who}`;
    terminal.print(`    ${wrap(text, terminal.columns, '      ', 4)}`);
  }
}
