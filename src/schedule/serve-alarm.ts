/**
 * The alarm clock of `serve`: cron's own, which looks at the clock once a minute, at the second at which the schedule is due. So no timer is
 * longer than a minute, and a clock that was set, or a machine that slept, is noticed within one. Which slot is due is not asked here.
 */
import type { Alarm } from './serve-port.ts';

/** `second`: 0 to 59. */
export async function createAlarm(second: number): Promise<Alarm> {
  const { CronJob } = await import('cron');
  let rang = false;
  let wake: (() => void) | null = null;
  const job = CronJob.from({
    cronTime: `${second} * * * * *`,
    timeZone: 'UTC',
    // A ring that comes late, because this thread was busy, is a ring.
    threshold: 60_000,
    start: true,
    onTick: () => {
      rang = true;
      wake?.();
    },
  });
  return {
    async wait(stop) {
      if (!rang && !stop.aborted)
        await new Promise<void>((resolve) => {
          const end = () => {
            stop.removeEventListener('abort', end);
            resolve();
          };
          wake = end;
          stop.addEventListener('abort', end);
        });
      wake = null;
      rang = false;
    },
    close: () => void job.stop(),
  };
}
