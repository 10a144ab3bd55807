/** Finds what somebody probably meant: the known name with the fewest edits, or nothing when none is close. */

/** The known name that needs the fewest single-character edits, at most a third of its length (two for short names). */
export function findNearest(name: string, known: Iterable<string>): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = countEdits(name.slice(0, 200).toLowerCase(), candidate.slice(0, 200).toLowerCase());
    if (edits <= Math.max(2, Math.floor(candidate.length / 3)) && (best === undefined || edits < best.edits))
      best = { name: candidate, edits };
  }
  return best?.name;
}

/** Levenshtein distance, one row at a time. */
function countEdits(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
