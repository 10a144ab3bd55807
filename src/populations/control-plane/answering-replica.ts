/** Which replica a metrics page came from, and which others did not answer. */
import type { PopulationInput } from '../../model/index.ts';
import { isComplete } from '../../model/index.ts';
import { segment } from '../identity.ts';
import { readOnce } from '../read-once.ts';
import { areSeveral, nameOfAddress, sayUnheard, wereEachAsked } from './each-replica.ts';
import type { Metrics } from './metrics.ts';
import { hashOfLease, idHashOf, readEachMetrics } from './metrics.ts';
import { readLiveLeases } from './replicas.ts';

export interface AnsweringReplica {
  readonly key: string;
  readonly name: string;
  /** It is the only one. */
  readonly single: boolean;
  /** Ids of the leases that say so. */
  readonly evidence: readonly string[];
}

/** A replica that was asked for itself, or the only one that answered, with its metrics. */
export interface ReplicaMetrics {
  readonly replica: AnsweringReplica;
  readonly metrics: Metrics;
}

/**
 * The metrics of every replica that gave them, each a process of its own, and gaps for those that did not: compared with the leases, and
 * with the addresses where each was asked. Empty, without a gap, where no page was there at all.
 */
export const readReplicaMetrics = readOnce((input): readonly ReplicaMetrics[] => {
  const pages = readEachMetrics(input);
  if (pages.length === 0) {
    const listing = input.listing('k8s.apiserver/metrics');
    if (listing !== undefined && isComplete(listing) && listing.items > 0)
      input.gap({
        reason: 'error',
        what: 'metrics of API servers',
        detail: 'a counter on the page is no number, so nothing on it can be relied on',
        closedBy: 'collect again',
      });
    return [];
  }
  const leases = readLiveLeases(input);
  if (areSeveral(input, leases.length)) sayUnheard(input, 'k8s.apiservers/metrics');
  const evidence = leases.map(({ id }) => id);
  if (leases.length === 0 || leases.length > pages.length) {
    const { length } = pages;
    input.gap({
      reason: 'absent',
      what: 'metrics of API servers',
      detail: leases.length === 0 ? 'no lease names the replicas' : `${leases.length - length} of ${leases.length} replicas did not answer`,
      closedBy: wereEachAsked(input)
        ? 'let every API server be reached at the address that it registers'
        : 'set `apiServers: each` for this cluster, so that each replica is asked',
    });
  }
  return pages.map((metrics) => {
    const name = nameOf(input, metrics);
    return {
      metrics,
      replica: { key: `kube-apiserver/${segment(name)}`, name, single: leases.length === 1 && pages.length === 1, evidence },
    };
  });
});

/** Its node where it was asked for itself, else its lease where that can be known. */
function nameOf(input: PopulationInput, metrics: Metrics): string {
  if (metrics.address !== undefined) return nameOfAddress(input, metrics.address);
  const leases = readLiveLeases(input);
  const hash = idHashOf(metrics);
  const own = leases.length === 1 ? leases[0] : leases.find((lease) => hash !== undefined && hashOfLease(lease.name) === hash);
  return own?.name ?? 'the replica that answered';
}
