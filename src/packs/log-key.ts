/** The log's public key as other tools read it. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { VerifierKey } from '../log/index.ts';

export function logKeyObject({ publicKey }: VerifierKey): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' });
}

/** SubjectPublicKeyInfo. */
export function logKeyPem(key: VerifierKey): string {
  return String(logKeyObject(key).export({ type: 'spki', format: 'pem' }));
}
