/**
 * A JSON document that carries its own signature: Ed25519 over the RFC 8785 bytes of everything but the member `signature`. Whether the key
 * is one to trust is for the caller; here only that its holder signed exactly this.
 */
import { createPublicKey, verify } from 'node:crypto';
import type { JsonObject } from '../model/index.ts';
import { canonicalize, isObject, textAt } from '../model/index.ts';
import { fingerprintOf } from './certificate.ts';
import type { LogSigner } from './keys.ts';

/** The document with its signature; one that it had is replaced. */
export function signJson(document: JsonObject, signer: LogSigner): JsonObject {
  const { signature: _old, ...signed } = document;
  const value = signer.sign(Buffer.from(canonicalize(signed)));
  const publicKey = signer.publicKey.export({ type: 'spki', format: 'der' });
  return {
    ...signed,
    signature: { algorithm: 'Ed25519', publicKey: publicKey.toString('base64'), value: Buffer.from(value).toString('base64') },
  };
}

/** `fingerprint` of the key that signed, null when nothing is signed; `problem` when the signature does not hold. */
export type JsonCheck = { readonly fingerprint: string | null } | { readonly problem: string };

export function verifyJson(document: JsonObject): JsonCheck {
  if (!Object.hasOwn(document, 'signature')) return { fingerprint: null };
  const { signature, ...signed } = document;
  if (!isObject(signature) || signature['algorithm'] !== 'Ed25519') return { problem: 'its signature is not of a form that is known here' };
  try {
    const spki = Buffer.from(textAt(signature, 'publicKey') ?? '', 'base64');
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const value = Buffer.from(textAt(signature, 'value') ?? '', 'base64');
    if (key.asymmetricKeyType !== 'ed25519') return { problem: 'the key of its signature is not Ed25519' };
    if (!verify(null, Buffer.from(canonicalize(signed)), key, value))
      return { problem: 'its signature does not hold: it was changed after it was signed' };
    return { fingerprint: fingerprintOf(key.export({ type: 'spki', format: 'der' })) };
  } catch {
    return { problem: 'its signature cannot be read' };
  }
}
