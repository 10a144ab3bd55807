/**
 * The difference of two clocks as a gap. A run whose clock is more than a minute from the server's dates its evidence wrongly, and that is
 * something that is missing (docs/audit-pack, trust and time).
 */
import type { Gap } from '../../model/index.ts';

const toleratedMs = 60_000;

/** What the gap says is missing. */
export const clockGapName = 'times of this run';

/** `skewMs`: the server's clock minus ours; null when the server named no time. */
export function clockGap(skewMs: number | null): Gap | null {
  if (skewMs === null || Math.abs(skewMs) <= toleratedMs) return null;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return {
    reason: 'error',
    what: clockGapName,
    detail: `the server's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours`,
    closedBy: 'set the clocks of the collector and of the cluster (NTP), and collect again',
  };
}
