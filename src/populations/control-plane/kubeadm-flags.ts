/**
 * Flags that kubeadm sets by itself in the static pods that it writes (kubernetes cmd/kubeadm/app/phases/controlplane/manifests.go and
 * etcd/local.go, 1.29 to 1.36), so that they stand in a pod and not in kubeadm-config.
 */
import type { Program } from './flags.ts';

const byProgram: Readonly<Record<Program, ReadonlySet<string>>> = {
  'kube-apiserver': words(`
    advertise-address allow-privileged authorization-mode client-ca-file enable-admission-plugins enable-bootstrap-token-auth etcd-cafile
    etcd-certfile etcd-keyfile etcd-servers insecure-port kubelet-client-certificate kubelet-client-key kubelet-preferred-address-types
    proxy-client-cert-file proxy-client-key-file requestheader-allowed-names requestheader-client-ca-file
    requestheader-extra-headers-prefix requestheader-group-headers requestheader-username-headers secure-port service-account-issuer
    service-account-key-file service-account-signing-key-file service-cluster-ip-range tls-cert-file tls-private-key-file`),
  'kube-controller-manager': words(`
    allocate-node-cidrs authentication-kubeconfig authorization-kubeconfig bind-address client-ca-file cluster-cidr cluster-name
    cluster-signing-cert-file cluster-signing-key-file controllers kubeconfig leader-elect node-cidr-mask-size node-cidr-mask-size-ipv4
    node-cidr-mask-size-ipv6 requestheader-client-ca-file root-ca-file service-account-private-key-file service-cluster-ip-range
    use-service-account-credentials`),
  'kube-scheduler': words('authentication-kubeconfig authorization-kubeconfig bind-address kubeconfig leader-elect'),
  etcd: words(`
    advertise-client-urls cert-file client-cert-auth data-dir experimental-initial-corrupt-check experimental-watch-progress-notify-interval
    feature-gates initial-advertise-peer-urls initial-cluster initial-cluster-state key-file listen-client-urls listen-metrics-urls
    listen-peer-urls name peer-cert-file peer-client-cert-auth peer-key-file peer-trusted-ca-file snapshot-count trusted-ca-file
    watch-progress-notify-interval`),
};

export function isSetByKubeadm(program: Program, flag: string): boolean {
  return byProgram[program].has(flag);
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
