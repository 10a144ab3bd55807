/**
 * Verifies a pack with nothing but the pack, and the key that the caller trusts if there is one. Every byte of it is covered: the manifest
 * by its signature, every other file by the manifest, and what the files say by the chain from the exhibits to the signed checkpoint. A
 * hostile pack gives problems, never an exception.
 */
import { hash } from 'node:crypto';
import { type Checkpoint, type LogRecord, openCheckpoint, parseVerifierKey, type VerifierKey, verifyTlogProof } from '../log/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { certificateFromPem, certificateInfo, certificateToPem, verifyDetached, verifyPdf, verifyWorkbook } from '../signing/index.ts';
import { checkAssessment } from './assessment-file.ts';
import { logKeyPem } from './create-pack.ts';
import { checkExhibit, type ExhibitFacts } from './exhibit.ts';
import {
  assessmentPath,
  catalogPath,
  certificatePath,
  checkpointPath,
  exhibitPath,
  logKeyPath,
  logKeyPemPath,
  manifestPath,
  manifestSealPath,
  paramsPath,
  proofPath,
  recordsPath,
  reportPath,
  requiredPaths,
  workbookPath,
} from './layout.ts';
import { isSealName, type Manifest, parseManifest } from './manifest.ts';
import { openPackFiles, type PackFiles } from './pack-files.ts';
import { checkRecords, rootOf, splitRecords } from './record-sequence.ts';
import { createFindings, dependent, type Findings, needed, type PackVerification, trustedFingerprint, type VerifyOptions } from './verification.ts';

type Signer = NonNullable<PackVerification['signer']>;

/**
 * Checks a directory or a zip. Throws `usage` when there is none, or when `trust` is no key; `unreachable` when it cannot be read.
 */
export async function verifyPack(path: string, { trust }: VerifyOptions = {}): Promise<PackVerification> {
  const trusted = trustedFingerprint(trust);
  const findings = createFindings();
  const files = open(path, findings);
  if (files === null) return conclude(findings, null, trusted);
  try {
    const signer = await verifyFiles(files, findings, trusted);
    return conclude(findings, signer, trusted);
  } finally {
    files.close();
  }
}

/** Null, and a problem, for what has not the form of a pack. */
function open(path: string, { problems }: Findings): PackFiles | null {
  try {
    return openPackFiles(path);
  } catch (error) {
    if (error instanceof KubevidenceError && error.code === 'integrity') {
      problems.push(error.message);
      return null;
    }
    if (error instanceof KubevidenceError) throw error;
    throw new KubevidenceError('unreachable', `${visible(path)} cannot be read: ${visible(reasonOf(error))}`, { cause: error });
  }
}

async function verifyFiles(files: PackFiles, findings: Findings, trusted: string | null): Promise<Signer | null> {
  const { prove, notProved } = findings;
  let manifest: Manifest | null = null;
  let signer: Signer | null = null;
  if (!files.names.includes(manifestPath)) {
    findings.problems.push('there is no manifest.json: this is no audit pack, or its most important file is missing');
    return null;
  }
  await prove((problem) => {
    const bytes = files.read(manifestPath);
    signer = checkManifestSeal(files, bytes, problem);
    manifest = parseManifest(bytes);
    const { fingerprint, subject } = needed(signer as Signer | null);
    if (manifest.documentKeyFingerprint !== fingerprint) problem('the manifest names another signing key than the one that signed it');
    return `the manifest is signed by ${fingerprint} (${subject})`;
  });
  if (manifest === null) return signer;
  if (trusted !== null && signer !== null) {
    const { fingerprint } = signer as Signer;
    if (fingerprint !== trusted) findings.problems.push(`the pack is signed by ${fingerprint}, and you trust ${trusted}`);
  }
  await verifyListed(files, manifest, signer, findings);
  notProved.push(...limits(signer, trusted));
  return signer;
}

function checkManifestSeal(files: PackFiles, manifest: Uint8Array, problem: (sentence: string) => void): Signer | null {
  if (!files.names.includes(manifestSealPath)) {
    problem(`the signature of the manifest, ${manifestSealPath}, is missing`);
    return null;
  }
  const check = verifyDetached(files.read(manifestSealPath), manifest);
  for (const each of check.problems) problem(`${manifestSealPath}: ${each}`);
  return check.ok && check.certificate !== null ? { fingerprint: check.certificate.fingerprint, subject: check.certificate.subject } : null;
}

