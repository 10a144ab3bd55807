/**
 * Cluster names, labels and messages are hostile text. {@link visible} is the one place that makes text safe to show to people in any
 * output: nothing in it can move a cursor, recolour a terminal, reverse the reading direction or hide.
 */

// Control and format characters (bidirectional marks, zero width, soft hyphen, BOM, tags); lone surrogates; private use; line and paragraph
// separators; what fonts draw as nothing (fillers, selectors); noncharacters, which no XML can hold.
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** Printable ASCII, which most text is: telling so costs a tenth of looking for all that is hidden. */
const plain = /^[ -~]*$/;

/** The text with every invisible or controlling character written as `\u{hex}`. Newlines and tabs included: one line in, one line out. */
export function visible(text: string): string {
  if (plain.test(text)) return text;
  return text.replace(hidden, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** `visible`, shortened to `limit` UTF-16 units with an ellipsis that says how many more there were. */
export function clip(text: string, limit: number): string {
  const safe = visible(text);
  return safe.length <= limit ? safe : `${safe.slice(0, Math.max(1, limit - 12)).toWellFormed()}… (+${safe.length - limit + 12})`;
}
