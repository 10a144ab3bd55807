/** What a certificate says of itself, small enough to keep: never a key, and nothing that is not in the certificate. */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import type { JsonObject } from '../model/index.ts';
import { clip } from '../model/index.ts';

export interface CertificateFacts extends JsonObject {
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
}

/** Of a certificate in PEM or DER; undefined for what is none. */
export function describeCertificate(encoded: string | Uint8Array): CertificateFacts | undefined {
  try {
    const certificate = new X509Certificate(encoded);
    const { publicKey } = certificate;
    return {
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      notBefore: new Date(certificate.validFrom).toISOString(),
      notAfter: new Date(certificate.validTo).toISOString(),
      ca: certificate.ca,
      key: describeKey(publicKey),
      signature: signatureOf(certificate.raw),
      fingerprint: sha256(certificate.raw),
      spki: sha256(publicKey.export({ type: 'spki', format: 'der' })),
    };
  } catch {
    return undefined;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function oneLine(name: string | undefined): string {
  return clip((name ?? '').split('\n').join(', '), 1024);
}

function describeKey({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === 'rsa' || type === 'rsa-pss' || type === 'dsa') return `${type.toUpperCase()} ${details?.modulusLength ?? '?'}`;
  if (type === 'ec') return `EC ${curves[details?.namedCurve ?? ''] ?? details?.namedCurve ?? '?'}`;
  return { ed25519: 'Ed25519', ed448: 'Ed448' }[type as string] ?? type ?? 'unknown';
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

/** signatureAlgorithm of RFC 5280 section 4.1.1.2, by the bytes of its OBJECT IDENTIFIER; null for one that is not known here. */
function signatureOf(der: Uint8Array): string | null {
  const inner = contentAt(der, 0);
  const tbs = inner === undefined ? undefined : contentAt(der, inner.start);
  const algorithm = tbs === undefined ? undefined : contentAt(der, tbs.end);
  const oid = algorithm === undefined ? undefined : contentAt(der, algorithm.start);
  return oid === undefined ? null : (signatures[Buffer.from(der.subarray(oid.start, oid.end)).toString('hex')] ?? null);
}

function contentAt(der: Uint8Array, offset: number): { readonly start: number; readonly end: number } | undefined {
  const first = der[offset + 1];
  if (first === undefined || first === 0x80 || first > 0x83) return undefined;
  const more = first < 0x80 ? 0 : first - 0x80;
  const length = more === 0 ? first : der.subarray(offset + 2, offset + 2 + more).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = offset + 2 + more;
  return start + length > der.length ? undefined : { start, end: start + length };
}

const signatures: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'md5WithRSAEncryption',
  '2a864886f70d010105': 'sha1WithRSAEncryption',
  '2a864886f70d01010b': 'sha256WithRSAEncryption',
  '2a864886f70d01010c': 'sha384WithRSAEncryption',
  '2a864886f70d01010d': 'sha512WithRSAEncryption',
  '2a864886f70d01010a': 'rsassaPss',
  '2a8648ce3d0401': 'ecdsa-with-SHA1',
  '2a8648ce3d040302': 'ecdsa-with-SHA256',
  '2a8648ce3d040303': 'ecdsa-with-SHA384',
  '2a8648ce3d040304': 'ecdsa-with-SHA512',
  '2b6570': 'Ed25519',
  '2b6571': 'Ed448',
};
