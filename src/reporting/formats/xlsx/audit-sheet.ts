/** Audit policies as a sheet: a row for each event and rule that decides about it, with the callers for whom it does. */
import type { ReportAuditPolicy, ReportModel } from '../../report-model.ts';
import { mistakeWords } from '../audit-wording.ts';
import { list, number, type SheetContent, type Value, words } from './content.ts';

export function auditPolicies({ auditPolicies: all }: ReportModel): SheetContent {
  return {
    columns: [
      ...words({ Policy: 30, Event: 34, Callers: 34, Level: 17 }),
      number('Rule'),
      ...words({ 'For whom': 24, Requests: 50, 'What the rule is for': 60, 'What is wrong': 26 }),
    ],
    rows: all.flatMap(rowsOf),
  };
}

function rowsOf({ files, problem, rules, columns, rows, mistakes }: ReportAuditPolicy): readonly (readonly Value[])[] {
  const policy = list(files);
  if (problem !== null) return [[policy, `NOT JUDGED: no API server starts with it: ${problem}`, null, null, null, null, null, null, null]];
  return rows.flatMap(({ title, cells }) => {
    const parts = cells.flatMap((cell, column) => (cell?.parts ?? []).map((part) => ({ part, caller: columns[column] ?? '' })));
    const alike = Map.groupBy(parts, ({ part: { rule, whom, requests } }) => JSON.stringify([whom, rule, requests]));
    return [...alike.values()].flatMap((group): Value[][] => {
      const [first] = group;
      if (first === undefined) return [];
      const { level, rule, whom, requests } = first.part;
      const wrong = mistakes.filter((mistake) => mistake.rule === rule && mistake.events.includes(title));
      return [
        [
          policy,
          title,
          list(group.map(({ caller }) => caller)),
          level,
          rule,
          whom === 'all' ? 'all of them' : 'some callers, namespaces or names',
          byWhat(requests),
          rule === null ? 'no rule matches' : (rules[rule - 1]?.text ?? ''),
          list(wrong.map(({ kind }) => mistakeWords[kind])),
        ],
      ];
    });
  });
}

/** `create roles`, `delete roles` → `create, delete roles`. */
function byWhat(requests: readonly string[]): string {
  const what = (request: string) => request.slice(request.indexOf(' ') + 1);
  const verb = (request: string) => request.slice(0, request.indexOf(' '));
  return [...Map.groupBy(requests, what)].map(([each, own]) => `${own.map(verb).join(', ')} ${each}`).join('; ');
}
