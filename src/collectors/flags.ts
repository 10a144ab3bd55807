/**
 * The flags of the control plane whose values are evidence: paths, modes, limits, names. A flag that is not listed here leaves a marker,
 * so a flag that some later version invents can never bring a credential in. None of the flags below carries one by its meaning.
 */
export type Program = 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'etcd';

// Shared by the three Kubernetes programs (k8s.io/component-base, k8s.io/apiserver options).
const common = words(`
  authorization-always-allow-paths bind-address cert-dir client-ca-file contention-profiling disable-http2-serving emulated-version
  feature-gates kubeconfig leader-elect log-flush-frequency logging-format min-compatibility-version permit-port-sharing profiling
  requestheader-allowed-names requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
  requestheader-uid-headers requestheader-username-headers secure-port show-hidden-metrics-for-version tls-cert-file tls-cipher-suites
  tls-curve-preferences tls-min-version tls-private-key-file tls-sni-cert-key v authentication-kubeconfig authentication-skip-lookup
  authentication-tolerate-lookup-failure authorization-kubeconfig address port insecure-port insecure-bind-address config`);

const apiserver = words(`
  admission-control admission-control-config-file advertise-address aggregator-reject-forwarding-redirect allow-privileged anonymous-auth
  api-audiences apiserver-count audit-log-batch-buffer-size audit-log-batch-max-size audit-log-batch-max-wait
  audit-log-batch-throttle-burst audit-log-batch-throttle-enable audit-log-batch-throttle-qps audit-log-compress audit-log-format
  audit-log-maxage audit-log-maxbackup audit-log-maxsize audit-log-mode audit-log-path audit-log-truncate-enabled
  audit-log-truncate-max-batch-size audit-log-truncate-max-event-size audit-log-version audit-policy-file audit-webhook-batch-buffer-size
  audit-webhook-batch-initial-backoff audit-webhook-batch-max-size audit-webhook-batch-max-wait audit-webhook-batch-throttle-burst
  audit-webhook-batch-throttle-enable audit-webhook-batch-throttle-qps audit-webhook-config-file audit-webhook-initial-backoff
  audit-webhook-mode audit-webhook-truncate-enabled audit-webhook-truncate-max-batch-size audit-webhook-truncate-max-event-size
  audit-webhook-version authentication-config authentication-token-webhook-cache-ttl authentication-token-webhook-config-file
  authentication-token-webhook-version authorization-config authorization-mode authorization-policy-file
  authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl authorization-webhook-config-file
  authorization-webhook-version basic-auth-file cloud-provider cors-allowed-origins debug-socket-path disable-admission-plugins
  egress-selector-config-file enable-admission-plugins enable-aggregator-routing enable-bootstrap-token-auth enable-logs-handler
  enable-priority-and-fairness encryption-provider-config encryption-provider-config-automatic-reload endpoint-reconciler-type etcd-cafile
  etcd-certfile etcd-keyfile etcd-prefix etcd-servers etcd-servers-overrides event-ttl external-hostname goaway-chance
  kubelet-certificate-authority kubelet-client-certificate kubelet-client-key kubelet-https kubelet-port
  kubelet-preferred-address-types kubelet-read-only-port max-mutating-requests-inflight max-requests-inflight min-request-timeout
  oidc-ca-file oidc-client-id oidc-groups-claim oidc-groups-prefix oidc-issuer-url oidc-signing-algs oidc-username-claim
  oidc-username-prefix peer-advertise-ip peer-advertise-port peer-ca-file proxy-client-cert-file proxy-client-key-file request-timeout
  runtime-config service-account-extend-token-expiration service-account-issuer service-account-jwks-uri service-account-key-file
  service-account-lookup service-account-max-token-expiration service-account-signing-endpoint service-account-signing-key-file
  service-cluster-ip-range service-node-port-range shutdown-delay-duration storage-backend storage-media-type
  strict-transport-security-directives token-auth-file tracing-config-file watch-cache`);

const controllerManager = words(`
  allocate-node-cidrs cloud-provider cluster-cidr cluster-name cluster-signing-cert-file cluster-signing-duration
  cluster-signing-key-file cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file
  cluster-signing-kubelet-client-cert-file cluster-signing-kubelet-client-key-file cluster-signing-kubelet-serving-cert-file
  cluster-signing-kubelet-serving-key-file cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file controllers
  enable-garbage-collector experimental-cluster-signing-duration legacy-service-account-token-clean-up-period root-ca-file
  service-account-private-key-file service-cluster-ip-range terminated-pod-gc-threshold use-service-account-credentials`);

// etcd has flags that are credentials (initial-cluster-token, discovery-token, discovery-password): they are not here.
const etcd = words(`
  advertise-client-urls auto-tls cert-file cipher-suites client-cert-allowed-hostname client-cert-auth client-crl-file data-dir
  enable-pprof experimental-initial-corrupt-check experimental-watch-progress-notify-interval feature-gates initial-advertise-peer-urls
  initial-cluster initial-cluster-state key-file listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls log-level
  logger max-snapshots max-wals metrics name peer-auto-tls peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file
  peer-client-cert-auth peer-crl-file peer-key-file peer-skip-client-san-verification peer-trusted-ca-file quota-backend-bytes
  self-signed-cert-validity snapshot-count strict-reconfig-check tls-max-version tls-min-version trusted-ca-file unsafe-no-fsync wal-dir`);

/** Per program, the flags (without dashes) that keep their values. */
export const controlPlaneFlags: Readonly<Record<Program, ReadonlySet<string>>> = {
  'kube-apiserver': new Set([...common, ...apiserver]),
  'kube-controller-manager': new Set([...common, ...controllerManager]),
  'kube-scheduler': new Set(common),
  etcd: new Set(etcd),
};

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
