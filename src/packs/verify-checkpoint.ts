/** A checkpoint on its own: somebody kept it, to compare a log with later. Alone it proves only that the log's key signed it. */
import { createPublicKey } from 'node:crypto';
import { type Checkpoint, openCheckpoint, parseVerifierKey, type VerifierKey } from '../log/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { fingerprintOf } from '../signing/index.ts';
import { logKeyObject } from './log-key.ts';
import { type PackVerification, sentenceOf, type VerifyOptions } from './verification.ts';

/**
 * `trust` is the log's verifier key, or its public key as PEM: keys/log-key.txt or keys/log-key.pem of a pack. Throws `usage` without one,
 * or for another kind of key: an Ed25519 signature cannot be checked by a fingerprint. Takes any text; whatever does not hold is a problem.
 */
export function verifyCheckpointFile(text: string, { trust }: VerifyOptions = {}): PackVerification {
  const key = trustedLogKey(trust, text);
  const signer = { fingerprint: fingerprintOf(logKeyObject(key).export({ type: 'spki', format: 'der' })), subject: visible(key.name) };
  const notProved = [
    'that the log it is of still has these records: kubevidence ledger verify --against FILE, or a pack of a later time',
    "when it was signed: a checkpoint has no time, and the collector's clock is nobody's proof",
  ];
  let checkpoint: Checkpoint;
  try {
    checkpoint = openCheckpoint(text, key);
  } catch (error) {
    return {
      ok: false,
      signer: null,
      known: false,
      headline: 'does NOT hold: one problem',
      proved: [],
      notProved,
      problems: [sentenceOf(error)],
    };
  }
  const proved = [
    `the log ${visible(checkpoint.origin)} had ${checkpoint.size} records with the root ${Buffer.from(checkpoint.root).toString('base64')}`,
  ];
  return {
    ok: true,
    signer,
    known: true,
    headline: `intact; signed by ${signer.fingerprint}, the log key that you trust`,
    proved,
    notProved,
    problems: [],
  };
}

function trustedLogKey(trust: string | undefined, note: string): VerifierKey {
  const next = 'Give the file keys/log-key.txt of a pack that you trust, or what `kubevidence keys show` prints as the verifier key.';
  if (trust === undefined)
    throw new KubevidenceError('usage', 'a checkpoint alone can only be checked with the key of its log (--trust)', { next });
  if (!trust.includes('-----BEGIN PUBLIC KEY-----')) {
    try {
      return parseVerifierKey(trust.trim());
    } catch (cause) {
      throw new KubevidenceError('usage', 'the trusted key is no verifier key of a log', { next, cause });
    }
  }
  try {
    const key = createPublicKey(trust);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is a key for ${key.asymmetricKeyType ?? 'nothing'}`);
    // The PEM has no name: the note's own must do, and the signature then covers it.
    const name = note.split('\n', 1)[0] ?? '';
    return { name, publicKey: new Uint8Array(key.export({ type: 'spki', format: 'der' }).subarray(-32)) };
  } catch (cause) {
    throw new KubevidenceError('usage', `the trusted key is no Ed25519 key of a log: ${visible(reasonOf(cause))}`, { next, cause });
  }
}
