/**
 * The manifest: every file of the pack with its SHA-256 and size, and every seal that must be there, so that neither a file nor a signature
 * can be changed, added or taken away. Only the manifest and its seal are themselves unlisted: a signature covers the one, and its own
 * strictness the other.
 */
import { z } from 'zod';
import { canonicalBytes, isObject, KubevidenceError, parseCanonical } from '../model/index.ts';
import {
  checkpointPath,
  manifestPath,
  manifestSealPath,
  manifestTimestampPath,
  reportPath,
  timestampPath,
  workbookPath,
} from './layout.ts';
import type { PackedFile } from './packed-files.ts';
import { digest } from './salted-json.ts';

const format = 'kubevidence/manifest/v1';
/** The same, of a pack that shows names as pseudonyms: no program that does not know them takes such a pack for another. */
const pseudonymFormat = 'kubevidence/manifest/v2';
const instant = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);

const timestamp = 'rfc3161';
/** The seals of every pack of this format, by the file that carries the signature; tokens of a time-stamping authority follow them. */
const seals = [
  { file: manifestSealPath, covers: manifestPath, form: 'cms-detached' },
  { file: reportPath, covers: reportPath, form: 'pades' },
  { file: workbookPath, covers: workbookPath, form: 'ooxml' },
] as const;

const facts = z.strictObject({
  organization: z.string(),
  cluster: z.strictObject({ name: z.string(), uid: z.string().nullable() }),
  /** Half-open, UTC; null for a pack of one moment. */
  period: z.strictObject({ name: z.string(), from: instant, to: instant }).nullable(),
  /** Of the checkpoint; all dates in the pack are at or before it. */
  time: instant,
  demo: z.boolean(),
  checkpoint: z.strictObject({ origin: z.string(), size: z.int().positive(), root: z.string() }),
  /** The judgement that the report shows: which run, and the leaf of its `assessed` record. */
  assessment: z.strictObject({ run: z.int().positive(), leaf: z.int().nonnegative() }),
});

const schema = z.strictObject({
  format: z.enum([format, pseudonymFormat]),
  pack: facts,
  /** Packs with the same `key` show the same name of a cluster as the same pseudonym. */
  pseudonyms: z.strictObject({ key: z.string().regex(/^[0-9a-f]{16}$/) }).optional(),
  documentKeyFingerprint: digest,
  /** c2sp.org/signed-note verifier key. */
  logKey: z.string(),
  seals: z.array(z.strictObject({ file: z.string(), covers: z.string(), form: z.string() })),
  /** In path order; all but `manifest.*`. */
  files: z.array(z.strictObject({ path: z.string(), sha256: digest, size: z.int().nonnegative() })),
});

export type Manifest = z.infer<typeof schema>;
export type PackFacts = z.infer<typeof facts>;

export interface ManifestInputs {
  readonly pack: PackFacts;
  readonly documentKeyFingerprint: string;
  readonly logKey: string;
  /** All files but the manifest and its seals, by path. */
  readonly files: ReadonlyMap<string, PackedFile>;
  /** A token over the manifest itself will stand beside it. */
  readonly isStamped: boolean;
  readonly pseudonyms?: { readonly key: string } | undefined;
}

/** `manifest.json`, canonical JSON. */
export function buildManifest({ pack, documentKeyFingerprint, logKey, files, isStamped, pseudonyms }: ManifestInputs): Uint8Array {
  const listed = [...files].map(([path, { sha256, size }]) => ({ path, sha256, size })).sort((a, b) => (a.path < b.path ? -1 : 1));
  const tokens = [...listed.map(({ path }) => path).filter(isTimestampName), ...(isStamped ? [manifestTimestampPath] : [])];
  const stamped = tokens.map((file) => ({ file, covers: file.slice(0, -timestampPath('').length), form: timestamp }));
  const rest = { pack, documentKeyFingerprint, logKey, seals: [...seals, ...stamped], files: listed };
  const manifest: Manifest = pseudonyms === undefined ? { format, ...rest } : { format: pseudonymFormat, ...rest, pseudonyms };
  return canonicalBytes(schema.parse(manifest));
}

/** Throws `integrity`, in words, for what is no manifest of this format. */
export function parseManifest(bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = parseCanonical(bytes);
  } catch (cause) {
    throw new KubevidenceError('integrity', 'manifest.json is not canonical JSON (RFC 8785)', { cause });
  }
  const named = isObject(value) && typeof value['format'] === 'string' ? value['format'] : '';
  if (/^kubevidence\/manifest\/v[1-9][0-9]?$/.test(named) && named !== format && named !== pseudonymFormat)
    throw new KubevidenceError('integrity', `the pack has the form ${named}, and this version of kubevidence reads ${format} and v2 only`);
  const checked = schema.safeParse(value);
  if (!checked.success) throw new KubevidenceError('integrity', `manifest.json is malformed: ${z.prettifyError(checked.error)}`);
  const { files, seals: present } = checked.data;
  if ((checked.data.format === pseudonymFormat) !== (checked.data.pseudonyms !== undefined))
    throw new KubevidenceError('integrity', 'manifest.json does not say in its form whether the pack shows pseudonyms');
  if (files.some(({ path }, n) => n > 0 && path <= (files[n - 1]?.path ?? '')))
    throw new KubevidenceError('integrity', 'manifest.json does not list its files in order, each once');
  if (JSON.stringify(present.slice(0, seals.length).map(sealText)) !== JSON.stringify(seals.map(sealText)))
    throw new KubevidenceError('integrity', 'manifest.json does not name the seals that a pack must have: manifest, PDF and workbook');
  const paths = new Set(files.map(({ path }) => path));
  const tokens = timestampSeals(checked.data);
  const misnamed = tokens.find(
    ({ file, covers, form }) =>
      form !== timestamp ||
      file !== timestampPath(covers) ||
      !(covers === manifestPath ? !paths.has(file) : paths.has(file) && paths.has(covers) && isCheckpointName(covers)),
  );
  if (misnamed !== undefined || new Set(tokens.map(({ file }) => file)).size !== tokens.length)
    throw new KubevidenceError('integrity', 'manifest.json names a seal that is no time-stamp of the manifest or of a checkpoint');
  return checked.data;
}

/** Which file is a token over which. */
export function timestampSeals(manifest: Manifest): Manifest['seals'] {
  return manifest.seals.slice(seals.length);
}

function isTimestampName(path: string): boolean {
  return path.endsWith(timestampPath(''));
}

/** A token over anything else says nothing of the log. */
function isCheckpointName(path: string): boolean {
  return path === checkpointPath || /^ledger\/checkpoint-[1-9][0-9]*\.txt$/.test(path);
}

/** Seals are files of their own, or signatures inside a file. */
export function isSealName(path: string): boolean {
  return path.startsWith('manifest.') || /\.(?:p7s|p7m|tsr|sig|asc|dsse\.json)$/.test(path);
}

function sealText({ file, covers, form }: { readonly file: string; readonly covers: string; readonly form: string }): string {
  return `${file} ${covers} ${form}`;
}
