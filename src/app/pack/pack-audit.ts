/** Audit policies that were handed in, as a pack tells them: what each records of the events that auditors ask for. Equal ones are one. */
import { type AuditMatrix, keyOf, makeMatrix, readPolicy, tellRule } from '../../audit/index.ts';
import type { EvidenceReader, JsonObject } from '../../model/index.ts';
import { canonicalize } from '../../model/index.ts';
import type { ReportAuditPolicy } from '../../reporting/index.ts';

export function readAuditPolicies(reader: EvidenceReader): readonly ReportAuditPolicy[] {
  const policies = new Map<string, Told & { readonly files: string[] }>();
  for (const { body, place, name } of reader.objects('files.audit-policy/policies')) {
    const { metadata: _, ...rules } = body;
    const key = canonicalize(rules);
    const known = policies.get(key) ?? { files: [], ...tellPolicy(body) };
    known.files.push([place?.file ?? '', name].filter((text) => text !== '').join(': '));
    policies.set(key, known);
  }
  return [...policies.values()];
}

type Told = Omit<ReportAuditPolicy, 'files'>;

function tellPolicy(body: JsonObject): Told {
  const {
    policy,
    problems: [problem],
  } = readPolicy(body);
  if (policy === null)
    return {
      problem: problem === undefined ? '' : `${keyOf(problem.path)}: ${problem.message}`,
      rules: [],
      columns: [],
      rows: [],
      mistakes: [],
    };
  const { columns, rows, mistakes } = makeMatrix(policy);
  return {
    problem: null,
    rules: policy.rules.map((rule) => ({ level: rule.level, text: tellRule(rule) })),
    columns: columns.map(({ title }) => title),
    rows: rows.map(({ title, cells }) => ({ title, cells: cells.map((cell) => (cell === null ? null : tellCell(cell))) })),
    mistakes: mistakes.map(({ kind, rule, level, whom, events, requests, instead }) => ({
      kind,
      rule: fromOne(rule),
      level,
      whom,
      events,
      requests,
      instead: instead === null ? null : { rule: instead.rule + 1, level: instead.level },
    })),
  };
}

type Cell = NonNullable<AuditMatrix['rows'][number]['cells'][number]>;

function tellCell({ lowest, highest, lowestForSome, parts }: Cell): ReportAuditPolicy['rows'][number]['cells'][number] {
  const told = parts.map(({ level, rule, requests, whom }) => ({ level, rule: fromOne(rule), requests, whom }));
  return { lowest, highest, lowestForSome, parts: told };
}

/** People count rules from 1. */
function fromOne(rule: number | null): number | null {
  return rule === null ? null : rule + 1;
}
