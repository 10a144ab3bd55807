/**
 * Running-looking pods without a kubelet: what controllers, scheduler and kubelet would have written, through the API, under their
 * field managers. To a reader they are like any other running pod.
 */
import { createHash } from 'node:crypto';
import type { ApiClient, KubeObject } from './client.ts';

type Container = { readonly name: string; readonly image: string };
type PodSpec = { readonly containers: readonly Container[]; readonly [key: string]: unknown };
export type PodTemplate = { readonly metadata: { readonly [key: string]: unknown }; readonly spec: PodSpec };
export type Owner = { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };

/** Creates a pod from a template, bound to a node, and reports it as running. `seed` makes its address and ids, the same each time. */
export async function createRunningPod(
  admin: ApiClient,
  pod: { namespace: string; name: string; nodeName: string; template: PodTemplate; owner?: Owner; seed: number },
): Promise<void> {
  const { namespace, name, nodeName, template, owner, seed } = pod;
  const ownerReferences = owner ? [{ ...owner, controller: true, blockOwnerDeletion: true }] : [];
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  await admin.json('POST', `${pods}?fieldManager=kube-controller-manager`, {
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...template.metadata, name, namespace, ownerReferences },
      spec: { ...template.spec, nodeName },
    },
  });
  await admin.json('PATCH', `${pods}/${name}/status?fieldManager=kubelet`, {
    contentType: 'application/merge-patch+json',
    body: { status: runningStatus(template.spec.containers, seed) },
  });
}

/** A Node that reports itself as ready. Nothing renews that, so it lasts only where no controller manager runs. */
export async function createNode(admin: ApiClient, name: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
  const node: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
  await admin.json('POST', '/api/v1/nodes?fieldManager=kubelet', { body: node });
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status', ...times() };
  await admin.json('PATCH', `/api/v1/nodes/${name}/status?fieldManager=kubelet`, {
    contentType: 'application/merge-patch+json',
    body: { status: { conditions: [ready], capacity: { cpu: '8', memory: '32Gi', pods: '250' } } },
  });
}

function times(): object {
  return { lastHeartbeatTime: now(), lastTransitionTime: now() };
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

function runningStatus(containers: readonly Container[], seed: number): object {
  const address = `10.${200 + (seed >> 16)}.${(seed >> 8) & 255}.${seed & 255}`;
  const host = `192.0.2.${1 + (seed % 200)}`;
  const startedAt = now();
  const conditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: startedAt,
  }));
  const containerStatuses = containers.map(({ name, image }) => ({
    name,
    image,
    imageID: `${image.split(':')[0]}@sha256:${createHash('sha256').update(image).digest('hex')}`,
    containerID: `containerd://${createHash('sha256').update(`${seed} ${name}`).digest('hex')}`,
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt } },
    lastState: {},
  }));
  return {
    phase: 'Running',
    qosClass: 'Burstable',
    startTime: startedAt,
    hostIP: host,
    hostIPs: [{ ip: host }],
    podIP: address,
    podIPs: [{ ip: address }],
    conditions,
    containerStatuses,
  };
}
