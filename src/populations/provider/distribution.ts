/**
 * Which distribution of Kubernetes this is, and what that was concluded from. Who wrote a sign decides what it is worth: the API server's
 * version is its own; API groups, namespaces and ConfigMaps were made by who may write them; a node's labels, annotations, versions and
 * image of the system are written by the node about itself, so only a sign that every node shows counts, and it hands nothing to a provider.
 */
import type { EvidenceReader, ListingKind, Platform, StoredObject } from '../../model/index.ts';
import { at, clip, isComplete, isObject, textAt } from '../../model/index.ts';
import { readAnswers } from './answers.ts';
import { detectManaged } from './managed.ts';

export type DistributionName = Platform | 'openshift' | 'k3s' | 'rke2' | 'talos' | 'kops' | 'kubeadm';

/** Who wrote a sign, the most reliable first. */
type Witness = 'server' | 'provider' | 'collector' | 'cluster' | 'nodes';

export interface Distribution {
  readonly name: DistributionName;
  /** For people: `Amazon EKS`. */
  readonly title: string;
  /** A provider runs the control plane. Packaged distributions are run by the owner of the cluster. */
  readonly managed: boolean;
  /** What it was concluded from, the most reliable first. */
  readonly signs: readonly string[];
  /** Nothing but what nodes write about themselves says so. */
  readonly nodesAlone: boolean;
}

const titles: Readonly<Record<DistributionName, string>> = {
  eks: 'Amazon EKS',
  gke: 'Google GKE',
  aks: 'Azure AKS',
  openshift: 'OpenShift',
  k3s: 'k3s',
  rke2: 'RKE2',
  talos: 'Talos Linux',
  kops: 'kOps',
  kubeadm: 'kubeadm',
};

/** What is built on another comes before it. */
const order: readonly DistributionName[] = ['eks', 'gke', 'aks', 'openshift', 'rke2', 'k3s', 'talos', 'kops', 'kubeadm'];
const witnesses: readonly Witness[] = ['server', 'provider', 'collector', 'cluster', 'nodes'];

const versions: readonly (readonly [DistributionName, RegExp])[] = [
  ['eks', /-eks-[0-9a-f]+$/],
  ['gke', /-gke\.\d+$/],
  ['k3s', /\+k3s\d+$/],
  ['rke2', /\+rke2r\d+$/],
];

type OfNode = readonly [name: DistributionName, what: string, shows: (node: StoredObject) => boolean];

const has = (part: 'labels' | 'annotations', key: string) => (node: StoredObject) => {
  const map = at(node.body, 'metadata', part);
  return isObject(map) && Object.hasOwn(map, key);
};
const image = (pattern: RegExp) => (node: StoredObject) => pattern.test(textAt(node.body, 'status', 'nodeInfo', 'osImage') ?? '');

const nodeSigns: readonly OfNode[] = [
  ...versions.map(
    ([name, pattern]): OfNode => [
      name,
      'the version of the kubelet',
      (node) => pattern.test(textAt(node.body, 'status', 'nodeInfo', 'kubeletVersion') ?? ''),
    ],
  ),
  ['aks', 'the label kubernetes.azure.com/cluster', has('labels', 'kubernetes.azure.com/cluster')],
  ['openshift', 'the image of the system', image(/\bCoreOS\b.*\bOpenShift\b|^Red Hat Enterprise Linux CoreOS/i)],
  ['openshift', 'the label node.openshift.io/os_id', has('labels', 'node.openshift.io/os_id')],
  ['k3s', 'the annotation k3s.io/node-args', has('annotations', 'k3s.io/node-args')],
  ['rke2', 'the annotation rke2.io/node-args', has('annotations', 'rke2.io/node-args')],
  ['talos', 'the image of the system', image(/^Talos\b/i)],
  ['kops', 'the label kops.k8s.io/instancegroup', has('labels', 'kops.k8s.io/instancegroup')],
  ['kubeadm', 'the annotation kubeadm.alpha.kubernetes.io/cri-socket', has('annotations', 'kubeadm.alpha.kubernetes.io/cri-socket')],
];

interface Sign {
  readonly name: DistributionName;
  readonly witness: Witness;
  readonly what: string;
}

