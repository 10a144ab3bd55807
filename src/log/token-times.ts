/**
 * The records' own times against time-stamp tokens. A token over the checkpoint of a size proves that the records before it existed by the
 * token's time, and that those from it on did not exist when the checkpoint was signed, moments before. Records that say otherwise were
 * written by a clock that was wrong, or were dated to look older or newer than they are.
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

export function createTokenTimes(tokens: readonly TokenTime[]) {
  const known = tokens.map(({ size, time }) => ({ size, at: Date.parse(time) })).toSorted((a, b) => a.size - b.size);
  // An older checkpoint may be stamped after a newer one, whose token then says more.
  const earliestFrom = known.map(({ at }) => at);
  for (let n = earliestFrom.length - 2; n >= 0; n -= 1) earliestFrom[n] = Math.min(earliestFrom[n] ?? 0, earliestFrom[n + 1] ?? Infinity);
  let next = 0;
  let latest = -Infinity;
  const [late, early]: [number[], number[]] = [[], []];
  return {
    /** Records in order, each once. */
    take(leaf: number, at: string): void {
      if (known.length === 0) return;
      for (let token = known[next]; token !== undefined && token.size <= leaf; token = known[next]) {
        // When an older checkpoint was stamped late, its token does not say when it was signed.
        if (token.at === earliestFrom[next]) latest = Math.max(latest, token.at);
        next += 1;
      }
      const time = Date.parse(at);
      if (time > (earliestFrom[next] ?? Infinity) + clockToleranceMs) late.push(leaf);
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
              `${some(early)}: dated before a time-stamp token whose checkpoint did not have them yet (dated back, or by a clock that was behind)`,
            ]),
        ...(late.length === 0 ? [] : [`${some(late)}: dated after the time-stamp token that covers them (by a clock that was ahead)`]),
      ];
    },
  };
}

/** Records of this time could have been dated freely within it: nobody but the collector's clock says when they were written. */
export interface TokenGap {
  /** RFC 3339, UTC. */
  readonly from: string;
  readonly to: string;
}

/** A day, and two hours for a schedule that is late. */
const longestGapMs = 26 * 3_600_000;

/**
 * Where tokens are more than a day apart, from the log's birth to its last record: `born`, `until`. `times` are those of tokens, in any
 * order. A window shows the part of the gaps that is inside.
 */
export function tokenGaps(
  times: readonly string[],
  { born, until, window }: { readonly born: string; readonly until: string; readonly window?: TokenGap | null },
): TokenGap[] {
  const within = times.filter((time) => time > born && time < until).toSorted();
  const later = times.filter((time) => time >= until).toSorted();
  const gaps = [...within, later[0] ?? until].flatMap((to, n) => {
    const from = within[n - 1] ?? born;
    return Date.parse(to) - Date.parse(from) > longestGapMs ? [{ from, to: to < until ? to : until }] : [];
  });
  if (window === undefined || window === null) return gaps;
  return gaps.flatMap(({ from, to }) => {
    const part = { from: from > window.from ? from : window.from, to: to < window.to ? to : window.to };
    return part.from < part.to ? [part] : [];
  });
}
