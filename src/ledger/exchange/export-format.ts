/**
 * The form of an exported ledger: JSON lines, one form for one content, so that a line that says anything else, or the same in another way,
 * is not read. What an id or a leaf hash covers stands in its line as the RFC 8785 text itself, with one change: characters that could
 * control a terminal or turn the reading direction are written as \uXXXX, and turned back before hashing.
 */
import { z } from 'zod';
import { KubevidenceError } from '../../model/index.ts';

const exportFormat = 'kubevidence/ledger-export/v1';

export const exportFiles = [
  'log.jsonl',
  'checkpoints.jsonl',
  'tokens.jsonl',
  'payloads.jsonl',
  'objects.jsonl',
  'trees.jsonl',
  'catalogs.jsonl',
  'reuse.jsonl',
] as const;
export type ExportFile = (typeof exportFiles)[number];

const number = z.int().positive();
const leaf = z.int().nonnegative();
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const salt = z.string().regex(/^[0-9a-f]{32}$/);
const cluster = z.string().min(1).max(253);
const base64 = z.string().refine((text) => text !== '' && Buffer.from(text, 'base64').toString('base64') === text, 'not Base64');
const erased = z.literal(true);
const run = { cluster, run: number };
const object = { n: number, id: digest };

/**
 * How a tree's members follow, given those of its base: `[from, count]` are members of the base, `[number, id]` and `[number, id, label]`
 * are new, with the number of the object or tree in its file.
 */
const step = z.union([z.tuple([leaf, number]), z.tuple([number, digest]), z.tuple([number, digest, z.string().min(1)])]);
export type TreeStep = z.infer<typeof step>;

/** Of each line all members in their order, but the last of lines with a text; see {@link textIn}. */
const shapes = {
  checkpoint: z.strictObject({ size: number, note: z.string() }),
  token: z.strictObject({ size: number, at: z.string().max(64), tsr: base64 }),
  // `tree` only for the payload of a listing: the line of trees.jsonl whose id it names.
  payload: z.strictObject({ record: leaf, id: digest, salt, tree: number.nullable().optional() }),
  erasedPayload: z.strictObject({ record: leaf, id: digest, erased }),
  object: z.strictObject({ ...object, salt, ...run, kind: z.string() }),
  erasedObject: z.strictObject({ ...object, erased, ...run, kind: z.string() }),
  tree: z.strictObject({
    ...object,
    salt,
    ...run,
    of: z.enum(['objects', 'trees']),
    base: number.nullable(),
    members: z.array(step),
  }),
  catalog: z.strictObject({ digest }),
  reuse: z.strictObject({ cluster, kind: z.string(), run: number, bytes: base64 }),
} as const;
type Shape = keyof typeof shapes;
export type Line<S extends Shape> = z.infer<(typeof shapes)[S]>;

/** Name of the last member of lines that hold a text as it was hashed. */
const textIn = { payload: 'value', object: 'object', catalog: 'catalog' } as const satisfies Partial<Record<Shape, string>>;
type WithText = keyof typeof textIn;

// DEL, C1, bidirectional controls and line separators; all below U+10000, so that one escape is one character.
const unsafe = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const escapes = /\\(?:u([0-9a-f]{4})|[^])/g;

export function escapeText(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Turns back what {@link escapeText} wrote, and nothing else. */
export function unescapeText(text: string): string {
  if (!text.includes('\\u')) return text;
  return text.replace(escapes, (escape, code: string | undefined) => {
    const character = code === undefined ? '' : String.fromCharCode(Number.parseInt(code, 16));
    return character !== '' && character.search(unsafe) === 0 ? character : escape;
  });
}

export function formatLine<S extends Shape>(shape: S, line: Line<S>, text?: string): string {
  const head = JSON.stringify(line);
  if (text === undefined) return escapeText(head);
  return escapeText(`${head.slice(0, -1)},"${textIn[shape as WithText]}":${text}}`);
}

/** Throws `input` unless `formatLine` writes exactly this line. */
export function parseLine<S extends Exclude<Shape, WithText>>(shape: S, line: string): Line<S> {
  return check(shape, line, line);
}

/** As {@link parseLine}; `text` is what was hashed. */
export function parseTextLine<S extends WithText>(shape: S, line: string): Line<S> & { readonly text: string } {
  // Head and text are apart by a quote that no JSON string can hold, so the first such place is the only one.
  const mark = `,"${textIn[shape]}":`;
  const at = line.indexOf(mark);
  if (at < 0 || !line.endsWith('}')) throw malformed(shape);
  const text = unescapeText(line.slice(at + mark.length, -1));
  return { ...check(shape, `${line.slice(0, at)}}`, line, text), text };
}

export function isErased(line: string): boolean {
  return /^\{"(?:n|record)":\d{1,16},"id":"[0-9a-f]{64}","erased":true/.test(line);
}

/** The text of log.jsonl's line: the record itself. */
export function parseRecordLine(line: string): Buffer {
  const text = unescapeText(line);
  if (escapeText(text) !== line) throw malformed('record');
  return Buffer.from(text, 'utf8');
}

/** The text of export.json. */
export function describeExport(ledger: string, logKey: string, lines: Readonly<Record<ExportFile, number>>): string {
  const counts = Object.fromEntries(exportFiles.map((file) => [file, lines[file]]));
  return `${escapeText(JSON.stringify({ format: exportFormat, ledger, logKey, lines: counts }, null, 2))}\n`;
}

function check<S extends Shape>(shape: S, head: string, line: string, text?: string): Line<S> {
  let value: unknown;
  try {
    value = JSON.parse(head);
  } catch (cause) {
    throw malformed(shape, cause);
  }
  const checked = shapes[shape].safeParse(value);
  if (!checked.success) throw malformed(shape, checked.error);
  const data = checked.data as Line<S>;
  if (formatLine(shape, data, text) !== line) throw malformed(shape);
  return data;
}

function malformed(shape: string, cause?: unknown): KubevidenceError {
  const name = shape.replace('erased', 'erased ').toLowerCase();
  return new KubevidenceError('input', `this is no line that \`ledger export\` writes (${name})`, {
    next: 'Export the ledger again, or copy the export again.',
    cause,
  });
}
