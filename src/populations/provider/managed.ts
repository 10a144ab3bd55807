/**
 * Whether a provider runs the control plane. The API server's own version has to say so, or every node where it does not (AKS) or cannot
 * (files), or an answer of the provider that is bound to this cluster; and no node may be one of the control plane: nodes can write labels
 * about themselves, and one of them must not hand our duties to a provider.
 */
import type { EvidenceReader, Platform, StoredObject } from '../../model/index.ts';
import { at, isComplete, isObject, textAt } from '../../model/index.ts';
import { isMarkedControlPlane } from '../control-plane/control-plane.ts';
import { readAnswers } from './answers.ts';

/** What gitVersion and kubeletVersion end in, and how nodes name their machines. */
const traits = [
  { platform: 'eks', version: /-eks-[0-9a-f]+$/, machine: /^(aws|eks-hybrid):\/\// },
  { platform: 'gke', version: /-gke\.\d+$/, machine: /^gce:\/\// },
] as const;

/** `eks`, `gke`, `aks`, or null when the owner of the cluster runs it, or nobody knows. */
export function detectManaged(reader: EvidenceReader): Platform | null {
  return detectByNodes(reader) ?? readAnswers(reader).bound?.platform ?? null;
}

function detectByNodes(reader: EvidenceReader): Platform | null {
  const listing = reader.listing('k8s.nodes/nodes');
  if (listing === undefined || !isComplete(listing)) return null;
  const nodes = [...reader.objects('k8s.nodes/nodes')];
  if (nodes.some(isMarkedControlPlane)) return null;
  const isEach = (test: (node: StoredObject) => boolean) => nodes.length > 0 && nodes.every(test);
  const server = reader.cluster.version;
  for (const { platform, version, machine } of traits) {
    const ofPlatform = ({ body }: StoredObject) =>
      version.test(textAt(body, 'status', 'nodeInfo', 'kubeletVersion') ?? '') && machine.test(textAt(body, 'spec', 'providerID') ?? '');
    if (server === null ? isEach(ofPlatform) : version.test(server)) return platform;
  }
  const isAzure = (node: StoredObject) =>
    hasLabel(node, 'kubernetes.azure.com/cluster') && textAt(node.body, 'spec', 'providerID')?.startsWith('azure://') === true;
  return isEach(isAzure) ? 'aks' : null;
}

function hasLabel(node: StoredObject, name: string): boolean {
  const labels = at(node.body, 'metadata', 'labels');
  return isObject(labels) && Object.hasOwn(labels, name);
}
