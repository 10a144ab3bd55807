/**
 * Documents for programs and errors for people. JSON is one document on stdout and nothing else; no character in it can control a
 * terminal. An error says what happened, to what, why, what it means, and what to type next, in five lines at most.
 */
import { stringify } from 'yaml';
import type { Place } from '../model/index.ts';
import { clip, KubevidenceError, visible } from '../model/index.ts';
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

export function toJson(value: unknown): string {
  return escapeUnsafe(JSON.stringify(value, null, 2));
}

/** One line, for a log. */
export function toJsonLine(value: unknown): string {
  return escapeUnsafe(JSON.stringify(value));
}

function escapeUnsafe(json: string): string {
  return json.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function printDocument(terminal: Terminal, format: OutputFormat, value: unknown): void {
  // YAML by way of JSON text, whose escapes are legal in YAML's double quotes.
  terminal.print(
    format === 'yaml'
      ? stringify(JSON.parse(toJson(value)), { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 })
          .replace(unsafe, '\ufffd')
          .trimEnd()
      : toJson(value),
  );
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
