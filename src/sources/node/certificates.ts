/**
 * Certificates in PEM files. A file may hold a key as well (`kubelet-client-current.pem` does), so it is read piece by piece, never
 * beyond the end of a certificate and the header of what follows: where that is no certificate, reading ends, and no byte of a key
 * comes into this process.
 */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import type { JsonObject } from '../../model/index.ts';
import { clip } from '../../model/index.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';

const begin = '-----BEGIN CERTIFICATE-----';
const end = '-----END CERTIFICATE-----';
/** A bundle of all public CAs has about 150. */
const mostCertificates = 300;
const largestCertificate = 64 * 1024;
/** Comments and attributes around certificates. */
const mostOther = 64 * 1024;

export interface ReadCertificates {
  readonly pems: readonly string[];
  /** Why reading ended before the file did, where what follows was not read. */
  readonly stopped?: string;
}

type Next = (length: number) => Uint8Array;

export function readCertificates(root: Root, path: string): ReadCertificates | Failure {
  const read = root.open(path, (next) => {
    const pems: string[] = [];
    const stopped = readPems(next, pems);
    return { pems, ...(stopped === undefined ? {} : { stopped }) };
  });
  if (!isFailure(read) && read.pems.length === 0) return { reason: 'error', detail: read.stopped ?? 'it holds no certificate' };
  return read;
}

function readPems(next: Next, pems: string[]): string | undefined {
  let other = 0;
  for (;;) {
    const line = readLine(next);
    if (line === null) return undefined;
    if (line === begin) {
      if (pems.length >= mostCertificates) return `it has more than ${mostCertificates} certificates`;
      const pem = readBody(next);
      if (pem === undefined) return 'a certificate in it has no end';
      pems.push(pem);
    } else if (line.includes('-----BEGIN')) return 'what follows is no certificate, and is not read';
    else if (!/^[\t\r\x20-\x7e]*$/.test(line)) return 'it is no PEM text';
    else if ((other += line.length + 1) > mostOther) return 'what is around its certificates is too long';
  }
}

/**
 * A line without its end; null at the end of the file. One with a header ends as soon as it could be a certificate's: the shortest header
 * of a key, `-----BEGIN PRIVATE KEY-----`, is as long.
 */
function readLine(next: Next): string | null {
  let line = '';
  let header = -1;
  for (;;) {
    const [byte] = next(1);
    if (byte === undefined) return line === '' ? null : line;
    if (byte === 0x0a) return line;
    line += String.fromCharCode(byte);
    if (header < 0 && line.endsWith('-----BEGIN')) header = line.length - '-----BEGIN'.length;
    // What is no text is not read on either: it could be a key in DER.
    if ((header >= 0 && line.length - header >= begin.length) || line.length > mostOther || byte === 0 || byte > 0x7e) return line;
  }
}

/** Up to the end of the certificate's last line and not one byte further: no piece is longer than what must still come. */
function readBody(next: Next): string | undefined {
  let body = '';
  while (body.length < largestCertificate) {
    const piece = next(end.length - overlap(body));
    if (piece.length === 0) return undefined;
    body += Buffer.from(piece).toString('latin1');
    if (body.endsWith(end)) return `${begin}${body}`;
  }
  return undefined;
}

/** How much of {@link end} the text already ends with. */
function overlap(text: string): number {
  for (let length = Math.min(end.length - 1, text.length); length > 0; length--) if (text.endsWith(end.slice(0, length))) return length;
  return 0;
}

/** What a certificate says of itself; undefined for what is none. */
export function describeCertificate(pem: string): JsonObject | undefined {
  try {
    const certificate = new X509Certificate(pem);
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
