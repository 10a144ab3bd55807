/**
 * Which key signs the log at which size. The genesis names the first key; a `key-rotated` record names the next, and carries a checkpoint of
 * the log right before it, signed by the key before, that names the next one too. So whoever trusts any key of a log can follow it to the
 * key in force, with nothing but the records; and a key that stopped signing proves nothing about what came later.
 */
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import {
  type Checkpoint,
  formatTreeHead,
  formatVerifierKey,
  type NoteSigner,
  openCheckpoint,
  openNote,
  parseVerifierKey,
  signNote,
  signerIdsOf,
  type TreeHead,
  type VerifierKey,
} from './note.ts';
import type { LogRecord } from './records.ts';

/** A key, and the sizes of the log that it signs: from `from` on, until the next. */
export interface KeyPeriod {
  readonly key: VerifierKey;
  /** As records name it: c2sp.org/signed-note. */
  readonly text: string;
  /** The least size of the log that this key signs. */
  readonly from: number;
}

export interface Revocation {
  readonly leaf: number;
  readonly what: 'log' | 'document';
  readonly key: string;
  /** RFC 3339: what it signed from then on is not to be believed on its own. */
  readonly from: string;
}

export interface KeyHistory {
  /** Takes the records in the order of the log; `root` gives that of the records before. Returns what is wrong, safe to print. */
  take(leaf: number, record: LogRecord, root: () => Uint8Array): string[];
  /** Every key so far; none before the genesis. */
  readonly periods: readonly KeyPeriod[];
  readonly revocations: readonly Revocation[];
  /** Fingerprints of document keys with the log key that they were bound to, in the order of the log. */
  readonly bindings: readonly { readonly leaf: number; readonly logKey: string; readonly fingerprint: string }[];
}

/** The endorsement of a new key: a checkpoint at `head` with one extension line that names it, signed by the key in force. */
export function formatEndorsement(head: TreeHead, newKey: string, signer: NoteSigner): string {
  return signNote(endorsementText(head, newKey), signer);
}

const endorsementText = (head: TreeHead, newKey: string): string => `${formatTreeHead(head)}next key ${newKey}\n`;

export function createKeyHistory(): KeyHistory {
  const periods: KeyPeriod[] = [];
  const revocations: Revocation[] = [];
  const bindings: { leaf: number; logKey: string; fingerprint: string }[] = [];
  const begin = (text: string, from: number) => periods.push({ key: parseVerifierKey(text), text, from });

  const rotate = (leaf: number, record: Extract<LogRecord, { type: 'key-rotated' }>, root: () => Uint8Array): string[] => {
    const current = periods.at(-1);
    if (current === undefined || record.oldKey !== current.text) return [`record ${leaf} replaces a key that does not sign this log then`];
    const { name } = current.key;
    if (parseVerifierKey(record.newKey).name !== name)
      return [`record ${leaf} hands the log ${visible(name)} over to a key of another log`];
    if (periods.some(({ text }) => text === record.newKey)) return [`record ${leaf} takes up a key again that signed this log before`];
    const expected = endorsementText({ origin: name, size: leaf, root: root() }, record.newKey);
    const problems: string[] = [];
    try {
      if (openNote(record.endorsement, current.key) !== expected)
        problems.push(`the key before vouches for something else than record ${leaf} says`);
    } catch (error) {
      problems.push(`record ${leaf} replaces the log key, and the key before does not vouch for it: ${reasonOf(error)}`);
    }
    begin(record.newKey, leaf + 1);
    return problems;
  };
  return {
    periods,
    revocations,
    bindings,
    take(leaf, record, root) {
      switch (record.type) {
        case 'genesis':
          if (leaf === 0) begin(record.logKey, 1);
          return [];
        case 'key-rotated':
          return rotate(leaf, record, root);
        case 'key-revoked': {
          const { what, key, from } = record;
          revocations.push({ leaf, what, key, from });
          const inForce = what === 'log' ? periods.at(-1)?.text : bindings.at(-1)?.fingerprint;
          return key === inForce ? [`record ${leaf} revokes the key that is in force, and names no other`] : [];
        }
        case 'key-bound':
          bindings.push({ leaf, logKey: record.logKey, fingerprint: record.documentKeyFingerprint });
          return record.logKey === periods.at(-1)?.text ? [] : [`record ${leaf} binds a key that does not sign this log then`];
        default:
          return [];
      }
    },
  };
}

/** The key that signs the log at `size`; undefined before there is one. */
export function keyPeriodAt(periods: readonly KeyPeriod[], size: number): KeyPeriod | undefined {
  return periods.findLast(({ from }) => from <= size);
}

/**
 * Opens a checkpoint of a log whose keys are known, with the key in force at the size that it claims. Throws `integrity`, and says so when
 * another key of the same log signed it.
 */
export function openLogCheckpoint(note: string, { periods, revocations }: Pick<KeyHistory, 'periods' | 'revocations'>): Checkpoint {
  const claimed = Number(note.split('\n', 2)[1]);
  const period = keyPeriodAt(periods, Number.isSafeInteger(claimed) ? claimed : 0) ?? periods[0];
  if (period === undefined) throw new KubevidenceError('integrity', 'the log names no key');
  const signers = new Set(signerIdsOf(note));
  if (!signers.has(keyIdIn(period.text))) {
    const other = periods.find(({ text }) => signers.has(keyIdIn(text)));
    if (other !== undefined) {
      const revoked = revocations.find(({ what, key }) => what === 'log' && key === other.text);
      const why = revoked === undefined ? 'which does not sign the log at that size' : `which record ${revoked.leaf} revoked`;
      throw new KubevidenceError('integrity', `it is signed by the key ${keyIdIn(other.text)}, ${why}`);
    }
  }
  return openCheckpoint(note, period.key);
}

/** The eight hex digits by which notes name a key. */
export function keyIdIn(verifierKey: string): string {
  return /^[^+]*\+([0-9a-f]{8})\+/.exec(verifierKey)?.[1] ?? '';
}

/** The same key under the name of a log, as its checkpoints carry it. */
export function verifierKeyFor(origin: string, publicKey: Uint8Array): string {
  return formatVerifierKey({ name: origin, publicKey });
}
