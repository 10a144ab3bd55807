/** Answers of providers as they are stored, and snapshots that hold them. */
import { createMemorySnapshot } from '../../../src/ledger/storage/memory-snapshot.ts';
import type { ClusterIdentity, EvidenceReader, Gap, Json, JsonObject, ListingKind, Platform } from '../../../src/model/index.ts';
import { textAt } from '../../../src/model/index.ts';

export const now = '2026-10-01T12:00:00.000Z';
const clusters: Readonly<Record<Platform, string>> = {
  eks: 'arn:aws:eks:eu-central-1:111122223333:cluster/clinic',
  gke: 'projects/clinic/locations/europe-west3/clusters/clinic',
  aks: '/subscriptions/0/resourcegroups/clinic/providers/microsoft.containerservice/managedclusters/clinic',
};

export function answerOf(platform: Platform, settings: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'provider.kubevidence.io/v1',
    kind: 'ProviderAnswer',
    metadata: { name: `${platform} ${JSON.stringify(more)}`.slice(0, 200) },
    answer: `${platform}-cluster`,
    cluster: clusters[platform],
    takenAt: '2026-09-30T06:00:00.000Z',
    takenFrom: 'what the file says',
    fingerprints: platform === 'aks' ? [] : ['aa11'],
    endpoints: ['api.clinic.example'],
    whole: true,
    settings: { name: 'clinic', ...settings },
    ...more,
  };
}

export function nodeOf(name: string, labels: JsonObject = {}, providerID?: string, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels, ...more },
    spec: providerID === undefined ? {} : { providerID },
    status: { nodeInfo: { kubeletVersion: 'v1.34.2' } },
  };
}

export interface GivenSnapshot {
  readonly answers?: readonly JsonObject[];
  /** Null: they were not read. */
  readonly nodes?: readonly JsonObject[] | null;
  readonly identity?: Partial<ClusterIdentity>;
  readonly scope?: EvidenceReader['scope'];
  readonly answerGaps?: readonly Gap[];
  readonly others?: Readonly<Record<ListingKind, readonly Json[]>>;
}

export function given({
  answers = [],
  nodes = [],
  identity,
  scope = 'cluster',
  answerGaps = [],
  others = {},
}: GivenSnapshot): EvidenceReader {
  const cluster = { name: 'prod', uid: 'u', version: '1.34.2', server: null, caFingerprint: 'aa11', actor: null, ...identity };
  const memory = createMemorySnapshot({ scope, cluster, at: now });
  const listings: Record<ListingKind, readonly Json[]> = { 'files.provider/answers': answers, 'k8s.nodes/nodes': nodes ?? [], ...others };
  for (const [key, objects] of Object.entries(listings)) {
    const kind = key as ListingKind;
    memory.put(
      kind,
      objects.map((body) => ({
        apiVersion: textAt(body, 'apiVersion') ?? 'v1',
        type: textAt(body, 'kind') ?? '',
        namespace: textAt(body, 'metadata', 'namespace') ?? '',
        name: textAt(body, 'metadata', 'name') ?? '',
        uid: '',
        body: body as JsonObject,
      })),
    );
    const unread: readonly Gap[] = kind === 'k8s.nodes/nodes' && nodes === null ? [{ reason: 'forbidden', what: 'nodes' }] : [];
    memory.close({
      kind,
      collectorVersion: 1,
      keepDigest: '',
      assurance: 'observed',
      requests: [],
      gaps: kind === 'files.provider/answers' ? answerGaps : unread,
      items: objects.length,
      scrubbed: {},
      observedAt: now,
    });
  }
  return memory;
}
