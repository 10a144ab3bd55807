/** What `doctor` says of the schedule: the next slot, what came of the last one, and whether evidence holds until the next is read. */
import { existsSync } from 'node:fs';
import { enabledCollectors } from '../../collectors/index.ts';
import { type Clock, type Instant, KubevidenceError, type RunSummary, visible } from '../../model/index.ts';
import { latestSlot, nextSlot, parseSchedule, runDuty, type Schedule, slotsBetween } from '../../schedule/index.ts';
import type { Config } from '../config.ts';
import { formatDuration } from '../duration.ts';
import { attemptsSince } from '../collect/prepare-run.ts';
import { timesToLive } from '../assess/time-to-live.ts';
import { openLedgerForReading } from '../open-ledger.ts';

/** A check of `doctor`. */
interface Check {
  readonly state: 'ok' | 'warning' | 'problem';
  readonly what: string;
  readonly detail?: string;
  readonly error?: KubevidenceError;
}

/** A slot that nobody ran is overdue after this. */
const patienceMs = 60 * 60_000;
/** For the longest time between two slots, those of so many days are looked at, and at least so many of them. */
const [daysAhead, slotsAhead] = [32, 40];

export function* checkSchedule(clock: Clock, config: Config): Generator<Check> {
  const { schedule, timezone } = config;
  if (schedule.collect === null) {
    yield {
      state: 'warning',
      what: 'no schedule is set',
      detail: 'only scheduled runs count for coverage: `schedule: {collect: "0 6 * * *"}`, then kubevidence serve',
    };
    return;
  }
  const now = clock().toISOString();
  try {
    const collect = parseSchedule(schedule.collect);
    const next = nextSlot(collect, timezone, now);
    yield {
      state: 'ok',
      what: `the next slot of the schedule is ${next}: ${localTime(next, timezone)} in ${timezone}`,
      detail: 'run by: kubevidence serve, or a CronJob with kubevidence collect --scheduled',
    };
    yield* checkTimeToLive(config, collect, now);
    if (existsSync(config.ledgerPath)) for (const { name } of config.clusters) yield checkLastSlot(clock, config, collect, name);
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
    yield { state: 'problem', what: error.message, error, ...(error.next !== undefined && { detail: error.next }) };
  }
}

/** What holds for less time than passes between two slots is unknown in between. */
function* checkTimeToLive(config: Config, schedule: Schedule, now: Instant): Generator<Check> {
  const { timezone } = config;
  const until = new Date(Date.parse(now) + daysAhead * 86_400_000).toISOString();
  const slots = slotsBetween(schedule, timezone, now, until);
  do slots.push(nextSlot(schedule, timezone, slots.at(-1) ?? now));
  while (slots.length <= slotsAhead);
  const times = slots.map((slot) => Date.parse(slot));
  const longest = times.reduce((most, time, index) => Math.max(most, time - (times[index - 1] ?? time)), 0);
  const secondsOf = timesToLive(config);
  const kinds = enabledCollectors(config.collectors).flatMap(({ listings }) => listings.map(({ kind }) => kind));
  const shortest = Math.min(...kinds.map(secondsOf));
  if (shortest * 1000 >= longest) return;
  const hours = Math.ceil(longest / 3_600_000) + 2;
  const enough = hours <= 50 ? `${hours}h` : `${Math.ceil(hours / 24)}d`;
  yield {
    state: 'warning',
    what: `up to ${formatDuration(Math.round(longest / 1000))} pass between two slots, but evidence holds for ${formatDuration(shortest)}`,
    detail: `in between, the state is unknown: run more often, or set \`timeToLive: {default: ${enough}}\``,
  };
}

function checkLastSlot(clock: Clock, { ledgerPath, timezone }: Config, schedule: Schedule, cluster: string): Check {
  const ledger = openLedgerForReading({ clock }, { ledgerPath });
  try {
    const now = clock().toISOString();
    const name = visible(cluster);
    const slot = latestSlot(schedule, timezone, now) ?? now;
    const attempts = attemptsSince(ledger, cluster, slot);
    const missed = ledger.runsOfSlot(cluster, slot).some(({ status }) => status === 'missed');
    const duty = runDuty(schedule, timezone, now, () => ({ dueSince: ledger.dueSince(cluster), missed, attempts }));
    const last = attempts.at(-1);
    if (duty !== null && last !== undefined)
      return {
        state: 'problem',
        what: `${name}: ${attempts.length === 1 ? 'the run' : `${attempts.length} runs`} of the slot ${slot} failed: run ${last.number}, ${last.error ?? last.status}`,
        detail: `serve tries again at ${duty.notBefore}; try now: kubevidence collect --scheduled`,
      };
    if (ledger.dueSince(cluster) === null) return { state: 'warning', what: `${name}: no run yet`, detail: 'kubevidence collect' };
    if (duty !== null && (missed || Date.parse(now) - Date.parse(slot) > patienceMs))
      return {
        state: 'problem',
        what: `${name}: overdue: nobody ran the slot ${slot}`,
        detail: 'is kubevidence serve running, or the CronJob? Evidence that is not read is unknown',
      };
    if (duty !== null) return { state: 'ok', what: `${name}: the slot ${slot} is due now` };
    const done = attempts.findLast(({ status }) => status === 'succeeded' || status === 'partial');
    return { state: 'ok', what: `${name}: nothing is overdue${describeRun(done)}` };
  } finally {
    ledger.close();
  }
}

function describeRun(run: RunSummary | undefined): string {
  if (run === undefined) return '';
  const slot = run.slot === null ? 'too late for its slot' : `of the slot ${run.slot}`;
  return `; the last scheduled run is ${run.number}, ${run.status}, ${slot}`;
}

function localTime(instant: Instant, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(Date.parse(instant));
}
