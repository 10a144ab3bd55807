/**
 * Every time-stamp token of a pack (RFC 3161) against what it covers, and checkpoints with tokens against the log: signed by its key, and
 * over the root that its records give. The certificates in the pack prove nothing about who stamped; those that the verifier was given do.
 */
import {
  appendLeaf,
  createKeyHistory,
  createTokenTimes,
  lateRecords,
  type LateRecords,
  leafHash,
  type LogRecord,
  type NodeReader,
  openLogCheckpoint,
  rootHash,
} from '../log/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import { certificatesFromPem, type Timestamp, type TimestampTrust, verifyTimestamp } from '../signing/index.ts';
import type { Contents } from './contents.ts';
import { authorityChainPath, authorityPath, checkpointPath, manifestPath, stampedCheckpointPath } from './layout.ts';
import { type Manifest, timestampSeals } from './manifest.ts';
import type { PackFiles } from './pack-files.ts';
import { isListed } from './timestamps.ts';
import { dependent, durationOf, type Findings, type Problem, type Proof, sentenceOf } from './verification.ts';

/** What vouches for times: the collector's clock alone, tokens of an authority that nobody vouches for here, or of one that is trusted. */
export type TimeEvidence = 'clock' | 'unestablished' | 'established';

export interface PackTrust extends TimestampTrust {
  /** The anchors are the verifier's own, not the pack's. */
  readonly isGiven: boolean;
  /** PEM of {@link authorityChainPath}. */
  readonly chain: string;
}

interface LogOfPack {
  readonly stored: readonly Uint8Array[];
  readonly records: readonly (LogRecord | null)[];
}

interface Stamped {
  readonly covers: string;
  readonly timestamp: Timestamp;
}

/** A checkpoint of this log that has a token. */
interface Head extends Stamped {
  readonly size: number;
  readonly root: Uint8Array;
}

// Nobody reads more of them.
const mostGaps = 10;

/** `anchors`: DER of what the verifier trusts; null for none. */
export function readPackTrust(contents: Contents, anchors: readonly Uint8Array[] | null): PackTrust {
  const chain = contents.has(authorityChainPath) ? contents.text(authorityChainPath) : '';
  const own = contents.has(authorityPath) ? certificatesFromPem(contents.text(authorityPath), authorityPath) : null;
  return {
    anchors: anchors ?? own,
    others: chain === '' ? [] : certificatesFromPem(chain, authorityChainPath),
    isGiven: anchors !== null,
    chain,
  };
}

/** `pdf` is the token in the report. Nothing is proved, and nothing is a problem, where there is no token. */
export async function verifyTimestamps(
  files: PackFiles,
  contents: Contents,
  manifest: Manifest,
  { trust, log, pdf }: { readonly trust: PackTrust; readonly log: LogOfPack | null; readonly pdf: Timestamp | null },
  findings: Findings,
): Promise<TimeEvidence> {
  const { problem, prove } = findings;
  const seals = timestampSeals(manifest);
  if (seals.length === 0 && pdf === null) return 'clock';
  const stamped: Stamped[] = [];
  let heads: readonly Head[] = [];
  if (pdf !== null) checkCertificates('report.pdf', pdf, trust, problem);
  const allHold = await prove((failed) => {
    for (const { file, covers } of seals) {
      const read = readStamped(files, contents, { file, covers });
      if (read === null) continue;
      const { timestamp, problems } = verifyTimestamp(read.tsr, read.data, trust);
      for (const each of problems) failed(`${visible(file)}: ${each}`);
      if (timestamp === null) continue;
      checkCertificates(file, timestamp, trust, failed);
      stamped.push({ covers, timestamp });
    }
    if (log !== null) heads = readHeads(contents, stamped, log, failed);
    if (stamped.length < seals.length) throw dependent;
    return { sentence: describe(stamped, heads, pdf, trust), value: true };
  });
  if (log !== null) await prove(() => checkTimes({ stamped, heads }, log, findings));
  if (allHold === null) return 'clock';
  return trust.isGiven ? 'established' : 'unestablished';
}

/** Null when one of the two is missing or changed, which is reported elsewhere. No line of the manifest covers its own token. */
function readStamped(files: PackFiles, contents: Contents, { file, covers }: { readonly file: string; readonly covers: string }) {
  try {
    if (covers !== manifestPath) return { data: contents.bytes(covers), tsr: contents.bytes(file) };
    return files.names.includes(file) ? { data: files.read(manifestPath), tsr: files.read(file) } : null;
  } catch (error) {
    if (error === dependent) return null;
    throw error;
  }
}

function checkCertificates(file: string, { certificates }: Timestamp, { chain }: PackTrust, problem: Findings['problem']): void {
  // The first is the signer's, which the token's own signature names.
  if (certificates.slice(1).some((each) => !isListed(each, chain)))
    problem(`${visible(file)} holds a certificate that is not in ${authorityChainPath}`);
}

