/**
 * Turns spans of text into lines that fit a width. Guarantees: no character of the input is lost (one without a glyph is written as
 * `\u{hex}`), no line is wider than asked, and names in monospace break after `/ - . :` before they break anywhere else.
 */
import { escapeCharacter, harmless } from '../wording.ts';
import { type Face, ink, linkInk } from './style.ts';

export interface Span {
  readonly text: string;
  readonly face?: Face;
  readonly colour?: string;
  /** Key of a place in the document. */
  readonly link?: string;
  /** Do not break inside while it fits a line: short ids. */
  readonly whole?: boolean;
  /** Begins a new line. */
  readonly below?: boolean;
}

export interface Piece {
  readonly text: string;
  readonly face: Face;
  readonly colour: string;
  readonly link: string | undefined;
  readonly width: number;
}

export interface Line {
  readonly pieces: readonly Piece[];
  readonly width: number;
}

/** What the typesetter must know about fonts. Widths are for size 1. */
export interface Fonts {
  width(text: string, face: Face): number;
  has(codePoint: number, face: Face): boolean;
}

export function text(value: string, options: Omit<Span, 'text'> = {}): Span {
  return { text: value, ...options };
}

export function name(value: string, options: Omit<Span, 'text' | 'face'> = {}): Span {
  return { text: value, face: 'mono', ...options };
}

/** An id that links to its place. */
export function reference(id: string, link: string): Span {
  return { text: id, face: 'mono', link, whole: true };
}

export function setLines(spans: readonly Span[], size: number, width: number, fonts: Fonts): Line[] {
  const lines: Line[] = [];
  let pieces: Piece[] = [];
  let used = 0;
  const feed = (): void => {
    while (pieces.at(-1)?.text.trim() === '') used -= pieces.pop()?.width ?? 0;
    lines.push({ pieces, width: used });
    pieces = [];
    used = 0;
  };
  const place = (piece: Piece): void => {
    if (pieces.length > 0 && used + piece.width > width && piece.text.trim() !== '') {
      const carried = clings(piece, pieces) ? pieces.pop() : undefined;
      used -= carried?.width ?? 0;
      feed();
      if (carried !== undefined) place(carried);
    }
    if (pieces.length === 0 && piece.text.trim() === '') return;
    pieces.push(piece);
    used += piece.width;
  };
  for (const span of spans) {
    if (span.below === true && pieces.length > 0) feed();
    for (const word of wordsOf(span)) {
      const piece = shape(word, span, size, fonts);
      if (piece.width <= width) place(piece);
      else for (const part of split(piece.text, span, size, width, fonts)) place(part);
    }
  }
  if (pieces.length > 0 || lines.length === 0) feed();
  return lines;
}

/** Punctuation stays with the word before it, when that leaves something on the line. */
function clings(piece: Piece, pieces: readonly Piece[]): boolean {
  return /^[,;.):]/.test(piece.text) && pieces.length > 1 && pieces.at(-1)?.text.trim() !== '';
}

function wordsOf(span: Span): readonly string[] {
  const words = harmless(span.text).match(/ +|[^ ]+/g) ?? [];
  return span.face === 'mono' && span.whole !== true ? words.flatMap(segmentsOf) : words;
}

/** Breaks after the separators of names; an escape such as `\u{202e}` has none inside and stays together. */
function segmentsOf(word: string): readonly string[] {
  return word.match(/[^/\-.:,|=@_]*[/\-.:,|=@_]+|[^/\-.:,|=@_]+/g) ?? [word];
}

/** For a word wider than a line: first at separators, then anywhere. */
function split(word: string, span: Span, size: number, width: number, fonts: Fonts): Piece[] {
  const parts: Piece[] = [];
  for (const segment of segmentsOf(word)) {
    const piece = shape(segment, span, size, fonts);
    if (piece.width <= width) {
      parts.push(piece);
      continue;
    }
    let current = '';
    for (const atom of atomsOf(segment)) {
      if (current !== '' && shape(current + atom, span, size, fonts).width > width) {
        parts.push(shape(current, span, size, fonts));
        current = '';
      }
      current += atom;
    }
    parts.push(shape(current, span, size, fonts));
  }
  return parts;
}

/** Letters with their marks; an escape of ours is one atom. */
function atomsOf(segment: string): readonly string[] {
  return segment
    .split(/(\\u\{[0-9a-f]+\})/)
    .flatMap((part) => (part.startsWith('\\u{') ? [part] : [...graphemes.segment(part)].map(({ segment: letter }) => letter)));
}

const graphemes = new Intl.Segmenter('en');

/** Chooses a face that has every glyph: the wanted one, else monospace, else the wanted one with escapes. */
function shape(word: string, span: Span, size: number, fonts: Fonts): Piece {
  const wanted = span.face ?? 'regular';
  const lacks = (face: Face): boolean => Array.from(word).some((character) => !fonts.has(character.codePointAt(0) ?? 0, face));
  let face = wanted;
  let shown = word;
  if (lacks(wanted)) {
    if (wanted !== 'mono' && !lacks('mono')) face = 'mono';
    else
      shown = Array.from(word, (character) =>
        fonts.has(character.codePointAt(0) ?? 0, wanted) ? character : escapeCharacter(character),
      ).join('');
  }
  const colour = span.colour ?? (span.link === undefined ? ink : linkInk);
  return { text: shown, face, colour, link: span.link, width: fonts.width(shown, face) * sizeOf(size, face) };
}

/** Noto Sans Mono looks larger than Noto Sans at the same size. */
export function sizeOf(size: number, face: Face): number {
  return face === 'mono' ? size * 0.93 : size;
}
