/**
 * The shapes of controls/*.yaml and mappings/*.yaml: what is validated here is what schemas/control.schema.json and
 * schemas/framework.schema.json publish, and what the types in model/control.ts promise to everybody else.
 */
import { z } from 'zod';

const text = z.string().trim().min(1);
const outcome = z.enum(['pass', 'fail', 'notAssessed', 'notApplicable', 'manual', 'providerResponsibility']);
const gapReason = z.enum(['forbidden', 'absent', 'error', 'stale', 'redacted', 'provider']);
const parameterValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number(), z.boolean()]))]);
const identifier = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'a name of letters, digits and _, as CEL has it');
export const controlId = z.string().regex(/^[A-Z][A-Z0-9]*-[0-9]{3,}$/, 'an id such as RBAC-001');

const parameter = z.strictObject({
  type: z.enum(['list', 'string', 'number', 'boolean']),
  default: parameterValue,
  doc: text.describe('What the parameter means, for whoever sets it'),
});

const example = z.strictObject({
  name: text,
  outcome,
  findings: z.array(z.string()).exactOptional().describe('Natural keys of the rows that must fail; exactly these'),
  gaps: z
    .array(z.strictObject({ what: text, reason: gapReason }))
    .exactOptional()
    .describe('Listings that are missing, e.g. {what: clusterrolebindings, reason: forbidden}'),
  given: z.string().exactOptional().describe('Kubernetes objects as multi-document YAML; all other listings are read and empty'),
  before: z.string().exactOptional().describe('The run before, for controls over differences; same form as given'),
  params: z.record(identifier, parameterValue).exactOptional(),
});

export const controlSchema = z.strictObject({
  id: controlId.describe('Equal to the file name; never used again for something else'),
  title: text.describe('What is true when the control passes'),
  severity: z.enum(['critical', 'high', 'medium', 'low', 'info']),
  why: text.describe('Why it matters'),
  population: identifier.describe('The population whose rows are tested'),
  where: text.exactOptional().describe('CEL over item and params; rows for which it is false are not tested'),
  expect: text.describe('CEL over item and params; a row for which it is false is a finding'),
  undecided: z
    .strictObject({
      when: text.describe('CEL over item and params; a row for which it is true is not tested, and never passes'),
      outcome: z.enum(['manual', 'notAssessed']).describe('manual: a person judges what was read; notAssessed: something was not read'),
      because: text.describe('What is missing'),
      closedBy: text.describe('What a person does about it'),
    })
    .exactOptional(),
  whenEmpty: z.enum(['pass', 'notApplicable']).exactOptional().describe('Outcome when no row is left to test; default notApplicable'),
  message: text.describe('What is said about a failing row; {field} stands for a field of the row, {params.name} for a parameter'),
  params: z.record(identifier, parameter).default({}),
  procedure: text.describe('The test in words, for an auditor who repeats it by hand'),
  remediation: text,
  labels: z.record(z.string(), z.string()).exactOptional(),
  examples: z.array(example).min(1),
});

const controlLink = z.strictObject({
  id: controlId,
  strength: z.enum(['partial', 'supporting']),
  covers: z.enum(['exact', 'part', 'broader']).exactOptional().describe('Benchmarks only: how far the control decides the recommendation'),
  because: text.exactOptional(),
});

export const requirementSchema = z.strictObject({
  id: text,
  title: text,
  section: text.describe('Id of one of the sections'),
  level: z.union([z.literal(1), z.literal(2)]).exactOptional(),
  assessment: z.enum(['automated', 'manual']).exactOptional().describe("The benchmark's own status"),
  obligation: z.enum(['required', 'addressable']).exactOptional(),
  kubernetes: z.literal('none').exactOptional().describe('The cluster shows nothing of it'),
  needs: text.exactOptional().describe('Which evidence a person must bring'),
  partsAreExact: z
    .boolean()
    .exactOptional()
    .describe('The lines of strength partial together decide the recommendation exactly, each of them a part or broader than one'),
  providerOnManaged: z.boolean().exactOptional(),
  cis: z.array(text).exactOptional().describe('CIS recommendations that support a requirement of a law'),
  controls: z.array(controlLink).default([]),
});

export const frameworkSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id such as cis-kubernetes'),
  title: text,
  kind: z.enum(['benchmark', 'law', 'policy']),
  version: text,
  source: text,
  notice: text,
  kubernetesVersions: z
    .array(z.string().regex(/^\d+\.\d+$/, 'a minor version such as "1.35"'))
    .exactOptional()
    .describe('Kubernetes minor versions that the benchmark lists'),
  platform: z.enum(['eks', 'gke', 'aks']).exactOptional().describe('A benchmark that is for the clusters of one provider only'),
  sections: z.array(z.strictObject({ id: text, title: text })).min(1),
  requirements: z.array(requirementSchema).min(1),
});
