/** What the files of a pack say, once the manifest is trusted to be the signer's: seals, checkpoint, records, exhibits, assessment. */
import { type Checkpoint, type LogRecord, openCheckpoint, parseVerifierKey, type VerifierKey, verifyTlogProof } from '../log/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { certificateFromPem, certificateInfo, certificateToPem, verifyPdf, verifyWorkbook } from '../signing/index.ts';
import { checkAssessment } from './assessment-file.ts';
import { checkNames, type Contents, readContents } from './contents.ts';
import { checkExhibit, type ExhibitFacts } from './exhibit.ts';
import {
  assessmentPath,
  catalogPath,
  certificatePath,
  checkpointPath,
  exhibitPath,
  logKeyPath,
  logKeyPemPath,
  paramsPath,
  proofPath,
  readmePath,
  recordsPath,
  reportPath,
  workbookPath,
} from './layout.ts';
import { logKeyPem } from './log-key.ts';
import type { Manifest } from './manifest.ts';
import type { PackFiles } from './pack-files.ts';
import { checkRecords, rootOf, splitRecords } from './record-sequence.ts';
import { type Findings, needed } from './verification.ts';

type Problem = (sentence: string) => void;

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

/** `fingerprint`: of the key that signed the manifest; null when that signature does not hold. */
export async function verifyContents(files: PackFiles, manifest: Manifest, fingerprint: string | null, findings: Findings): Promise<void> {
  const contents = readContents(files, manifest, findings.problem);
  const { prove } = findings;
  await prove((problem) => {
    checkNames(files, manifest, problem);
    return 'no file is missing and none was added; every seal that the manifest names is there';
  });
  await prove(async (problem) => {
    await checkSeals(contents, needed(fingerprint), problem);
    return 'the PDF and the workbook carry signatures of the same key that hold';
  });
  let head: Head | null = null;
  await prove((problem) => {
    head = readHead(contents, manifest, problem);
    const { origin, size, root } = head.checkpoint;
    return `the checkpoint of ${size} records (root ${encode(root)}) is signed by the log ${visible(origin)}`;
  });
  let log: Log | null = null;
  await prove((problem) => {
    const stored = splitRecords(contents.bytes(recordsPath));
    const [read, sentence] = readLog(stored, needed(head), manifest, findings, problem);
    log = read;
    return sentence;
  });
  let exhibits: readonly ExhibitFacts[] | null = null;
  await prove((problem) => {
    const shown = checkExhibits(contents, needed(log), manifest, problem);
    exhibits = shown;
    const [objects, items] = [sum(shown, (exhibit) => exhibit.objects.size), sum(shown, (exhibit) => exhibit.items)];
    if (items > objects) {
      findings.notProved.push(
        `what those ${items - objects} items say that no finding cites: the pack holds their ids, the ledger their content`,
      );
    }
    return `${shown.length} exhibits of ${items} items: every id is the one computed anew, from ${objects} cited objects up to the record of the run, and every inclusion proof holds`;
  });
  await prove((problem) => {
    const { run } = manifest.pack.assessment;
    const [{ stored, records }, facts] = [needed(log as Log | null), needed(exhibits)];
    const { controls, listings, objects, problems } = checkAssessment(contents.bytes(assessmentPath(run)), {
      expected: manifest.pack.assessment,
      cluster: manifest.pack.cluster.name,
      stored,
      records,
      catalog: contents.bytes(catalogPath),
      params: contents.bytes(paramsPath),
      exhibits: facts,
    });
    problems.forEach(problem);
    return `the assessment of run ${run} is the one that the log recorded, by the enclosed catalog and parameters: ${controls} controls, on ${listings} listings and ${objects} objects, all of them in the exhibits`;
  });
  const unread = contents.unread().filter((path) => path !== readmePath);
  await prove(() => {
    if (contents.readRest() > 0) needed(null);
    return `every one of the ${manifest.files.length} files has the SHA-256 and the size that the manifest lists`;
  });
  if (findings.problems.length === 0 && unread.length > 0)
    findings.notProved.push(
      `what ${unread.length} other files say: they are as they were signed, and nothing here reads them (${visible(unread.slice(0, 5).join(', '))})`,
    );
}

async function checkSeals(contents: Contents, fingerprint: string, problem: Problem): Promise<void> {
  const pem = contents.text(certificatePath);
  const certificate = certificateFromPem(pem);
  if (certificateToPem(certificate) !== pem || certificateInfo(certificate).fingerprint !== fingerprint)
    problem(`${certificatePath} is not the certificate of the key that signed the manifest`);
  const checks = [
    [reportPath, verifyPdf(contents.bytes(reportPath))],
    [workbookPath, await verifyWorkbook(contents.bytes(workbookPath))],
  ] as const;
  for (const [path, check] of checks) {
    for (const each of check.problems) problem(`${path}: ${each}`);
    if (check.ok && check.signerFingerprint !== fingerprint) problem(`${path} is signed by another key than the manifest`);
  }
}

