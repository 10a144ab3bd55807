/**
 * One name, another cluster: a restored control plane, or a new one in the place of the old. A run that finds another kube-system UID fails;
 * once somebody answers for it in a record, the cluster that this run found is the one that the name stands for.
 */
import { type Instant, KubevidenceError, visible } from '../../model/index.ts';
import { salted } from '../storage/payloads.ts';
import type { Stores } from '../stores.ts';

export interface Rebinding {
  readonly cluster: string;
  /** UIDs of kube-system. */
  readonly from: string;
  readonly to: string;
  /** The run that found it. */
  readonly run: number;
}

export interface Rebindings {
  /** Throws `usage` unless the cluster's latest run that ended found another cluster than the name stands for. */
  rebindCluster(order: { readonly cluster: string; readonly reason: string; readonly by: string }): Rebinding;
}

export function createRebindings({ db, log, payloads, runs }: Stores, now: () => Instant): Rebindings {
  return {
    rebindCluster({ cluster, reason, by }) {
      const bound = runs.binding(cluster);
      const [end] = runs.latest(cluster);
      const { clusterUid: to, caFingerprint, run } = end?.record ?? { clusterUid: null, caFingerprint: null, run: 0 };
      if (bound === undefined || to === null || to === bound.uid)
        throw new KubevidenceError('usage', `the latest run of ${visible(cluster)} found no other cluster than before`, {
          next: 'Collect first: the run fails, and says which cluster it found. Then rebind.',
        });
      const details = salted({ reason, by });
      db.transaction(() => {
        const leaf = log.append({
          type: 'cluster-rebound',
          v: 1,
          at: now(),
          cluster,
          from: bound.uid,
          to,
          caFingerprint,
          run,
          details: details.id,
        });
        payloads.write(leaf, [details]);
      }).immediate();
      return { cluster, from: bound.uid, to, run };
    },
  };
}