/** The checkpoints with tokens that are signed by a key of this log, over the root that its records give; every other one is a problem. */
function readHeads(contents: Contents, stamped: readonly Stamped[], { stored, records }: LogOfPack, problem: Problem): Head[] {
  const keys = historyOf(records);
  const signed = stamped.filter(isOverCheckpoint).flatMap(({ covers, timestamp }) => {
    try {
      return [{ covers, timestamp, ...openLogCheckpoint(contents.text(covers), keys) }];
    } catch (error) {
      if (error === dependent) throw error;
      problem(`${visible(covers)}: ${sentenceOf(error)}`);
      return [];
    }
  });
  const roots = rootsAt(stored, new Set(signed.map(({ size }) => size)));
  return signed.filter(({ covers, size, root }) => {
    const expected = roots.get(size);
    const isOfLog = expected !== undefined && Buffer.compare(expected, root) === 0;
    const isNamed = covers === checkpointPath || covers === stampedCheckpointPath(size);
    if (!isOfLog) problem(`${visible(covers)} is a checkpoint of another log than the pack has`);
    else if (!isNamed) problem(`${visible(covers)} is a checkpoint of size ${size}`);
    return isOfLog && isNamed;
  });
}

function checkTimes(
  { stamped, heads }: { readonly stamped: readonly Stamped[]; readonly heads: readonly Head[] },
  { stored, records }: LogOfPack,
  { notProved }: Findings,
): Proof<null> {
  // The manifest names the last checkpoint, so its token covers every record as well.
  const whole = stamped.filter(({ covers }) => covers === manifestPath).map(({ timestamp }) => ({ size: stored.length, timestamp }));
  const tokens = [...heads, ...whole].map(({ size, timestamp }) => ({ size, time: timestamp.time }));
  const times = createTokenTimes(tokens);
  for (const [leaf, record] of records.entries()) if (record !== null) times.take(leaf, record.at);
  notProved.push(...times.sentences());
  // Of all records of the log: the period and the time of the pack are the signer's word alone, and must hide nothing.
  const late = lateRecords(
    tokens,
    records.map((record) => record?.at ?? null),
    null,
  );
  notProved.push(...describeLate(late));
  if (heads.length === 0 || heads.length < stamped.filter(isOverCheckpoint).length) throw dependent;
  return { sentence: `each of the ${heads.length} stamped checkpoints is one of this log, signed by its key`, value: null };
}

/** Those of the longest delays, and how long the others are at most. */
function describeLate(late: readonly LateRecords[]): string[] {
  const sorted = late.toSorted((a, b) => (a.delayMs === b.delayMs ? 0 : b.delayMs - a.delayMs));
  const others = sorted.slice(mostGaps);
  return [
    ...sorted.slice(0, mostGaps).map(({ count, from, to, covered, delayMs }) => {
      const what = `the times of ${count} ${count === 1 ? 'record' : 'records'} dated ${from === to ? from : `from ${from} to ${to}`}`;
      if (covered === null) return `${what}: no token of the pack covers them`;
      return `${what}: the first token that covers them is of ${covered}, up to ${durationOf(delayMs)} later, and they may have been written until then`;
    }),
    ...others
      .slice(0, 1)
      .map(
        ({ delayMs }) =>
          `the times of records that ${others.length} further ${others.length === 1 ? 'token covers' : 'tokens cover'} first, up to ${durationOf(delayMs)} later`,
      ),
  ];
}

function isOverCheckpoint({ covers }: Stamped): boolean {
  return covers !== manifestPath;
}

function historyOf(records: LogOfPack['records']) {
  const keys = createKeyHistory();
  // What is wrong with a change of keys is a problem of the records already.
  for (const [leaf, record] of records.entries()) if (record !== null) attempt(() => keys.take(leaf, record, () => new Uint8Array(32)));
  return keys;
}

function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
  }
}

/** RFC 6962 roots over the first so many records. */
function rootsAt(stored: readonly Uint8Array[], sizes: ReadonlySet<number>): Map<number, Uint8Array> {
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  const roots = new Map<number, Uint8Array>();
  for (const [leaf, record] of stored.entries()) {
    for (const node of appendLeaf(latest, leaf, leafHash(record))) frontier[node.level] = node.hash;
    if (sizes.has(leaf + 1)) roots.set(leaf + 1, rootHash(latest, leaf + 1));
  }
  return roots;
}

/** Who stamped is proved by certificates that the verifier has; those in the pack let anybody bear any name. */
function describe(stamped: readonly Stamped[], heads: readonly Head[], pdf: Timestamp | null, { isGiven }: PackTrust): string {
  const manifest = stamped.find(({ covers }) => covers === manifestPath);
  const checkpoints = heads.map(({ timestamp }) => timestamp.time);
  const parts = [
    ...(manifest === undefined ? [] : [`the manifest existed at ${manifest.timestamp.time}`]),
    ...(pdf === null ? [] : [`the signature of the report at ${pdf.time}`]),
    ...(checkpoints.length === 0
      ? []
      : [`${checkpoints.length === 1 ? 'a checkpoint' : `${checkpoints.length} checkpoints`} at ${rangeOf(checkpoints)}`]),
  ];
  if (parts.length === 0) throw dependent;
  const whose = authoritiesOf(stamped, pdf);
  return isGiven
    ? `time-stamp tokens of ${whose} hold: ${parts.join(', ')}`
    : `time-stamp tokens fit what they cover; they say of themselves that they are of ${whose}, and that ${parts.join(', ')}`;
}

function rangeOf(times: readonly string[]): string {
  const sorted = times.toSorted();
  const [first, last] = [sorted[0] ?? '', sorted.at(-1) ?? ''];
  return first === last ? first : `times from ${first} to ${last}`;
}

function authoritiesOf(stamped: readonly Stamped[], pdf: Timestamp | null): string {
  const names = [...stamped.map(({ timestamp }) => timestamp.authority), ...(pdf === null ? [] : [pdf.authority])];
  return [...new Set(names)].slice(0, 3).join(' and ');
}
