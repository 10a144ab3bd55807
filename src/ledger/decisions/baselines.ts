/**
 * Baselines: the snapshot of a cluster with which later ones are compared, as somebody accepted it. Each acceptance is a record and replaces
 * the one before; who and why are a salted payload.
 */
import { type Instant, KubevidenceError, textAt, visible } from '../../model/index.ts';
import { salted } from '../storage/payloads.ts';
import { isSnapshot } from '../runs/runs.ts';
import type { Stores } from '../stores.ts';

export interface Baseline {
  readonly cluster: string;
  readonly run: number;
  readonly at: Instant;
  readonly leaf: number;
  /** Null where they were erased. */
  readonly reason: string | null;
  readonly by: string | null;
}

export interface Baselines {
  /** Throws `usage` for a run without a snapshot. */
  acceptBaseline(accepted: Pick<Baseline, 'cluster' | 'run'> & { readonly reason: string; readonly by: string }): Baseline;
  /** The one that was accepted last. */
  baseline(cluster: string): Baseline | undefined;
}

export function createBaselines({ db, log, payloads, runs }: Stores, now: () => Instant): Baselines {
  const baseline = (cluster: string): Baseline | undefined => {
    const found = log
      .find('baseline-accepted', cluster)
      .toSorted((a, b) => a.leaf - b.leaf)
      .at(-1);
    if (found === undefined) return undefined;
    const { leaf, record } = found;
    const said = (name: string) => textAt(payloads.read(leaf)?.[0]?.value, name) ?? null;
    return { cluster, run: record.run, at: record.at, leaf, reason: said('reason'), by: said('by') };
  };
  return {
    baseline,
    acceptBaseline({ cluster, run, reason, by }) {
      const end = runs.ended(cluster, run);
      if (end === undefined || !isSnapshot(end.record))
        throw new KubevidenceError('usage', `run ${run} of ${visible(cluster)} has no snapshot that could be a baseline`, {
          next: 'See the runs: kubevidence ledger status',
        });
      const details = salted({ reason, by });
      db.transaction(() => {
        const leaf = log.append({ type: 'baseline-accepted', v: 1, at: now(), cluster, run, details: details.id });
        payloads.write(leaf, [details]);
      }).immediate();
      return baseline(cluster) as Baseline;
    },
  };
}
