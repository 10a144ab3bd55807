/** Roots of nodes in a temporary directory, made by code: what each installer leaves behind, with a canary wherever a secret would stand. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { collectNode, type NodeOptions } from '../../../src/sources/index.ts';
import { base64, pem } from '../tls.ts';

export const canary = 'Q2FuYXJ5LW9mLWEtc2VjcmV0';
export const isRoot = process.getuid?.() === 0;
export const now = '2026-11-21T12:00:00.000Z';

interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}
export type Entry =
  | string
  | Uint8Array
  | { readonly link: string }
  | { readonly fifo: true }
  | ({ readonly directory: true } & Attributes)
  | ({ readonly text: string } & Attributes);
export type Tree = Readonly<Record<string, Entry>>;

const made: string[] = [];
afterAll(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A directory with these paths below it. */
export function makeRoot(tree: Tree): string {
  const root = mkdtempSync(join(tmpdir(), 'node-'));
  made.push(root);
  for (const [path, entry] of Object.entries(tree)) {
    const at = join(root, path);
    mkdirSync(dirname(at), { recursive: true });
    if (typeof entry === 'string' || entry instanceof Uint8Array) writeFileSync(at, entry, { mode: 0o600 });
    else if ('link' in entry) symlinkSync(entry.link, at);
    else if ('fifo' in entry) execFileSync('mkfifo', [at]);
    else {
      if ('directory' in entry) mkdirSync(at, { recursive: true });
      else writeFileSync(at, entry.text);
      if (entry.mode !== undefined) chmodSync(at, entry.mode);
      if (isRoot && (entry.uid !== undefined || entry.gid !== undefined)) chownSync(at, entry.uid ?? 0, entry.gid ?? 0);
    }
  }
  return root;
}

export function collect(tree: Tree, options: Partial<NodeOptions> = {}) {
  return collectAt(makeRoot(tree), options);
}

export function collectAt(root: string, options: Partial<NodeOptions> = {}) {
  return collectNode({ root, tool: { name: 'kubevidence', version: '0.0.0' }, clock: () => new Date(now), ...options });
}

export const identity = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\netcd:x:60:60::/:/bin/false\n',
  '/etc/group': 'root:x:0:\netcd:x:60:\n',
  '/etc/hostname': 'node-1\n',
  '/etc/os-release': 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 13"\n',
} as const;

/** A process as the host's /proc shows it. `cgroup`: a service of the host where nothing is said. */
export function proc(pid: number, words: readonly string[], given: { uid?: number; cgroup?: string; capabilities?: string } = {}): Tree {
  const { uid = 0, cgroup = '/system.slice/x.service', capabilities = '0000000000000000' } = given;
  return {
    [`/proc/${pid}/cmdline`]: `${words.join('\0')}\0`,
    [`/proc/${pid}/status`]: `Name:\tx\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nCapEff:\t${capabilities}\n`,
    [`/proc/${pid}/cgroup`]: `0::${cgroup}\n`,
  };
}

export const staticPod =
  '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-1.scope';
export const apiPod =
  '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod01234567_89ab_cdef_0123_456789abcdef.slice/cri-containerd-2.scope';

export const kubeconfig = (user: object, server = 'https://10.0.0.1:6443') =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'k', cluster: { server, 'certificate-authority-data': base64(pem.ca) } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
  });

export const withToken = kubeconfig({ token: canary });
export const withCertificate = kubeconfig({ 'client-certificate-data': base64(pem.clientCert), 'client-key-data': base64(canary) });

export const kubeletConfiguration = (fields: object = {}) =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    staticPodURLHeader: { Authorization: [canary] },
    ...fields,
  });

export const privateKey = `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n`;

export const encryptionConfiguration = JSON.stringify({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: [{ resources: ['secrets'], providers: [{ aescbc: { keys: [{ name: 'key1', secret: canary }] } }, { identity: {} }] }],
});

export const auditPolicy = JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] });

export function staticPodManifest(
  program: string,
  args: readonly string[],
  mounts: Readonly<Record<string, string>> = {},
  command: readonly string[] = [program],
): string {
  const names = Object.keys(mounts).map((_, index) => `v${index}`);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: program, namespace: 'kube-system', annotations: { note: canary } },
    spec: {
      containers: [
        {
          name: program,
          command: [...command, ...args],
          env: [{ name: 'PASSWORD', value: canary }],
          volumeMounts: Object.keys(mounts).map((mountPath, index) => ({ name: names[index], mountPath })),
        },
      ],
      volumes: Object.values(mounts).map((path, index) => ({ name: names[index], hostPath: { path } })),
    },
  });
}

