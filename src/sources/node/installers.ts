/**
 * Where each installer puts what, and by which signs it is known: data, from the installers' own documentation and sources. What a
 * program is told on the spot (see told.ts) comes on top, so that a node that was set up differently is read too.
 */

export type InstallerName = 'kubeadm' | 'k3s' | 'rke2' | 'talos' | 'openshift' | 'kops' | 'eks' | 'gke' | 'aks';

/** What a file is to the node. */
export type FileRole =
  | 'apiserver-manifest'
  | 'controller-manager-manifest'
  | 'scheduler-manifest'
  | 'etcd-manifest'
  | 'cni-config'
  | 'cni-networks'
  | 'etcd-data'
  | 'admin-kubeconfig'
  | 'super-admin-kubeconfig'
  | 'scheduler-kubeconfig'
  | 'controller-manager-kubeconfig'
  | 'pki-directory'
  | 'pki-certificate'
  | 'pki-key'
  | 'kubelet-unit'
  | 'kubelet-kubeconfig'
  | 'kubelet-config'
  | 'kubelet-client-ca'
  | 'kubelet-client-certificate'
  | 'kubelet-serving-certificate'
  | 'kube-proxy-kubeconfig'
  | 'kube-proxy-config'
  | 'audit-policy'
  | 'encryption-configuration'
  | 'admission-configuration'
  | 'etcd-ca'
  | 'etcd-pki-certificate'
  | 'etcd-pki-key'
  | 'container-runtime-config'
  | 'container-runtime-socket'
  | 'cloud-config';

/**
 * A path, in whose parts `*` stands for any text, except where it is `literal`; it matches no leading dot. `tree`: a directory of
 * certificates and keys, to its bottom.
 */
export interface KnownPath {
  readonly role: FileRole;
  readonly path: string;
  readonly tree?: true;
  readonly literal?: true;
}

export interface Installer {
  readonly name: InstallerName;
  /** Any one of these paths is a sign. */
  readonly signs: readonly string[];
  /** `ID` of os-release that is one. */
  readonly osIds?: readonly string[];
  readonly paths: readonly KnownPath[];
  /** Where kubelets look for static pods when they are told nothing else that can be read. */
  readonly manifests: string;
  /** The directory of k3s or RKE2, unless `data-dir` says otherwise. */
  readonly dataDirectory?: string;
  /** Their configuration, whose keys are flags. */
  readonly flagFiles?: readonly string[];
  /** What the kubelet is given where it was not seen running. */
  readonly kubeletDropIns?: string;
}

const paths = (role: FileRole, ...all: readonly string[]): KnownPath[] => all.map((path) => ({ role, path }));
const tree = (path: string): KnownPath => ({ role: 'pki-directory', path, tree: true });

const unitDirectories = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
const unit = (name: string) => paths('kubelet-unit', ...unitDirectories.flatMap((at) => [`${at}/${name}`, `${at}/${name}.d/*.conf`]));

const cni = [...paths('cni-config', '/etc/cni/net.d/*'), ...paths('cni-networks', '/var/lib/cni/networks/*/*')];
const containerd = [
  ...paths('container-runtime-config', '/etc/containerd/config.toml', '/etc/containerd/conf.d/*.toml'),
  ...paths('container-runtime-socket', '/run/containerd/containerd.sock'),
];
const crio = [
  ...paths('container-runtime-config', '/etc/crio/crio.conf', '/etc/crio/crio.conf.d/*'),
  ...paths('container-runtime-socket', '/run/crio/crio.sock'),
];

/** A ConfigMap's files where the kubelet puts them for the pod. */
const inPods = (volume: string, file: string) => `/var/lib/kubelet/pods/*/volumes/kubernetes.io~configmap/${volume}/${file}`;

