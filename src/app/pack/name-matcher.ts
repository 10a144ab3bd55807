/**
 * Finds known names in any text, in time that grows with the text and not with the names: a name stands for itself when no letter or digit
 * is next to it, so that `alice` is found in `alice-admin` and not in `malice`. Case does not matter; of several names the longest is meant.
 */

interface Form<T> {
  readonly text: string;
  readonly lower: string;
  /** Where its first letter or digit stands. */
  readonly offset: number;
  readonly of: T;
}

/** Where a form begins, seen from its first letter or digit, and how long it is. */
interface Shape {
  readonly length: number;
  readonly offset: number;
}

export interface NameMatcher<T> {
  /**
   * The text with each name as `put` gives it; null leaves it to a shorter name at its place. Also what is left of a name that `clip` cut
   * off. `start`: where in the text it stands; -1 for what was cut off.
   */
  substitute(text: string, put: (of: T, start: number) => string | null): string;
}

const run = /[\p{L}\p{N}]+/gu;
const letterOrDigit = /[\p{L}\p{N}]/u;
/** What {@link clip} writes where it ends a text. */
const cut = '… (+';
/** Characters before it in which a name may have begun. */
const farthest = 300;

/** `names`: forms of names, each with what it stands for. A form without a letter or digit is never found. */
export function createNameMatcher<T>(names: Iterable<readonly [string, T]>): NameMatcher<T> {
  const forms: Form<T>[] = [];
  for (const [text, of] of names) {
    const offset = text.search(letterOrDigit);
    if (offset >= 0) forms.push({ text, lower: lowered(text), offset, of });
  }
  const byText = Map.groupBy(forms, ({ lower }) => lower);
  // Many names may begin with the same word, such as an issuer: what differs in its length only is looked up, not tried.
  const shapes = new Map<string, Shape[]>();
  for (const { text, lower, offset } of forms) {
    const first = /^[\p{L}\p{N}]+/u.exec(lower.slice(offset))?.[0] ?? '';
    const known = shapes.get(first) ?? [];
    if (!known.some((shape) => shape.length === text.length && shape.offset === offset)) known.push({ length: text.length, offset });
    shapes.set(first, known);
  }
  for (const each of shapes.values()) each.sort((left, right) => right.length - left.length);
  /** Names that stand at `begin`; of two that differ in their case only, first the one that is written like this. */
  const standingAt = (text: string, begin: number, { length, offset }: Shape): readonly Form<T>[] => {
    const here = text.slice(begin, begin + length);
    const found = (byText.get(lowered(here)) ?? []).filter(
      (form) =>
        form.offset === offset &&
        form.text.length === length &&
        !(letterOrDigit.test(form.text.at(-1) ?? '') && isLetterOrDigit(text, begin + length)),
    );
    return found.toSorted((left, right) => Number(right.text === here) - Number(left.text === here));
  };
  const substituteWhole = (text: string, put: (of: T, start: number) => string | null): string => {
    let [out, last] = ['', 0];
    for (const { 0: word, index: first } of text.matchAll(run))
      for (const start of startsOf(text, first, word.length))
        for (const shape of shapes.get(lowered(text.slice(start, first + word.length))) ?? []) {
          const begin = start - shape.offset;
          if (begin < last || begin < 0) continue;
          const shown = firstOf(standingAt(text, begin, shape), ({ of }) => put(of, begin));
          if (shown === null) continue;
          out += text.slice(last, begin) + shown;
          last = begin + shape.length;
        }
    return last === 0 ? text : out + text.slice(last);
  };
  const substituteCut = (text: string, put: (of: T, start: number) => string | null): string => {
    const end = text.indexOf(cut);
    if (end < 0) return text;
    const from = Math.max(0, end - farthest);
    for (const { index: at } of text.slice(from, end).matchAll(run)) {
      const rest = lowered(text.slice(from + at, end));
      const begun = rest.length < 2 ? [] : forms.filter(({ lower, offset }) => lower.startsWith(rest, offset));
      const shown = firstOf(begun, ({ of }) => put(of, -1));
      if (shown !== null) return text.slice(0, from + at) + shown + substituteRest(text.slice(end), put);
    }
    return text.slice(0, end) + substituteRest(text.slice(end), put);
  };
  /** After the mark at its beginning. */
  const substituteRest = (text: string, put: (of: T, start: number) => string | null): string =>
    text.slice(0, cut.length) + substituteCut(text.slice(cut.length), put);
  return {
    substitute: (text, put) => (forms.length === 0 ? text : substituteCut(substituteWhole(text, put), put)),
  };
}

/** In lower case, each character for itself and as long as it was: by itself `İ` would become two, and `Σ` look to what follows it. */
function lowered(text: string): string {
  if (/^[ -~]*$/.test(text)) return text.toLowerCase();
  return text.replace(/./gsu, (character) => character.toLowerCase().slice(0, character.length)).replaceAll('ς', 'σ');
}

function firstOf<F>(list: readonly F[], of: (each: F) => string | null): string | null {
  for (const each of list) {
    const found = of(each);
    if (found !== null) return found;
  }
  return null;
}

/** Where a word begins: also behind what JSON or a URL escapes. */
function startsOf(text: string, first: number, length: number): readonly number[] {
  const before = text[first - 1];
  const escape = before === '\\' ? /^(?:u[0-9a-f]{4}|[bfnrt])/i : before === '%' ? /^[0-9a-f]{2}/i : null;
  const skipped = escape?.exec(text.slice(first, first + length))?.[0].length ?? 0;
  return skipped === 0 || skipped >= length ? [first] : [first, first + skipped];
}

function isLetterOrDigit(text: string, at: number): boolean {
  const code = text.codePointAt(at);
  return code !== undefined && letterOrDigit.test(String.fromCodePoint(code));
}
