/**
 * `drift -o json`, schema `kubevidence/drift/v1` (the zod schema below is published as schemas/drift.schema.json), and what of it is pure:
 * which controls came to another outcome or other findings. Findings are compared by item, so a message that counts differently is no
 * drift, and an approved exception hides nothing. A control that only one assessment has says nothing about the cluster and is left out;
 * so is one that compares runs itself (label `compares: runs`), whose outcome is a difference already.
 */
import { z } from 'zod';
import { type Assessment, type ControlResult, severities } from '../model/index.ts';
import type { ItemException } from './evaluate.ts';

const outcome = z.enum(['pass', 'fail', 'notAssessed', 'notApplicable', 'manual', 'providerResponsibility']);
const gap = z.strictObject({ reason: z.string(), what: z.string(), detail: z.string().optional(), closedBy: z.string().optional() });
const side = z.strictObject({ id: z.string().describe('salted id'), uid: z.string() }).nullable();
const reading = z.strictObject({ items: z.int(), complete: z.boolean(), gaps: z.array(gap) }).nullable();
const snapshot = z.strictObject({
  run: z.int(),
  status: z.string(),
  at: z.string().describe('when the evidence was observed, RFC 3339, UTC'),
});
const item = z.strictObject({
  item: z.string(),
  message: z.string(),
  exception: z.string().nullable(),
  certain: z.boolean().describe('false where the other assessment has gaps: it may be there too, unseen'),
});

const outcomeChange = z.strictObject({
  control: z.string(),
  title: z.string(),
  severity: z.enum(severities),
  before: outcome,
  after: outcome,
  appeared: z.array(item).describe('findings of the later snapshot only'),
  resolved: z.array(item).describe('findings of the earlier snapshot only'),
  gaps: z.array(gap).describe('of the later assessment'),
});

const objectChange = z.strictObject({
  kind: z.string().describe('kind of the listing'),
  change: z.enum(['added', 'removed', 'changed']),
  apiVersion: z.string(),
  type: z.string().describe('kind of the object'),
  namespace: z.string(),
  name: z.string(),
  file: z.string().nullable(),
  before: side,
  after: side.describe('another uid than before: the object was re-created'),
  paths: z.array(z.strictObject({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() })),
  more: z.int().describe('changed paths that are not listed'),
});

const accessChange = z.strictObject({
  subject: z.string().describe('User/alice, Group/dev, ServiceAccount/ns/name'),
  namespace: z.string().describe('where it holds; empty: cluster-wide'),
  rights: z.array(z.string()),
  more: z.int().describe('rights that are not listed'),
  powers: z.array(z.string()).describe('the dangerous ones among them'),
  binding: z.string(),
  role: z.string(),
  cause: z
    .enum(['binding', 'subject', 'role', 'aggregation'])
    .describe('what came or went: the binding, the subject in it, rules of the role, rules that it aggregates'),
});

const pathChange = z.strictObject({
  subject: z.string().describe('User/alice, Group/dev, ServiceAccount/ns/name'),
  certain: z.boolean().describe('every hop of the path is'),
  hops: z
    .array(
      z.strictObject({
        technique: z.string(),
        from: z.string(),
        to: z.string(),
        right: z.string(),
        through: z.string(),
        certain: z.boolean(),
        because: z.string().optional(),
      }),
    )
    .describe('as of access paths: of the snapshot that has the path, or has it for certain'),
  cause: z
    .strictObject({
      what: z
        .enum(['binding', 'subject', 'role', 'aggregation', 'object', 'change'])
        .describe(
          'what came or went: a binding, the subject in it, rules of a role, rules that it aggregates, another object; or what is otherwise',
        ),
      object: z.string().describe('ClusterRoleBinding/friday, Pod/web/shell'),
    })
    .nullable()
    .describe('the first thing on the path that the other snapshot had not'),
  known: z.boolean().describe('false where what the other snapshot did not read may have held another path'),
});

const kindChange = z.strictObject({
  kind: z.string(),
  before: reading,
  after: reading,
  readDifferently: z.boolean().describe('another collector version or keep-list: a difference may be one of reading'),
  added: z.int(),
  removed: z.int(),
  changed: z.int(),
  unknown: z.int().describe('objects of one side of which the other, not read whole, says nothing'),
});

