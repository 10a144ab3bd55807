/**
 * The records' own times against time-stamp tokens. A token over the checkpoint of a size proves that the records before it existed by the
 * token's time, and that those from it on did not exist when the checkpoint was signed, moments before. Records that say otherwise were
 * written by a clock that was wrong, or were dated to look older or newer than they are. By how much later than it says a record may have
 * been written, the first token that covers it tells.
 */

export interface TokenTime {
  /** Of the checkpoint that was stamped. */
  readonly size: number;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
}

/** Clocks differ; above this it is a gap elsewhere, too (audit-pack: people, trust and time). */
export const clockToleranceMs = 60_000;
/** Records may be appended while the authority is asked and the answer is stored. */
const patienceMs = 600_000;

/** By size. `earliest`: of this token and all over larger checkpoints, because an older checkpoint may be stamped after a newer one. */
function inOrder(tokens: readonly TokenTime[]): { readonly size: number; readonly at: number; earliest: number }[] {
  const known = tokens
    .map(({ size, time }) => ({ size, at: Date.parse(time), earliest: Date.parse(time) }))
    .toSorted((a, b) => a.size - b.size);
  let earliest = Infinity;
  for (const token of known.toReversed()) {
    earliest = Math.min(earliest, token.at);
    token.earliest = earliest;
  }
  return known;
}

export function createTokenTimes(tokens: readonly TokenTime[]) {
  const known = inOrder(tokens);
  let next = 0;
  let latest = -Infinity;
  const [late, early]: [number[], number[]] = [[], []];
  return {
    /** Records in order, each once. */
    take(leaf: number, at: string): void {
      if (known.length === 0) return;
      for (let token = known[next]; token !== undefined && token.size <= leaf; token = known[next]) {
        // When an older checkpoint was stamped late, its token does not say when it was signed.
        if (token.at === token.earliest) latest = Math.max(latest, token.at);
        next += 1;
      }
      const time = Date.parse(at);
      if (time > (known[next]?.earliest ?? Infinity) + clockToleranceMs) late.push(leaf);
      if (time < latest - patienceMs) early.push(leaf);
    },
    /** One for each kind of contradiction. */
    sentences(): string[] {
      const some = (leaves: readonly number[]) =>
        `${leaves.length === 1 ? 'record' : 'records'} ${leaves.slice(0, 5).join(', ')}${leaves.length > 5 ? ` and ${leaves.length - 5} more` : ''}`;
      return [
        ...(early.length === 0
          ? []
          : [
              `${some(early)}: dated before a time-stamp token whose checkpoint did not have them yet (dated back, by a clock that was behind, or the checkpoint was long signed when it was stamped)`,
            ]),
        ...(late.length === 0 ? [] : [`${some(late)}: dated after the time-stamp token that covers them (by a clock that was ahead)`]),
      ];
    },
  };
}

/** A day, and two hours for a schedule that is late. */
export const longestDelayMs = 26 * 3_600_000;

/** Records that the same token is the first to cover, later than within a day: nobody but the collector's clock says when they were written. */
export interface LateRecords {
  readonly count: number;
  /** The first and the last time that they claim; RFC 3339, UTC. */
  readonly from: string;
  readonly to: string;
  /** Time of the first token over them; null where there is none. */
  readonly covered: string | null;
  /** Between `from` and `covered`; infinite without a token. */
  readonly delayMs: number;
}

/**
 * What a token proves is that the records of its checkpoint existed by its time, and nothing of later ones, however often an old checkpoint
 * is stamped. So each record is held against the first token that covers it. `times` are those that records claim, by leaf; null for one
 * whose time is not known. Records that no token covers are late when `until` is more than a day after them; always when it is null.
 */
export function lateRecords(tokens: readonly TokenTime[], times: Iterable<string | null>, until: string | null): LateRecords[] {
  const known = inOrder(tokens);
  const late = new Map<number, LateRecords>();
  const end = until === null ? Infinity : Date.parse(until);
  let [leaf, next] = [-1, 0];
  for (const at of times) {
    leaf += 1;
    while ((known[next]?.size ?? Infinity) <= leaf) next += 1;
    const first = known[next]?.earliest ?? Infinity;
    if (at === null || (first === Infinity ? end : first) - Date.parse(at) <= longestDelayMs) continue;
    const { count, from, to } = late.get(first) ?? { count: 0, from: at, to: at };
    const earliest = at < from ? at : from;
    late.set(first, {
      count: count + 1,
      from: earliest,
      to: at > to ? at : to,
      covered: first === Infinity ? null : new Date(first).toISOString(),
      delayMs: first - Date.parse(earliest),
    });
  }
  return [...late.values()];
}

/** Records that are dated `from` then, and that no token covers before `to`, which is more than a day later. */
export interface TokenGap {
  /** RFC 3339, UTC. */
  readonly from: string;
  readonly to: string;
}

/** As {@link lateRecords}. A window looks only at the records that are dated inside it; it is half-open. */
export function tokenGaps(
  tokens: readonly TokenTime[],
  times: Iterable<string | null>,
  { until, window }: { readonly until: string; readonly window?: TokenGap },
): TokenGap[] {
  const inside = (at: string) => window === undefined || (at >= window.from && at < window.to);
  const looked = function* () {
    for (const at of times) yield at !== null && inside(at) ? at : null;
  };
  return lateRecords(tokens, looked(), until).map(({ from, covered }) => ({ from, to: covered ?? until }));
}
