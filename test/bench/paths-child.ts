/** Finds all escalation paths to cluster-admin, and what one more binding changes, in a process of its own. Prints one line of JSON. */
import { compareAccess, comparePaths, createAccessIndex, findPaths } from '../../src/access/index.ts';
import { drawGraph } from '../../src/access/escalation/draw.ts';
import { closeJoins } from '../../src/access/escalation/joins.ts';
import { readWorld } from '../../src/access/escalation/world.ts';
import { loadTechniquesInForce } from '../../src/app/catalog.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { snapshot } from '../populations/snapshots.ts';
import { createAccessWorld } from './access-world.ts';

const [subjects = 5000, bindings = 10_000, roles = 2000, pods = 10_000, nodes = 200] = process.argv.slice(2).map(Number);
const { objects } = createAccessWorld({ subjects, bindings, roles });
const group = 'rbac.authorization.k8s.io';

/** What every cluster has: its administrators, and the controller that may write more into a role than it holds. */
function made(name: string, rules: readonly JsonObject[], subject: JsonObject): readonly JsonObject[] {
  return [{ apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name, uid: name }, rules }, bind(name, name, subject)];
}

function bind(name: string, role: string, subject: JsonObject): JsonObject {
  return {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name, uid: `b-${name}` },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
    subjects: [subject],
  };
}
const aggregator = 'clusterrole-aggregation-controller';
const builtin = [
  ...made('cluster-admin', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], {
    apiGroup: group,
    kind: 'Group',
    name: 'system:masters',
  }),
  ...made(
    `system:controller:${aggregator}`,
    [{ verbs: ['escalate', 'get', 'list', 'patch', 'update', 'watch'], apiGroups: [group], resources: ['clusterroles'] }],
    { kind: 'ServiceAccount', namespace: 'kube-system', name: aggregator },
  ),
];
const all = [...objects, ...builtin];
const of = (kind: string) => all.filter((object) => object['kind'] === kind);
const namespaces = [...Array.from({ length: Math.max(1, Math.ceil(subjects / 25)) }, (_, i) => `team-${i}`), 'kube-system'];
const accounts = of('ClusterRoleBinding')
  .concat(of('RoleBinding'))
  .flatMap((binding) => binding['subjects'] as unknown as JsonObject[])
  .filter(({ kind }) => kind === 'ServiceAccount');
const known = new Map(accounts.map((account) => [`${account['namespace'] as string}/${account['name'] as string}`, account]));
const inNamespace = Map.groupBy(known.values(), (account) => account['namespace'] as string);

const evidence = {
  'k8s.rbac/roles': of('Role'),
  'k8s.rbac/clusterroles': of('ClusterRole'),
  'k8s.rbac/rolebindings': of('RoleBinding'),
  'k8s.rbac/clusterrolebindings': of('ClusterRoleBinding'),
  'k8s.namespaces/namespaces': namespaces.map((name, i) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, uid: name, labels: i % 2 === 0 ? { 'pod-security.kubernetes.io/enforce': 'restricted' } : {} },
  })),
  'k8s.serviceaccounts/serviceaccounts': [...known.values()].map(({ name = '', namespace = '' }) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace },
  })),
  'k8s.nodes/nodes': Array.from({ length: nodes }, (_, i) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${i}` } })),
  'k8s.pods/pods': Array.from({ length: pods }, (_, i) => {
    const namespace = namespaces[i % (namespaces.length - 1)] ?? '';
    const own = inNamespace.get(namespace) ?? [];
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-${i}`, namespace, uid: `p${i}` },
      spec: {
        serviceAccountName: own[i % Math.max(1, own.length)]?.['name'] ?? 'default',
        nodeName: `node-${i % nodes}`,
        containers: [{ name: 'app', ...(i % 400 === 0 ? { securityContext: { privileged: true } } : {}) }],
        volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      },
      status: { phase: 'Running' },
    };
  }),
  ...Object.fromEntries(
    ['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'cronjobs', 'jobs'].map((kind) => [`k8s.workloads/${kind}`, []]),
  ),
  ...Object.fromEntries(
    ['validatingwebhookconfigurations', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings'].map((kind) => [
      `k8s.admission/${kind}`,
      [],
    ]),
  ),
  'k8s.secrets/service-account-tokens': [],
};
const reader = snapshot(evidence);
const techniques = loadTechniquesInForce(null);
const question = { target: { kind: 'cluster-admin' } } as const;
const time = <T>(work: () => T): readonly [T, number] => {
  const begun = performance.now();
  const result = work();
  return [result, performance.now() - begun];
};
const [index, indexMs] = time(() => createAccessIndex(reader));
const [found, pathsMs] = time(() => findPaths(reader, techniques, { ...question, withoutRemovals: true }, index));
const [report, restMs] = time(() => findPaths(reader, techniques, question, index));
const friday = bind('friday', 'cluster-admin', { apiGroup: group, kind: 'User', name: 'friday' });
const later = snapshot({ ...evidence, 'k8s.rbac/clusterrolebindings': [...evidence['k8s.rbac/clusterrolebindings'], friday] });
const [drift, driftMs] = time(() => {
  const indexes = [reader, later].map((each) => createAccessIndex(each)) as [typeof index, typeof index];
  const between = { ...question, builtin: true, withoutRemovals: true, withGrants: true };
  const [was, is] = [reader, later].map((each, i) => ({
    index: indexes[i] ?? index,
    report: findPaths(each, techniques, between, indexes[i] ?? index),
  })) as [Parameters<typeof comparePaths>[0], Parameters<typeof comparePaths>[0]];
  return {
    access: compareAccess(...indexes),
    paths: comparePaths(was, is, new Map([['ClusterRoleBinding/friday', 'added']])),
  };
});
if (drift.access.gained.length !== 1 || drift.paths.gained.length !== 1) throw new Error('one binding gives one user one way');
// Once more for its size.
const { graph, everything } = drawGraph(readWorld(reader, index), techniques, []);
closeJoins(graph, everything);
process.stdout.write(
  `${JSON.stringify({
    indexMs,
    pathsMs,
    allMs: indexMs + restMs,
    driftMs,
    nodes: graph.size,
    edges: graph.from.length,
    sources: found.sources,
    certain: found.paths.filter(({ certain, kind }) => certain && kind === 'shortest').length,
    removals: report.removals.map(({ cuts }) => cuts),
    cut: report.cut?.bindings.length ?? 0,
  })}\n`,
);
