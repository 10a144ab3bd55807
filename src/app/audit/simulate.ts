/**
 * `audit simulate`: at which level, by which rule and at which stages an audit policy records a request; one, with the rule as it stands in
 * the file, or any number, one JSON line each, in flat memory.
 */
import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { nameResource } from '../../access/index.ts';
import type { AuditDecision, AuditRequest, Level } from '../../audit/index.ts';
import { decideAudit, stagesOf } from '../../audit/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { impliedGroups, userNamed } from '../access/can.ts';
import type { AppContext } from '../context.ts';
import { linesOf } from '../lines.ts';
import type { PolicyRemarkInFile } from './policy-file.ts';
import type { Simulation } from './documents.ts';
import { loadPolicyFile } from './policy-file.ts';
import { type BrokenRequest, isBroken, namespaceOf, pathProblem, readRequestLine } from './request-line.ts';

export interface SimulatedRequest {
  readonly verb?: string | undefined;
  readonly resource?: string | undefined;
  readonly subresource?: string | undefined;
  readonly apiGroup?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly user?: string | undefined;
  readonly group?: readonly string[] | undefined;
  readonly path?: string | undefined;
}

export function simulateRequest(context: AppContext, file: string, asked: SimulatedRequest): Simulation {
  const { request, implied, notes } = readAsked(asked);
  const loaded = loadPolicyFile(context, file);
  const decision = decideAudit(loaded.policy, request);
  const { rule } = decision;
  return {
    schema: 'kubevidence/audit-simulation/v1',
    policy: { file, rules: loaded.policy.rules.length },
    request,
    implied,
    ...decision,
    stages: stagesOf(request, decision),
    why: rule === null ? null : { key: `rules[${rule}]`, ...loaded.rule(rule) },
    notes,
    remarks: loaded.remarks,
  };
}

function readAsked(asked: SimulatedRequest): Pick<Simulation, 'request' | 'implied' | 'notes'> {
  const { verb = '', group = [], path } = asked;
  if (verb === '') throw new KubevidenceError('usage', 'a verb is needed', { next: 'Ask like: --verb get --resource secrets' });
  if (/[A-Z]/.test(verb)) throw new KubevidenceError('usage', `verbs are in lower case, not ${visible(verb)}`);
  const user = userNamed(asked.user ?? '');
  const implied = impliedGroups(user, group).filter((each) => !group.includes(each));
  const caller = { user, groups: [...group, ...implied], verb };
  const notes = asked.user === undefined ? ['no user given: asked for somebody whom no rule names'] : [];
  if (user.startsWith('system:node:') && !group.includes('system:nodes'))
    notes.push('the certificate of a node also says the group system:nodes: add --group system:nodes');
  if (path !== undefined) {
    const other = (['resource', 'subresource', 'apiGroup', 'namespace', 'name'] as const).find((key) => asked[key] !== undefined);
    const problem = other === undefined ? pathProblem(path) : 'a path has no resource, namespace or name';
    if (problem !== null)
      throw new KubevidenceError('usage', `${visible(path)}: ${problem}`, { next: 'Ask like: --verb get --path /healthz' });
    return { request: { ...caller, path }, implied, notes };
  }
  return { request: readResource(asked, caller, notes), implied, notes };
}

function readResource(
  { resource: written = '', subresource, apiGroup, namespace = '', name = '' }: SimulatedRequest,
  caller: Pick<AuditRequest, 'user' | 'groups' | 'verb'>,
  notes: string[],
): AuditRequest {
  if (written === '')
    throw new KubevidenceError('usage', 'a resource or a path is needed', { next: 'Ask like: --verb get --resource secrets' });
  const named = nameResource(apiGroup === undefined ? written : `${written.split('/')[0]}.${apiGroup}`, null);
  const below = written.split('/')[1] ?? '';
  if (subresource !== undefined && below !== '' && subresource !== below)
    throw new KubevidenceError('usage', `${visible(written)} has another subresource than ${visible(subresource)}`);
  const target = { apiGroup: apiGroup ?? named.group, resource: named.resource, subresource: subresource ?? below, name };
  if (named.note !== null) notes.push(named.note);
  else if (apiGroup === undefined && named.group !== '') notes.push(`${named.resource} are in the API group ${named.group}`);
  if (named.namespaced === true && namespace === '')
    notes.push('no namespace given: asked as across all of them; a rule for one does not count');
  if (named.namespaced === false && namespace !== '' && named.resource !== 'namespaces')
    notes.push(`${named.resource} are in no namespace: -n has no effect`);
  const given = named.namespaced === false && named.resource !== 'namespaces' ? '' : namespace;
  return { ...caller, ...target, namespace: namespaceOf({ verb: caller.verb, ...target }, given) };
}

/** A line of the answer; a broken line of the question has its place too. */
export type SimulatedLine =
  | Pick<AuditDecision, 'level' | 'rule' | 'omitStages'>
  | { readonly level: null; readonly rule: null; readonly omitStages: readonly []; readonly error: string };

export interface BrokenLine extends BrokenRequest {
  readonly line: number;
}

export interface SimulationReport {
  readonly answered: number;
  readonly broken: number;
  readonly levels: Readonly<Record<Level, number>>;
  readonly remarks: readonly PolicyRemarkInFile[];
}

/** Calls `put` for each line that is not blank, and waits for it; `complain` before it for one that is broken. */
export async function simulateFile(
  context: AppContext,
  policyFile: string,
  file: string,
  put: (answer: SimulatedLine) => Promise<void> | undefined,
  complain: (broken: BrokenLine) => void,
): Promise<SimulationReport> {
  if (policyFile === '-' && file === '-') throw new KubevidenceError('usage', 'stdin can be the policy or the requests, not both');
  const { policy, remarks } = loadPolicyFile(context, policyFile);
  const levels = { None: 0, Metadata: 0, Request: 0, RequestResponse: 0 };
  const report = { answered: 0, broken: 0 };
  for await (const { number, text } of linesOf(openLines(context, file))) {
    const request = text === null ? { key: '', message: 'it is longer than 1 MiB' } : readRequestLine(text);
    if (request === null) continue;
    if (isBroken(request)) {
      report.broken += 1;
      complain({ line: number, ...request });
      const error = `line ${number}: ${request.key === '' ? '' : `${request.key}: `}${request.message}`;
      await put({ level: null, rule: null, omitStages: [], error });
      continue;
    }
    const { level, rule, omitStages } = decideAudit(policy, request);
    report.answered += 1;
    levels[level] += 1;
    const busy = put({ level, rule, omitStages });
    if (busy !== undefined) await busy;
  }
  return { ...report, levels, remarks };
}

function openLines({ cwd }: AppContext, file: string): AsyncIterable<string> {
  const options = { encoding: 'utf8', highWaterMark: 256 * 1024 } as const;
  if (file === '-') return createReadStream('', { ...options, fd: 0, autoClose: false });
  const path = resolve(cwd, file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile())
    throw new KubevidenceError('usage', found === undefined ? `there is no ${visible(file)}` : `${visible(file)} is no file`, {
      next: 'Name a file with one request a line, or - for stdin.',
    });
  return createReadStream(path, options);
}