/** A control-plane node of kubeadm with everything on it. */
export const kubeadm: Tree = {
  ...identity,
  ...proc(700, [
    '/usr/bin/kubelet',
    '--kubeconfig=/etc/kubernetes/kubelet.conf',
    '--config=/var/lib/kubelet/config.yaml',
    '--container-runtime-endpoint=unix:///run/containerd/containerd.sock',
  ]),
  ...proc(800, ['kube-apiserver', '--audit-policy-file=/audit/policy.yaml', `--oidc-client-secret=${canary}`], { cgroup: staticPod }),
  ...proc(801, ['etcd', '--data-dir=/var/lib/etcd', `--initial-cluster-token=${canary}`], { cgroup: staticPod }),
  '/usr/lib/systemd/system/kubelet.service': '[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\n',
  '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf': [
    '# the usual drop-in',
    '[Service]',
    'Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"',
    'Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"',
    'EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env',
    'EnvironmentFile=-/etc/default/kubelet',
    'ExecStart=',
    'ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS',
  ].join('\n'),
  '/var/lib/kubelet/kubeadm-flags.env':
    'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock --pod-infra-container-image=pause:3.10"\n',
  '/etc/default/kubelet': `KUBELET_EXTRA_ARGS=--token=${canary}\nOTHER=${canary}\n`,
  '/var/lib/kubelet/config.yaml': kubeletConfiguration({
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' } },
    readOnlyPort: 0,
  }),
  '/etc/kubernetes/kubelet.conf': kubeconfig({
    'client-certificate': '/var/lib/kubelet/pki/kubelet-client-current.pem',
    'client-key': '/var/lib/kubelet/pki/kubelet-client-current.pem',
  }),
  '/etc/kubernetes/admin.conf': withCertificate,
  '/etc/kubernetes/scheduler.conf': withToken,
  '/var/lib/kubelet/pki/kubelet-client-2026.pem': `${pem.clientCert}${privateKey}`,
  '/var/lib/kubelet/pki/kubelet-client-current.pem': { link: '/var/lib/kubelet/pki/kubelet-client-2026.pem' },
  '/etc/kubernetes/manifests/kube-apiserver.yaml': staticPodManifest(
    'kube-apiserver',
    ['--audit-policy-file=/audit/policy.yaml', '--encryption-provider-config=/enc/config.yaml', `--oidc-client-secret=${canary}`],
    { '/audit': '/etc/kubernetes/audit', '/enc': '/etc/kubernetes/enc' },
  ),
  '/etc/kubernetes/manifests/etcd.yaml': staticPodManifest(
    'etcd',
    ['--data-dir=/var/lib/etcd', '--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt', `--initial-cluster-token=${canary}`],
    { '/var/lib/etcd': '/var/lib/etcd', '/etc/kubernetes/pki/etcd': '/etc/kubernetes/pki/etcd' },
  ),
  '/etc/kubernetes/audit/policy.yaml': auditPolicy,
  '/etc/kubernetes/enc/config.yaml': encryptionConfiguration,
  '/etc/kubernetes/pki/ca.crt': pem.ca,
  '/etc/kubernetes/pki/ca.key': privateKey,
  '/etc/kubernetes/pki/sa.pub': canary,
  '/etc/kubernetes/pki/sa.key': privateKey,
  '/etc/kubernetes/pki/apiserver.crt': pem.serverCert,
  '/etc/kubernetes/pki/etcd/ca.crt': pem.otherCa,
  '/etc/kubernetes/pki/etcd/server.key': privateKey,
  '/var/lib/etcd': { directory: true, mode: 0o700, uid: 60, gid: 60 },
  '/etc/cni/net.d/10-calico.conflist': '{}',
  '/var/lib/cni/networks/cbr0/10.0.0.9': canary,
  '/var/lib/kubelet/pods/3f/volumes/kubernetes.io~configmap/kube-proxy/..data/config.conf': JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    metricsBindAddress: '127.0.0.1:10249',
    mode: 'iptables',
    clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf', qps: 5 },
  }),
  '/var/lib/kubelet/pods/3f/volumes/kubernetes.io~configmap/kube-proxy/config.conf': { link: '..data/config.conf' },
  '/etc/containerd/config.toml': `[plugins]\npassword = "${canary}"\n`,
};

