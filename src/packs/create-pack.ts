/**
 * Makes the files of an audit pack from what was frozen at one checkpoint. The same inputs give the same bytes; with RSA PKCS#1 v1.5 that
 * includes every signature. Nothing here reads a clock, a file or the ledger.
 */
import { hash } from 'node:crypto';
import { formatTlogProof, leafHash, openCheckpoint, parseVerifierKey, verifyInclusion } from '../log/index.ts';
import { type Assessment, canonicalBytes, type Json, KubevidenceError } from '../model/index.ts';
import { certificateInfo, certificateToPem, type DocumentSigner, signDetached, signPdf, signWorkbook } from '../signing/index.ts';
import { buildAssessmentFile } from './assessment-file.ts';
import { buildExceptionFile, type PackedException } from './exception-file.ts';
import { buildExhibit, type ExhibitSource } from './exhibit.ts';
import type { Pseudonymise } from './salted-json.ts';
import {
  assessmentPath,
  catalogPath,
  certificatePath,
  checkpointPath,
  exceptionsPath,
  exhibitPath,
  logKeyPath,
  logKeyPemPath,
  manifestPath,
  manifestSealPath,
  paramsPath,
  proofPath,
  readmePath,
  recordsPath,
  reportPath,
  workbookPath,
} from './layout.ts';
import { logKeyPem } from './log-key.ts';
import { buildManifest, type PackFacts } from './manifest.ts';
import { openPackedFiles, type PackSink } from './packed-files.ts';
import { buildReadme } from './readme.ts';
import { addStoredTokens, type PackTimestamps, stampManifest } from './timestamps.ts';

export interface PackInputs {
  readonly organization: string;
  readonly cluster: { readonly name: string; readonly uid: string | null };
  /** Half-open, UTC; null for a pack of one moment. */
  readonly period: { readonly name: string; readonly from: string; readonly to: string } | null;
  /** The checkpoint's time; claimed as the time of signing. */
  readonly time: Date;
  readonly demo: boolean;
  /** With an empty signature field whose time is `time`. */
  readonly reportPdf: Uint8Array;
  readonly workbook: Uint8Array;
  readonly signer: DocumentSigner;
  /** Records [0, size) of the log, as hashed. */
  readonly records: readonly Uint8Array[];
  /** The signed note at `size`. */
  readonly checkpoint: string;
  readonly verifierKey: string;
  readonly exhibits: readonly {
    /** `EX-0001`, as the report names it. */
    readonly id: string;
    readonly source: ExhibitSource;
    /** Of the run's `run-ended` record. */
    readonly leaf: number;
    /** Inclusion proof of that record at `size`. */
    readonly proof: readonly Uint8Array[];
    /** Ids of objects that are shown whole. */
    readonly cited: ReadonlySet<string>;
  }[];
  /** What the report shows. `leaf`: its `assessed` record; `salt`: of the payload that the record names. */
  readonly assessment: { readonly run: number; readonly leaf: number; readonly salt: Uint8Array; readonly value: Assessment };
  /** Those that label findings of the assessment. */
  readonly exceptions: readonly PackedException[];
  /** `digest`: SHA-256 over `bytes`, hex. */
  readonly catalog: { readonly digest: string; readonly bytes: Uint8Array };
  /** Control id → what ships and what judged; controls without parameters may be left out. */
  readonly params: Readonly<Record<string, { readonly defaults: Values; readonly effective: Values }>>;
  /** Left out without a time-stamping authority and its tokens: then the same inputs give the same bytes. */
  readonly timestamps?: PackTimestamps;
  /** Names are shown as pseudonyms; `reportPdf` and `workbook` do so already. */
  readonly pseudonyms?: PackPseudonyms;
}

export interface PackPseudonyms {
  /** Says which key they were made with, and nothing else about it: 16 hex digits. */
  readonly key: string;
  readonly replace: Pseudonymise;
  /** Canonical JSON; where a name was replaced in it, with `pseudonymised` beside `controls`. */
  readonly catalog: Uint8Array;
}

type Values = Readonly<Record<string, Json>>;

/** All files by path: see {@link writePack}. */
export async function createPack(inputs: PackInputs): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  await writePack(inputs, { write: (path, bytes) => void files.set(path, bytes) });
  return files;
}

