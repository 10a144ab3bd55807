/**
 * docs/coverage.md: every recommendation of the general CIS benchmark with the controls that decide it, the evidence that their populations
 * read, and on which kind of cluster. Nothing in it is written by hand, so it cannot promise more than the catalog holds.
 */
import type { Catalog, Collector, Control, Framework, ListingKind, Population, Requirement } from '../src/model/index.ts';

interface Given {
  readonly catalog: Catalog;
  readonly populations: readonly Population[];
  readonly collectors: readonly Collector[];
}

type Decided = 'whole' | 'part' | 'person';

interface Line {
  readonly requirement: Requirement;
  readonly decided: Decided;
  readonly controls: readonly Control[];
  /** Listings that the populations read. */
  readonly kinds: readonly ListingKind[];
}

const cell = (text: string) => text.replaceAll('|', '\\|');

/** A failing part fails the recommendation; only the whole can pass it. */
function decidedBy({ controls, partsAreExact }: Requirement): Decided {
  if (controls.length === 0) return 'person';
  return partsAreExact === true || controls.some(({ covers }) => covers === 'exact') ? 'whole' : 'part';
}

function readLines({ requirements }: Framework, { catalog, populations }: Given): readonly Line[] {
  const controlsById = new Map(catalog.controls.map((control) => [control.id, control]));
  const populationsByName = new Map(populations.map((population) => [population.name, population]));
  return requirements.map((requirement) => {
    const controls = requirement.controls.flatMap(({ id }) => controlsById.get(id) ?? []);
    const read = controls.flatMap(({ population }) => populationsByName.get(population) ?? []);
    const kinds = [...new Set(read.flatMap(({ from, also = [] }) => from.concat(also)))];
    return { requirement, decided: decidedBy(requirement), controls, kinds };
  });
}

/** Programs of the control plane are seen as static pods or on their hosts; all else that stands on the evidence of nodes needs it. */
const ofNodes = ({ kinds }: Line) => kinds.includes('node.evidence/nodes') && !kinds.includes('k8s.pods/pods');
/** A file that somebody hands in, or that lies on a node and comes with its evidence. */
const ofFiles = (line: Line) => !ofNodes(line) && line.kinds.some((kind) => kind.startsWith('files.'));

function onManaged({ requirement, controls }: Line): string {
  const all = controls.length > 0 && controls.every(({ labels }) => labels?.['side'] === 'controlPlane');
  return requirement.providerOnManaged === true || all ? 'provider' : controls.length === 0 ? 'a person' : 'the same';
}

function describeEvidence(line: Line, collectors: readonly Collector[]): string {
  const sources = collectors
    .filter(({ listings }) => listings.some(({ kind }) => line.kinds.includes(kind)))
    .map(({ kind, optIn }) => `${kind}${optIn === true ? ' (opt-in)' : ''}`);
  return sources.join(', ') || '–';
}

function describeRow(line: Line, collectors: readonly Collector[]): string {
  const { requirement, decided, controls } = line;
  const ids = requirement.controls.map(({ id, covers }) => (covers === 'exact' ? id : `${id} (${covers ?? 'part'})`)).join(', ');
  const needs = ofNodes(line) ? 'node evidence' : ofFiles(line) ? 'a file, which node evidence brings' : 'the API';
  const person = controls.some(({ undecided }) => undecided?.outcome === 'manual') ? ', in cases a person' : '';
  const how = decided === 'whole' ? `${needs}${person}` : decided === 'part' ? `${needs}; a person for the rest` : 'a person';
  const evidence = decided === 'person' ? cell(requirement.needs ?? '') : describeEvidence(line, collectors);
  return `| ${requirement.id} | ${cell(requirement.title)} | ${ids || '–'} | ${how} | ${evidence} | ${onManaged(line)} |`;
}

function describeTotals(lines: readonly Line[]): string[] {
  const rows: readonly (readonly [string, readonly Line[]])[] = [
    ['all', lines],
    ...['1', '2', '3', '4', '5'].map(
      (chapter) => [`section ${chapter}`, lines.filter(({ requirement: { id } }) => id.split('.')[0] === chapter)] as const,
    ),
  ];
  const count = (of: readonly Line[], test: (line: Line) => boolean) => of.filter(test).length;
  const whole = (line: Line) => line.decided === 'whole';
  return [
    '| | recommendations | decided | from the API | from node evidence | from a file | in part | by a person | provider on managed clusters |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows.map(([name, of]) => {
      const numbers = [
        of.length,
        count(of, whole),
        count(of, (line) => whole(line) && !ofNodes(line) && !ofFiles(line)),
        count(of, (line) => whole(line) && ofNodes(line)),
        count(of, (line) => whole(line) && ofFiles(line)),
        count(of, ({ decided }) => decided === 'part'),
        count(of, ({ decided }) => decided === 'person'),
        count(of, (line) => onManaged(line) === 'provider'),
      ];
      return `| ${name} | ${numbers.join(' | ')} |`;
    }),
  ];
}

export function coverageReference(given: Given): string {
  const benchmark = given.catalog.frameworks.find(({ kind, platform }) => kind === 'benchmark' && platform === undefined);
  if (benchmark === undefined) throw new Error('there is no general benchmark');
  const lines = readLines(benchmark, given);
  return [
    `# ${benchmark.title} ${benchmark.version}: what decides each recommendation`,
    '',
    'Generated from the catalog by `npm run generate`. "Decided" means that a control can pass and fail the recommendation from evidence; on',
    'a cluster where that evidence is not there, the outcome is `notAssessed`, never `pass`. Node evidence is what `kubevidence node collect`',
    'reads on every node; a file is one that comes with it, or that somebody hands in with `--files`. On managed clusters (EKS, GKE, AKS) the provider answers for',
    'the control plane: `providerResponsibility`, and the benchmark of the provider says what of it a customer can show.',
    '',
    ...describeTotals(lines),
    ...benchmark.sections.flatMap(({ id, title }) => [
      '',
      `## ${id} ${title}`,
      '',
      '| id | recommendation | controls | decided from | evidence that is read, or what a person brings | managed |',
      '|---|---|---|---|---|---|',
      ...lines.filter(({ requirement }) => requirement.section === id).map((line) => describeRow(line, given.collectors)),
    ]),
    '',
    benchmark.notice,
    '',
  ].join('\n');
}