/** Null where nothing shows it. */
export function detectDistribution(reader: EvidenceReader): Distribution | null {
  const signs = [...signsOf(reader)];
  const managed = detectManaged(reader);
  const best = (name: DistributionName) =>
    Math.min(...signs.filter((sign) => sign.name === name).map(({ witness }) => witnesses.indexOf(witness)));
  const name = managed ?? order.filter((each) => signs.some((sign) => sign.name === each)).sort((a, b) => best(a) - best(b))[0];
  if (name === undefined) return null;
  const mine = signs.filter((sign) => sign.name === name).sort((a, b) => witnesses.indexOf(a.witness) - witnesses.indexOf(b.witness));
  return {
    name,
    title: titles[name],
    managed: managed !== null,
    signs: mine.map(({ what }) => what),
    nodesAlone: mine.every(({ witness }) => witness === 'nodes'),
  };
}

/** Nothing else of what an API server of AKS says of itself tells it from others: its version ends like those of Kubernetes. */
export function isAksHost({ cluster }: EvidenceReader): boolean {
  const host = cluster.server === null ? undefined : URL.parse(cluster.server)?.hostname;
  return host !== undefined && /\.azmk8s\.io$/i.test(host);
}

function* signsOf(reader: EvidenceReader): Generator<Sign> {
  const { version } = reader.cluster;
  for (const [name, pattern] of versions)
    if (version !== null && pattern.test(version))
      yield { name, witness: 'server', what: `the version of the API server, ${clip(version, 80)}` };
  if (isAksHost(reader)) yield { name: 'aks', witness: 'server', what: 'the host name of the API server' };
  const { bound } = readAnswers(reader);
  if (bound !== null) yield { name: bound.platform, witness: 'provider', what: `an answer of the provider, bound by ${bound.boundBy}` };
  yield* installers(reader);
  if (holds(reader, 'k8s.cluster/groups', 'config.openshift.io'))
    yield { name: 'openshift', witness: 'cluster', what: 'the API group config.openshift.io' };
  if (holds(reader, 'k8s.namespaces/namespaces', 'openshift-kube-apiserver'))
    yield { name: 'openshift', witness: 'cluster', what: 'the namespace openshift-kube-apiserver' };
  if (holds(reader, 'k8s.kubeadm/configmaps', 'kubeadm-config'))
    yield { name: 'kubeadm', witness: 'cluster', what: 'the ConfigMap kube-system/kubeadm-config' };
  const nodes = [...reader.objects('k8s.nodes/nodes')];
  const listing = reader.listing('k8s.nodes/nodes');
  if (nodes.length === 0 || listing === undefined || !isComplete(listing)) return;
  const of = nodes.length === 1 ? 'of its node' : `of all ${nodes.length} nodes`;
  for (const [name, what, shows] of nodeSigns) if (nodes.every(shows)) yield { name, witness: 'nodes', what: `${what} ${of}` };
}

/** What the node collectors found on the machines, where all of them agree. */
function* installers(reader: EvidenceReader): Generator<Sign> {
  const found = new Map<string, number>();
  for (const { body } of reader.objects('node.evidence/nodes')) {
    const installer = textAt(body, 'host', 'installer') ?? 'unknown';
    found.set(installer, (found.get(installer) ?? 0) + 1);
  }
  const [only, ...others] = found;
  const name = order.find((each) => each === only?.[0]);
  if (only === undefined || name === undefined || others.length > 0) return;
  yield { name, witness: 'collector', what: `what was read on ${only[1] === 1 ? 'a node' : `${only[1]} nodes`}` };
}

function holds(reader: EvidenceReader, kind: ListingKind, name: string): boolean {
  for (const object of reader.objects(kind)) if (object.name === name) return true;
  return false;
}

const runners: Readonly<Partial<Record<DistributionName, string>>> = { eks: 'AWS', gke: 'Google', aks: 'Azure' };

/** One line for people: what it is, what that was concluded from, and who runs the control plane. */
export function describeDistribution({ name, title, managed, signs, nodesAlone }: Distribution): string {
  const from = signs.length === 0 ? '' : `, by ${signs.slice(0, 2).join(' and ')}`;
  const own = 'the control plane is its owner’s to answer for';
  const ofThemselves = nodesAlone ? ', which nodes write about themselves' : '';
  if (managed) return `${title}${from}${ofThemselves}; ${runners[name] ?? 'a provider'} runs the control plane`;
  if (runners[name] !== undefined) return `perhaps ${title}${from}; that is not enough to leave the control plane to a provider`;
  return `${title}${from}${ofThemselves}; ${own}`;
}