/** Everything below the manifest. */
async function verifyListed(files: PackFiles, manifest: Manifest, signer: Signer | null, findings: Findings): Promise<void> {
  const { prove, notProved } = findings;
  const contents = new Contents(files, manifest);
  await prove((problem) => {
    checkNames(files, manifest, problem);
    return `the pack has exactly the ${manifest.files.length} files that the manifest lists, and every seal that it names`;
  });
  await prove(async (problem) => {
    await checkSeals(contents, manifest, needed(signer), problem);
    return 'the PDF and the workbook are signed by the same key';
  });

  let log: { readonly checkpoint: Checkpoint; readonly key: VerifierKey } | null = null;
  await prove((problem) => {
    const [note, keyText] = [contents.text(checkpointPath), contents.text(logKeyPath)];
    if (keyText !== `${manifest.logKey}\n`) problem(`${logKeyPath} is not the log key that the manifest names`);
    const key = parseVerifierKey(manifest.logKey);
    if (contents.text(logKeyPemPath) !== logKeyPem(key.publicKey)) problem(`${logKeyPemPath} is another key than ${logKeyPath}`);
    const checkpoint = openCheckpoint(note, key);
    const { origin, size, root } = manifest.pack.checkpoint;
    if (checkpoint.origin !== origin || checkpoint.size !== size || encode(checkpoint.root) !== root)
      problem('the checkpoint is not the one that the manifest names');
    log = { checkpoint, key };
    return `the checkpoint of ${size} records (root ${root}) is signed by the log ${visible(origin)}`;
  });

  let stored: readonly Uint8Array[] | null = null;
  let records: readonly (LogRecord | null)[] = [];
  await prove((problem) => {
    const lines = splitRecords(contents.bytes(recordsPath));
    const { checkpoint } = needed(log);
    if (lines.length !== checkpoint.size) problem(`the checkpoint is of ${checkpoint.size} records, and ${recordsPath} has ${lines.length}`);
    else if (encode(rootOf(lines)) !== encode(checkpoint.root)) problem(`the records do not give the root that the checkpoint signs`);
    else stored = lines;
    needed(stored);
    const check = checkRecords(lines);
    for (const each of check.problems) problem(each);
    records = check.records;
    checkBinding(records, manifest, problem);
    const unknown = records.filter((record) => record === null).length;
    if (unknown > 0) notProved.push(`what ${unknown} records of types that this version does not know say; the signed root covers them`);
    if (check.backwards > 0) notProved.push(`the order in time of ${check.backwards} records that are dated before their predecessor: the collector's clock was set back`);
    const runs = [...check.runs].map(([cluster, count]) => `${count} of ${visible(cluster)}`).join(', ');
    return `the ${lines.length} records of the log give that root; its runs are numbered without gaps (${runs || 'none'}); it binds the log key to the signing key`;
  });

  const exhibits: ExhibitFacts[] = [];
  await prove((problem) => {
    const before = needed(stored);
    exhibits.push(...checkExhibits(contents, manifest, before, needed(log), problem));
    const [shown, items] = [sum(exhibits.map(({ objects }) => objects.size)), sum(exhibits.map((exhibit) => exhibit.items))];
    if (items > shown) notProved.push(`what the ${items - shown} items say that no finding cites: the pack holds their ids, and the ledger the rest`);
    return `${exhibits.length} exhibits of ${items} items: every id was recomputed, from ${shown} cited objects up to the records, and every inclusion proof holds`;
  });

  await prove((problem) => {
    const { run } = manifest.pack.assessment;
    const inputs = { expected: manifest.pack.assessment, cluster: manifest.pack.cluster.name, stored: needed(stored), records, exhibits };
    const bytes = contents.bytes(assessmentPath(run));
    const check = checkAssessment(bytes, { ...inputs, catalog: contents.bytes(catalogPath), params: contents.bytes(paramsPath) });
    for (const each of check.problems) problem(each);
    return (
      `the assessment of run ${run} is the one that the log recorded, by the enclosed catalog and parameters: ${check.controls} controls, ` +
      `standing on ${check.listings} listings and ${check.objects} objects that the exhibits show`
    );
  });

  await prove((problem) => {
    const others = contents.unread();
    for (const path of others) contents.attempt(path, problem);
    for (const each of contents.problems) problem(each);
    return `every file has the SHA-256 and the size that the manifest lists (${manifest.files.length} files)`;
  });
}

/** The files that the manifest lists, each read once and held against its line; what differs is a problem once, however often it is needed. */
class Contents {
  readonly problems: string[] = [];
  private readonly files: PackFiles;
  private readonly lines: ReadonlyMap<string, Manifest['files'][number]>;
  private readonly seen = new Set<string>();

  constructor(files: PackFiles, manifest: Manifest) {
    this.files = files;
    this.lines = new Map(manifest.files.map((line) => [line.path, line]));
  }

  has(path: string): boolean {
    return this.lines.has(path);
  }

  bytes(path: string): Uint8Array {
    const line = needed(this.lines.get(path));
    this.seen.add(path);
    let bytes: Uint8Array;
    try {
      if (!this.files.names.includes(path)) throw dependent;
      bytes = this.files.read(path);
    } catch (error) {
      if (error !== dependent) this.problems.push(visible(reasonOf(error)));
      throw dependent;
    }
    if (bytes.length === line.size && hash('sha256', bytes) === line.sha256) return bytes;
    const what = bytes.length === line.size ? 'its SHA-256 is' : `it has ${bytes.length} bytes and not ${line.size}; that is`;
    this.problems.push(`${path} was changed: ${what} not what the manifest lists`);
    throw dependent;
  }

  text(path: string): string {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(path));
  }

  unread(): string[] {
    return [...this.lines.keys()].filter((path) => !this.seen.has(path));
  }

  attempt(path: string): void {
    try {
      this.bytes(path);
    } catch (error) {
      if (error !== dependent) throw error;
    }
  }
}
