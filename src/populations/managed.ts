/**
 * Whether a provider runs the control plane. The API server's own version has to say so, or, for AKS, every node; and no node may be one of
 * the control plane: nodes can write labels about themselves, and one of them must not hand our duties to a provider.
 */
import type { EvidenceReader, StoredObject } from '../model/index.ts';
import { at, isComplete, isObject } from '../model/index.ts';
import { isMarkedControlPlane } from './control-plane.ts';

function hasLabel(node: StoredObject, name: string): boolean {
  const labels = at(node.body, 'metadata', 'labels');
  return isObject(labels) && Object.hasOwn(labels, name);
}

/** `eks`, `gke`, `aks`, or null when the owner of the cluster runs it, or nobody knows. */
export function detectManaged(reader: EvidenceReader): string | null {
  const listing = reader.listing('k8s.nodes/nodes');
  if (listing === undefined || !isComplete(listing)) return null;
  let nodes = 0;
  let azure = 0;
  for (const node of reader.objects('k8s.nodes/nodes')) {
    if (isMarkedControlPlane(node)) return null;
    nodes += 1;
    if (hasLabel(node, 'kubernetes.azure.com/cluster')) azure += 1;
  }
  const version = reader.cluster.version ?? '';
  if (/-eks-[0-9a-f]+$/.test(version)) return 'eks';
  if (/-gke\.\d+$/.test(version)) return 'gke';
  return nodes > 0 && azure === nodes ? 'aks' : null;
}
