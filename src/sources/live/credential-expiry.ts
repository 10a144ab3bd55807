/** Until when a credential may be used, as it says itself: read from the certificate or the token that is in hand, which stay where they are. */
import { X509Certificate } from 'node:crypto';
import { type Instant, isObject } from '../../model/index.ts';
import type { Credentials } from './live-exec.ts';

export interface CredentialExpiry {
  readonly what: 'client certificate' | 'bearer token';
  readonly expires: Instant;
}

/** The one that ends first. Null: none of them says (opaque tokens, passwords, no credentials at all). */
export function expiryOf({ cert, authorization }: Credentials): CredentialExpiry | null {
  const found: CredentialExpiry[] = [];
  if (cert !== undefined) found.push({ what: 'client certificate', expires: new Date(new X509Certificate(cert).validTo).toISOString() });
  const expires = authorization === undefined ? undefined : tokenExpiry(authorization);
  if (expires !== undefined) found.push({ what: 'bearer token', expires });
  return found.sort((a, b) => (a.expires < b.expires ? -1 : 1))[0] ?? null;
}

/** The claim `exp` of a JSON Web Token (RFC 7519, 4.1.4); its signature is the server's business. */
function tokenExpiry(authorization: string): Instant | undefined {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/.exec(authorization) ?? [];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const seconds = isObject(claims) ? claims['exp'] : undefined;
    return typeof seconds === 'number' ? new Date(seconds * 1000).toISOString() : undefined;
  } catch {
    return undefined; // no JSON, or a time that no calendar has
  }
}
