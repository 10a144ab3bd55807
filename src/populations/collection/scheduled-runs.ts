/**
 * The slots of the schedule since the last scheduled run that read anything, with how each came out, and the run that is judged with how
 * long nothing had been read before it. A slot counts as its best attempt did. Where no run of a schedule is on record, the one row says so.
 */
import type { Instant, ListingKind, Population, StoredObject } from '../../model/index.ts';
import { at, textAt } from '../../model/index.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';
import { requireOwnListing } from './own-listing.ts';

const kind: ListingKind = 'kubevidence.ledger/runs';
/** Best first. */
const order = ['succeeded', 'partial', 'running', 'interrupted', 'failed', 'planned', 'missed'];

interface Run {
  readonly object: StoredObject;
  readonly number: number;
  readonly isScheduled: boolean;
  readonly status: string;
  readonly slot: Instant | null;
  readonly startedAt: Instant;
  /** When it ended having read something; else null. */
  readonly readAt: Instant | null;
  readonly holdsSeconds: number;
}

function toRun(object: StoredObject): Run {
  const { body } = object;
  const [number, holds] = [at(body, 'number'), at(body, 'holdsSeconds')];
  const status = textAt(body, 'status') ?? '';
  return {
    object,
    number: typeof number === 'number' ? number : 0,
    isScheduled: textAt(body, 'trigger') === 'scheduled',
    status,
    slot: textAt(body, 'slot') ?? null,
    startedAt: textAt(body, 'startedAt') ?? '',
    readAt: status === 'succeeded' || status === 'partial' ? (textAt(body, 'observedAt') ?? textAt(body, 'endedAt') ?? null) : null,
    holdsSeconds: typeof holds === 'number' ? holds : 0,
  };
}

/** Attempts at one slot together; a run that came too late for its slot stands for itself. */
function bySlot(runs: readonly Run[]): ReadonlyMap<string, readonly [Run, ...Run[]]> {
  const slots = new Map<string, [Run, ...Run[]]>();
  for (const run of runs) {
    const key = run.slot === null ? `run/${run.number}` : `slot/${run.slot}`;
    const known = slots.get(key);
    if (known === undefined) slots.set(key, [run]);
    else known.push(run);
  }
  return slots;
}

/** `7 d 2 h`, `26 h`. */
function lengthOf(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours === 0 ? `${minutes} min` : `${hours} h`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Since when a slot that came out like this was lost. */
function lostSince({ status, slot, startedAt, object }: Run): Instant {
  return (status === 'missed' ? slot : textAt(object.body, 'endedAt')) ?? startedAt;
}

export const scheduledRuns: Population = {
  name: 'scheduledRuns',
  doc: 'A slot of the schedule since the last scheduled run that read anything, with how it came out',
  from: [],
  also: [kind],
  *rows(input) {
    if (!requireOwnListing(input, kind, 'the runs')) return;
    const unique = uniqueKeys();
    const runs = [...input.each(kind)].map(toRun).sort((a, b) => a.number - b.number);
    const scheduled = runs.filter((run) => run.isScheduled);
    const alone = scheduled.length === 0;
    const last = scheduled.findLast((run) => run.readAt !== null);
    for (const [key, attempts] of bySlot(alone ? runs : scheduled)) {
      const best = attempts.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0] ?? attempts[0];
      const { status, object, startedAt } = best;
      const follows = status === 'running' && last !== undefined && last.readAt !== null ? last : undefined;
      const minutes = follows?.readAt ? Math.max(0, Math.round((Date.parse(startedAt) - Date.parse(follows.readAt)) / 60_000)) : 0;
      const limit = Math.round((follows?.holdsSeconds ?? 0) / 60);
      const note = textAt(object.body, 'note');
      const lost = lostSince(best);
      const limitEnds = follows?.readAt ? new Date(Date.parse(follows.readAt) + limit * 60_000).toISOString() : lost;
      yield {
        item: unique(key),
        resource: resourceOf(object),
        evidence: [...attempts, ...(follows === undefined ? [] : [follows])].map((run) => run.object.id),
        ...(status !== 'succeeded' && {
          since: { at: status === 'running' ? limitEnds : lost, source: `run ${best.number} in the ledger` },
        }),
        run: best.number,
        when: `${(best.slot ?? startedAt).slice(0, 16).replace('T', ' ')} UTC`,
        unscheduled: alone,
        status,
        minutesSinceRead: minutes,
        limitMinutes: limit,
        says:
          status === 'running'
            ? `began ${lengthOf(minutes)} after the last scheduled run that read anything`
            : `${status === 'missed' ? 'was missed' : `ended as ${status}`}${note === undefined ? '' : `, and ${note}`}`,
      };
    }
  },
};