/** A k3s server whose process hides its arguments. */
export const k3s: Tree = {
  ...identity,
  ...proc(500, ['/usr/local/bin/k3s server']),
  '/etc/systemd/system/k3s.service': [
    '[Service]',
    'EnvironmentFile=-/etc/systemd/system/k3s.service.env',
    'ExecStart=/usr/local/bin/k3s \\',
    '    server \\',
    "\t'--kube-apiserver-arg' \\",
    "\t'audit-policy-file=/etc/rancher/k3s/audit.yaml' \\",
    `\t'--token=${canary}' \\`,
    '',
  ].join('\n'),
  '/etc/systemd/system/k3s.service.env': `K3S_TOKEN=${canary}\n`,
  '/etc/rancher/k3s/config.yaml': `token: ${canary}\nprotect-kernel-defaults: true\nkubelet-arg:\n- streaming-connection-idle-timeout=5m\nkube-apiserver-arg+:\n- oidc-client-secret=${canary}\n`,
  '/etc/rancher/k3s/audit.yaml': auditPolicy,
  '/etc/rancher/k3s/k3s.yaml': withCertificate,
  '/var/lib/rancher/k3s/agent/kubelet.kubeconfig': kubeconfig({
    'client-certificate': '/var/lib/rancher/k3s/agent/client-kubelet.crt',
    'client-key': '/var/lib/rancher/k3s/agent/client-kubelet.key',
  }),
  '/var/lib/rancher/k3s/agent/client-kubelet.crt': pem.clientCert,
  '/var/lib/rancher/k3s/agent/client-kubelet.key': privateKey,
  '/var/lib/rancher/k3s/agent/client-ca.crt': pem.ca,
  '/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf': kubeletConfiguration({ readOnlyPort: 0, maxPods: 110 }),
  '/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/50-own.conf': kubeletConfiguration({ maxPods: 50 }),
  '/var/lib/rancher/k3s/server/tls/server-ca.crt': pem.ca,
  '/var/lib/rancher/k3s/server/tls/server-ca.key': privateKey,
  '/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt': pem.otherCa,
  '/var/lib/rancher/k3s/server/tls/dynamic-cert.json': canary,
  '/var/lib/rancher/k3s/server/cred/encryption-config.json': encryptionConfiguration,
  '/var/lib/rancher/k3s/server/db/etcd': { directory: true, mode: 0o700 },
};

export const rke2: Tree = {
  ...identity,
  ...proc(400, ['/usr/local/bin/rke2 server']),
  ...proc(410, [
    'kubelet',
    '--config-dir=/var/lib/rancher/rke2/agent/etc/kubelet.conf.d',
    '--kubeconfig=/var/lib/rancher/rke2/agent/kubelet.kubeconfig',
    '--hostname-override=rke2-1',
  ]),
  '/etc/rancher/rke2/config.yaml': `token: ${canary}\nprofile: cis\n`,
  '/etc/rancher/rke2/audit-policy.yaml': auditPolicy,
  '/etc/rancher/rke2/rke2.yaml': withCertificate,
  '/usr/local/lib/systemd/system/rke2-server.service': '[Service]\nExecStart=/usr/local/bin/rke2 server\n',
  '/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml': staticPodManifest(
    'kube-apiserver',
    [
      '--audit-policy-file=/etc/rancher/rke2/audit-policy.yaml',
      '--encryption-provider-config=/var/lib/rancher/rke2/server/cred/encryption-config.json',
    ],
    {
      '/etc/rancher/rke2/audit-policy.yaml': '/etc/rancher/rke2/audit-policy.yaml',
      '/var/lib/rancher/rke2/server': '/var/lib/rancher/rke2/server',
    },
  ),
  '/var/lib/rancher/rke2/server/cred/encryption-config.json': encryptionConfiguration,
  '/var/lib/rancher/rke2/server/tls/server-ca.key': privateKey,
  '/var/lib/rancher/rke2/agent/kubelet.kubeconfig': withCertificate,
  '/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf': kubeletConfiguration({ readOnlyPort: 0 }),
};