export interface WrittenPack {
  /** SHA-256 of manifest.json, hex. */
  readonly manifestDigest: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Hands on one file after the other, as they are made. Throws `integrity` when the inputs do not fit together (a checkpoint of another log
 * or size, a payload that is not what its id says), and what signing throws.
 */
export async function writePack(inputs: PackInputs, sink: PackSink): Promise<WrittenPack> {
  const { records, signer, verifierKey, time, timestamps = { stamp: null, ca: null, tokens: [] }, pseudonyms } = inputs;
  const pseudonymise = pseudonyms?.replace ?? null;
  const key = parseVerifierKey(verifierKey);
  const { origin, size, root } = openCheckpoint(inputs.checkpoint, key);
  if (size !== records.length)
    throw new KubevidenceError('integrity', `the checkpoint is of ${size} records, and the pack has ${records.length}`);
  if (hash('sha256', inputs.catalog.bytes) !== inputs.catalog.digest)
    throw new KubevidenceError('integrity', 'the catalog is not what its digest says');
  const certificate = certificateInfo(signer.certificate);
  const pack: PackFacts = {
    organization: inputs.organization,
    cluster: inputs.cluster,
    period: inputs.period,
    time: time.toISOString(),
    demo: inputs.demo,
    checkpoint: { origin, size, root: Buffer.from(root).toString('base64') },
    assessment: { run: inputs.assessment.run, leaf: inputs.assessment.leaf },
  };
  const files = openPackedFiles(sink);
  const about = { ...pack, documentKeyFingerprint: signer.fingerprint, signer: certificate.subject, exhibits: inputs.exhibits.length };
  for (const { id, source, leaf, proof, cited } of inputs.exhibits) {
    const record = recordAt(records, leaf);
    if (!verifyInclusion(leafHash(record), leaf, size, proof, root))
      throw new KubevidenceError('integrity', `the inclusion proof of ${id} does not hold`);
    files.put(exhibitPath(id), buildExhibit(id, source, { cited, leaf, record, pseudonymise }));
    files.put(proofPath(id), text(formatTlogProof({ index: leaf, hashes: proof, checkpoint: inputs.checkpoint })));
  }
  files.put(recordsPath, Buffer.concat(records.flatMap((record) => [record, newline])));
  files.put(checkpointPath, text(inputs.checkpoint));
  const assessed = recordAt(records, inputs.assessment.leaf);
  files.put(assessmentPath(inputs.assessment.run), buildAssessmentFile(inputs.assessment, assessed, pseudonymise));
  if (inputs.exceptions.length > 0) files.put(exceptionsPath, buildExceptionFile(inputs.exceptions, pseudonymise));
  files.put(catalogPath, pseudonyms?.catalog ?? inputs.catalog.bytes);
  files.put(paramsPath, buildParams(inputs.params, pseudonymise));
  files.put(certificatePath, text(certificateToPem(signer.certificate)));
  files.put(logKeyPath, text(`${verifierKey}\n`));
  files.put(logKeyPemPath, text(logKeyPem(key)));
  const report = await signPdf(inputs.reportPdf, signer, timestamps.stamp ?? undefined);
  files.put(reportPath, report);
  files.put(workbookPath, await signWorkbook(inputs.workbook, { signer, time, comments: 'Audit pack: see README-verify.txt' }));
  const chain = addStoredTokens(files, size, timestamps, report);
  const manifest = await stampManifest(files, chain, timestamps.stamp, (isStamped) => {
    const facts = { isManifestStamped: isStamped, checkpoints: timestamps.tokens.length, hasCa: timestamps.ca !== null };
    const shows = pseudonyms === undefined ? {} : { pseudonyms: { key: pseudonyms.key } };
    files.put(readmePath, buildReadme({ ...about, timestamps: facts, ...shows }));
    return buildManifest({
      pack,
      documentKeyFingerprint: signer.fingerprint,
      logKey: verifierKey,
      files: files.lines,
      isStamped,
      ...shows,
    });
  });
  files.put(manifestPath, manifest);
  files.put(manifestSealPath, await signDetached(manifest, signer));
  const lines = [...files.lines.values()];
  return { manifestDigest: hash('sha256', manifest), files: lines.length, bytes: lines.reduce((sum, { size: each }) => sum + each, 0) };
}

/** `controls/params.json`, canonical JSON. */
function buildParams(params: PackInputs['params'], pseudonymise: Pseudonymise | null): Uint8Array {
  const format = 'kubevidence/params/v1';
  const shown = pseudonymise?.(params) ?? { value: params, replaced: 0 };
  return canonicalBytes({ format, controls: shown.value, ...(shown.replaced > 0 && { pseudonymised: shown.replaced }) });
}

const newline = Buffer.from('\n');
const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');

function recordAt(records: readonly Uint8Array[], leaf: number): Uint8Array {
  const record = records[leaf];
  if (record === undefined) throw new KubevidenceError('integrity', `the log has no record ${leaf} at the checkpoint`);
  return record;
}
