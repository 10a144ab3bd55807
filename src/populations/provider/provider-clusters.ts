/**
 * The provider's side of this cluster, as its own answer tells it: one row, and one per node pool. Where a provider runs the cluster and no
 * answer can be used, the row says that nobody told, so that a person is asked and nothing passes or fails; where its owner runs it, there
 * is no row.
 */
import type { Platform, Population, PopulationInput, ResourceRef, StoredObject } from '../../model/index.ts';
import { isComplete, textAt } from '../../model/index.ts';
import { isMarkedControlPlane } from '../control-plane/control-plane.ts';
import { readAks, readAksPools } from './aks.ts';
import { answersListing, bringing, isContradicted, readAnswers } from './answers.ts';
import { readEks, readEksPools } from './eks.ts';
import { type ClusterFacts, nothingSaid, nothingSaidOfPool, type PoolFacts } from './facts.ts';
import { readGke, readGkePools } from './gke.ts';
import { detectManaged } from './managed.ts';

interface Told {
  readonly platform: Platform;
  readonly answer: StoredObject | null;
  readonly facts: ClusterFacts;
  readonly pools: readonly PoolFacts[];
  readonly base: Base;
}

interface Base {
  readonly resource: ResourceRef;
  readonly evidence: readonly string[];
  readonly since: null;
  readonly provider: Platform;
  /** For people. */
  readonly platform: string;
  /** An answer of the provider is used. */
  readonly told: boolean;
  readonly cluster: string;
  /** What says that the answer is of this cluster. */
  readonly boundBy: string;
  readonly takenAt: string;
  readonly takenFrom: string;
}

const untold = { evidence: [], since: null, told: false, cluster: '', boundBy: '', takenAt: '', takenFrom: '' } as const;

const readers: Readonly<
  Record<
    Platform,
    {
      readonly cluster: (answer: StoredObject, parts: readonly StoredObject[]) => ClusterFacts;
      readonly pools: (answer: StoredObject, parts: readonly StoredObject[]) => readonly PoolFacts[];
    }
  >
> = {
  eks: { cluster: readEks, pools: (_answer, parts) => readEksPools(parts) },
  gke: { cluster: readGke, pools: readGkePools },
  aks: { cluster: readAks, pools: readAksPools },
};

const listings = [answersListing, 'k8s.nodes/nodes'] as const;

/** Null where no provider runs the cluster. Says what was given and cannot be used. */
function readTold(input: PopulationInput): Told | null {
  for (const kind of listings) input.listing(kind);
  const { reader } = input;
  const { bound, gaps } = readAnswers(reader);
  const platform = detectManaged(reader);
  if (platform === null) {
    // Nobody can say that there is no provider where the nodes were not read.
    const nodes = input.listing('k8s.nodes/nodes');
    if (nodes === undefined || !isComplete(nodes))
      input.gap({
        reason: 'absent',
        what: 'who runs the control plane',
        detail: 'the nodes, which show it, were not read',
        closedBy: `read the nodes; where a provider runs it, ${bringing(null)}`,
      });
    // A cluster of its owner's may be collected beside those of a provider, whose answers are then of no concern here.
    else if (gaps.length > 0 && (isContradicted(reader) || ![...input.each('k8s.nodes/nodes')].some(isMarkedControlPlane)))
      for (const gap of gaps) input.gap(gap);
    return null;
  }
  for (const gap of gaps) input.gap(gap);
  // What was given and could not be read may have been the answer, or a later one.
  for (const gap of input.listing(answersListing)?.gaps ?? []) if (gap.reason !== 'absent') input.gap(gap);
  if (bound !== null && bound.platform !== platform)
    input.gap({
      reason: 'error',
      what: `answer of ${bound.platform.toUpperCase()}`,
      detail: `the cluster shows itself as one of ${platform.toUpperCase()}`,
      closedBy: bringing(platform),
    });
  if (bound === null || bound.platform !== platform) {
    const base = { ...untold, resource: resourceOf(platform, reader.cluster.name), provider: platform, platform: platform.toUpperCase() };
    return { platform, answer: null, facts: nothingSaid, pools: [], base };
  }
  const { answer, parts, boundBy } = bound;
  const base = {
    resource: resourceOf(platform, textAt(answer.body, 'settings', 'name') ?? reader.cluster.name),
    evidence: [answer.id, ...parts.map(({ id }) => id)],
    since: null,
    provider: platform,
    platform: platform.toUpperCase(),
    told: true,
    cluster: textAt(answer.body, 'cluster') ?? '',
    boundBy,
    takenAt: textAt(answer.body, 'takenAt') ?? '',
    takenFrom: textAt(answer.body, 'takenFrom') ?? '',
  };
  return { platform, answer, facts: readers[platform].cluster(answer, parts), pools: readers[platform].pools(answer, parts), base };
}

const kinds: Readonly<Record<Platform, string>> = {
  eks: 'eks.amazonaws.com',
  gke: 'container.googleapis.com',
  aks: 'containerservice.azure.com',
};

function resourceOf(platform: Platform, name: string): ResourceRef {
  return { apiVersion: `${kinds[platform]}/v1`, kind: 'Cluster', namespace: '', name, uid: '' };
}

const keyWords: Readonly<Record<NonNullable<ClusterFacts['secretsKey']>, string>> = {
  customer: 'encrypted with a key of the customer',
  provider: 'encrypted with a key of the provider alone',
  documented: 'encrypted with no key but one that the provider documents and no answer shows',
  none: 'encrypted with no key above that of the disks',
  changing: 'under a key that is being changed, or that failed',
};

export const providerClusters: Population = {
  name: 'providerClusters',
  doc: "The provider's side of this cluster on EKS, GKE or AKS: what its own answer (a file) says of logs, keys, endpoints and sign-in",
  from: [],
  also: listings,
  *rows(input) {
    const told = readTold(input);
    if (told !== null)
      yield { ...told.base, ...told.facts, secretsKeyWords: keyWords[told.facts.secretsKey ?? 'none'], item: told.platform };
  },
};

export const providerNodePools: Population = {
  name: 'providerNodePools',
  doc: 'A node pool of this cluster on GKE or AKS, as the answer of its provider (a file) tells it',
  from: [],
  also: listings,
  *rows(input) {
    const told = readTold(input);
    if (told === null) return;
    // Without pools of its own there is still something to be said: that nobody told of any.
    if (told.pools.length === 0) yield { ...told.base, ...nothingSaidOfPool, item: told.platform, name: '' };
    for (const pool of told.pools) yield { ...told.base, ...pool, item: `${told.platform}/${pool.name}` };
  },
};