const kubeadm: Installer = {
  name: 'kubeadm',
  signs: [
    '/var/lib/kubelet/kubeadm-flags.env',
    '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf',
    '/etc/kubernetes/admin.conf',
    '/etc/kubernetes/kubelet.conf',
  ],
  manifests: '/etc/kubernetes/manifests',
  paths: [
    ...paths('apiserver-manifest', '/etc/kubernetes/manifests/kube-apiserver.yaml'),
    ...paths('controller-manager-manifest', '/etc/kubernetes/manifests/kube-controller-manager.yaml'),
    ...paths('scheduler-manifest', '/etc/kubernetes/manifests/kube-scheduler.yaml'),
    ...paths('etcd-manifest', '/etc/kubernetes/manifests/etcd.yaml'),
    ...cni,
    ...paths('etcd-data', '/var/lib/etcd'),
    ...paths('admin-kubeconfig', '/etc/kubernetes/admin.conf'),
    ...paths('super-admin-kubeconfig', '/etc/kubernetes/super-admin.conf'),
    ...paths('scheduler-kubeconfig', '/etc/kubernetes/scheduler.conf'),
    ...paths('controller-manager-kubeconfig', '/etc/kubernetes/controller-manager.conf'),
    tree('/etc/kubernetes/pki'),
    ...unit('kubelet.service'),
    ...paths('kubelet-kubeconfig', '/etc/kubernetes/kubelet.conf'),
    ...paths('kubelet-config', '/var/lib/kubelet/config.yaml'),
    ...paths('kubelet-client-ca', '/etc/kubernetes/pki/ca.crt'),
    ...paths('kube-proxy-config', inPods('kube-proxy', 'config.conf')),
    ...paths('kube-proxy-kubeconfig', inPods('kube-proxy', 'kubeconfig.conf')),
    ...paths('etcd-ca', '/etc/kubernetes/pki/etcd/ca.crt'),
    ...containerd,
    ...crio,
  ],
};

/** k3s and RKE2 share their layout below the data directory. */
const rancher = (data: string, etc: string, kubeconfig: string, units: readonly string[]): readonly KnownPath[] => [
  ...cni,
  ...paths('cni-config', `${data}/agent/etc/cni/net.d/*`),
  ...paths('etcd-data', `${data}/server/db/etcd`),
  ...paths('admin-kubeconfig', `${etc}/${kubeconfig}`, `${data}/server/cred/admin.kubeconfig`),
  ...paths('scheduler-kubeconfig', `${data}/server/cred/scheduler.kubeconfig`),
  ...paths('controller-manager-kubeconfig', `${data}/server/cred/controller.kubeconfig`),
  tree(`${data}/server/tls`),
  ...units.flatMap(unit),
  ...paths('kubelet-kubeconfig', `${data}/agent/kubelet.kubeconfig`),
  ...paths('kubelet-config', `${data}/agent/etc/kubelet.conf.d/*.conf`),
  ...paths('kubelet-client-ca', `${data}/agent/client-ca.crt`),
  ...paths('kubelet-client-certificate', `${data}/agent/client-kubelet.crt`),
  ...paths('kubelet-serving-certificate', `${data}/agent/serving-kubelet.crt`),
  ...paths('pki-key', `${data}/agent/client-kubelet.key`, `${data}/agent/serving-kubelet.key`, `${data}/agent/client-kube-proxy.key`),
  ...paths('kube-proxy-kubeconfig', `${data}/agent/kubeproxy.kubeconfig`),
  ...paths('etcd-ca', `${data}/server/tls/etcd/server-ca.crt`),
  ...paths('container-runtime-config', `${data}/agent/etc/containerd/config.toml`),
  ...paths('container-runtime-socket', '/run/k3s/containerd/containerd.sock'),
];

const k3s: Installer = {
  name: 'k3s',
  signs: ['/var/lib/rancher/k3s', '/etc/rancher/k3s', '/etc/systemd/system/k3s.service', '/etc/systemd/system/k3s-agent.service'],
  manifests: '/var/lib/rancher/k3s/agent/pod-manifests',
  dataDirectory: '/var/lib/rancher/k3s',
  flagFiles: ['/etc/rancher/k3s/config.yaml', '/etc/rancher/k3s/config.yaml.d/*.yaml'],
  kubeletDropIns: '/var/lib/rancher/k3s/agent/etc/kubelet.conf.d',
  paths: [
    ...rancher('/var/lib/rancher/k3s', '/etc/rancher/k3s', 'k3s.yaml', ['k3s.service', 'k3s-agent.service']),
    ...paths('encryption-configuration', '/var/lib/rancher/k3s/server/cred/encryption-config.json'),
  ],
};

