/**
 * Puts the example objects into a test cluster, so that everything that a reader expects is there: with controllers and a node, they run
 * them (on the fake runtime); without, the ReplicaSets and running pods are written as those would have.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from './client.ts';
import type { TestCluster } from './cluster.ts';
import { exampleNamespaces, exampleObjects } from './examples.ts';
import type { Owner, PodTemplate } from './pods.ts';
import { createNode, createRunningPod } from './pods.ts';
import { waitFor } from './processes.ts';

/** Applies the examples; `canary` is planted where values must not leak from: Secrets, last-applied-configuration, env, args, … */
export async function applyWorkloads(cluster: TestCluster, { canary = 'example-value' }: { canary?: string } = {}): Promise<void> {
  const namespaces = exampleNamespaces();
  await cluster.apply(namespaces);
  await ensureDefaultAccounts(cluster, ['default', ...namespaces.map(({ metadata }) => metadata.name)]);
  const objects = exampleObjects(canary);
  if (cluster.controllers) {
    await cluster.apply(objects);
    if (cluster.node) await waitFor('the example pods', 120_000, [], cluster.dir, () => allRunning(cluster, namespaces));
    return;
  }
  for (const name of workers) await createNode(cluster.admin, name);
  // Bound when created: nobody schedules here.
  await cluster.apply(
    objects.map((object) =>
      object.kind === 'Pod' ? { ...object, spec: { ...(object['spec'] as object), nodeName: workers[0] } } : object,
    ),
  );
  for (const [seed, object] of objects.entries()) await runWithoutControllers(cluster, object, seed * 16);
}

/** Pods need the ServiceAccount `default` of their namespace: waits for it, or makes it where no controller does. */
export async function ensureDefaultAccounts(cluster: TestCluster, namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) {
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    if (cluster.controllers) {
      const found = async () => (await cluster.admin.send('GET', `${accounts}/default`)).status === 200;
      await waitFor(`the default ServiceAccount of ${namespace}`, 30_000, [], cluster.dir, found);
    } else {
      const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
      const { status, body: answer } = await cluster.admin.send('POST', accounts, { body });
      if (status !== 201 && status !== 409) throw new Error(`ServiceAccount default in ${namespace}: ${status} ${answer}`);
    }
  }
}

const workers = ['worker-1', 'worker-2'] as const;

async function allRunning(cluster: TestCluster, namespaces: readonly KubeObject[]): Promise<boolean> {
  const { items } = await cluster.admin.json<{ items: { metadata: { namespace: string }; status: { phase?: string } }[] }>(
    'GET',
    '/api/v1/pods',
  );
  const ours = items.filter(({ metadata }) => namespaces.some(({ metadata: { name } }) => name === metadata.namespace));
  return ours.length === expectedPods && ours.every(({ status }) => status.phase === 'Running');
}

/** patient-api 2, reporting, web, store, node-agent, debug. */
const expectedPods = 7;

type Workload = { readonly replicas?: number; readonly selector: object; readonly template: PodTemplate };

async function runWithoutControllers({ admin }: TestCluster, object: KubeObject, seed: number): Promise<void> {
  const { kind, apiVersion } = object;
  const { name, namespace = '' } = object.metadata;
  if (!['Deployment', 'StatefulSet', 'DaemonSet', 'Pod'].includes(kind)) return;
  if (kind === 'Pod') {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const body = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
    await admin.json('PATCH', `${path}/status?fieldManager=kubelet`, { contentType: 'application/merge-patch+json', body });
    return;
  }
  const plural = `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`;
  const { metadata, spec } = await admin.json<{ metadata: { uid: string }; spec: Workload }>('GET', `${plural}/${name}`);
  let owner: Owner = { apiVersion, kind, name, uid: metadata.uid };
  let template = spec.template;
  if (kind === 'Deployment') {
    const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
    const labels = { ...(template.metadata['labels'] as object), 'pod-template-hash': hash };
    template = { ...template, metadata: { ...template.metadata, labels } };
    const body = {
      apiVersion,
      kind: 'ReplicaSet',
      metadata: { name: `${name}-${hash}`, namespace, labels, ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }] },
      spec: { replicas: spec.replicas, selector: { matchLabels: labels }, template },
    };
    const made = await admin.json<{ metadata: { uid: string } }>('POST', `/apis/apps/v1/namespaces/${namespace}/replicasets`, { body });
    owner = { apiVersion, kind: 'ReplicaSet', name: `${name}-${hash}`, uid: made.metadata.uid };
  }
  const count = kind === 'DaemonSet' ? workers.length : (spec.replicas ?? 1);
  for (let index = 0; index < count; index++) {
    const suffix =
      kind === 'StatefulSet' ? String(index) : createHash('sha256').update(`${namespace} ${name} ${index}`).digest('hex').slice(0, 5);
    const nodeName = workers[index % workers.length] ?? workers[0];
    await createRunningPod(admin, { namespace, name: `${owner.name}-${suffix}`, nodeName, template, owner, seed: seed + index });
  }
}
