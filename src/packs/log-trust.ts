/** What somebody gives to say whom they trust, where a whole ledger is verified: a key of its log, or its document key. */
import { createPublicKey } from 'node:crypto';
import { parseVerifierKey } from '../log/index.ts';
import { trustedFingerprint } from './verification.ts';

export interface LogTrust {
  /** Of the log: Ed25519, 32 bytes. */
  readonly publicKey?: Uint8Array;
  /** Of the document key: SHA-256 over its SubjectPublicKeyInfo, hex. */
  readonly documentKey?: string;
}

/** `trust` as for a pack or for a checkpoint. Throws `usage` for what is no key. */
export function readLogTrust(trust: string): LogTrust {
  if (/^[^+\s]+\+[0-9a-f]{8}\+\S+$/u.test(trust.trim())) return { publicKey: parseVerifierKey(trust.trim()).publicKey };
  const documentKey = trustedFingerprint(trust) ?? '';
  if (!trust.includes('-----BEGIN PUBLIC KEY-----')) return { documentKey };
  const key = createPublicKey(trust);
  if (key.asymmetricKeyType !== 'ed25519') return { documentKey };
  return { publicKey: new Uint8Array(key.export({ type: 'spki', format: 'der' }).subarray(-32)) };
}