const rke2Manifests = '/var/lib/rancher/rke2/agent/pod-manifests';
const rke2: Installer = {
  name: 'rke2',
  signs: ['/var/lib/rancher/rke2', '/etc/rancher/rke2'],
  manifests: rke2Manifests,
  dataDirectory: '/var/lib/rancher/rke2',
  flagFiles: ['/etc/rancher/rke2/config.yaml', '/etc/rancher/rke2/config.yaml.d/*.yaml'],
  kubeletDropIns: '/var/lib/rancher/rke2/agent/etc/kubelet.conf.d',
  paths: [
    ...paths('apiserver-manifest', `${rke2Manifests}/kube-apiserver.yaml`),
    ...paths('controller-manager-manifest', `${rke2Manifests}/kube-controller-manager.yaml`),
    ...paths('scheduler-manifest', `${rke2Manifests}/kube-scheduler.yaml`),
    ...paths('etcd-manifest', `${rke2Manifests}/etcd.yaml`),
    ...rancher('/var/lib/rancher/rke2', '/etc/rancher/rke2', 'rke2.yaml', ['rke2-server.service', 'rke2-agent.service']),
    ...paths('encryption-configuration', '/var/lib/rancher/rke2/server/cred/encryption-config.json'),
    ...paths('audit-policy', '/etc/rancher/rke2/audit-policy.yaml'),
    ...paths('admission-configuration', '/etc/rancher/rke2/rke2-pss.yaml'),
  ],
};

const talos: Installer = {
  name: 'talos',
  signs: ['/system/secrets/kubernetes', '/system/config/kubernetes'],
  osIds: ['talos'],
  manifests: '/etc/kubernetes/manifests',
  paths: [
    ...cni,
    ...paths('etcd-data', '/var/lib/etcd'),
    ...paths('scheduler-kubeconfig', '/system/secrets/kubernetes/kube-scheduler/kubeconfig'),
    ...paths('controller-manager-kubeconfig', '/system/secrets/kubernetes/kube-controller-manager/kubeconfig'),
    tree('/system/secrets/kubernetes/kube-apiserver'),
    tree('/system/secrets/kubernetes/kube-controller-manager'),
    tree('/system/secrets/etcd'),
    ...paths('kubelet-kubeconfig', '/etc/kubernetes/kubeconfig-kubelet'),
    ...paths('kubelet-config', '/etc/kubernetes/kubelet.yaml'),
    ...paths('kubelet-client-ca', '/etc/kubernetes/pki/ca.crt'),
    ...paths('audit-policy', '/system/config/kubernetes/kube-apiserver/auditpolicy.yaml'),
    ...paths('encryption-configuration', '/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml'),
    ...paths('admission-configuration', '/system/config/kubernetes/kube-apiserver/admission-control-config.yaml'),
    ...paths('etcd-ca', '/system/secrets/etcd/ca.crt'),
    ...paths('container-runtime-config', '/etc/cri/conf.d/*'),
    ...paths('container-runtime-socket', '/run/containerd/containerd.sock'),
  ],
};

const openshift: Installer = {
  name: 'openshift',
  signs: ['/etc/kubernetes/static-pod-resources', '/etc/machine-config-daemon'],
  osIds: ['rhcos'],
  manifests: '/etc/kubernetes/manifests',
  paths: [
    ...paths('apiserver-manifest', '/etc/kubernetes/manifests/kube-apiserver-pod.yaml'),
    ...paths('controller-manager-manifest', '/etc/kubernetes/manifests/kube-controller-manager-pod.yaml'),
    ...paths('scheduler-manifest', '/etc/kubernetes/manifests/kube-scheduler-pod.yaml'),
    ...paths('etcd-manifest', '/etc/kubernetes/manifests/etcd-pod.yaml'),
    ...paths('cni-config', '/etc/cni/net.d/*', '/etc/kubernetes/cni/net.d/*', '/run/multus/cni/net.d/*'),
    ...paths('cni-networks', '/var/lib/cni/networks/*/*'),
    ...paths('etcd-data', '/var/lib/etcd'),
    ...paths(
      'scheduler-kubeconfig',
      '/etc/kubernetes/static-pod-resources/kube-scheduler-pod-*/configmaps/scheduler-kubeconfig/kubeconfig',
    ),
    ...paths(
      'controller-manager-kubeconfig',
      '/etc/kubernetes/static-pod-resources/kube-controller-manager-pod-*/configmaps/controller-manager-kubeconfig/kubeconfig',
    ),
    ...paths('admin-kubeconfig', '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/*.kubeconfig'),
    tree('/etc/kubernetes/static-pod-resources/kube-apiserver-certs'),
    tree('/etc/kubernetes/static-pod-resources/etcd-certs'),
    ...unit('kubelet.service'),
    ...paths('kubelet-kubeconfig', '/var/lib/kubelet/kubeconfig', '/etc/kubernetes/kubeconfig'),
    ...paths('kubelet-config', '/etc/kubernetes/kubelet.conf'),
    ...paths('kubelet-client-ca', '/etc/kubernetes/kubelet-ca.crt'),
    ...crio,
  ],
};

