/**
 * Inclusion proofs as text that stands alone (c2sp.org/tlog-proof@v1): index, hashes, and the checkpoint verbatim. Anybody with the record's
 * bytes and the log's verifier key can check one; {@link verifyTlogProof} is that check.
 */
import { KubevidenceError } from '../model/index.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { type Checkpoint, openCheckpoint, type VerifierKey } from './note.ts';

export interface TlogProof {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, not yet verified. */
  readonly checkpoint: string;
  /** Opaque, and authenticated by nothing. */
  readonly extra?: Uint8Array;
}

const header = 'c2sp.org/tlog-proof@v1';
// A path is never longer than the bits of a safe integer.
const longestPath = 53;

export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const lines = [header, ...(extra === undefined ? [] : [`extra ${encode(extra)}`]), `index ${index}`, ...hashes.map(encode)];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** Throws `input` for what is no tlog-proof. */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n');
  const [first, ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  const extra = lines[0]?.startsWith('extra ') ? decode(lines.shift()?.slice(6) ?? '') : undefined;
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '') ?? [];
  if (end < 0 || first !== header || index === undefined || !Number.isSafeInteger(Number(index)) || lines.length > longestPath) {
    throw malformed();
  }
  const hashes = lines.map(decode);
  if (hashes.some((hash) => hash.length !== 32)) throw malformed();
  return { index: Number(index), hashes, checkpoint: text.slice(end + 2), ...(extra === undefined ? {} : { extra }) };
}

/** Proves that `record` is in the log that `key` signs; returns where. Throws `input` or `integrity`, saying what does not hold. */
export function verifyTlogProof(text: string, record: Uint8Array, key: VerifierKey): { index: number; checkpoint: Checkpoint } {
  const proof = parseTlogProof(text);
  const checkpoint = openCheckpoint(proof.checkpoint, key);
  if (!verifyInclusion(leafHash(record), proof.index, checkpoint.size, proof.hashes, checkpoint.root)) {
    throw new KubevidenceError('integrity', `the record is not leaf ${proof.index} of the log at size ${checkpoint.size}`);
  }
  return { index: proof.index, checkpoint };
}

function decode(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed();
  return bytes;
}

function malformed(): KubevidenceError {
  return new KubevidenceError('input', 'this is no inclusion proof (c2sp.org/tlog-proof@v1)');
}
