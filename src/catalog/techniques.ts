/** The form of a technique of escalation, techniques/*.yaml, and what its examples must show. */
import { z } from 'zod';
import { conditionNames, KubevidenceError, overKinds, type Technique, yieldNames } from '../model/index.ts';
import type { YamlFile } from './yaml-file.ts';

const text = z.string().trim().min(1);
const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id such as create-pod');

const right = z.strictObject({
  verbs: z.array(text).min(1).describe('Any of them is enough'),
  resources: z.array(text).min(1).describe('Any of them is enough; as kubectl writes them: pods/exec, deployments.apps'),
  names: z
    .union([z.enum(['none', 'any', 'object', 'role', 'namespace']), z.array(text).min(1)])
    .exactOptional()
    .describe('What a rule with resourceNames must name; default none, because the request carries no name'),
  scope: z
    .enum(['cluster', 'namespace', 'anywhere'])
    .exactOptional()
    .describe('Where it must hold; default: in the namespace that the technique is about, else cluster-wide'),
});

const need = z.union([
  right,
  z.strictObject({ together: z.array(right).min(2).describe('One request asks for all of them, so one identity must hold them') }),
  z.strictObject({ controls: z.enum(['object', 'anyNode', 'everything']).describe('What must be in hand already') }),
  z.strictObject({ holds: z.literal('object').describe('The role must be bound to an identity in hand') }),
]);

export const techniqueSchema = z.strictObject({
  id: id.describe('Equal to the file name'),
  title: text.describe('What somebody does, in a few words'),
  why: text.describe('Why it gives more than the right says'),
  privilege: z.int().min(1).max(5).describe('1: a right that nobody looks at, 5: administration of the cluster'),
  over: z.enum(overKinds).describe('What one instance is about'),
  needs: z.array(need).min(1).describe('All of them; different identities may meet different ones'),
  yields: z
    .array(
      z.strictObject({
        what: z.enum(yieldNames).describe('What is controlled then'),
        when: z.enum(conditionNames).exactOptional().describe('What must be so in the evidence'),
        undecided: text.exactOptional().describe('Why no evidence decides it; then it is possible, never certain'),
      }),
    )
    .min(1),
  evidence: text.describe('What of the evidence decides it, and what no evidence does'),
  reference: z.url(),
  examples: z
    .array(
      z.strictObject({
        name: text,
        given: z.string().describe('Kubernetes objects as multi-document YAML; all other listings are read and empty'),
        absent: z.array(text).exactOptional().describe('Listings that were not read'),
        from: text,
        to: text,
        hop: z.enum(['certain', 'possible', 'none']),
      }),
    )
    .min(2),
});

/** Both ways, so that a technique that finds everything or nothing does not pass. Throws `configuration`. */
export function checkExamples({ id, examples }: Technique, placeOf: YamlFile<Technique>['placeOf']): void {
  const refuse = (problem: string) => new KubevidenceError('configuration', `${id}: ${problem}`, { place: placeOf('examples') });
  if (examples.every(({ hop }) => hop === 'none')) throw refuse('no example shows the hop');
  if (examples.every(({ hop }) => hop !== 'none')) throw refuse('no example shows the fixed variant');
}
