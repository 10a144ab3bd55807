/** `access can -o json` and `access who-can -o json`: the types below are the schemas (published as schemas/access-*.schema.json). */
import { z } from 'zod';

export const gap = z.strictObject({
  reason: z.enum(['forbidden', 'absent', 'error', 'stale', 'redacted', 'provider']),
  what: z.string(),
  detail: z.string().optional(),
  closedBy: z.string().optional(),
});

const runStatus = z.enum(['planned', 'running', 'succeeded', 'partial', 'failed', 'interrupted', 'missed']);

/** Which evidence an answer stands on. */
export const evidence = {
  scope: z.enum(['cluster', 'files']),
  cluster: z.strictObject({ name: z.string(), uid: z.string().nullable(), version: z.string().nullable() }),
  at: z.string().describe('RFC 3339, UTC'),
  run: z.strictObject({ number: z.int(), status: runStatus, startedAt: z.string(), endedAt: z.string().nullable() }).nullable(),
};

const via = z.strictObject({
  subject: z.string(),
  binding: z.string().describe('RoleBinding/team-a/devs'),
  role: z.string().describe('ClusterRole/view'),
  namespace: z.string().describe('where it holds; empty: cluster-wide'),
  ruleIndex: z.int().describe('from 0'),
  rule: z.strictObject({
    verbs: z.array(z.string()),
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    resourceNames: z.array(z.string()).describe('empty: every name'),
    nonResourceURLs: z.array(z.string()),
  }),
});

const notes = {
  authorizers: z.array(z.string()).nullable().describe('as far as the evidence shows them; null when it does not'),
  notes: z.array(z.string()).describe('limits of the answer: other authorizers, how a name was read, what only an identity provider knows'),
};

export const accessCanSchema = z.strictObject({
  schema: z.literal('kubevidence/access-can/v1'),
  ...evidence,
  user: z.string(),
  groups: z.array(z.string()),
  implied: z.array(z.string()).describe('those of the groups that the authenticator adds'),
  verb: z.string(),
  resource: z
    .strictObject({ group: z.string(), resource: z.string(), subresource: z.string(), namespace: z.string(), name: z.string() })
    .nullable(),
  path: z.string().nullable(),
  answer: z.enum(['yes', 'no', 'notKnown']).describe('notKnown: nothing that was read allows it, and not everything was read'),
  reason: z.string(),
  via: via.nullable().describe('null without a yes, and for system:masters, which needs no binding'),
  gaps: z.array(gap),
  ...notes,
});

export const accessWhoCanSchema = z.strictObject({
  schema: z.literal('kubevidence/access-who-can/v1'),
  ...evidence,
  verb: z.string(),
  resource: z.strictObject({ group: z.string(), resource: z.string(), subresource: z.string(), name: z.string() }).nullable(),
  namespace: z.string().describe('empty: cluster-wide; `*`: in any namespace'),
  path: z.string().nullable(),
  holders: z.array(
    z.strictObject({
      subject: z.string(),
      limited: z.boolean().describe('only on the names that its rules list'),
      grants: z.array(via.omit({ subject: true })),
      members: z.array(z.string()).nullable().describe('of a group, by the file of memberships; null without one'),
    }),
  ),
  always: z.array(z.string()).describe('who needs no binding'),
  complete: z.boolean(),
  gaps: z.array(gap),
  ...notes,
});

export type AccessCan = z.infer<typeof accessCanSchema>;
export type AccessWhoCan = z.infer<typeof accessWhoCanSchema>;
