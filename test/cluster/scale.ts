/** Fills a test cluster (without controllers) with many realistic objects, fast: for the benchmark. The same names and specs each time. */
import { createHash } from 'node:crypto';
import type { KubeObject } from './client.ts';
import type { TestCluster } from './cluster.ts';
import type { PodTemplate } from './pods.ts';
import { createNode, createRunningPod } from './pods.ts';
import { ensureDefaultAccounts } from './workloads.ts';

export type Scale = { readonly pods: number; readonly deployments: number; readonly rbac: number };

/** Requests under way at a time; the API server and this process share the machine. */
const concurrency = 16;
const nodes = Array.from({ length: 25 }, (_, index) => `node-${index + 1}`);
const namespaces = Array.from({ length: 40 }, (_, index) => `team-${String(index + 1).padStart(2, '0')}`);
const rbacGroup = 'rbac.authorization.k8s.io';

/** Creates the objects: pods are spread over the deployments, RBAC is half RoleBindings, a third Roles, the rest cluster-wide. */
export async function seedScale(cluster: TestCluster, { pods, deployments, rbac }: Scale): Promise<void> {
  if (cluster.controllers) throw new Error('seedScale needs a cluster without controllers: they would take its pods away');
  const { admin } = cluster;
  const create = (path: string, body: KubeObject) => admin.json('POST', `${path}?fieldManager=kubectl-create`, { body });
  await inParallel(namespaces.length, (index) => {
    const name = at(namespaces, index);
    return create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { owner: name } } });
  });
  await ensureDefaultAccounts(cluster, namespaces);
  await inParallel(nodes.length, (index) => createNode(admin, at(nodes, index)));
  await inParallel(rbac, (index) => {
    const object = rbacObject(index);
    const scope = object.metadata.namespace ? `/namespaces/${object.metadata.namespace}` : '';
    return create(`/apis/${rbacGroup}/v1${scope}/${object.kind.toLowerCase()}s`, object);
  });
  const uids: string[] = [];
  await inParallel(deployments, async (index) => {
    const namespace = at(namespaces, index);
    const app = appName(index);
    const template = podTemplate(index);
    const spec = { replicas: Math.ceil(pods / deployments), selector: { matchLabels: { app } }, template };
    const body: KubeObject = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: app, namespace, labels: { app } }, spec };
    const made = (await create(`/apis/apps/v1/namespaces/${namespace}/deployments`, body)) as { metadata: { uid: string } };
    uids[index] = made.metadata.uid;
  });
  await inParallel(pods, (index) => {
    const deployment = deployments === 0 ? index : index % deployments;
    const template = podTemplate(deployment);
    const hash = digest(appName(deployment)).slice(0, 10);
    const labels = { ...(template.metadata['labels'] as object), 'pod-template-hash': hash };
    const replicaSet = `${appName(deployment)}-${hash}`;
    // No ReplicaSets are made: with the garbage collector off, an owner's uid is only something to read.
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: replicaSet,
      uid: uids[deployment] ?? '00000000-0000-4000-8000-000000000000',
    };
    return createRunningPod(admin, {
      namespace: at(namespaces, deployment),
      name: `${replicaSet}-${digest(String(index)).slice(0, 5)}${(index % 1296).toString(36)}`,
      nodeName: at(nodes, index),
      template: { ...template, metadata: { ...template.metadata, labels } },
      owner,
      seed: index,
    });
  });
}

async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

function at(list: readonly string[], index: number): string {
  return list[index % list.length] ?? '';
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function appName(index: number): string {
  return `service-${String(index + 1).padStart(4, '0')}`;
}

/** About 7.5 kB as the API server lists it, managedFields included; every sixth has a sidecar, some have an old-fashioned mistake. */
function podTemplate(index: number): PodTemplate {
  const app = appName(index);
  const container = (name: string, port: number) => ({
    name,
    image: `registry.example.com/${app}/${name}:2.${index % 40}.${index % 7}`,
    args: [`--listen=:${port}`, '--log-format=json', `--tenant=${app}`],
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: `${app}-db`, key: 'password' } } },
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'CACHE_URL', value: `redis://cache.${app}.svc:6379/0` },
      ...(index % 50 === 0 ? [{ name: 'API_KEY', value: digest(app) }] : []),
    ],
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port }, periodSeconds: 10 },
    livenessProbe: { httpGet: { path: '/live', port }, initialDelaySeconds: 15 },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] }, privileged: false },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app', readOnly: true },
      { name: 'scratch', mountPath: '/tmp' },
    ],
  });
  return {
    metadata: {
      labels: { app, 'app.kubernetes.io/part-of': at(namespaces, index), 'app.kubernetes.io/version': `2.${index % 40}` },
      annotations: { 'prometheus.io/scrape': 'true', 'checksum/config': digest(`config ${app}`) },
    },
    spec: {
      containers: [container('app', 8080), ...(index % 6 === 0 ? [container('proxy', 15_001)] : [])],
      securityContext: {
        runAsNonRoot: index % 20 !== 0,
        runAsUser: index % 20 === 0 ? 0 : 10_001,
        fsGroup: 10_001,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(index % 100 === 0 ? { hostNetwork: true } : {}),
      terminationGracePeriodSeconds: 30,
      volumes: [
        { name: 'config', configMap: { name: `${app}-config` } },
        { name: 'scratch', emptyDir: {} },
      ],
    },
  };
}

function rbacObject(index: number): KubeObject {
  const namespace = at(namespaces, index);
  const apiVersion = `${rbacGroup}/v1`;
  const rules = [
    { apiGroups: ['', 'apps'], resources: ['pods', 'deployments', 'configmaps'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: index % 25 === 0 ? ['secrets'] : ['services', 'endpoints'], verbs: ['get', 'list'] },
  ];
  const subjects = [
    { apiGroup: rbacGroup, kind: 'Group', name: `team-${index % 60}` },
    { kind: 'ServiceAccount', namespace, name: `robot-${index % 30}` },
  ];
  const name = `access-${String(index + 1).padStart(4, '0')}`;
  switch (index % 12) {
    case 0:
      return { apiVersion, kind: 'ClusterRole', metadata: { name }, rules };
    case 1:
      return {
        apiVersion,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: 'view' },
        subjects,
      };
    case 2:
    case 3:
    case 4:
    case 5:
      return { apiVersion, kind: 'Role', metadata: { name, namespace }, rules };
    default: {
      const role = { apiGroup: rbacGroup, kind: 'ClusterRole', name: index % 2 === 0 ? 'edit' : 'view' };
      return { apiVersion, kind: 'RoleBinding', metadata: { name, namespace }, roleRef: role, subjects };
    }
  }
}
