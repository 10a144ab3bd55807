/**
 * What the log says. Every record is an object with `type`, `at` and `v`, written as RFC 8785 bytes once and never re-serialised. Records
 * hold ids, counts, times and digests only: people, reasons, URLs and error texts sit in salted payloads that the record names by id, so
 * that they can be erased while every proof still holds.
 */
import { z } from 'zod';
import { canonicalBytes, isObject, type Json, KubevidenceError, parseCanonical } from '../model/index.ts';

/** Records are below this many bytes, so that one always fits a tile entry (c2sp.org/tlog-tiles: a 16-bit length). */
export const recordLimit = 65_536;

const instant = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const count = z.int().nonnegative();
/** SHA-256, or the salted id (HMAC-SHA256) of a payload. */
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
/** A configured name, a version or a key name: printable, short. */
const label = z.string().min(1).max(253);
/** Name and version of the program that wrote it. */
const tool = label;

const record = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), v: z.literal(1), at: instant, ...shape });

const genesis = record('genesis', {
  ledger: uuid,
  origin: label,
  /** Verifier key of the log (c2sp.org/signed-note). */
  logKey: z.string().max(400),
  tool,
  /** Payload with the organization's name. */
  details: digest,
});

/** From here on the log key stands beside the key whose certificate the reader of a pack sees. */
const keyBound = record('key-bound', { logKey: z.string().max(400), documentKeyFingerprint: digest });

const runPlanned = record('run-planned', {
  cluster: label,
  run: z.int().positive(),
  uuid,
  kind: z.enum(['scheduled', 'manual']),
  slot: instant.nullable(),
  tool,
  /** The collectors that the run sets out with: how many, and a digest over their kinds and versions. */
  collectors: z.strictObject({ count, digest }),
  /** Digest over everything else that decides what is collected and judged. */
  definitions: digest,
});

const runEnded = record('run-ended', {
  cluster: label,
  run: z.int().positive(),
  uuid,
  status: z.enum(['succeeded', 'partial', 'failed', 'interrupted']),
  startedAt: instant,
  endedAt: instant,
  observedAt: instant.nullable(),
  /** UID of kube-system and the CA's fingerprint, as read in this run. */
  clusterUid: label.nullable(),
  caFingerprint: digest.nullable(),
  listings: count,
  complete: count,
  items: count,
  gaps: count,
  serverClockSkewMs: z.int().nullable(),
  /** Payload of the run: identity, error, and the ids of all its listings. Null when it read nothing (interrupted). */
  snapshot: digest.nullable(),
  /** Salted digest of what the next run may reuse (ledger/reuse.ts). */
  reusable: digest.nullable(),
});

const runMissed = record('run-missed', {
  cluster: label,
  run: z.int().positive(),
  uuid,
  slot: instant,
});

const assessed = record('assessed', {
  cluster: label,
  run: z.int().positive(),
  tool,
  catalog: digest,
  params: digest,
  /** Controls by outcome. */
  outcomes: z.record(label, count),
  /** Payload: the whole assessment. */
  assessment: digest,
});

const definitionChanged = record('definition-changed', {
  what: label,
  oldDigest: digest.nullable(),
  newDigest: digest.nullable(),
  /** Payload: reason, requester, approver. */
  details: digest,
});

const packIssued = record('pack-issued', {
  cluster: label,
  period: z.strictObject({ from: instant, to: instant }),
  /** Counts the packs of this cluster and period from 1. */
  number: z.int().positive(),
  /** Size of the log that the pack stands on. */
  checkpoint: count,
  manifest: digest,
  documentKeyFingerprint: digest,
});

const schemas = {
  genesis,
  'key-bound': keyBound,
  'run-planned': runPlanned,
  'run-ended': runEnded,
  'run-missed': runMissed,
  assessed,
  'definition-changed': definitionChanged,
  'pack-issued': packIssued,
} as const;

export type RecordType = keyof typeof schemas;
export type RecordOf<T extends RecordType> = z.infer<(typeof schemas)[T]>;
export type LogRecord = { [T in RecordType]: RecordOf<T> }[RecordType];

/** `unknown`: of a type or version that a newer Kubevidence writes. It is part of every proof all the same. */
export type ReadRecord =
  | { readonly known: true; readonly record: LogRecord }
  | { readonly known: false; readonly type: string; readonly at: string | null; readonly value: Json };

/** The bytes to append. Throws `defect` for a record that its own schema refuses: we never write what we could not read. */
export function encodeRecord(value: LogRecord): Uint8Array {
  const checked = schemas[value.type].safeParse(value);
  if (!checked.success) throw new KubevidenceError('defect', `a ${value.type} record is malformed: ${z.prettifyError(checked.error)}`);
  const bytes = canonicalBytes(value);
  if (bytes.length >= recordLimit) throw new KubevidenceError('defect', `a ${value.type} record has ${bytes.length} bytes`);
  return bytes;
}

/** Throws `integrity` for bytes that are not one canonical JSON object below the limit, or that break the schema of a known type. */
export function decodeRecord(bytes: Uint8Array): ReadRecord {
  if (bytes.length >= recordLimit) throw new KubevidenceError('integrity', `the record has ${bytes.length} bytes`);
  const value = parse(bytes);
  if (!isObject(value) || typeof value.type !== 'string' || typeof value.v !== 'number') {
    throw new KubevidenceError('integrity', 'the record has no type and version');
  }
  const schema = Object.hasOwn(schemas, value.type) ? schemas[value.type as RecordType] : undefined;
  if (schema === undefined || value.v > 1) {
    return { known: false, type: value.type, at: typeof value.at === 'string' ? value.at : null, value };
  }
  const checked = schema.safeParse(value);
  if (!checked.success) {
    throw new KubevidenceError('integrity', `the ${value.type} record is malformed: ${z.prettifyError(checked.error)}`);
  }
  return { known: true, record: checked.data };
}

function parse(bytes: Uint8Array): Json {
  try {
    return parseCanonical(bytes);
  } catch (cause) {
    throw new KubevidenceError('integrity', 'the record is not canonical JSON (RFC 8785)', { cause });
  }
}
