/**
 * The one node of a test cluster: a real kubelet over the Kubernetes project's fake container runtime. It has a node's identity
 * (system:node:control-plane-1), and mirrors static pods that carry the real flags of the processes that run beside it.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { ClusterUnavailable } from './binaries.ts';
import type { ApiClient, KubeObject } from './client.ts';
import { startProcess, waitFor } from './processes.ts';
import type { Ports } from './settings.ts';

export const nodeName = 'control-plane-1';
const userId = process.getuid?.();

/** What kubeadm binds, under its names: nodes renew their client certificate by themselves, and its admins (since 1.29) hold cluster-admin. */
const bindings: readonly KubeObject[] = [
  bind(
    'kubeadm:node-autoapprove-certificate-rotation',
    'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    'system:nodes',
  ),
  bind('kubeadm:cluster-admins', 'cluster-admin', 'kubeadm:cluster-admins'),
];

function bind(name: string, role: string, group: string): KubeObject {
  const apiGroup = 'rbac.authorization.k8s.io';
  const subjects = [{ apiGroup, kind: 'Group', name: group }];
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects,
  };
}

/** A component that runs beside the node, as a static pod shows it. */
export type Component = { readonly name: string; readonly image: string; readonly args: readonly string[] };

/** Writes (or replaces, at once) the static pod of a component; the kubelet notices within some 20 s. */
export function writeStaticPod(dir: string, { name, image, args }: Component): void {
  const file = join(dir, 'kubelet', `${name}.new`);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'kube-system', labels: { component: name, tier: 'control-plane' } },
    spec: {
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name, image, imagePullPolicy: 'IfNotPresent', command: [name, ...args] }],
    },
  };
  writeFileSync(file, JSON.stringify(pod, undefined, 2), { mode: 0o600 });
  renameSync(file, join(dir, 'kubelet', 'static', `${name}.yaml`));
}

/** Starts runtime and kubelet, and waits until the node is Ready and every static pod has its mirror. */
export async function startNode(
  dir: string,
  binaries: Binaries,
  ports: Ports,
  admin: ApiClient,
  components: readonly Component[],
): Promise<void> {
  const { kubelet, fakecri } = binaries;
  if (!kubelet || !fakecri)
    throw new ClusterUnavailable('a node needs the kubelet and fakecri binaries, which KUBEBUILDER_ASSETS does not have.');
  if (process.platform !== 'linux' || userId !== 0) throw new ClusterUnavailable('the kubelet runs only on Linux and as root.');
  mkdirSync(join(dir, 'kubelet', 'static'), { recursive: true });
  for (const component of components) writeStaticPod(dir, component);
  writeFileSync(join(dir, 'kubelet', 'config.yaml'), JSON.stringify(kubeletConfiguration(dir, ports), undefined, 2));
  for (const body of bindings) await admin.json('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { body });

  const runtime = startProcess(dir, 'fakecri', fakecri, [`unix://${join(dir, 'cri.sock')}`]);
  // Where it runs must stay empty: the fake runtime's containers have no log path, and for a dead one the kubelet removes "PATH*".
  const empty = join(dir, 'kubelet', 'empty');
  mkdirSync(empty);
  const args = [
    `--config=${join(dir, 'kubelet', 'config.yaml')}`,
    `--kubeconfig=${join(dir, 'kubelet.conf')}`,
    `--hostname-override=${nodeName}`,
    `--root-dir=${join(dir, 'kubelet', 'root')}`,
    `--cert-dir=${join(dir, 'kubelet', 'pki')}`,
  ];
  const node = startProcess(dir, 'kubelet', kubelet, args, empty);
  await waitFor('the node and its mirror pods', 60_000, [runtime, node], dir, async () => {
    const found = await admin.send('GET', `/api/v1/nodes/${nodeName}`);
    if (found.status !== 200) return false;
    const { status } = JSON.parse(found.body) as { status?: { conditions?: { type: string; status: string }[] } };
    if (!status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True')) return false;
    const { items } = await admin.json<{ items: unknown[] }>(
      'GET',
      '/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane',
    );
    return items.length === components.length;
  });
  // The kubelet may not give itself this label (NodeRestriction); kubeadm sets it with the admin's rights, too.
  const labels = { 'node-role.kubernetes.io/control-plane': '' };
  const patch = { contentType: 'application/merge-patch+json', body: { metadata: { labels } } };
  await admin.json('PATCH', `/api/v1/nodes/${nodeName}`, patch);
}

function kubeletConfiguration(dir: string, ports: Ports): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port: ports.kubelet,
    readOnlyPort: 0,
    healthzPort: 0,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: join(dir, 'pki', 'ca.crt') } },
    authorization: { mode: 'Webhook' },
    // No cgroups are touched: the machine's own belong to others.
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    failCgroupV1: false,
    makeIPTablesUtilChains: false,
    rotateCertificates: true,
    fileCheckFrequency: '1s',
    podLogsDir: join(dir, 'kubelet', 'pod-logs'),
    staticPodPath: join(dir, 'kubelet', 'static'),
    containerRuntimeEndpoint: `unix://${join(dir, 'cri.sock')}`,
  };
}