export const talos: Tree = {
  ...identity,
  '/etc/os-release': 'ID=talos\nPRETTY_NAME="Talos (v1.11.0)"\n',
  ...proc(1, ['/sbin/init']),
  ...proc(900, ['/usr/local/bin/kubelet', '--config=/etc/kubernetes/kubelet.yaml', '--kubeconfig=/etc/kubernetes/kubeconfig-kubelet'], {
    cgroup: '/podruntime/kubelet',
  }),
  ...proc(
    910,
    [
      '/usr/local/bin/kube-apiserver',
      '--audit-policy-file=/system/config/kubernetes/kube-apiserver/auditpolicy.yaml',
      '--encryption-provider-config=/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml',
    ],
    { uid: 65_534, cgroup: '/kubepods/burstable/pod0123456789abcdef0123456789abcdef/1' },
  ),
  ...proc(911, ['/usr/local/bin/etcd', '--data-dir=/var/lib/etcd'], { uid: 60, cgroup: '/podruntime/etcd' }),
  '/etc/kubernetes/kubelet.yaml': kubeletConfiguration({ readOnlyPort: 0 }),
  '/etc/kubernetes/kubeconfig-kubelet': withCertificate,
  '/etc/kubernetes/pki/ca.crt': pem.ca,
  '/system/config/kubernetes/kube-apiserver/auditpolicy.yaml': auditPolicy,
  '/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml': encryptionConfiguration,
  '/system/secrets/kubernetes/kube-apiserver/apiserver.key': privateKey,
  '/system/secrets/kubernetes/kube-apiserver/ca.crt': pem.ca,
  '/system/secrets/etcd/ca.crt': pem.otherCa,
  '/var/lib/etcd': { directory: true, mode: 0o700 },
};

const resources = '/etc/kubernetes/static-pod-resources';