const kops: Installer = {
  name: 'kops',
  signs: ['/opt/kops', '/srv/kubernetes', '/etc/kubernetes/manifests/kube-apiserver.manifest'],
  manifests: '/etc/kubernetes/manifests',
  paths: [
    ...paths('apiserver-manifest', '/etc/kubernetes/manifests/kube-apiserver.manifest'),
    ...paths('controller-manager-manifest', '/etc/kubernetes/manifests/kube-controller-manager.manifest'),
    ...paths('scheduler-manifest', '/etc/kubernetes/manifests/kube-scheduler.manifest'),
    ...paths('etcd-manifest', '/etc/kubernetes/manifests/etcd*.manifest'),
    ...cni,
    ...paths('etcd-data', '/mnt/*/var/etcd', '/mnt/*/data'),
    ...paths('scheduler-kubeconfig', '/var/lib/kube-scheduler/kubeconfig'),
    ...paths('controller-manager-kubeconfig', '/var/lib/kube-controller-manager/kubeconfig'),
    tree('/srv/kubernetes'),
    ...unit('kubelet.service'),
    ...paths('kubelet-kubeconfig', '/var/lib/kubelet/kubeconfig'),
    ...paths('kubelet-config', '/var/lib/kubelet/kubelet.conf'),
    ...paths('kubelet-client-ca', '/srv/kubernetes/ca.crt'),
    ...paths('kube-proxy-kubeconfig', '/var/lib/kube-proxy/kubeconfig'),
    ...paths('etcd-ca', '/srv/kubernetes/kube-apiserver/etcd-ca.crt'),
    ...containerd,
  ],
};

const eks: Installer = {
  name: 'eks',
  signs: ['/etc/eks', '/usr/bin/nodeadm'],
  osIds: ['bottlerocket'],
  manifests: '/etc/kubernetes/manifests',
  kubeletDropIns: '/etc/kubernetes/kubelet/config.json.d',
  paths: [
    ...cni,
    ...unit('kubelet.service'),
    ...paths('kubelet-kubeconfig', '/var/lib/kubelet/kubeconfig', '/etc/kubernetes/kubelet/kubeconfig'),
    ...paths(
      'kubelet-config',
      '/etc/kubernetes/kubelet/config.json',
      '/etc/kubernetes/kubelet/config.json.d/*.conf',
      '/etc/kubernetes/kubelet/kubelet-config.json',
      '/etc/kubernetes/kubelet/config',
    ),
    ...paths('kubelet-client-ca', '/etc/kubernetes/pki/ca.crt'),
    ...paths('kube-proxy-config', inPods('config', 'config')),
    ...paths('kube-proxy-kubeconfig', inPods('kubeconfig', 'kubeconfig')),
    ...containerd,
  ],
};

const gke: Installer = {
  name: 'gke',
  signs: ['/home/kubernetes/kubelet-config.yaml', '/home/kubernetes/bin', '/etc/srv/kubernetes'],
  manifests: '/etc/kubernetes/manifests',
  paths: [
    ...cni,
    ...unit('kubelet.service'),
    ...paths('kubelet-kubeconfig', '/var/lib/kubelet/kubeconfig'),
    ...paths('kubelet-config', '/home/kubernetes/kubelet-config.yaml'),
    ...paths('kubelet-client-ca', '/etc/srv/kubernetes/pki/ca-certificates.crt'),
    ...paths('kube-proxy-kubeconfig', '/var/lib/kube-proxy/kubeconfig'),
    ...containerd,
  ],
};

const aks: Installer = {
  name: 'aks',
  signs: ['/etc/kubernetes/azure.json', '/opt/azure'],
  manifests: '/etc/kubernetes/manifests',
  paths: [
    ...cni,
    ...unit('kubelet.service'),
    ...paths('kubelet-kubeconfig', '/var/lib/kubelet/kubeconfig'),
    ...paths('kubelet-config', '/etc/default/kubeletconfig.json'),
    ...paths('kubelet-client-ca', '/etc/kubernetes/certs/ca.crt'),
    // Rights alone: it holds credentials of the cloud.
    ...paths('cloud-config', '/etc/kubernetes/azure.json'),
    tree('/etc/kubernetes/certs'),
    ...containerd,
  ],
};

/** In the order in which signs decide: what is built on another comes before it. */
export const installers: readonly Installer[] = [talos, openshift, rke2, k3s, gke, eks, aks, kops, kubeadm];

/** For a node without any known sign: the places that most installers share. */
export const unknownInstaller: Omit<Installer, 'name' | 'signs'> = {
  manifests: kubeadm.manifests,
  paths: kubeadm.paths,
};
