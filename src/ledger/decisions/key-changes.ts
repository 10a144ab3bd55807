/**
 * What happens to the keys and to the log as a whole, each one record that stays: another key signs from here on, a key is not to be
 * believed any more, the log goes on without what was published. Whoever did it, and why, is a salted payload.
 */
import { type Checkpoint, formatEndorsement, keyIdIn, type NoteSigner, verifierKeyFor } from '../../log/index.ts';
import { type Instant, KubevidenceError, visible } from '../../model/index.ts';
import { underName } from '../storage/log-store.ts';
import { salted } from '../storage/payloads.ts';
import type { Divergence } from './publication.ts';
import type { Stores } from '../stores.ts';

/** Who did it, and why. */
export interface Accountable {
  readonly reason: string;
  readonly by: string;
}

export interface KeyRevocation extends Accountable {
  readonly what: 'log' | 'document';
  /** Verifier key of the log, or fingerprint of the document key. */
  readonly key: string;
  /** What was signed from then on is not to be believed on its own. */
  readonly from: Instant;
}

/** Where the old key vouches for the new one: signed before by the one, and after by the other. */
export function rotateLogKey({ db, log, payloads }: Stores, at: Instant, old: NoteSigner, next: NoteSigner, who: Accountable): Checkpoint {
  const { origin } = log.genesis();
  const newKey = verifierKeyFor(origin, next.publicKey);
  const known = log.keys();
  if (known.periods.some(({ text }) => text === newKey))
    throw new KubevidenceError('usage', `the key ${keyIdIn(newKey)} signs this log already, or did before`, { next: 'Draw a new one.' });
  return db
    .transaction(() => {
      log.sign(old);
      const size = log.size();
      const head = { origin, size, root: log.rootAt(size) };
      const details = salted({ ...who });
      const leaf = log.append({
        type: 'key-rotated',
        v: 1,
        at,
        oldKey: log.key(),
        newKey,
        endorsement: formatEndorsement(head, newKey, underName(old, origin)),
        details: details.id,
      });
      payloads.write(leaf, [details]);
      const bound = known.bindings.at(-1);
      if (bound !== undefined) log.append({ type: 'key-bound', v: 1, at, logKey: newKey, documentKeyFingerprint: bound.fingerprint });
      return log.sign(next);
    })
    .immediate();
}

/** From here on packs are signed with another document key. */
export function bindDocumentKey({ db, log, payloads }: Stores, at: Instant, documentKeyFingerprint: string, who: Accountable): void {
  const { bindings } = log.keys();
  if (bindings.some(({ fingerprint }) => fingerprint === documentKeyFingerprint))
    throw new KubevidenceError('usage', `the document key ${documentKeyFingerprint} is bound to this log already, or was before`);
  const details = salted({ ...who });
  db.transaction(() => {
    const leaf = log.append({ type: 'key-bound', v: 1, at, logKey: log.key(), documentKeyFingerprint, details: details.id });
    payloads.write(leaf, [details]);
  }).immediate();
}

/** Throws `usage` for a key that never was in force here, still is, or is revoked already. */
export function revokeKey({ db, log, payloads }: Stores, at: Instant, { what, key, from, ...who }: KeyRevocation): void {
  const { periods, bindings, revocations } = log.keys();
  const known = what === 'log' ? periods.map(({ text }) => text) : bindings.map(({ fingerprint }) => fingerprint);
  const name = what === 'log' ? keyIdIn(key) : key;
  if (!known.includes(key)) throw new KubevidenceError('usage', `${visible(name)} was never a ${what} key of this ledger`);
  if (known.at(-1) === key) {
    throw new KubevidenceError('usage', `${name} is the ${what} key in force, and the log needs one`, {
      next: `Replace it first: kubevidence keys rotate --key ${what}`,
    });
  }
  if (revocations.some((revocation) => revocation.key === key)) throw new KubevidenceError('usage', `${name} is revoked already`);
  if (from > at) throw new KubevidenceError('usage', `a key cannot be revoked from ${from} on: that is to come`);
  const details = salted(who);
  db.transaction(() => {
    const leaf = log.append({ type: 'key-revoked', v: 1, at, what, key, from, details: details.id });
    payloads.write(leaf, [details]);
  }).immediate();
}

/** Says in the log that it goes on without what was published. */
export function recordRestored({ db, log, payloads }: Stores, at: Instant, { published, kept }: Divergence, who: Accountable): void {
  const details = salted({ ...who });
  const encode = (root: Uint8Array) => Buffer.from(root).toString('base64');
  db.transaction(() => {
    const leaf = log.append({
      type: 'ledger-restored',
      v: 1,
      at,
      published: { size: published.size, root: encode(published.root), note: published.note },
      kept: { size: kept.size, root: encode(kept.root) },
      details: details.id,
    });
    payloads.write(leaf, [details]);
  }).immediate();
}
