/**
 * Which Kubernetes version the API server says it runs, and how far each kubelet is behind it. Only the minor version is compared, as in
 * Kubernetes' own policy on skew; a version that cannot be read leaves its row unknown. Everybody may ask a server for its version, so
 * there is no verdict without the identity of the cluster that it is said to be.
 */
import type { EvidenceReader, Gap, Population, PopulationInput } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { answersListing } from '../provider/answers.ts';
import { isAksHost } from '../provider/distribution.ts';
import { detectManaged } from '../provider/managed.ts';

interface Version {
  readonly text: string;
  /** `1.36`. */
  readonly minor: string;
  /** `36`. */
  readonly number: number;
}

function parseVersion(text: string): Version | undefined {
  // A second major version would need another way to count.
  const match = /^v?1\.(\d{1,3})\.\d/.exec(text);
  if (match === null) return undefined;
  const number = Number(match[1]);
  return { text: text.replace(/^v/, ''), minor: `1.${number}`, number };
}

function unreadable(what: string, detail: string): readonly Gap[] {
  return [{ reason: 'absent', what, detail }];
}

/**
 * `eks`, `gke`, `openshift`, `aks`: they support versions by a calendar of their own. OpenShift's builds end in the hash of a commit; those
 * of AKS, which keeps some for two years (LTS), in nothing, so its host name, its nodes or an answer of Azure tell it.
 */
function vendorOf(version: string, reader: EvidenceReader): string {
  const named = /-(eks|gke)[-.]/.exec(version)?.[1];
  if (named !== undefined) return named;
  if (/\+[0-9a-f]{7,40}$/.test(version)) return 'openshift';
  return isAksHost(reader) || detectManaged(reader) === 'aks' ? 'aks' : '';
}

function readServer(input: PopulationInput) {
  for (const object of input.each('k8s.cluster/version')) {
    return { object, version: parseVersion(textAt(object.body, 'gitVersion') ?? '') };
  }
  return undefined;
}

export const serverVersions: Population = {
  name: 'serverVersions',
  doc: 'The Kubernetes version that the API server says it runs',
  from: ['k8s.cluster/version', 'k8s.cluster/identity'],
  // Only they show AKS, which takes nothing from a version that is supported.
  also: [answersListing, 'k8s.nodes/nodes'],
  *rows(input) {
    const server = readServer(input);
    if (server === undefined) return;
    const { object, version } = server;
    const base = { item: 'kube-apiserver', resource: resourceOf(object), evidence: [object.id], on: input.reader.at.slice(0, 10) };
    if (version === undefined) yield { ...base, gaps: unreadable('version', 'it cannot be read as a version of Kubernetes') };
    else
      yield { ...base, version: version.text, minor: version.minor, number: version.number, vendor: vendorOf(version.text, input.reader) };
  },
};

export const kubelets: Population = {
  name: 'kubelets',
  doc: "A node, with its kubelet's version and how many minor versions that is behind the API server",
  from: ['k8s.nodes/nodes', 'k8s.cluster/version'],
  *rows(input) {
    const server = readServer(input);
    const unique = uniqueKeys();
    for (const node of input.each('k8s.nodes/nodes')) {
      const version = parseVersion(textAt(node.body, 'status', 'nodeInfo', 'kubeletVersion') ?? '');
      const base = {
        item: unique(segment(node.name)),
        resource: resourceOf(node),
        evidence: server === undefined ? [node.id] : [node.id, server.object.id],
        node: node.name,
      };
      if (version === undefined) yield { ...base, gaps: unreadable(`version of the kubelet on ${node.name}`, 'the node does not say it') };
      else if (server?.version === undefined)
        yield { ...base, gaps: unreadable('version', 'there is no version of the API server to compare with') };
      else yield { ...base, version: version.text, server: server.version.text, behind: server.version.number - version.number };
    }
  },
};
