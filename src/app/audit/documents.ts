/** `audit simulate -o json` and `audit matrix -o json`: the types below are the schemas (published as schemas/audit-*.schema.json). */
import { z } from 'zod';
import { columns, levels, stages } from '../../audit/index.ts';

/** Nobody changes what an answer says. */
const list = <T extends z.ZodType>(of: T) => z.array(of).readonly().readonly();
const level = z.enum(levels);
const rule = z.int().nullable().describe('index of the rule, from 0; null: none matches');
const whom = z.enum(['all', 'some']).describe('some: only some of these callers, namespaces or names');
const remarks = list(z.strictObject({ line: z.int().describe('from 1'), key: z.string(), message: z.string() })).describe(
  'what else is wrong with the policy',
);

const caller = { user: z.string().nullable().describe('null: nobody signed in'), groups: list(z.string()), verb: z.string() };

export const auditSimulationSchema = z.strictObject({
  schema: z.literal('kubevidence/audit-simulation/v1'),
  policy: z.strictObject({ file: z.string().describe('as it was named; - for stdin'), rules: z.int() }),
  request: z.union([
    z.strictObject({ ...caller, path: z.string() }),
    z.strictObject({
      ...caller,
      apiGroup: z.string().describe('empty: the core group'),
      resource: z.string(),
      subresource: z.string(),
      namespace: z.string().describe('empty: none, or across all'),
      name: z.string(),
    }),
  ]),
  implied: list(z.string()).describe('groups that the API server adds to the caller'),
  level,
  rule,
  omitStages: list(z.enum(stages)),
  omitManagedFields: z.boolean(),
  stages: list(z.enum(stages)).describe('at which an event is written, when nothing goes wrong inside the API server'),
  why: z
    .strictObject({
      key: z.string().describe('rules[3]'),
      line: z.int().describe('from 1'),
      text: z.string().describe('as it stands in the file'),
    })
    .nullable()
    .describe('the rule that decides; null where none does'),
  notes: list(z.string()),
  remarks,
});
export type Simulation = z.infer<typeof auditSimulationSchema>;

export const auditMatrixSchema = z.strictObject({
  schema: z.literal('kubevidence/audit-matrix/v1'),
  policy: z.strictObject({
    file: z.string(),
    rules: list(z.strictObject({ line: z.int().describe('from 1'), level, text: z.string() })).describe("the file's texts, untrusted"),
  }),
  columns: list(z.strictObject({ id: z.enum(columns.map(({ id }) => id)), title: z.string() })).describe('who asks'),
  rows: list(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      requests: list(z.string()),
      cells: list(
        z
          .strictObject({
            column: z.enum(columns.map(({ id }) => id)),
            lowest: level,
            highest: level,
            lowestForSome: level.nullable().describe('the lowest that a rule for some of them gives, where that is lower still'),
            parts: list(z.strictObject({ level, rule, requests: list(z.string()), whom })),
          })
          .nullable(),
      ).describe('one for each column; null where the event is none of theirs'),
    }),
  ),
  mistakes: list(
    z.strictObject({
      kind: z.enum(['bodies', 'hidden', 'unrecorded']).describe('bodies: credentials in the log; hidden: a later rule would record it'),
      rule,
      level,
      events: list(z.string()),
      requests: list(z.string()),
      whom,
      instead: z.strictObject({ rule: z.int(), level }).nullable().describe('hidden: the first rule behind it that would record it'),
    }),
  ).describe('worst first'),
  remarks,
});
export type AuditMatrixReport = z.infer<typeof auditMatrixSchema>;
