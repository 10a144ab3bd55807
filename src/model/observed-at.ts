/** By which of its times a run is dated. */
import type { Instant, RunSummary } from './evidence.ts';

/** When a run's evidence was observed, which decides the period it belongs to. A slot is when it was due: only what was missed has no other. */
export function observedAt({ observedAt, endedAt, slot, startedAt, status }: RunSummary): Instant {
  return observedAt ?? (status === 'missed' ? slot : null) ?? endedAt ?? startedAt;
}
