/** By which of its times a run is dated, and what is a time at all. */
import type { Instant, RunSummary } from './evidence.ts';

/** No clock gives the 30th of February or the hour 24; such a text would compare with others as anybody likes. */
export function isInstant(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}

/** When a run's evidence was observed, which decides the period it belongs to. A slot is when it was due: only what was missed has no other. */
export function observedAt({ observedAt, endedAt, slot, startedAt, status }: RunSummary): Instant {
  return observedAt ?? (status === 'missed' ? slot : null) ?? endedAt ?? startedAt;
}
