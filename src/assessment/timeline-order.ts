/**
 * When runs happened, going by clocks that may have been wrong. The log proves in which order live runs took place; a clock that was set
 * back or ahead contradicts it. Runs that every explanation with the fewest wrong clocks agrees on keep their time; any other is doubtful
 * and happened somewhere between its neighbours. Imported runs have their own clock: their order in the log says nothing.
 */

/** Milliseconds since 1970. */
export interface Dated {
  readonly number: number;
  readonly at: number;
  readonly imported: boolean;
}

export interface Placed<T> {
  readonly run: T;
  /** The same twice, unless doubtful: then it happened at some moment between the two. */
  readonly from: number;
  readonly to: number;
  readonly doubtful: boolean;
}

/** In the order in which they took place. `first` is the ledger's birth, `last` the moment as of which one looks. */
export function placeInTime<T extends Dated>(
  runs: readonly T[],
  { first, last }: { readonly first: number; readonly last: number },
): Placed<T>[] {
  const live = runs.filter(({ imported }) => !imported).toSorted((a, b) => a.number - b.number);
  // Nothing in the log happened after its end, and nothing live before its beginning.
  const possible = live.filter(({ at }) => at >= first && at <= last);
  const undisputed = inEveryLongest(possible.map(({ at }) => at));
  const trusted = new Set<T>(possible.filter((_, index) => undisputed[index]));
  const exact = (run: T): Placed<T> => ({ run, from: run.at, to: run.at, doubtful: false });
  const imported = runs.filter((run) => run.imported && run.at <= last);
  const points = [...trusted, ...imported].map(exact).sort((a, b) => a.from - b.from || a.run.number - b.run.number);

  const after = new Map<T | null, Placed<T>[]>();
  let [before, waiting]: [T | null, T[]] = [null, []];
  const settle = (next: T | null): void => {
    const [from, to] = [before?.at ?? first, next?.at ?? last];
    if (waiting.length > 0)
      after.set(
        before,
        waiting.map((run) => ({ run, from, to, doubtful: true })),
      );
    waiting = [];
    before = next;
  };
  for (const run of live) {
    if (trusted.has(run)) settle(run);
    else waiting.push(run);
  }
  settle(null);
  // Whatever lies before the ledger's birth is imported.
  const begun = points.findIndex(({ from }) => from >= first);
  const start = begun < 0 ? points.length : begun;
  const withDoubtful = points.flatMap((placed) => [placed].concat(after.get(placed.run) ?? []));
  return withDoubtful.toSpliced(start, 0, ...(after.get(null) ?? []));
}

/** For each value, whether it is part of every longest subsequence that never decreases. */
function inEveryLongest(values: readonly number[]): boolean[] {
  const ending = lengths(values);
  const starting = lengths(values.map((value) => -value).toReversed()).toReversed();
  const longest = ending.reduce((most, length) => Math.max(most, length), 0);
  const onOne = values.map((_, i) => (ending[i] ?? 0) + (starting[i] ?? 0) - 1 === longest);
  const rivals = new Map<number, number>();
  for (const [i, length] of ending.entries()) if (onOne[i]) rivals.set(length, (rivals.get(length) ?? 0) + 1);
  return values.map((_, i) => onOne[i] === true && rivals.get(ending[i] ?? 0) === 1);
}

/** Of the longest subsequence without a decrease that ends at each value. */
function lengths(values: readonly number[]): number[] {
  const lowest: number[] = [];
  return values.map((value) => {
    let [low, high] = [0, lowest.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((lowest[middle] ?? 0) > value) high = middle;
      else low = middle + 1;
    }
    lowest[low] = value;
    return low + 1;
  });
}
