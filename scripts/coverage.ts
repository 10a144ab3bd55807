/**
 * docs/coverage.md: every recommendation of the general CIS benchmark with the controls that decide it, the evidence that their populations
 * read, and on which kind of cluster; the newest version in full, of the others what they have otherwise. Nothing in it is written by
 * hand, so it cannot promise more than the catalog holds.
 */
import { type RequirementTrace, traceRequirement, type TraceSources } from '../src/mapping/index.ts';
import type { Catalog, Collector, Framework, Population } from '../src/model/index.ts';

interface Given {
  readonly catalog: Catalog;
  readonly populations: readonly Population[];
  readonly collectors: readonly Collector[];
}

const cell = (text: string) => text.replaceAll('|', '\\|');

const ofNodes = ({ from }: RequirementTrace) => from === 'nodes';
/** A file that somebody hands in, or that lies on a node and comes with its evidence. */
const ofFiles = ({ from }: RequirementTrace) => from === 'file';

const managed = { provider: 'provider', person: 'a person', same: 'the same' };
const sources = { api: 'the API', nodes: 'node evidence', file: 'a file, which node evidence brings' };

function describeEvidence({ listings }: RequirementTrace): string {
  const kinds = listings.map(({ collector: { kind, optIn } }) => `${kind}${optIn === true ? ' (opt-in)' : ''}`);
  return [...new Set(kinds)].join(', ') || '–';
}

function describeControls({ requirement }: RequirementTrace): string {
  return requirement.controls.map(({ id, covers }) => (covers === 'exact' ? id : `${id} (${covers ?? 'part'})`)).join(', ') || '–';
}

function describeHow({ decided, from, orNodes, controls }: RequirementTrace): string {
  if (decided === 'person' || from === null) return 'a person';
  const source = `${sources[from]}${orNodes ? ', or node evidence' : ''}`;
  const person = controls.some(({ control: { undecided } }) => undecided?.outcome === 'manual') ? ', in cases a person' : '';
  return decided === 'whole' ? `${source}${person}` : `${source}; a person for the rest`;
}

function describeRow(trace: RequirementTrace): string {
  const { requirement, decided, onManaged } = trace;
  const evidence = decided === 'person' ? cell(requirement.needs ?? '') : describeEvidence(trace);
  const cells = [requirement.id, cell(requirement.title), describeControls(trace), describeHow(trace), evidence, managed[onManaged]];
  return `| ${cells.join(' | ')} |`;
}

function describeTotals(traces: readonly RequirementTrace[]): string[] {
  const rows: readonly (readonly [string, readonly RequirementTrace[]])[] = [
    ['all', traces],
    ...['1', '2', '3', '4', '5'].map(
      (chapter) => [`section ${chapter}`, traces.filter(({ requirement: { id } }) => id.split('.')[0] === chapter)] as const,
    ),
  ];
  const count = (of: readonly RequirementTrace[], test: (trace: RequirementTrace) => boolean) => of.filter(test).length;
  const whole = ({ decided }: RequirementTrace) => decided === 'whole';
  return [
    '| | recommendations | decided | from the API | from node evidence | from a file | in part | by a person | provider on managed clusters |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows.map(([name, of]) => {
      const numbers = [
        of.length,
        count(of, whole),
        count(of, (trace) => whole(trace) && !ofNodes(trace) && !ofFiles(trace)),
        count(of, (trace) => whole(trace) && ofNodes(trace)),
        count(of, (trace) => whole(trace) && ofFiles(trace)),
        count(of, ({ decided }) => decided === 'part'),
        count(of, ({ decided }) => decided === 'person'),
        count(of, ({ onManaged }) => onManaged === 'provider'),
      ];
      return `| ${name} | ${numbers.join(' | ')} |`;
    }),
  ];
}

/** What an older version has under the same ids with another text, level or controls, and what it has alone. */
function describeDifferences(older: Framework, newest: Framework, given: TraceSources): string[] {
  const rows = older.requirements.flatMap((requirement) => {
    const other = newest.requirements.find(({ id }) => id === requirement.id);
    const same = other !== undefined && JSON.stringify(describe(requirement)) === JSON.stringify(describe(other));
    if (same) return [];
    const trace = traceRequirement(requirement, older, given);
    const level = requirement.level === undefined ? '–' : String(requirement.level);
    const cells = [
      requirement.id,
      cell(requirement.title),
      level,
      requirement.assessment ?? '–',
      describeControls(trace),
      describeHow(trace),
    ];
    return [`| ${cells.join(' | ')} |`];
  });
  const head = ['| id | recommendation | level | status | controls | decided from |', '|---|---|---|---|---|---|'];
  return ['', `Version ${older.version} has the same as ${newest.version} under the same ids, but for:`, '', ...head, ...rows];
}

function describe({ title, level, assessment, controls }: Framework['requirements'][number]) {
  return [title, level, assessment, controls.map(({ id, covers }) => [id, covers])];
}

export function coverageReference({ catalog, ...rest }: Given): string {
  const given = { ...rest, controls: catalog.controls };
  const [benchmark, ...others] = catalog.frameworks.filter(({ kind, platform }) => kind === 'benchmark' && platform === undefined);
  if (benchmark === undefined) throw new Error('there is no general benchmark');
  const trace = (of: Framework) => of.requirements.map((requirement) => traceRequirement(requirement, of, given));
  const traces = trace(benchmark);
  const versions = [benchmark, ...others].map((of) => {
    const decided = trace(of).filter((each) => each.decided === 'whole').length;
    return `| ${of.version} | ${of.kubernetesVersions?.join(', ') ?? '–'} | ${of.requirements.length} | ${decided} |`;
  });
  return [
    `# ${benchmark.title} ${benchmark.version}: what decides each recommendation`,
    '',
    'Generated from the catalog by `npm run generate`. "Decided" means that a control can pass and fail the recommendation from evidence; on',
    'a cluster where that evidence is not there, the outcome is `notAssessed`, never `pass`. Node evidence is what `kubevidence node collect`',
    'reads on every node; "the API, or node evidence": programs that run as static pods (kubeadm, RKE2, Talos) are seen through the API, others on',
    'their hosts only; a file is one that comes with it, or that somebody hands in with `--files`. On managed clusters (EKS, GKE, AKS) the provider answers for',
    'the control plane: `providerResponsibility`, and the benchmark of the provider says what of it a customer can show.',
    '`kubevidence frameworks show cis-kubernetes ID` tells one recommendation from its evidence to its verdict.',
    '',
    ...describeTotals(traces),
    '',
    '## Which version a cluster is held against',
    '',
    'The newest one that lists its Kubernetes version; else the nearest older one, else the oldest, labelled "not published for" it.',
    '',
    '| version | Kubernetes | recommendations | decided |',
    '|---|---|---|---|',
    ...versions,
    ...others.flatMap((older) => describeDifferences(older, benchmark, given)),
    ...benchmark.sections.flatMap(({ id, title }) => [
      '',
      `## ${id} ${title}`,
      '',
      '| id | recommendation | controls | decided from | evidence that is read, or what a person brings | managed |',
      '|---|---|---|---|---|---|',
      ...traces.filter(({ requirement }) => requirement.section === id).map(describeRow),
    ]),
    '',
    benchmark.notice,
    '',
  ].join('\n');
}
