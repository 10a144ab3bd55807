/** `access paths -o json`: the type below is the schema (published as schemas/access-paths.schema.json). */
import { z } from 'zod';
import { evidence, gap } from '../documents.ts';

const hop = z.strictObject({
  technique: z.string().describe('id of a file in techniques/'),
  from: z.string(),
  to: z
    .string()
    .describe('User/alice, ServiceAccount/ns/name, Pod/ns/name, Node/name, Secret/ns/name, ClusterRole/edit in ns, cluster-admin'),
  right: z.string().describe('joined by `; ` where it takes several; empty where it takes none'),
  through: z.string().describe('binding → role → rule; where it takes no right, what the technique does'),
  certain: z.boolean(),
  because: z.string().optional().describe('why it is only possible'),
});

export const accessPathsSchema = z.strictObject({
  schema: z.literal('kubevidence/access-paths/v1'),
  ...evidence,
  target: z.string().describe('cluster-admin, secret:NS/NAME, node:NAME'),
  paths: z.array(
    z.strictObject({
      from: z.string(),
      to: z.string(),
      kind: z.enum(['shortest', 'leastPrivileged']).describe('the second only where it is another'),
      certain: z.boolean().describe('every hop is'),
      builtin: z.boolean().describe('by what the API server or the installer granted; only with --all'),
      hops: z.array(hop),
    }),
  ),
  subjects: z.int().describe('with a path that somebody added a grant for'),
  builtin: z.int().describe('subjects that only what the cluster is made with leads to the target'),
  removals: z
    .array(z.strictObject({ binding: z.string(), role: z.string(), cuts: z.int(), of: z.int() }))
    .describe('bindings whose removal takes most subjects their last path'),
  cut: z
    .strictObject({
      bindings: z.array(z.string()),
      cuts: z.int(),
      keep: z.int().describe('subjects that keep a path by what the cluster is made with'),
      minimum: z.boolean().describe('proven to be the smallest'),
    })
    .nullable()
    .describe('bindings that together take every such subject its paths; null when there is none'),
  complete: z.boolean(),
  gaps: z.array(gap).describe('what was not read, and which hops are missing for it'),
  notes: z.array(z.string()),
});

export type AccessPaths = z.infer<typeof accessPathsSchema>;
