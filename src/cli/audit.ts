/** `audit simulate`: at which level an audit policy records a request, and by which rule. */
import type { AuditRequest } from '../audit/index.ts';
import { simulateFile, simulateRequest, type SimulatedRequest, type Simulation } from '../app/index.ts';
import { clip, KubevidenceError, visible } from '../model/index.ts';
import { checkFormat, printDocument, toJsonLine } from './output.ts';
import type { Action } from './session.ts';
import { plural, type Terminal, wrap } from './terminal.ts';

interface SimulateOptions extends SimulatedRequest {
  readonly policy: string;
  readonly file?: string;
  readonly output?: string;
}

/** Broken lines that are named on stderr; the rest are counted. */
const namedLines = 20;
/** Characters after which answers are written. */
const pieceLength = 64 * 1024;
/** Of the rule's text that a person is shown. */
const ruleLines = 30;

export const simulateAction: Action<SimulateOptions> = async (session, options) => {
  if (options.file !== undefined) return simulateLines(session, options, options.file);
  const { terminal } = session;
  const asLine = options.output === 'jsonl';
  const format = asLine ? 'json' : checkFormat(options.output ?? 'table', ['table', 'json', 'yaml']);
  const simulation = await simulateRequest(session.app, options.policy, options);
  const { level, rule, omitStages } = simulation;
  if (asLine) terminal.print(toJsonLine({ level, rule, omitStages }));
  else if (format === 'table') printSimulation(terminal, simulation);
  else printDocument(terminal, format, simulation);
  noteRemarks(terminal, options.policy, simulation.remarks);
  return 0;
};

async function simulateLines(
  { app, terminal }: Parameters<Action<SimulateOptions>>[0],
  options: SimulateOptions,
  file: string,
): Promise<number> {
  if ((options.output ?? 'jsonl') !== 'jsonl')
    throw new KubevidenceError('usage', `there is no output format ${visible(options.output ?? '')} for many requests`, {
      next: 'Use -o jsonl.',
    });
  const other = (['verb', 'resource', 'path', 'user', 'group', 'namespace', 'name', 'subresource', 'apiGroup'] as const).find(
    (key) => options[key] !== undefined,
  );
  if (other !== undefined) throw new KubevidenceError('usage', `--file has the requests: --${other} does not go with it`);
  let named = 0;
  let piece = '';
  const { broken, remarks } = await simulateFile(
    app,
    options.policy,
    file,
    (answer) => {
      piece += piece === '' ? toJsonLine(answer) : `\n${toJsonLine(answer)}`;
      if (piece.length < pieceLength) return undefined;
      terminal.print(piece);
      piece = '';
      return terminal.drained?.();
    },
    ({ line, key, message }) => {
      named += 1;
      if (named <= namedLines)
        terminal.note(`kubevidence: ${file === '-' ? 'stdin' : visible(file)}:${line}: ${key === '' ? '' : `${key}: `}${message}`);
    },
  );
  if (piece !== '') terminal.print(piece);
  if (broken > namedLines) terminal.note(`kubevidence: and ${plural(broken - namedLines, 'more broken line')}`);
  noteRemarks(terminal, options.policy, remarks);
  return broken > 0 ? 2 : 0;
}

function printSimulation(
  terminal: Terminal,
  { request, implied, level, rule, policy, stages, omitManagedFields, why, notes }: Simulation,
): void {
  const line = (text: string) => terminal.print(`  ${wrap(text, terminal.columns, '    ', 2)}`);
  terminal.print(level);
  line(clip(`${nameRequest(request)} · as ${request.user === '' ? 'somebody' : (request.user ?? 'nobody')}`, 400));
  const given = request.groups.filter((group) => !implied.includes(group));
  const groups = [...(given.length === 0 ? [] : [given.join(', ')]), ...(implied.length === 0 ? [] : [`${implied.join(', ')} (implied)`])];
  line(clip(`groups: ${groups.join('; ')}`, 600));
  const file = policy.file === '-' ? 'stdin' : policy.file;
  if (why === null || rule === null) line(`no rule of ${clip(file, 200)} matches, so nothing is recorded`);
  else {
    line(`rule ${rule + 1} of ${policy.rules}, ${clip(file, 200)}:${why.line}`);
    const lines = why.text.split('\n');
    for (const each of lines.slice(0, ruleLines)) terminal.print(`    ${clip(each, 200)}`);
    if (lines.length > ruleLines) terminal.print(`    … ${plural(lines.length - ruleLines, 'more line')}`);
  }
  if (level !== 'None')
    line(stages.length === 0 ? 'but all stages are left out, so nothing is recorded' : `an event at ${stages.join(' and at ')}`);
  if (level === 'Request' || level === 'RequestResponse') line(`bodies ${omitManagedFields ? 'without' : 'with'} managed fields`);
  for (const note of notes) line(clip(note, 400));
  terminal.print();
  terminal.print(`  kubevidence audit matrix --policy ${clip(policy.file, 200)}`);
}

function nameRequest(request: AuditRequest): string {
  if ('path' in request) return `${request.verb} ${request.path}`;
  const { verb, apiGroup, resource, subresource, namespace, name } = request;
  const what = `${resource}${subresource === '' ? '' : `/${subresource}`}${apiGroup === '' ? '' : `.${apiGroup}`}`;
  return `${verb} ${what}${name === '' ? '' : ` ${name}`}${namespace === '' ? '' : ` in namespace ${namespace}`}`;
}

/** What else is wrong with the policy, on stderr. */
export function noteRemarks(terminal: Terminal, file: string, remarks: Simulation['remarks']): void {
  for (const { line, key, message } of remarks.slice(0, namedLines))
    terminal.note(clip(`warning: ${file === '-' ? 'stdin' : file}:${line}: ${key === '' ? '' : `${key}: `}${message}`, 400));
  if (remarks.length > namedLines) terminal.note(`warning: and ${plural(remarks.length - namedLines, 'more')}`);
}
