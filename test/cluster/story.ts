/**
 * The demo's story: a clinic's cluster in the third quarter of 2026, as a list of things that happen and of runs that see them. Times are
 * those of Berlin, written in UTC. What people do beside the cluster (exceptions, definitions) stands in demo/story.yaml.
 */
import type { KubeObject } from './client.ts';
import type { TestCluster } from './cluster.ts';
import { exampleObjects } from './examples.ts';
import { applyWorkloads } from './workloads.ts';

export interface Chapter {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly what: string;
  /** What happens; without it a run is recorded. */
  readonly change?: (cluster: TestCluster) => Promise<void>;
}

const rbac = 'rbac.authorization.k8s.io';

/** What the clinic collects beside what is on by default. */
export const collectors = { secrets: true } as const;

/** Where the clinic notes the change ticket of what it binds. */
export const ticketAnnotation = 'clinic.example/ticket';

const bindClusterAdmin = (name: string, kind: 'User' | 'Group', subject: string, ticket?: string): KubeObject => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name, ...(ticket === undefined ? {} : { annotations: { [ticketAnnotation]: ticket } }) },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: rbac, kind, name: subject }],
});

const labDefaultDeny: KubeObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'default-deny', namespace: 'lab-results' },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
};

const reportExporter = (verbs: readonly string[], resources: readonly string[]): KubeObject => ({
  apiVersion: `${rbac}/v1`,
  kind: 'Role',
  metadata: { name: 'report-exporter', namespace: 'clinic' },
  rules: [{ apiGroups: [''], resources: [...resources], verbs: [...verbs] }],
});

type Containers = readonly [Record<string, unknown>, ...Record<string, unknown>[]];

/** A Deployment of the examples with other containers, of which it has one. */
function withContainers(deployment: string, change: (containers: Containers) => readonly object[]): KubeObject {
  const found = exampleObjects('example-value').find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === deployment);
  if (found === undefined) throw new Error(`the examples have no Deployment ${deployment}`);
  const changed = structuredClone(found) as KubeObject & { spec: { template: { spec: { containers: object } } } };
  const pod = changed.spec.template.spec;
  pod.containers = change(pod.containers as Containers);
  return changed;
}

/** Removes what the other examples do wrong and this story does not tell, so that a reader finds what it does. */
async function tidyUp(cluster: TestCluster): Promise<void> {
  const gone = ['friday', 'platform-everything', 'role-keeper', 'status-page'].map((name) => `clusterrolebinding/${name}`);
  await cluster.kubectl(['delete', 'clusterrole/platform-everything', ...gone]);
  await cluster.kubectl(['-n', 'sandbox', 'delete', 'pod', 'debug', '--now']);
  await cluster.kubectl(['-n', 'lab-results', 'delete', 'cronjob', 'import']);
  await cluster.kubectl(['-n', 'sandbox', 'delete', 'rolebinding', 'left-behind']);
  // Applied again and not patched: what somebody took out of a manifest would stay in the annotation of kubectl apply.
  await cluster.apply([
    withContainers('archive', ([{ readinessProbe: _gone, ...container }]) => [container]),
    withContainers('web', ([{ name, image, resources }]) => [
      { name, image, resources, env: [{ name: 'SMTP_PASSWORD', valueFrom: { secretKeyRef: { name: 'mail', key: 'password' } } }] },
    ]),
  ]);
  await cluster.kubectl(['-n', 'booking', 'rollout', 'status', 'deployment', 'web', '--timeout=60s']);
}

async function setUp(cluster: TestCluster): Promise<void> {
  await applyWorkloads(cluster);
  await tidyUp(cluster);
  await cluster.apply([
    labDefaultDeny,
    reportExporter(['get', 'list', 'watch'], ['secrets', 'configmaps']),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'report-exporter', namespace: 'clinic' } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'report-exporter', namespace: 'clinic' },
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'report-exporter' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'clinic', name: 'report-exporter' }],
    },
  ]);
}

const sandboxLogin = { name: 'VENDOR_SANDBOX', value: 'https://demo:sandbox-2026@sandbox.calendar-vendor.example/v1' };

async function addBookingSync(cluster: TestCluster): Promise<void> {
  const labels = { app: 'calendar-sync' };
  await cluster.apply([
    {
      apiVersion: 'apps/v1',
      // Its pod has the same name whenever the story is recorded anew: an exception names it.
      kind: 'StatefulSet',
      metadata: { name: 'calendar-sync', namespace: 'booking', labels },
      spec: {
        replicas: 1,
        serviceName: 'calendar-sync',
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            containers: [
              {
                name: 'sync',
                image: 'registry.example.com/calendar-sync:0.3.0',
                env: [sandboxLogin],
                resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
              },
            ],
          },
        },
      },
    },
  ]);
  await cluster.kubectl(['-n', 'booking', 'rollout', 'status', 'statefulset', 'calendar-sync', '--timeout=60s']);
}

/** The ClusterRole that a chart upgrade left without the right to list network policies. */
async function takeNetworkRight(cluster: TestCluster): Promise<void> {
  const name = 'kubevidence-collector';
  const role = JSON.parse(await cluster.kubectl(['get', 'clusterrole', name, '-o', 'json'])) as { rules: { resources?: string[] }[] };
  const rules = role.rules
    .map((rule) =>
      rule.resources === undefined ? rule : { ...rule, resources: rule.resources.filter((each) => each !== 'networkpolicies') },
    )
    .filter(({ resources }) => resources === undefined || resources.length > 0);
  if (JSON.stringify(rules) === JSON.stringify(role.rules)) throw new Error('the collector has no right to list network policies');
  await cluster.kubectl(['patch', 'clusterrole', name, '--type', 'merge', '--patch', JSON.stringify({ rules })]);
}

