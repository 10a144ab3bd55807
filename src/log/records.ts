/**
 * What the log says. Every record is an object with `type`, `at` and `v`, written as RFC 8785 bytes once and never re-serialised. Records
 * hold ids, counts, times and digests only: people, reasons, URLs and error texts sit in salted payloads that the record names by id, so
 * that they can be erased while every proof still holds.
 */
import { z } from 'zod';
import { canonicalBytes, isObject, type Json, KubevidenceError, parseCanonical } from '../model/index.ts';
import { formOf } from './record-form.ts';

/** Records are below this many bytes, so that one always fits a tile entry (c2sp.org/tlog-tiles: a 16-bit length). */
export const recordLimit = 65_536;

const leafForms = new Map<z.ZodType, string>();
/** With the JSON texts that it surely accepts, so that most records are read fast. */
const withForm = <S extends z.ZodType>(schema: S, form: string): S => {
  leafForms.set(schema, form);
  return schema;
};
/** `pattern` is of characters that JSON writes as they are. */
const text = (pattern: string) => withForm(z.string().regex(new RegExp(`^${pattern}$`)), `"${pattern}"`);

const instant = text(String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z`);
const count = withForm(z.int().nonnegative(), String.raw`(?:0|[1-9]\d{0,14})`);
const ordinal = withForm(z.int().positive(), String.raw`[1-9]\d{0,14}`);
const integer = withForm(z.int(), String.raw`(?:0|-?[1-9]\d{0,14})`);
/** SHA-256, or the salted id (HMAC-SHA256) of a payload. */
const digest = text('[0-9a-f]{64}');
const uuid = text('[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}');
/** A configured name, a version or a key name: printable, short. */
const label = withForm(z.string().min(1).max(253), String.raw`"[ !#-\[\]-~]{1,253}"`);
/** Name and version of the program that wrote it. */
const tool = label;
/** c2sp.org/signed-note. */
const verifierKey = z.string().min(1).max(400);
const holdId = z.string().regex(/^[HP]-\d{1,15}$/);
/** What can be erased: objects, whole assessments, payloads that name people, and the payload of a run with everything below it. */
export const erasableClasses = ['object', 'assessment', 'people', 'run'] as const;
export type ErasableClass = (typeof erasableClasses)[number];

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
const keyBound = record('key-bound', {
  logKey: z.string().max(400),
  documentKeyFingerprint: digest,
  /** Payload: reason, and who did it, when it takes the place of another document key. */
  details: digest.optional(),
});

/** From this record on the log is signed by another key; the one before vouches for it. */
const keyRotated = record('key-rotated', {
  oldKey: verifierKey,
  newKey: verifierKey,
  /** See formatEndorsement (log-keys.ts): a checkpoint right before this record that names the new key, signed by the old one. */
  endorsement: z.string().max(4096),
  /** Payload: reason, and who did it. */
  details: digest,
});

/** A key that is no longer in force, and that nobody should believe for what was signed from a moment on. */
const keyRevoked = record('key-revoked', {
  what: z.enum(['log', 'document']),
  /** Verifier key of the log, or fingerprint of the document key. */
  key: verifierKey,
  from: instant,
  /** Payload: reason, and who did it. */
  details: digest,
});

const head = z.strictObject({
  size: count,
  /** Base64, as in a checkpoint. */
  root: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
});

/** The log did not extend its last published checkpoint, and goes on all the same: what was published after the fork is lost to it. */
const ledgerRestored = record('ledger-restored', {
  /** As published outside the ledger: what is not, or not fully, in this log. `note` as it was found, verbatim. */
  published: head.extend({ note: z.string().max(16_384) }),
  /** This log right before the record. */
  kept: head,
  /** Payload: reason, and who declares it. */
  details: digest,
});

const runPlanned = record('run-planned', {
  cluster: label,
  run: ordinal,
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
  run: ordinal,
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
  serverClockSkewMs: integer.nullable(),
  /** Payload of the run: identity, error, and the ids of all its listings. Null when it read nothing (interrupted). */
  snapshot: digest.nullable(),
  /** Salted digest of what the next run may reuse (ledger/reuse.ts). */
  reusable: digest.nullable(),
});

const runMissed = record('run-missed', {
  cluster: label,
  run: ordinal,
  uuid,
  slot: instant,
  /** After a long outage one record stands for several slots, from `slot` to `through`. */
  range: z.strictObject({ through: instant, slots: z.int().min(2) }).optional(),
});

const assessed = record('assessed', {
  cluster: label,
  run: ordinal,
  tool,
  catalog: digest,
  params: digest,
  /** Controls by outcome. */
  outcomes: z.record(label, count),
  /** Payload: the whole assessment. */
  assessment: digest,
  /** Exceptions in force at this moment label its findings (exception-order.ts). Absent where none was ever requested. */
  exceptionsAt: instant.optional(),
});

const definitionChanged = record('definition-changed', {
  /** e.g. `control RBAC-001`; `definitions` closes what changed together, and its digests are over all definitions. */
  what: label,
  oldDigest: digest.nullable(),
  newDigest: digest.nullable(),
  /** Payload: the values where they are small; of the closing one all definitions. Of older ledgers reason, requester and approver, too. */
  details: digest,
});

/** Why what changed together did, said before it was in force. It follows the record that closes the change. */
const definitionExplained = record('definition-explained', {
  /** Leaf of that record. */
  change: count,
  /** Payload: reason, requester, approver. A payload of its own, so that people can be erased and the definitions stay. */
  details: digest,
});

/** Somebody approves what changed together, after it was in force. */
const definitionApproved = record('definition-approved', {
  /** Leaf of the record that closes the change. */
  change: count,
  /** Payload: reason, requester, approver. */
  details: digest,
});

const exceptionId = z.string().regex(/^EXC-[1-9]\d{0,9}$/);

const exceptionRequested = record('exception-requested', {
  cluster: label,
  /** `EXC-<n>`, counted in the ledger without gaps. */
  exception: exceptionId,
  control: label,
  /** From then on it has no effect. */
  expires: instant,
  /** Payload: item, justification, compensating control, ticket, requester. */
  details: digest,
});

/** In force from this record's time on, until it expires or is revoked. */
const exceptionApproved = record('exception-approved', {
  cluster: label,
  exception: exceptionId,
  /** Payload: approver. */
  details: digest,
});

const exceptionRevoked = record('exception-revoked', {
  cluster: label,
  exception: exceptionId,
  /** Payload: reason, and by whom. */
  details: digest,
});

const packIssued = record('pack-issued', {
  cluster: label,
  period: z.strictObject({ from: instant, to: instant }),
  /** Counts the packs of this cluster and period from 1. */
  number: ordinal,
  /** Size of the log that the pack stands on. */
  checkpoint: count,
  manifest: digest,
  documentKeyFingerprint: digest,
});

/** The period is over: what this log says of it before here is all that was said in time. Written when its first pack is made. */
const periodClosed = record('period-closed', {
  cluster: label,
  period: z.strictObject({ from: instant, to: instant }),
});

/** From here on the name stands for another cluster: the one that a run found, and failed for. */
const clusterRebound = record('cluster-rebound', {
  cluster: label,
  /** UIDs of kube-system. */
  from: label,
  to: label,
  /** CA of the new one, as that run read it. */
  caFingerprint: digest.nullable(),
  run: z.int().positive(),
  /** Payload: reason, and who answers for it. */
  details: digest,
});

/** The snapshot that later ones are compared with, until another one is accepted. */
const baselineAccepted = record('baseline-accepted', {
  cluster: label,
  run: ordinal,
  /** Payload: reason, and who accepted it. */
  details: digest,
});

/** What people decided about each grant of a snapshot. */
const accessReviewed = record('access-reviewed', {
  cluster: label,
  run: ordinal,
  /** Grants by decision; `open` ones were not decided. */
  decisions: z.strictObject({ keep: count, revoke: count, change: count, open: count }),
  /** Payload: reviewer, preparer, the population's digest, and the decisions. */
  details: digest,
});

/** Evidence that must not be erased: all of it, or that of a cluster, of its runs [from, to], or of a period. */
const holdPlaced = record('hold-placed', {
  /** `H-<leaf of this record>`; the hold of a pack is `P-<leaf of its record>`, and has no record of its own. */
  hold: holdId,
  scope: z.strictObject({
    cluster: label.nullable(),
    runs: z.strictObject({ from: ordinal, to: ordinal }).nullable(),
    /** Half-open. */
    period: z.strictObject({ from: instant, to: instant }).nullable(),
  }),
  /** Payload: reason, and who placed it. */
  details: digest,
});

const holdReleased = record('hold-released', {
  hold: holdId,
  /** Payload: reason, and who released it. */
  details: digest,
});

/** What the ids stood for was destroyed, with its salts; in the same transaction as this record. */
const payloadErased = record('payload-erased', {
  /** Null for payloads that belong to no cluster. */
  cluster: label.nullable(),
  class: z.enum(erasableClasses),
  /** Of the objects, or of the payloads as their records name them. */
  ids: z.array(digest).min(1),
  /** Kind of the listings that the objects are of. */
  kind: label.nullable(),
  /** Salted digest of what the next run may reuse from now on; null: nothing, or as it was. */
  reusable: digest.nullable(),
  /** Payload: legal basis, requester, approver, and whether retention was overridden. */
  details: digest,
});

const schemas = {
  genesis,
  'key-bound': keyBound,
  'key-rotated': keyRotated,
  'key-revoked': keyRevoked,
  'ledger-restored': ledgerRestored,
  'run-planned': runPlanned,
  'run-ended': runEnded,
  'run-missed': runMissed,
  assessed,
  'definition-changed': definitionChanged,
  'definition-explained': definitionExplained,
  'definition-approved': definitionApproved,
  'exception-requested': exceptionRequested,
  'exception-approved': exceptionApproved,
  'exception-revoked': exceptionRevoked,
  'period-closed': periodClosed,
  'pack-issued': packIssued,
  'cluster-rebound': clusterRebound,
  'baseline-accepted': baselineAccepted,
  'access-reviewed': accessReviewed,
  'hold-placed': holdPlaced,
  'hold-released': holdReleased,
  'payload-erased': payloadErased,
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
  const usual = decodeUsual(bytes);
  if (usual !== undefined) return { known: true, record: usual };
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

/** As the long way would, for most records in a third of its time; undefined for all others. */
function decodeUsual(bytes: Uint8Array): LogRecord | undefined {
  // Forms are of ASCII alone, which is the same in UTF-8.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const type = isObject(value) ? value['type'] : undefined;
  return typeof type === 'string' && formOfType(type)?.test(text) === true ? (value as LogRecord) : undefined;
}

const forms = new Map<string, RegExp | undefined>();

function formOfType(type: string): RegExp | undefined {
  if (!Object.hasOwn(schemas, type)) return undefined;
  if (!forms.has(type)) forms.set(type, formOf(schemas[type as RecordType], leafForms));
  return forms.get(type);
}

function parse(bytes: Uint8Array): Json {
  try {
    return parseCanonical(bytes);
  } catch (cause) {
    throw new KubevidenceError('integrity', 'the record is not canonical JSON (RFC 8785)', { cause });
  }
}
