/** A cluster of the size at which the fastest RBAC tool was measured, on a real API server without controllers; the same objects each time. */
import type { KubeObject, TestCluster } from '../cluster/index.ts';
import { createNode, createRunningPod } from '../cluster/pods.ts';

/** Beside what the API server makes for itself (69 ClusterRoles, 50 bindings of them, 7 Roles, 7 RoleBindings). */
export const anchorScale = {
  namespaces: 200,
  roles: 1000,
  roleBindings: 2000,
  clusterRoles: 300,
  clusterRoleBindings: 500,
  accounts: 2002,
};
const nodes = 200;

const group = 'rbac.authorization.k8s.io';
const rbac = `/apis/${group}/v1`;
const teams = Array.from({ length: anchorScale.namespaces }, (_, i) => `team-${i}`);
const team = (index: number) => teams[index % teams.length] ?? '';
const accountOf = (index: number) => ({ namespace: team(index), name: `account-${index}` });

const rule = (verbs: string, apiGroup: string, resources: string) => ({
  verbs: verbs.split(' '),
  apiGroups: [apiGroup],
  resources: resources.split(' '),
});
const read = 'get list watch';
const write = `${read} create update patch delete`;
/** As charts write them; with what leads further at about the rate at which it is found. */
const harmless = [
  [rule(read, '', 'pods services endpoints configmaps'), rule(read, 'apps', 'deployments replicasets')],
  [rule(write, '', 'configmaps'), rule('create patch', '', 'events')],
  [rule(write, 'coordination.k8s.io', 'leases')],
  [rule(read, 'networking.k8s.io', 'ingresses'), rule('update patch', 'networking.k8s.io', 'ingresses/status')],
  [rule(write, 'example.com', 'widgets widgets/status'), rule(read, '', 'nodes namespaces')],
];
const telling = [
  [rule(read, '', 'secrets')],
  [rule(write, 'apps', 'deployments')],
  [rule('get create', '', 'pods/exec')],
  [rule('create', '', 'pods')],
  [rule(write, group, 'rolebindings')],
  [rule('create', '', 'serviceaccounts/token')],
  [rule('*', '', '*')],
];
const rulesOf = (index: number) => [
  ...(harmless[index % harmless.length] ?? []),
  ...(index % 9 === 0 ? (telling[(index / 9) % telling.length] ?? []) : []),
];

function subjectsOf(index: number) {
  const person = { apiGroup: group, kind: 'User', name: `person-${index % 400}@example.com` };
  const people = { apiGroup: group, kind: 'Group', name: `group-${index % 120}` };
  return [{ kind: 'ServiceAccount', ...accountOf(index) }, ...(index % 3 === 0 ? [person] : []), ...(index % 4 === 0 ? [people] : [])];
}

export async function seedAnchor(cluster: TestCluster, pods: number): Promise<void> {
  const create = (path: string, kind: string, metadata: KubeObject['metadata'], more: object = {}) =>
    cluster.admin.json('POST', `${path}?fieldManager=kubectl-create`, {
      body: { apiVersion: path.startsWith(rbac) ? `${group}/v1` : 'v1', kind, metadata, ...more },
    });
  const roleRef = (kind: string, name: string) => ({ roleRef: { apiGroup: group, kind, name } });
  await inParallel(teams.length, (i) => {
    const labels = i % 2 === 0 ? { 'pod-security.kubernetes.io/enforce': 'baseline' } : {};
    return create('/api/v1/namespaces', 'Namespace', { name: team(i), labels: { owner: team(i), ...labels } });
  });
  await inParallel(anchorScale.accounts, (i) => {
    const { namespace, name } = accountOf(i);
    return create(`/api/v1/namespaces/${namespace}/serviceaccounts`, 'ServiceAccount', { name, namespace });
  });
  await inParallel(nodes, (i) => createNode(cluster.admin, `node-${i}`));
  await inParallel(anchorScale.roles, (i) =>
    create(`${rbac}/namespaces/${team(i)}/roles`, 'Role', { name: `role-${i}`, namespace: team(i) }, { rules: rulesOf(i) }),
  );
  await inParallel(anchorScale.clusterRoles, (i) =>
    create(`${rbac}/clusterroles`, 'ClusterRole', { name: `cluster-role-${i}` }, { rules: rulesOf(i) }),
  );
  await inParallel(anchorScale.roleBindings, (i) => {
    const own = i % 2 === 0;
    const ref = own
      ? roleRef('Role', `role-${i % anchorScale.roles}`)
      : roleRef('ClusterRole', `cluster-role-${i % anchorScale.clusterRoles}`);
    const namespace = own ? team(i % anchorScale.roles) : team(i);
    const metadata = { name: `binding-${i}`, namespace };
    return create(`${rbac}/namespaces/${namespace}/rolebindings`, 'RoleBinding', metadata, { ...ref, subjects: subjectsOf(i) });
  });
  await inParallel(anchorScale.clusterRoleBindings, (i) => {
    // Of four in five the role leads nowhere.
    const name = `cluster-role-${i % 5 === 0 ? i % anchorScale.clusterRoles : (i * 9 + 1) % anchorScale.clusterRoles}`;
    const ref = i % 100 === 99 ? roleRef('ClusterRole', 'cluster-admin') : roleRef('ClusterRole', name);
    return create(`${rbac}/clusterrolebindings`, 'ClusterRoleBinding', { name: `binding-${i}` }, { ...ref, subjects: subjectsOf(i + 7) });
  });
  await inParallel(pods, (i) => {
    const { namespace, name: serviceAccountName } = accountOf(i % anchorScale.accounts);
    const app = `app-${i % 2000}`;
    // A few agents are root on their node; they are in namespaces that forbid nothing.
    const privileged = i % 402 === 1 ? { securityContext: { privileged: true } } : {};
    const container = {
      name: 'app',
      image: `registry.example.com/${app}:1.0`,
      resources: { requests: { cpu: '50m', memory: '64Mi' } },
      ...privileged,
    };
    return createRunningPod(cluster.admin, {
      namespace,
      name: `${app}-${i}`,
      nodeName: `node-${i % nodes}`,
      seed: i,
      template: { metadata: { labels: { app } }, spec: { serviceAccountName, containers: [container] } },
    });
  });
}

/** The API server and this process share the machine. */
const concurrency = 16;

async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
