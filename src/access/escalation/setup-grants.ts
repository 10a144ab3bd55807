/**
 * The grants that kubeadm makes when it sets a cluster up (cmd/kubeadm, as of 1.36), besides the API server's own. As there, a grant counts
 * only when binding, role and subject are all the expected ones.
 */
import type { Binding } from '../bindings.ts';
import { isBootstrapGrant } from '../bootstrap.ts';

const grants = new Set([
  'ClusterRoleBinding/kubeadm:cluster-admins|ClusterRole/cluster-admin|Group/kubeadm:cluster-admins',
  'ClusterRoleBinding/kubeadm:get-nodes|ClusterRole/kubeadm:get-nodes|Group/system:bootstrappers:kubeadm:default-node-token',
  'ClusterRoleBinding/kubeadm:kubelet-bootstrap|ClusterRole/system:node-bootstrapper|Group/system:bootstrappers:kubeadm:default-node-token',
  'ClusterRoleBinding/kubeadm:node-autoapprove-bootstrap|ClusterRole/system:certificates.k8s.io:certificatesigningrequests:nodeclient|Group/system:bootstrappers:kubeadm:default-node-token',
  'ClusterRoleBinding/kubeadm:node-autoapprove-certificate-rotation|ClusterRole/system:certificates.k8s.io:certificatesigningrequests:selfnodeclient|Group/system:nodes',
  'ClusterRoleBinding/kubeadm:node-proxier|ClusterRole/system:node-proxier|ServiceAccount/kube-system/kube-proxy',
  'ClusterRoleBinding/system:coredns|ClusterRole/system:coredns|ServiceAccount/kube-system/coredns',
]);

/** Whether the API server or the installer makes this grant, so that nobody added it. What was added to its role is another matter. */
export function isBuiltinGrant({ key, roleKey }: Binding, subject: string): boolean {
  return isBootstrapGrant(key, roleKey, subject) || grants.has(`${key}|${roleKey}|${subject}`);
}
