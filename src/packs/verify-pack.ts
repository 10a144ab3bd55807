/**
 * Verifies a pack with nothing but the pack, and the key that the caller trusts if there is one. Every byte of it is covered: the manifest
 * by its signature, every other file by the manifest, and what the files say by the chain from the exhibits to the signed checkpoint. A
 * hostile pack gives problems, never an exception.
 */
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { verifyDetached } from '../signing/index.ts';
import { manifestPath, manifestSealPath } from './layout.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { openPackFiles, type PackFiles } from './pack-files.ts';
import { createFindings, type Findings, type PackVerification, trustedFingerprint, type VerifyOptions } from './verification.ts';
import { verifyContents } from './verify-contents.ts';

type Signer = NonNullable<PackVerification['signer']>;

/** Checks a directory or a zip. Throws `usage` when there is none or when `trust` is no key, `unreachable` when it cannot be read. */
export async function verifyPack(path: string, { trust }: VerifyOptions = {}): Promise<PackVerification> {
  const trusted = trustedFingerprint(trust);
  const findings = createFindings();
  const files = open(path, findings);
  if (files === null) return conclude(findings, null, trusted);
  try {
    const { manifest, signer } = await verifyManifest(files, findings);
    if (manifest !== null) await verifyContents(files, manifest, signer?.fingerprint ?? null, findings);
    if (trusted !== null && signer !== null && signer.fingerprint !== trusted)
      findings.problem(`the pack is signed by ${signer.fingerprint}, which is not the key that you trust (${trusted})`);
    return conclude(findings, signer, trusted);
  } finally {
    files.close();
  }
}

/** Null, and a problem, for what has not the form of a pack. */
function open(path: string, { problem }: Findings): PackFiles | null {
  try {
    return openPackFiles(path);
  } catch (error) {
    if (!(error instanceof KubevidenceError))
      throw new KubevidenceError('unreachable', `${visible(path)} cannot be read: ${visible(reasonOf(error))}`, { cause: error });
    if (error.code !== 'integrity') throw error;
    problem(error.message);
    return null;
  }
}

async function verifyManifest(files: PackFiles, { prove }: Findings): Promise<{ manifest: Manifest | null; signer: Signer | null }> {
  const found: { manifest: Manifest | null; signer: Signer | null } = { manifest: null, signer: null };
  await prove((problem) => {
    if (!files.names.includes(manifestPath))
      throw new KubevidenceError('integrity', 'there is no manifest.json: this is no audit pack, or it was taken apart');
    const bytes = files.read(manifestPath);
    const signer = readSigner(files, bytes, problem);
    const manifest = parseManifest(bytes);
    Object.assign(found, { manifest, signer });
    if (signer !== null && manifest.documentKeyFingerprint !== signer.fingerprint)
      problem('the manifest names another signing key than the one that signed it');
    return `the manifest is signed by ${signer?.fingerprint} (${signer?.subject})`;
  });
  return found;
}

/** Null, and a problem, unless the signature holds. */
function readSigner(files: PackFiles, manifest: Uint8Array, problem: (sentence: string) => void): Signer | null {
  if (!files.names.includes(manifestSealPath)) {
    problem(`the signature of the manifest, ${manifestSealPath}, is missing`);
    return null;
  }
  const { ok, certificate, problems } = verifyDetached(files.read(manifestSealPath), manifest);
  for (const each of problems) problem(`${manifestSealPath}: ${each}`);
  return ok && certificate !== null ? { fingerprint: certificate.fingerprint, subject: certificate.subject } : null;
}

function conclude({ proved, notProved, problems }: Findings, signer: Signer | null, trusted: string | null): PackVerification {
  const ok = problems.length === 0;
  const known = ok && signer !== null && signer.fingerprint === trusted;
  const who = known ? [] : [`who signed it: ask for the fingerprint through another channel, and give it with --trust`];
  return {
    ok,
    signer,
    known,
    headline: headlineOf(problems.length, signer, known),
    proved,
    notProved: [...who, ...notProved, ...limits],
    problems,
  };
}

function headlineOf(problems: number, signer: Signer | null, known: boolean): string {
  if (problems > 0) return `does NOT hold: ${problems === 1 ? 'one problem' : `${problems} problems`}`;
  return known
    ? `intact; signed by ${signer?.fingerprint}, the key that you trust`
    : `consistent; signer ${signer?.fingerprint} is not known to you`;
}

/** What no verification of a pack can show. */
const limits = [
  "when anything was so: there is no timestamp of an authority (RFC 3161), and times rest on the collector's clock",
  'that the log was not rewritten before today: compare it with a checkpoint that you kept earlier',
  'that the evidence is true: whoever controls collector and key could have fed it false input; ask to see one exhibit queried live',
  'that anybody complies with anything: intact is not compliant',
];