function readHead(contents: Contents, { logKey, pack }: Manifest, problem: Problem): Head {
  const key = parseVerifierKey(logKey);
  if (contents.text(logKeyPath) !== `${logKey}\n`) problem(`${logKeyPath} is not the log key that the manifest names`);
  if (contents.text(logKeyPemPath) !== logKeyPem(key)) problem(`${logKeyPemPath} is another key than ${logKeyPath}`);
  const checkpoint = openCheckpoint(contents.text(checkpointPath), key);
  const { origin, size, root } = pack.checkpoint;
  if (checkpoint.origin !== origin || checkpoint.size !== size || encode(checkpoint.root) !== root)
    problem(`${checkpointPath} is not the checkpoint that the manifest names`);
  return { checkpoint, key };
}

function readLog(
  stored: readonly Uint8Array[],
  head: Head,
  manifest: Manifest,
  { notProved }: Findings,
  problem: Problem,
): [Log | null, string] {
  const { size, root } = head.checkpoint;
  if (stored.length !== size || encode(rootOf(stored)) !== encode(root)) {
    problem(
      stored.length === size
        ? 'the records do not give the root that the checkpoint signs'
        : `the checkpoint is of ${size} records, and the pack has ${stored.length}`,
    );
    return [null, ''];
  }
  const { problems, records, runs, backwards } = checkRecords(stored);
  problems.forEach(problem);
  checkFacts(records, manifest, problem);
  const unknown = records.filter((record) => record === null).length;
  if (unknown > 0) notProved.push(`what ${unknown} records say whose type this version does not know; the signed root covers them`);
  if (backwards > 0)
    notProved.push(
      `the order in time of ${backwards} records that are dated before the one ahead of them: the collector's clock was set back`,
    );
  const counts = [...runs].map(([cluster, count]) => `${visible(cluster)} 1 to ${count}`);
  return [
    { ...head, stored, records },
    `the ${size} records give that root, bind the log key to the signing key, and number the runs without a gap (${counts.join(', ') || 'none'})`,
  ];
}

/** What the manifest says of the log, the keys, the cluster and the time, against the records. */
function checkFacts(records: readonly (LogRecord | null)[], { logKey, documentKeyFingerprint, pack }: Manifest, problem: Problem): void {
  const [genesis] = records;
  if (genesis?.type !== 'genesis' || genesis.logKey !== logKey || genesis.origin !== pack.checkpoint.origin)
    problem('the log begins with another key or name than the checkpoint has');
  const bound = records.some(
    (record) => record?.type === 'key-bound' && record.logKey === logKey && record.documentKeyFingerprint === documentKeyFingerprint,
  );
  if (!bound) problem(`no record of the log binds its key to the signing key ${documentKeyFingerprint}`);
  const { run } = pack.assessment;
  const end = records.find((record) => record?.type === 'run-ended' && record.cluster === pack.cluster.name && record.run === run);
  if (end?.type !== 'run-ended') problem(`the log does not know the end of run ${run} of ${visible(pack.cluster.name)}`);
  else if (end.clusterUid !== pack.cluster.uid) problem('the manifest names another kube-system UID than the log');
  if (pack.time < (records.at(-1)?.at ?? '')) problem('the pack is dated before the last record of its checkpoint');
}

function checkExhibits(contents: Contents, { stored, key, checkpoint }: Log, { pack }: Manifest, problem: Problem): ExhibitFacts[] {
  const facts: ExhibitFacts[] = [];
  for (const id of contents.exhibits) {
    const path = exhibitPath(id);
    const check = checkExhibit(contents.bytes(path), stored);
    for (const each of check.problems) problem(`${path}: ${each}`);
    if (check.facts === null) continue;
    const { leaf, cluster } = check.facts;
    if (check.facts.id !== id) problem(`${path} is the exhibit ${visible(check.facts.id)}`);
    if (cluster !== pack.cluster.name) problem(`${path} is of another cluster than the pack`);
    facts.push(check.facts);
    try {
      const proof = verifyTlogProof(contents.text(proofPath(id)), stored[leaf] as Uint8Array, key);
      if (proof.index !== leaf || proof.checkpoint.note !== checkpoint.note)
        problem(`${proofPath(id)} is the proof of another record or checkpoint`);
    } catch (error) {
      if (error instanceof KubevidenceError) problem(`${proofPath(id)}: ${reasonOf(error)}`);
      else throw error;
    }
  }
  return facts;
}

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