export const driftSchema = z.strictObject({
  schema: z.literal('kubevidence/drift/v1'),
  cluster: z.strictObject({ name: z.string(), uid: z.string().nullable() }),
  namespace: z.string().nullable(),
  from: snapshot,
  to: snapshot,
  baseline: z
    .strictObject({ acceptedAt: z.string(), by: z.string().nullable(), reason: z.string().nullable() })
    .nullable()
    .describe('when `from` is the accepted baseline; the name is asserted, not authenticated'),
  drift: z.boolean().describe('whether anything below differs; what is unknown does not'),
  judgedBy: z.enum(['recorded', 'today']).describe('both assessments as recorded with the catalog in force today, or judged with it now'),
  outcomes: z.array(outcomeChange).describe('worst first'),
  notAssessed: z.int().describe('controls that neither snapshot lets assess: whether they differ nobody knows'),
  access: z
    .strictObject({ gained: z.array(accessChange), lost: z.array(accessChange), notListed: z.int(), unknown: z.int(), gaps: z.array(gap) })
    .describe(
      'effective rights by RBAC, whoever edited what; group members are not seen; unknown: grants of which the other snapshot says nothing',
    ),
  paths: z
    .strictObject({
      target: z.string(),
      gained: z.array(pathChange),
      lost: z.array(pathChange),
      confirmed: z.array(pathChange).describe('only possible before, certain now'),
      weakened: z.array(pathChange).describe('certain before, only possible now'),
      notListed: z.int(),
      unknown: z.int().describe('subjects of whose paths one snapshot, not read whole, says nothing'),
      gaps: z.array(gap),
    })
    .nullable()
    .describe('who can climb to cluster-admin, by the techniques of today’s catalog; null for one namespace, where paths do not end'),
  objects: z.array(objectChange).describe('net differences between the two snapshots, never all changes'),
  notListed: z.int().describe('differing objects beyond those listed'),
  kinds: z.array(kindChange),
  notCompared: z.array(z.string()).describe('kinds of measurements, which differ in every run'),
});

export type Drift = z.infer<typeof driftSchema>;
export type OutcomeChange = z.infer<typeof outcomeChange>;

/** By severity, then by control; `exceptions` in force label findings of both sides. */
export function compareOutcomes(
  before: Pick<Assessment, 'controls'>,
  after: Pick<Assessment, 'controls'>,
  exceptions: readonly ItemException[] = [],
): readonly OutcomeChange[] {
  const labels = new Map(exceptions.map(({ id, control, item: of }) => [JSON.stringify([control, of]), id]));
  const earlier = new Map(before.controls.map((control) => [control.id, control]));
  const changes = after.controls.flatMap((is): OutcomeChange[] => {
    const was = earlier.get(is.id);
    if (was === undefined || is.labels['compares'] === 'runs') return [];
    const [appeared, resolved] = [without(is, was, labels), without(was, is, labels)];
    if (was.outcome === is.outcome && appeared.length + resolved.length === 0) return [];
    const { id: control, title, severity, gaps } = is;
    return [{ control, title, severity, before: was.outcome, after: is.outcome, appeared, resolved, gaps }];
  });
  const rank = ({ severity }: OutcomeChange) => severities.indexOf(severity);
  return changes.sort((a, b) => rank(a) - rank(b) || (a.control < b.control ? -1 : 1));
}

/** Controls that neither assessment decides. */
export function countNotAssessed(before: Pick<Assessment, 'controls'>, after: Pick<Assessment, 'controls'>): number {
  const open = new Set(before.controls.flatMap(({ id, outcome: was }) => (was === 'notAssessed' ? [id] : [])));
  return after.controls.filter((is) => is.outcome === 'notAssessed' && open.has(is.id)).length;
}

function without(one: ControlResult, other: ControlResult, labels: ReadonlyMap<string, string>): OutcomeChange['appeared'] {
  const [known, certain] = [new Set(other.findings.map((finding) => finding.item)), other.gaps.length === 0];
  return one.findings.flatMap(({ item: of, message }) => {
    const exception = labels.get(JSON.stringify([one.id, of])) ?? null;
    return known.has(of) ? [] : [{ item: of, message, exception, certain }];
  });
}