/** What the API server of OpenShift reads besides its flags; `more` overrides members. */
export const openshiftConfig = (more: object = {}) =>
  JSON.stringify({
    apiVersion: 'kubecontrolplane.config.openshift.io/v1',
    kind: 'KubeAPIServerConfig',
    apiServerArguments: {
      'anonymous-auth': ['true'],
      'audit-policy-file': [`${resources}/configmaps/kube-apiserver-audit-policies/policy.yaml`],
      'authorization-mode': ['Scope', 'SystemMasters', 'RBAC', 'Node'],
      'encryption-provider-config': [`${resources}/secrets/encryption-config/encryption-config`],
      'etcd-servers': [`https://user:${canary}@10.0.0.1:2379`],
      'tls-private-key-file': ['/etc/kubernetes/static-pod-certs/secrets/tls.key'],
    },
    corsAllowedOrigins: [canary],
    servingInfo: { minTLSVersion: 'VersionTLS12', cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'] },
    serviceAccountPublicKeyFiles: [`${resources}/configmaps/sa-token-signing-certs`],
    ...more,
  });

export const openshift: Tree = {
  ...identity,
  '/etc/os-release': 'ID="rhcos"\nPRETTY_NAME="Red Hat Enterprise Linux CoreOS"\n',
  ...proc(300, ['/usr/bin/kubelet', '--config=/etc/kubernetes/kubelet.conf', '--kubeconfig=/var/lib/kubelet/kubeconfig']),
  ...proc(310, ['kube-apiserver', '--openshift-config=/etc/kubernetes/static-pod-resources/configmaps/config/config.yaml'], {
    cgroup: staticPod,
  }),
  '/etc/kubernetes/kubelet.conf': kubeletConfiguration({ readOnlyPort: 0 }),
  '/etc/kubernetes/kubeconfig': withCertificate,
  '/var/lib/kubelet/kubeconfig': withToken,
  '/etc/kubernetes/kubelet-ca.crt': pem.ca,
  '/etc/kubernetes/manifests/kube-apiserver-pod.yaml': staticPodManifest(
    'kube-apiserver',
    [`exec hyperkube kube-apiserver ${canary}`],
    { [resources]: `${resources}/kube-apiserver-pod-7`, '/etc/kubernetes/static-pod-certs': `${resources}/kube-apiserver-certs` },
    ['/bin/bash', '-ec'],
  ),
  [`${resources}/kube-apiserver-pod-7/configmaps/config/config.yaml`]: openshiftConfig(),
  [`${resources}/kube-apiserver-pod-7/configmaps/kube-apiserver-audit-policies/policy.yaml`]: auditPolicy,
  [`${resources}/kube-apiserver-pod-7/secrets/encryption-config/encryption-config`]: encryptionConfiguration,
  '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/tls.key': privateKey,
  '/etc/systemd/system/kubelet.service': '[Service]\nExecStart=/usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf\n',
};

export const kops: Tree = {
  ...identity,
  ...proc(300, ['/usr/local/bin/kubelet', '--config=/var/lib/kubelet/kubelet.conf', '--kubeconfig=/var/lib/kubelet/kubeconfig']),
  '/srv/kubernetes/ca.crt': pem.ca,
  '/srv/kubernetes/kube-apiserver/server.key': privateKey,
  '/srv/kubernetes/kube-apiserver/encryptionconfig.yaml': encryptionConfiguration,
  '/etc/kubernetes/manifests/kube-apiserver.manifest': staticPodManifest(
    'kube-apiserver',
    ['--encryption-provider-config=/srv/kubernetes/kube-apiserver/encryptionconfig.yaml'],
    { '/srv/kubernetes/kube-apiserver': '/srv/kubernetes/kube-apiserver' },
    ['/go-runner', '--log-file=/var/log/kube-apiserver.log', '--also-stdout', '/usr/local/bin/kube-apiserver'],
  ),
  '/var/lib/kubelet/kubelet.conf': kubeletConfiguration({ readOnlyPort: 0 }),
  '/var/lib/kubelet/kubeconfig': withCertificate,
};

export const eks: Tree = {
  ...identity,
  '/etc/os-release': 'ID="amzn"\nPRETTY_NAME="Amazon Linux 2023"\n',
  '/etc/eks/image-credential-provider/config.json': '{}',
  ...proc(300, [
    '/usr/bin/kubelet',
    '--config=/etc/kubernetes/kubelet/config.json',
    '--config-dir=/etc/kubernetes/kubelet/config.json.d',
    '--kubeconfig=/var/lib/kubelet/kubeconfig',
    '--hostname-override=ip-10-0-0-1.ec2.internal',
  ]),
  ...proc(310, ['kube-proxy', '--config=/var/lib/kube-proxy-config/config'], { cgroup: apiPod, capabilities: '000001ffffffffff' }),
  '/etc/kubernetes/kubelet/config.json': kubeletConfiguration({ readOnlyPort: 0, maxPods: 110 }),
  '/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf': kubeletConfiguration({ maxPods: 17 }),
  '/var/lib/kubelet/kubeconfig': kubeconfig({ exec: { command: 'aws', args: [canary], apiVersion: 'client.authentication.k8s.io/v1' } }),
  '/etc/kubernetes/pki/ca.crt': pem.ca,
};

export const gke: Tree = {
  ...identity,
  ...proc(300, [
    '/home/kubernetes/bin/kubelet',
    '--config',
    '/home/kubernetes/kubelet-config.yaml',
    '--kubeconfig=/var/lib/kubelet/kubeconfig',
  ]),
  '/home/kubernetes/kubelet-config.yaml': kubeletConfiguration({ readOnlyPort: 10_255 }),
  '/var/lib/kubelet/kubeconfig': withToken,
  '/etc/srv/kubernetes/pki/ca-certificates.crt': pem.ca,
};

export const aks: Tree = {
  ...identity,
  '/etc/kubernetes/azure.json': canary,
  '/etc/systemd/system/kubelet.service':
    '[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/local/bin/kubelet \\\n  --node-labels="${KUBELET_NODE_LABELS}" \\\n  $KUBELET_FLAGS\n',
  '/etc/default/kubelet':
    'KUBELET_NODE_LABELS=a=b,c=d\nKUBELET_FLAGS=--config=/etc/default/kubeletconfig.json --kubeconfig=/var/lib/kubelet/kubeconfig --anonymous-auth=false\n',
  '/etc/default/kubeletconfig.json': kubeletConfiguration({ readOnlyPort: 0 }),
  '/var/lib/kubelet/kubeconfig': withCertificate,
  '/etc/kubernetes/certs/ca.crt': pem.ca,
  '/etc/kubernetes/certs/apiserver.key': privateKey,
};

export const trees: Readonly<Record<string, Tree>> = { kubeadm, k3s, rke2, talos, openshift, kops, eks, gke, aks };
