/** Which replica a metrics page came from, and that the others did not answer. */
import type { PopulationInput } from '../../model/index.ts';
import { segment } from '../identity.ts';
import type { Metrics } from './metrics.ts';
import { hashOfLease, idHashOf } from './metrics.ts';
import { readLiveLeases } from './replicas.ts';

export interface AnsweringReplica {
  readonly key: string;
  readonly name: string;
  /** It is the only one. */
  readonly single: boolean;
  /** Ids of the leases that say so. */
  readonly evidence: readonly string[];
}

/** Names the replica by its lease where it can be known, and says with a gap that the others did not answer. */
export function findAnsweringReplica(input: PopulationInput, metrics: Metrics): AnsweringReplica {
  const leases = readLiveLeases(input);
  const hash = idHashOf(metrics);
  const own = leases.length === 1 ? leases[0] : leases.find((lease) => hash !== undefined && hashOfLease(lease.name) === hash);
  if (leases.length !== 1) {
    input.gap({
      reason: 'absent',
      what: 'metrics of API servers',
      detail: leases.length === 0 ? 'no lease names the replicas' : `${leases.length - 1} of ${leases.length} replicas did not answer`,
      closedBy: 'read the metrics of each replica, or run a single one',
    });
  }
  const name = own?.name ?? 'the replica that answered';
  return { key: `kube-apiserver/${segment(name)}`, name, single: leases.length === 1, evidence: leases.map((lease) => lease.id) };
}
