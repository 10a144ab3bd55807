/** Lines of a text that may be of any length, one at a time: memory holds a piece of it, and no line longer than 1 MiB. */

export interface NumberedLine {
  /** From 1. */
  readonly number: number;
  /** Without its line feed; null for one that is too long to be held. */
  readonly text: string | null;
}

const longestLine = 1024 * 1024;

export async function* linesOf(chunks: AsyncIterable<string>): AsyncIterable<NumberedLine> {
  let number = 1;
  let pending = '';
  let tooLong = false;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      const text = pending + chunk.slice(start, end);
      yield { number, text: tooLong || text.length > longestLine ? null : text };
      number += 1;
      pending = '';
      tooLong = false;
      start = end + 1;
    }
    if (!tooLong) pending += chunk.slice(start);
    if (pending.length > longestLine) {
      tooLong = true;
      pending = '';
    }
  }
  if (tooLong || pending !== '') yield { number, text: tooLong ? null : pending };
}
