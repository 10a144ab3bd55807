/** The keys of the log: in the form that other tools read, and as the records say who signs what. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { createKeyHistory, describeCustody, keyPeriodAt, type LogRecord, problemsOfRestored, type VerifierKey } from '../log/index.ts';
import { visible } from '../model/index.ts';
import type { Manifest } from './manifest.ts';
import { createGrowingRoot } from './record-sequence.ts';
import { type Findings, sentenceOf } from './verification.ts';

export function logKeyObject({ publicKey }: VerifierKey): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' });
}

/** SubjectPublicKeyInfo. */
export function logKeyPem(key: VerifierKey): string {
  return String(logKeyObject(key).export({ type: 'spki', format: 'pem' }));
}

/**
 * Follows the keys through the records: the manifest must name the log key in force at the checkpoint, and the document key that was bound
 * to it last, neither of them revoked. What happened to the keys and to the log as a whole is told, because it limits what is proved.
 */
export function checkKeys(
  records: readonly (LogRecord | null)[],
  stored: readonly Uint8Array[],
  { logKey, documentKeyFingerprint, pack }: Manifest,
  { problem, proved, notProved }: Pick<Findings, 'problem' | 'proved' | 'notProved'>,
): void {
  const keys = createKeyHistory();
  const roots = createGrowingRoot(stored);
  for (const [leaf, record] of records.entries()) {
    if (record === null) continue;
    try {
      for (const each of keys.take(leaf, record, () => roots.at(leaf))) problem(each);
      if (record.type === 'ledger-restored') for (const each of problemsOfRestored(leaf, record, roots.at(leaf))) problem(each);
    } catch (error) {
      problem(`record ${leaf}: ${sentenceOf(error)}`);
    }
    if (record.type === 'ledger-restored' || record.type === 'key-revoked' || record.type === 'cluster-rebound')
      notProved.push(...describeCustody(leaf, record));
  }
  const period = keyPeriodAt(keys.periods, stored.length);
  if (period?.text !== logKey || period.key.name !== pack.checkpoint.origin)
    problem('the log is signed by another key or name than the checkpoint has');
  const bound = keys.bindings.filter((binding) => binding.logKey === logKey);
  if (!bound.some(({ fingerprint }) => fingerprint === documentKeyFingerprint))
    problem(`no record of the log binds its key to the signing key ${documentKeyFingerprint}`);
  else if (bound.at(-1)?.fingerprint !== documentKeyFingerprint)
    problem(`the signing key ${documentKeyFingerprint} was replaced by another one before the pack was made`);
  const revoked = keys.revocations.find(({ what, key }) => what === 'document' && key === documentKeyFingerprint);
  if (revoked !== undefined) problem(`the signing key ${documentKeyFingerprint} is revoked by record ${revoked.leaf} of the log`);
  const [first] = records;
  if (first?.type === 'genesis' && first.origin !== pack.checkpoint.origin)
    problem(`the log was begun as ${visible(first.origin)}, and the checkpoint is of ${visible(pack.checkpoint.origin)}`);
  const replaced = keys.periods.length - 1;
  if (replaced > 0)
    proved.push(`the log key was replaced ${replaced === 1 ? 'once' : `${replaced} times`}, and each key is vouched for by the one before`);
}
