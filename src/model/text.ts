/**
 * Cluster names, labels and messages are hostile text. {@link visible} is the one place that makes text safe to show to people in any
 * output: nothing in it can move a cursor, recolour a terminal, reverse the reading direction or hide.
 */

// C0, DEL, C1; bidirectional marks, overrides and isolates; zero-width and invisible operators; line/paragraph separators; BOM; tags.
const hidden = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** The text with every invisible or controlling character written as `\u{hex}`. Newlines and tabs included: one line in, one line out. */
export function visible(text: string): string {
  return text.replace(hidden, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** `visible`, shortened to `limit` UTF-16 units with an ellipsis that says how many more there were. */
export function clip(text: string, limit: number): string {
  const safe = visible(text);
  return safe.length <= limit ? safe : `${safe.slice(0, Math.max(1, limit - 12)).toWellFormed()}… (+${safe.length - limit + 12})`;
}