const removeFriday = (cluster: TestCluster) => cluster.kubectl(['delete', 'clusterrolebinding', 'friday']);
const plainSecrets = ['report-key', 'imaging-key', 'insurer-key'] as const;
const createSecret = (name: (typeof plainSecrets)[number]) => (cluster: TestCluster) =>
  cluster.kubectl(['-n', 'clinic', 'create', 'secret', 'generic', name, '--from-literal=key=demo']);
/** One by one: a list is answered from the API server's cache, which storage does not notice. */
async function readPlainSecrets(cluster: TestCluster): Promise<void> {
  for (const name of plainSecrets) await cluster.kubectl(['-n', 'clinic', 'get', 'secret', name]);
}

/** Reads every Secret and writes it back, as the Kubernetes guide to encryption at rest has it. */
async function rewriteSecrets(cluster: TestCluster): Promise<void> {
  const all = await cluster.kubectl(['get', 'secrets', '--all-namespaces', '-o', 'json']);
  await cluster.kubectl(['replace', '-f', '-'], { input: all });
}

/** Gives the collector back what its manifest says. */
type Restore = (cluster: TestCluster) => Promise<void>;

export function tellStory(restoreRights: Restore): readonly Chapter[] {
  const then =
    (...acts: readonly ((cluster: TestCluster) => Promise<unknown>)[]) =>
    async (cluster: TestCluster) => {
      for (const act of acts) await act(cluster);
    };
  return [
    { at: '2026-03-02T09:00:00Z', what: 'the clinic moves in', change: then(setUp, restoreRights) },
    { at: '2026-06-29T04:00:00Z', what: 'run: the opening state' },
    { at: '2026-07-06T04:00:00Z', what: 'run: quiet' },
    { at: '2026-07-10T13:20:00Z', what: "booking tries a vendor's public sandbox", change: addBookingSync },
    { at: '2026-07-13T04:00:00Z', what: 'run: a login in clear' },
    { at: '2026-07-20T04:00:00Z', what: 'run: the same, under an exception' },
    { at: '2026-07-27T04:00:00Z', what: 'run: the last good default-deny' },
    { at: '2026-07-30T12:10:00Z', what: "a chart upgrade takes one of the collector's rights", change: takeNetworkRight },
    { at: '2026-08-03T04:00:00Z', what: 'run: partial' },
    { at: '2026-08-04T09:05:00Z', what: 'the default-deny of lab-results goes', change: then(removeLabDefaultDeny) },
    { at: '2026-08-05T08:00:00Z', what: 'the right comes back', change: restoreRights },
    { at: '2026-08-10T04:00:00Z', what: 'run: no default-deny' },
    { at: '2026-08-10T08:30:00Z', what: 'it is put back', change: (cluster) => cluster.apply([labDefaultDeny]) },
    {
      at: '2026-08-14T15:52:00Z',
      what: 'alice becomes cluster-admin',
      change: (cluster) => cluster.apply([bindClusterAdmin('friday', 'User', 'alice')]),
    },
    { at: '2026-08-17T04:00:00Z', what: 'run: alice is cluster-admin' },
    { at: '2026-08-17T07:45:00Z', what: 'the binding goes', change: then(removeFriday) },
    { at: '2026-08-17T09:30:00Z', what: 'run, by hand: alice is not' },
    {
      at: '2026-08-27T07:30:00Z',
      what: 'the audit log is kept for 30 days from now on',
      change: (cluster) => cluster.restartApiServer({ apiserverArgs: [] }),
    },
    { at: '2026-08-31T04:00:00Z', what: 'run: after a missed one' },
    {
      at: '2026-09-03T14:00:00Z',
      what: 'the break-glass group gets its binding',
      change: (cluster) => cluster.apply([bindClusterAdmin('clinic-breakglass', 'Group', 'clinic-breakglass', 'CHG-2288')]),
    },
    { at: '2026-09-07T04:00:00Z', what: 'run: a new parameter' },
    { at: '2026-09-09T08:14:00Z', what: 'identity comes first', change: (cluster) => cluster.rewriteEncryption('identity-first') },
    { at: '2026-09-09T12:00:00Z', what: 'a Secret in plain text', change: then(createSecret('report-key')) },
    { at: '2026-09-10T07:20:00Z', what: 'a second one', change: then(createSecret('imaging-key')) },
    { at: '2026-09-11T10:40:00Z', what: 'a third one', change: then(createSecret('insurer-key')) },
    { at: '2026-09-14T04:00:00Z', what: 'run: plain writes' },
    { at: '2026-09-18T07:40:00Z', what: 'encryption is back for new writes', change: (cluster) => cluster.rewriteEncryption('secretbox') },
    { at: '2026-09-18T08:10:00Z', what: 'a backup reads the three', change: readPlainSecrets },
    { at: '2026-09-18T08:40:00Z', what: 'run, by hand: three stored Secrets are still plain' },
    { at: '2026-09-19T06:00:00Z', what: 'all Secrets are written anew', change: rewriteSecrets },
    { at: '2026-09-19T06:30:00Z', what: 'the API server starts again', change: (cluster) => cluster.restartApiServer() },
    { at: '2026-09-21T04:00:00Z', what: 'run: nothing is read in plain text' },
    {
      at: '2026-09-24T13:15:00Z',
      what: "report-exporter's role is cut to what it needs",
      change: (cluster) => cluster.apply([reportExporter(['get', 'list', 'watch'], ['configmaps'])]),
    },
    { at: '2026-09-28T04:00:00Z', what: 'run: the excess right is gone' },
  ];
}

const removeLabDefaultDeny = (cluster: TestCluster) => cluster.kubectl(['-n', 'lab-results', 'delete', 'networkpolicy', 'default-deny']);
