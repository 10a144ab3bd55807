/**
 * What the processes of a test cluster are told: encryption and audit files, and every flag. Paths are relative to the cluster's
 * directory, in which all of them run, so that the mirror pods show the real flags and yet no path of this machine.
 */

export type Encryption = 'secretbox' | 'identity-first' | 'none' | { readonly yaml: string };
export type Audit = 'metadata' | 'none' | { readonly policyYaml: string };

/** Loopback ports, one per listener. */
export type Ports = Readonly<Record<'server' | 'replica' | 'etcd' | 'etcdPeer' | 'controllerManager' | 'scheduler' | 'kubelet', number>>;
export const portNames = [
  'server',
  'replica',
  'etcd',
  'etcdPeer',
  'controllerManager',
  'scheduler',
  'kubelet',
] as const satisfies readonly (keyof Ports)[];

/** The EncryptionConfiguration, or undefined for none. `key`: 32 bytes, base64. */
export function encryptionYaml(encryption: Encryption, key: string): string | undefined {
  if (encryption === 'none') return undefined;
  if (typeof encryption === 'object') return encryption.yaml;
  const secretbox = `      - secretbox: {keys: [{name: k1, secret: ${key}}]}`;
  const identity = '      - identity: {}';
  const providers = encryption === 'secretbox' ? [secretbox, identity] : [identity, secretbox];
  const head =
    'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources: [secrets]\n    providers:\n';
  return `${head}${providers.join('\n')}\n`;
}

/** The audit Policy, or undefined for none. */
export function auditYaml(audit: Audit): string | undefined {
  if (audit === 'none') return undefined;
  return typeof audit === 'object' ? audit.policyYaml : metadataPolicy;
}

const metadataPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: None, users: ["system:kube-scheduler", "system:kube-controller-manager"], verbs: [get, list, watch]}
  - {level: Metadata, resources: [{group: "", resources: [secrets, configmaps, serviceaccounts/token]}]}
  - {level: RequestResponse, verbs: [create, update, patch, delete], resources: [{group: rbac.authorization.k8s.io}]}
  - {level: Metadata}
`;

export function etcdArgs(ports: Ports): string[] {
  const client = `https://127.0.0.1:${ports.etcd}`;
  const peer = `https://127.0.0.1:${ports.etcdPeer}`;
  return [
    '--data-dir=etcd',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--cert-file=pki/etcd/server.crt',
    '--key-file=pki/etcd/server.key',
    '--client-cert-auth=true',
    '--trusted-ca-file=pki/etcd/ca.crt',
    '--peer-cert-file=pki/etcd/peer.crt',
    '--peer-key-file=pki/etcd/peer.key',
    '--peer-client-cert-auth=true',
    '--peer-trusted-ca-file=pki/etcd/ca.crt',
    '--quota-backend-bytes=8589934592',
  ];
}

export function apiServerArgs(
  ports: Ports,
  minor: number,
  options: { encryption: Encryption; audit: Audit; anonymous: boolean; apiserverArgs: readonly string[] },
): string[] {
  return [
    `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
    '--etcd-cafile=pki/etcd/ca.crt',
    '--etcd-certfile=pki/apiserver-etcd-client.crt',
    '--etcd-keyfile=pki/apiserver-etcd-client.key',
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${ports.server}`,
    '--service-cluster-ip-range=10.96.0.0/12',
    '--tls-cert-file=pki/apiserver.crt',
    '--tls-private-key-file=pki/apiserver.key',
    '--client-ca-file=pki/ca.crt',
    '--kubelet-client-certificate=pki/apiserver-kubelet-client.crt',
    '--kubelet-client-key=pki/apiserver-kubelet-client.key',
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-account-key-file=pki/sa.pub',
    '--service-account-signing-key-file=pki/sa.key',
    '--allow-privileged=true',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--anonymous-auth=${options.anonymous}`,
    '--profiling=false',
    // No `kubernetes` Endpoints: a loopback address is not allowed in them.
    '--endpoint-reconciler-type=none',
    // Both gates exist since 1.32 and are on by default since 1.36.
    ...(minor >= 32 ? ['--feature-gates=ComponentFlagz=true,ComponentStatusz=true'] : []),
    ...(options.encryption === 'none'
      ? []
      : ['--encryption-provider-config=encryption.yaml', '--encryption-provider-config-automatic-reload=true']),
    ...(options.audit === 'none'
      ? []
      : [
          '--audit-policy-file=audit-policy.yaml',
          '--audit-log-path=log/audit.log',
          '--audit-log-maxage=30',
          '--audit-log-maxbackup=10',
          '--audit-log-maxsize=100',
        ]),
    ...options.apiserverArgs,
  ];
}

export function controllerManagerArgs(ports: Ports): string[] {
  return [
    ...kubeconfigArgs('controller-manager.conf'),
    `--secure-port=${ports.controllerManager}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=true',
    '--use-service-account-credentials=true',
    '--service-account-private-key-file=pki/sa.key',
    '--root-ca-file=pki/ca.crt',
    '--cluster-signing-cert-file=pki/ca.crt',
    '--cluster-signing-key-file=pki/ca.key',
    '--profiling=false',
  ];
}

export function schedulerArgs(ports: Ports): string[] {
  const bound = [`--secure-port=${ports.scheduler}`, '--bind-address=127.0.0.1'];
  return [...kubeconfigArgs('scheduler.conf'), ...bound, '--leader-elect=true', '--profiling=false'];
}

function kubeconfigArgs(file: string): string[] {
  return [`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`, `--authorization-kubeconfig=${file}`];
}
