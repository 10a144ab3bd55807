/**
 * Verifies a pack with nothing but the pack, and the key that the caller trusts if there is one. Every byte of it is covered: the manifest
 * by its signature, every other file by the manifest, and what the files say by the chain from the exhibits to the signed checkpoint. A
 * hostile pack gives problems, never an exception.
 */
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { certificatesFromPem, verifyDetached } from '../signing/index.ts';
import { manifestPath, manifestSealPath } from './layout.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { openPackFiles, type PackFiles } from './pack-files.ts';
import {
  createFindings,
  dependent,
  type Findings,
  type PackVerification,
  type Problem,
  type Proof,
  trustedFingerprint,
  type VerifyOptions,
} from './verification.ts';
import { verifyContents } from './verify-contents.ts';
import type { TimeEvidence } from './verify-timestamps.ts';

type Signer = NonNullable<PackVerification['signer']>;

/** Checks a directory or a zip. Throws `usage` when there is none or when `trust` is no key, `unreachable` when it cannot be read. */
export async function verifyPack(path: string, { trust, timestampCa, onRead }: VerifyOptions = {}): Promise<PackVerification> {
  const trusted = trustedFingerprint(trust);
  const anchors = timestampCa === undefined ? null : certificatesFromPem(timestampCa, 'the trusted certificate for time-stamping');
  const findings = createFindings();
  const files = open(path, findings, onRead);
  if (files === null) return conclude(findings, null, trusted, 'clock');
  try {
    const { manifest, signer } = await verifyManifest(files, findings);
    const fingerprint = signer?.fingerprint ?? null;
    const times = manifest === null ? 'clock' : await verifyContents(files, manifest, { fingerprint, anchors }, findings);
    if (trusted !== null && signer !== null && signer.fingerprint !== trusted)
      findings.problem(`the pack is signed by ${signer.fingerprint}, which is not the key that you trust (${trusted})`);
    return conclude(findings, signer, trusted, times);
  } finally {
    files.close();
  }
}

/** Null, and a problem, for what has not the form of a pack. */
function open(path: string, { problem }: Findings, onRead: () => void = () => undefined): PackFiles | null {
  try {
    const files = openPackFiles(path);
    return {
      ...files,
      read(name) {
        onRead();
        return files.read(name);
      },
    };
  } catch (error) {
    if (!(error instanceof KubevidenceError))
      throw new KubevidenceError('unreachable', `${visible(path)} cannot be read: ${visible(reasonOf(error))}`, { cause: error });
    if (error.code !== 'integrity') throw error;
    problem(error.message);
    return null;
  }
}

interface Signed {
  readonly manifest: Manifest | null;
  readonly signer: Signer | null;
}

async function verifyManifest(files: PackFiles, { prove, problem }: Findings): Promise<Signed> {
  const bytes = await prove(() => {
    if (files.names.includes(manifestPath)) return { sentence: 'the container has the form of a pack', value: files.read(manifestPath) };
    throw new KubevidenceError('integrity', 'there is no manifest.json: this is no audit pack, or it was taken apart');
  });
  if (bytes === null) return { manifest: null, signer: null };
  const signer = await prove(() => readSigner(files, bytes, problem));
  const manifest = await prove(() => ({ sentence: 'the manifest is in its one form', value: parseManifest(bytes) }));
  if (manifest !== null && signer !== null && manifest.documentKeyFingerprint !== signer.fingerprint)
    problem('the manifest names another signing key than the one that signed it');
  return { manifest, signer };
}

function readSigner(files: PackFiles, manifest: Uint8Array, problem: Problem): Proof<Signer> {
  if (!files.names.includes(manifestSealPath))
    throw new KubevidenceError('integrity', `the signature of the manifest, ${manifestSealPath}, is missing`);
  const { ok, certificate, problems } = verifyDetached(files.read(manifestSealPath), manifest);
  for (const each of problems) problem(`${manifestSealPath}: ${each}`);
  if (!ok || certificate === null) throw dependent;
  const { fingerprint, subject } = certificate;
  return { sentence: `the manifest is signed by ${fingerprint}, whose certificate names it ${subject}`, value: { fingerprint, subject } };
}

function conclude(
  { proved, notProved, problems }: Findings,
  signer: Signer | null,
  trusted: string | null,
  times: TimeEvidence,
): PackVerification {
  const ok = problems.length === 0;
  const known = ok && signer !== null && signer.fingerprint === trusted;
  const who = known ? [] : [`who signed it: ask for the fingerprint through another channel, and give it with --trust`];
  return {
    ok,
    signer,
    known,
    headline: headlineOf(problems.length, signer, known),
    proved,
    notProved: [...who, ...notProved, whenSentences[times], ...limits],
    problems,
  };
}

function headlineOf(problems: number, signer: Signer | null, known: boolean): string {
  if (problems > 0) return `does NOT hold: ${problems === 1 ? 'one problem' : `${problems} problems`}`;
  return known
    ? `intact; signed by ${signer?.fingerprint}, the key that you trust`
    : `consistent; signer ${signer?.fingerprint} is not known to you`;
}

const whenSentences: Readonly<Record<TimeEvidence, string>> = {
  clock: "when anything was so: there is no timestamp of an authority (RFC 3161), and times rest on the collector's clock",
  unestablished:
    'when anything was so: the time-stamp tokens hold, but TSA not established: whose they are, only the pack itself says; get the certificate from the authority, and give it with --tsa-ca',
  established: 'since when anything was so: a time-stamp token proves that something existed before its time, and not that it is true',
};

/** What no verification of a pack can show. */
const limits = [
  'what the report, the workbook, the README and the manifest (organization, period, times, demo mark) say: the key signed it, and it is not derived anew here',
  'that the outcomes follow from the evidence: controls are not judged anew here, and requirements not concluded anew; what each read, and by which rule, is enclosed',
  'that the log was not rewritten before today: compare it with a checkpoint that you kept earlier',
  'that the evidence is true: whoever controls collector and key could have fed it false input; ask to see one exhibit queried live',
  'that anybody complies with anything: intact is not compliant',
];
