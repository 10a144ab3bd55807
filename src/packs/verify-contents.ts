/** What the files of a pack say, once the manifest is trusted to be the signer's: seals, checkpoint, records, exhibits, assessment. */
import {
  type Checkpoint,
  longestDelayMs,
  type LogRecord,
  openCheckpoint,
  parseVerifierKey,
  type RecordOf,
  type VerifierKey,
} from '../log/index.ts';
import { canonicalize, KubevidenceError, visible } from '../model/index.ts';
import { certificateFromPem, certificateInfo, certificateToPem, type Timestamp, verifyPdf, verifyWorkbook } from '../signing/index.ts';
import { type AssessmentCheck, checkAssessment } from './assessment-file.ts';
import { checkNames, type Contents, readContents } from './contents.ts';
import { describeJudgement, unannounced } from './pseudonymised.ts';
import {
  assessmentPath,
  catalogPath,
  certificatePath,
  checkpointPath,
  exceptionsPath,
  logKeyPath,
  logKeyPemPath,
  paramsPath,
  readmePath,
  recordsPath,
  reportPath,
  workbookPath,
} from './layout.ts';
import { checkKeys, logKeyPem } from './log-key.ts';
import type { Manifest } from './manifest.ts';
import type { PackFiles } from './pack-files.ts';
import { checkRecords, rootOf, splitRecords } from './record-sequence.ts';
import { dependent, durationOf, type Findings, needed, type Problem, type Proof, sentenceOf } from './verification.ts';
import { describeNotShown, readExhibits } from './verify-exhibits.ts';
import { type PackTrust, readPackTrust, type TimeEvidence, verifyTimestamps } from './verify-timestamps.ts';

/** The log, once its checkpoint is known to be signed. */
interface Head {
  readonly checkpoint: Checkpoint;
  readonly key: VerifierKey;
}

/** The log, once its records are known to be those of the checkpoint. */
interface Log extends Head {
  readonly stored: readonly Uint8Array[];
  /** Null for a type or version that a newer kubevidence writes. */
  readonly records: readonly (LogRecord | null)[];
}

interface Verifier {
  /** Of the key that signed the manifest; null when that signature does not hold. */
  readonly fingerprint: string | null;
  /** Certificates that the verifier trusts for time-stamping, DER; null for none. */
  readonly anchors: readonly Uint8Array[] | null;
}

/** Returns what vouches for the times. */
export async function verifyContents(
  files: PackFiles,
  manifest: Manifest,
  { fingerprint, anchors }: Verifier,
  findings: Findings,
): Promise<TimeEvidence> {
  const { prove, problem, notProved } = findings;
  const contents = readContents(files, manifest, problem);
  await prove(() => {
    checkNames(files, manifest, problem);
    return { sentence: 'no file is missing and none was added; every seal that the manifest names is there', value: null };
  });
  const trust = attemptTrust(contents, anchors, problem);
  const pdf = await prove(async () => {
    const timestamp = await checkSeals(contents, needed(fingerprint), trust, problem);
    return { sentence: 'the PDF and the workbook carry signatures of the same key that hold', value: timestamp };
  });
  const head = await prove(() => readHead(contents, manifest, problem));
  const log = await prove(() => readLog(splitRecords(contents.bytes(recordsPath)), needed(head), manifest, findings));
  const exhibits = await prove(() => readExhibits(contents, needed(log), manifest, findings));
  const cited = await prove(() => {
    const { run } = manifest.pack.assessment;
    const check = checkAssessment(contents.bytes(assessmentPath(run)), {
      ...needed(log),
      expected: manifest.pack.assessment,
      cluster: manifest.pack.cluster.name,
      catalog: contents.bytes(catalogPath),
      params: contents.bytes(paramsPath),
      exceptions: manifest.files.some(({ path }) => path === exceptionsPath) ? contents.bytes(exceptionsPath) : null,
      exhibits: needed(exhibits),
    });
    for (const each of check.problems) problem(each);
    const hidden = describeJudgement(check.pseudonymised);
    if (manifest.pseudonyms === undefined && hidden.length > 0) problem(unannounced('the judgement'));
    notProved.push(...hidden, ...check.notProved, ...describeOthers(needed(log), manifest));
    return { sentence: describeAssessment(run, check), value: check.pseudonymised.assessment ? null : check.cited };
  });
  if (exhibits !== null) notProved.push(...describeNotShown(exhibits, cited));
  const times = trust === null ? 'clock' : await verifyTimestamps(files, contents, manifest, { trust, log, pdf }, findings);
  const others = contents.unread().filter((path) => path !== readmePath);
  if (others.length > 0 && exhibits !== null)
    notProved.push(
      `the content of ${counted(others.length, 'other file')} (${someOf(others.toSorted(byLikeness))}): as it was signed, and nothing here reads it`,
    );
  await prove(() => {
    if (contents.readRest() > 0) throw dependent;
    return { sentence: `each of the ${manifest.files.length} files has the SHA-256 and the size that the manifest lists`, value: null };
  });
  return times;
}

