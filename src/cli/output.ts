/**
 * Documents for programs and errors for people. JSON is one document on stdout and nothing else; no character in it can control a
 * terminal. An error says what happened, to what, why, what it means, and what to type next, in five lines at most.
 */
import { Document, isScalar, visit } from 'yaml';
import type { Place } from '../model/index.ts';
import { clip, isObject, KubevidenceError, visible } from '../model/index.ts';
import type { Terminal } from './terminal.ts';
import { wrap } from './terminal.ts';

export type OutputFormat = 'table' | 'json' | 'yaml' | 'name';

/** Throws `usage` for a format that the command does not have. */
export function checkFormat(format: string, allowed: readonly OutputFormat[]): OutputFormat {
  const found = allowed.find((each) => each === format);
  if (found === undefined)
    throw new KubevidenceError('usage', `there is no output format ${visible(format)} here`, { next: `Use -o ${allowed.join('|')}.` });
  return found;
}

// DEL, C1 and bidirectional controls are legal in JSON strings, and only stand inside strings: escaping them keeps the document the same.
const unsafe = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** One line, for a log. */
export function toJsonLine(value: unknown): string {
  return escapeUnsafe(JSON.stringify(value));
}

function escapeUnsafe(json: string): string {
  return json.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Characters after which a piece is printed. */
const pieceLength = 64 * 1024;

/**
 * A document's text in pieces, to be parted by line ends: the document of a large cluster is many MB, and one character beyond
 * Latin-1 doubles what a text takes.
 */
export function* jsonPieces(value: unknown): Iterable<string> {
  let piece = '';
  for (const lines of jsonLines(value)) {
    piece += piece === '' ? lines : `\n${lines}`;
    if (piece.length < pieceLength) continue;
    yield escapeUnsafe(piece);
    piece = '';
  }
  if (piece !== '') yield escapeUnsafe(piece);
}

/** An object member by member, and a list in it element by element. */
function* jsonLines(value: unknown): Iterable<string> {
  const members = isObject(value) ? Object.entries(value).filter(([, member]) => member !== undefined) : [];
  if (members.length === 0) return yield JSON.stringify(value, null, 2);
  yield '{';
  for (const [place, [key, member]] of members.entries()) {
    const comma = place < members.length - 1 ? ',' : '';
    if (!Array.isArray(member) || member.length === 0) {
      yield `${JSON.stringify({ [key]: member }, null, 2).slice(2, -2)}${comma}`;
      continue;
    }
    const open = `  ${JSON.stringify(key)}: [`;
    yield open;
    for (let i = 0; i < member.length; i++) {
      // As it stands in the whole: without what opens and closes the object and the list around it.
      const text = JSON.stringify({ [key]: [(member as unknown[])[i]] }, null, 2).slice(2 + open.length + 1, -6);
      yield i < member.length - 1 ? `${text},` : text;
    }
    yield `  ]${comma}`;
  }
  yield '}';
}

export function printDocument(terminal: Terminal, format: OutputFormat, value: unknown): void {
  if (format === 'yaml') terminal.print(toYaml(value));
  else for (const piece of jsonPieces(value)) terminal.print(piece);
}

/** The same document in YAML, whose double quotes know the escapes of JSON (YAML 1.2, 5.7); plain keys know none. */
export function toYaml(value: unknown): string {
  const document = new Document(JSON.parse(JSON.stringify(value)));
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && typeof key.value === 'string' && key.value.search(unsafe) >= 0) key.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeUnsafe(document.toString({ defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 })).trimEnd();
}

export function printError(terminal: Terminal, error: unknown): void {
  if (!(error instanceof KubevidenceError)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.note('kubevidence: a defect in Kubevidence itself:');
    for (const line of trace.split('\n').slice(0, 12)) terminal.note(`  ${clip(line, 300)}`);
    terminal.note('  Nothing that was recorded before is affected. Please report it with the lines above.');
    return;
  }
  const where = describePlace(error.place);
  const width = terminal.columns;
  terminal.note(wrap(`kubevidence: ${where}${clip(error.message, 600)}.`, width, '  ', 0));
  if (error.means !== undefined) terminal.note(`  ${wrap(asSentence(clip(error.means, 400)), width, '  ')}`);
  if (error.next !== undefined) terminal.note(`  ${wrap(clip(error.next, 400), width, '  ')}`);
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;
}

function describePlace(place: Place | undefined): string {
  if (place === undefined) return '';
  const position = [place.file === undefined ? undefined : visible(place.file), place.line].filter((each) => each !== undefined).join(':');
  return `${[position, place.key === undefined ? '' : visible(place.key)].filter((each) => each !== '').join(': ')}: `;
}
