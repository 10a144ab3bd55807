/**
 * `assess -o json`, schema `kubevidence/assessment/v1`: the types below are the schema (published as schemas/assessment.schema.json).
 * Invariants that the schema cannot say: `notAssessed` always has a gap; `pass` always has evidence, all of it complete, and no gap.
 */
import { z } from 'zod';

const outcome = z.enum(['pass', 'fail', 'notAssessed', 'notApplicable', 'manual', 'providerResponsibility']);
const instant = z.string().describe('RFC 3339, UTC');

const gap = z.strictObject({
  reason: z.enum(['forbidden', 'absent', 'error', 'stale', 'redacted', 'provider']),
  what: z.string(),
  detail: z.string().optional(),
  closedBy: z.string().optional(),
});

const since = z
  .strictObject({ at: instant, source: z.string() })
  .optional()
  .describe('since when it has been so, where the evidence itself names the moment');

const finding = z.strictObject({
  item: z.string().describe('stable id in the population'),
  resource: z.strictObject({ apiVersion: z.string(), kind: z.string(), namespace: z.string(), name: z.string(), uid: z.string() }),
  message: z.string(),
  evidence: z.array(z.string()).describe('salted ids of the objects that the finding stands on'),
  exception: z.string().nullable(),
  since,
});

const controlResult = z.strictObject({
  id: z.string(),
  title: z.string(),
  severity: z.enum(['critical', 'high', 'medium', 'low', 'info']),
  outcome,
  labels: z.record(z.string(), z.string()),
  population: z.strictObject({
    name: z.string(),
    size: z.int().describe('rows read, before `where`'),
    tested: z.int().describe('rows left by `where`'),
  }),
  evidence: z.array(z.strictObject({ kind: z.string(), id: z.string(), items: z.int(), complete: z.boolean() })),
  findings: z.array(finding),
  gaps: z.array(gap),
  since,
});

const requirementResult = z.strictObject({
  framework: z.string(),
  version: z.string(),
  id: z.string(),
  title: z.string(),
  outcome,
  controls: z.array(
    z.strictObject({
      id: z.string(),
      strength: z.enum(['partial', 'supporting']),
      covers: z.enum(['exact', 'part', 'broader']).optional(),
    }),
  ),
  counts: z.record(z.string(), z.int()),
  needs: z.string().nullable(),
});

export const assessmentSchema = z.strictObject({
  schema: z.literal('kubevidence/assessment/v1'),
  scope: z.enum(['cluster', 'files']),
  cluster: z.strictObject({ name: z.string(), uid: z.string().nullable(), version: z.string().nullable() }),
  at: instant,
  run: z.strictObject({ number: z.int(), startedAt: instant, endedAt: instant.nullable() }).nullable(),
  controls: z.array(controlResult),
  requirements: z.array(requirementResult),
  summary: z.record(z.string(), z.record(z.string(), z.int())).describe('framework id → outcome → count'),
});

export type Assessment = z.infer<typeof assessmentSchema>;
export type ControlResult = z.infer<typeof controlResult>;
export type RequirementResult = z.infer<typeof requirementResult>;
export type Finding = z.infer<typeof finding>;