/** Those first that stand where what is read does, and could be taken for it. */
function byLikeness(one: string, two: string): number {
  const isLike = (path: string) => Number(/^(?:evidence|proofs|assessments|controls|ledger|keys)\//.test(path));
  return isLike(two) - isLike(one);
}

function someOf(names: readonly string[]): string {
  return visible(`${names.slice(0, 10).join(', ')}${names.length > 10 ? `, and ${names.length - 10} more` : ''}`);
}

/** The signer chose the judgement: others of the same run may say something else, and later runs may have found something else. */
function describeOthers({ records }: Log, { pack }: Manifest): string[] {
  const { run, leaf } = pack.assessment;
  const ofCluster = records.map((record) =>
    record !== null && 'cluster' in record && record.cluster === pack.cluster.name ? record : null,
  );
  const own = ofCluster[leaf];
  const others = [...ofCluster.entries()].flatMap(([n, record]) => (record?.type === 'assessed' && saysOther(record, own) ? [n] : []));
  const later = ofCluster.filter((record) => record?.type === 'run-ended' && record.run > run && record.snapshot !== null).length;
  return [
    ...(others.length > 0
      ? [
          `which judgement of run ${run} to go by: beside that of record ${leaf} the log has ${others.length} by other rules or with other outcomes (record ${others.slice(-5).join(', ')})`,
        ]
      : []),
    ...(later > 0 ? [`what was found after run ${run}: the log has ${counted(later, 'later run')} of the cluster that read anything`] : []),
  ];
}

/** Another judgement of the same run that is not the same but for the moment whose exceptions it labels. */
function saysOther(other: RecordOf<'assessed'>, own: LogRecord | null | undefined): boolean {
  if (own?.type !== 'assessed' || other.run !== own.run) return false;
  const decisive = ({ catalog, params, tool, outcomes }: RecordOf<'assessed'>) => canonicalize({ catalog, params, tool, outcomes });
  return decisive(other) !== decisive(own);
}

/** What is shown with pseudonyms may say anything: of such an assessment the log's own record is all that is proved. */
function describeAssessment(run: number, check: AssessmentCheck): string {
  const { assessment, catalog, params } = check.pseudonymised;
  const enclosed = [...(catalog ? [] : ['catalog']), ...(params ? [] : ['parameters'])].join(' and ');
  const by = enclosed === '' ? '' : `, by the enclosed ${enclosed}`;
  if (assessment) {
    const outcomes = Object.entries(check.outcomes).filter(([, count]) => count > 0);
    return `the log recorded an assessment of run ${run} under the id in the pack${by}: ${outcomes.map(([outcome, count]) => `${count} ${visible(outcome)}`).join(', ')}`;
  }
  const stands = `${counted(check.controls, 'control')} on ${counted(check.listings, 'listing')} and ${counted(check.cited.size, 'object')}`;
  return `the assessment of run ${run} is the one that the log recorded${by}: ${stands}, all of which the exhibits ${check.isShown ? 'show' : 'name'}`;
}

/** Null, and a problem, when the certificates in the pack are none. */
function attemptTrust(contents: Contents, anchors: readonly Uint8Array[] | null, problem: Problem): PackTrust | null {
  try {
    return readPackTrust(contents, anchors);
  } catch (error) {
    if (error !== dependent) problem(sentenceOf(error));
    return null;
  }
}

/** Returns the token in the PDF. */
async function checkSeals(contents: Contents, fingerprint: string, trust: PackTrust | null, problem: Problem): Promise<Timestamp | null> {
  const pem = contents.text(certificatePath);
  const certificate = certificateFromPem(pem);
  if (certificateToPem(certificate) !== pem || certificateInfo(certificate).fingerprint !== fingerprint)
    problem(`${certificatePath} is not the certificate of the key that signed the manifest`);
  const pdf = verifyPdf(contents.bytes(reportPath), trust ?? undefined);
  const checks = [
    [reportPath, pdf],
    [workbookPath, await verifyWorkbook(contents.bytes(workbookPath))],
  ] as const;
  for (const [path, check] of checks) {
    for (const each of check.problems) problem(`${path}: ${each}`);
    if (check.ok && check.signerFingerprint !== fingerprint) problem(`${path} is signed by another key than the manifest`);
  }
  return pdf.timestamp;
}

function readHead(contents: Contents, { logKey, pack }: Manifest, problem: Problem): Proof<Head> {
  const key = parseVerifierKey(logKey);
  if (contents.text(logKeyPath) !== `${logKey}\n`) problem(`${logKeyPath} is not the log key that the manifest names`);
  if (contents.text(logKeyPemPath) !== logKeyPem(key)) problem(`${logKeyPemPath} is another key than ${logKeyPath}`);
  const checkpoint = openCheckpoint(contents.text(checkpointPath), key);
  const { origin, size, root } = pack.checkpoint;
  if (checkpoint.origin !== origin || checkpoint.size !== size || encode(checkpoint.root) !== root)
    problem(`${checkpointPath} is not the checkpoint that the manifest names`);
  const sentence = `the checkpoint of ${counted(size, 'record')} (root ${root}) is signed by the log ${visible(origin)}`;
  return { sentence, value: { checkpoint, key } };
}

function readLog(stored: readonly Uint8Array[], head: Head, manifest: Manifest, findings: Findings): Proof<Log> {
  const { problem, notProved } = findings;
  const { size, root } = head.checkpoint;
  if (stored.length !== size)
    throw new KubevidenceError('integrity', `the checkpoint is of ${size} records, and the pack has ${stored.length}`);
  if (encode(rootOf(stored)) !== encode(root))
    throw new KubevidenceError('integrity', 'the records do not give the root that the checkpoint signs');
  const { problems, records, runs, backwards } = checkRecords(stored);
  for (const each of problems) problem(each);
  checkFacts(records, manifest, problem);
  checkKeys(records, stored, manifest, findings);
  const unknown = records.filter((record) => record === null).length;
  if (unknown > 0)
    notProved.push(`the meaning of ${counted(unknown, 'record')} of a type that this version does not know; the signed root covers them`);
  notProved.push(...describeImports(records));
  if (backwards > 0) notProved.push(`the order in time: the collector's clock was set back before ${counted(backwards, 'record')}`);
  const counts = [...runs].map(([cluster, count]) => `${visible(cluster)}: ${count}`).join(', ');
  const sentence = `the ${counted(size, 'record')} give that root, bind the log key to the signing key, and number the runs without a gap (${counts || 'none'})`;
  return { sentence, value: { ...head, stored, records } };
}

/** Of an imported run only its own record says when its evidence was so; the log had it when the record was written. */
function describeImports(records: readonly (LogRecord | null)[]): string[] {
  const delays = records.flatMap((record) => {
    if (record?.type !== 'run-ended' || record.observedAt === null) return [];
    const delay = Date.parse(record.at) - Date.parse(record.observedAt);
    return delay > longestDelayMs ? [delay] : [];
  });
  if (delays.length === 0) return [];
  const longest = durationOf(delays.reduce((most, each) => Math.max(most, each), 0));
  return [
    `when the evidence of ${counted(delays.length, 'run')} was so: it was imported up to ${longest} after the time that it gives for itself`,
  ];
}

/** What the manifest says of the cluster and the time, against the records. */
function checkFacts(records: readonly (LogRecord | null)[], { pack }: Manifest, problem: Problem): void {
  const { run } = pack.assessment;
  const end = records.find((record) => record?.type === 'run-ended' && record.cluster === pack.cluster.name && record.run === run);
  if (end?.type !== 'run-ended') problem(`the log does not know the end of run ${run} of ${visible(pack.cluster.name)}`);
  else if (end.clusterUid !== pack.cluster.uid) problem('the manifest names another kube-system UID than the log');
  if (pack.time < (records.at(-1)?.at ?? '')) problem('the pack is dated before the last record of its checkpoint');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
