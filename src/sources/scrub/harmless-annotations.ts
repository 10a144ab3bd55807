/**
 * Annotations that keep their values: set by Kubernetes or by its distributions, machine-made, and read by controls. Everything else
 * leaves a marker; `kubectl.kubernetes.io/last-applied-configuration` above all, which repeats whole objects, Secrets included, and the
 * `encryption-config-hash` of k3s and RKE2, a hash without a salt over a file with the keys in it.
 */

/** A name, or a prefix that ends in `*`. */
export const harmlessAnnotations: readonly string[] = [
  'apparmor.security.beta.kubernetes.io/*',
  'authorization.k8s.io/*',
  'container.apparmor.security.beta.kubernetes.io/*',
  'container.seccomp.security.alpha.kubernetes.io/*',
  'deployment.kubernetes.io/revision',
  'kubeadm.alpha.kubernetes.io/cri-socket',
  'kubeadm.kubernetes.io/etcd.advertise-client-urls',
  'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint',
  'kubectl.kubernetes.io/default-container',
  'kubernetes.io/config.hash',
  'kubernetes.io/config.mirror',
  'kubernetes.io/config.source',
  'kubernetes.io/enforce-mountable-secrets',
  'rbac.authorization.kubernetes.io/autoupdate',
  'seccomp.security.alpha.kubernetes.io/pod',
  'vault.hashicorp.com/agent-inject',
];
const names = new Set(harmlessAnnotations);
const prefixes = harmlessAnnotations.filter((name) => name.endsWith('/*')).map((name) => name.slice(0, -1));

export function isHarmlessAnnotation(key: string, more: readonly string[]): boolean {
  if (names.has(key) || prefixes.some((prefix) => key.startsWith(prefix))) return true;
  return more.some((name) => (name.endsWith('*') ? key.startsWith(name.slice(0, -1)) : key === name));
}
