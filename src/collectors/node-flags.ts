/**
 * The flags of a node's own programs whose values are evidence, as {@link controlPlaneFlags} for the control plane: paths, modes, limits,
 * names. What is not listed leaves a marker; `token`, `agent-token`, `datastore-endpoint` and `manifest-url-header` above all are not here.
 */
import type { Program } from './flags.ts';
import { controlPlaneFlags } from './flags.ts';

export type NodeProgram = Program | 'kubelet' | 'kube-proxy' | 'k3s' | 'rke2' | 'containerd';

// cmd/kubelet/app/options of Kubernetes, and flags that older versions had.
const kubelet = words(`
  address allow-privileged allowed-unsafe-sysctls anonymous-auth authentication-token-webhook authentication-token-webhook-cache-ttl
  authorization-mode authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl bootstrap-kubeconfig
  cadvisor-port cert-dir cgroup-driver cgroup-root client-ca-file cloud-config cloud-provider cluster-dns cluster-domain config config-dir
  container-log-max-files container-log-max-size container-runtime container-runtime-endpoint contention-profiling
  enable-debugging-handlers enable-server event-burst event-qps event-storage-age-limit event-storage-event-limit exit-on-lock-contention
  fail-swap-on feature-gates healthz-bind-address healthz-port hostname-override image-credential-provider-bin-dir
  image-credential-provider-config image-service-endpoint kube-reserved kubeconfig kubelet-cgroups local-storage-capacity-isolation
  lock-file log-flush-frequency make-iptables-util-chains max-open-files max-pods node-ip node-labels pod-cidr pod-infra-container-image
  pod-manifest-path pod-max-pids port protect-kernel-defaults provider-id read-only-port register-node register-schedulable
  register-with-taints resolv-conf root-dir rotate-certificates rotate-server-certificates runtime-cgroups runtime-request-timeout
  seccomp-default serialize-image-pulls streaming-connection-idle-timeout system-cgroups system-reserved tls-cert-file tls-cipher-suites
  tls-min-version tls-private-key-file topology-manager-policy v volume-plugin-dir`);

// cmd/kube-proxy/app of Kubernetes.
const kubeProxy = words(`
  bind-address bind-address-hard-fail cleanup cluster-cidr config config-sync-period detect-local-mode feature-gates healthz-bind-address
  healthz-port hostname-override ipvs-scheduler kubeconfig masquerade-all metrics-bind-address metrics-port nodeport-addresses
  oom-score-adj pod-bridge-interface profiling proxy-mode show-hidden-metrics-for-version v`);

// k3s and RKE2 take the same flags, in part; their `…-arg` flags carry those of the programs that they run, see {@link carriedBy}.
const rancher = words(`
  advertise-address advertise-port agent-token-file alsologtostderr anonymous-auth audit-policy-file bind-address
  cis cloud-provider-name cluster-cidr cluster-dns cluster-domain cluster-init cluster-reset cni config container-runtime-endpoint
  control-plane-resource-requests data-dir datastore-cafile datastore-certfile datastore-keyfile debug default-local-storage-path
  default-runtime disable disable-agent disable-apiserver disable-cloud-controller disable-controller-manager
  disable-default-registry-endpoint
  disable-etcd disable-helm-controller disable-kube-proxy disable-network-policy disable-scheduler docker egress-selector-mode
  embedded-registry enable-pprof enable-servicelb etcd-disable-snapshots etcd-expose-metrics etcd-snapshot-compress etcd-snapshot-dir
  etcd-snapshot-name etcd-snapshot-retention etcd-snapshot-schedule-cron flannel-backend https-listen-port image-credential-provider-bin-dir
  image-credential-provider-config image-service-endpoint kubelet-path lb-server-port log node-external-ip node-ip node-label node-name
  node-taint pause-image pod-security-admission-config-file prefer-bundled-bin private-registry profile protect-kernel-defaults
  resolv-conf rootless secrets-encryption secrets-encryption-provider selinux server service-cidr service-node-port-range snapshotter
  supervisor-metrics system-default-registry tls-san tls-san-security token-file v with-node-id write-kubeconfig write-kubeconfig-group
  write-kubeconfig-mode`);

const containerd = words('address config log-level root state');

/** Per program, the flags (without dashes) that keep their values. */
export const nodeFlags: Readonly<Record<NodeProgram, ReadonlySet<string>>> = {
  ...controlPlaneFlags,
  kubelet: new Set(kubelet),
  'kube-proxy': new Set(kubeProxy),
  k3s: new Set(rancher),
  rke2: new Set(rancher),
  containerd: new Set(containerd),
};

/** Of k3s and RKE2: `--kubelet-arg=NAME=VALUE` is the kubelet's `--NAME=VALUE`. */
export const carriedBy: Readonly<Record<string, NodeProgram>> = {
  'kube-apiserver-arg': 'kube-apiserver',
  'kube-controller-manager-arg': 'kube-controller-manager',
  'kube-scheduler-arg': 'kube-scheduler',
  'kube-proxy-arg': 'kube-proxy',
  'kubelet-arg': 'kubelet',
  'etcd-arg': 'etcd',
};

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
