/**
 * X.509 certificates of document keys. A certificate that comes out of here was strict DER from the first byte to the last, holds an
 * RSA key that is neither weak nor absurdly large, and is known by one name: SHA-256 over its SubjectPublicKeyInfo, which survives a
 * renewal of the certificate for the same key.
 */
import { createHash, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { KubevidenceError, visible } from '../model/index.ts';

/** What a person is shown of a certificate. Names are RFC 4514 strings, safe to print; times are RFC 3339 in UTC. */
export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  /** Decimal, as XML signatures and auditors write it. */
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** See {@link fingerprintOf}. */
  readonly fingerprint: string;
}

/** A certificate that passed every check of {@link readCertificate}, with its key ready for use. */
export interface DocumentCertificate {
  readonly der: Uint8Array;
  readonly publicKey: KeyObject;
  readonly info: CertificateInfo;
  /** RFC 4514, not made safe for printing: what X509IssuerName says byte for byte. */
  readonly issuerName: string;
  readonly structure: pkijs.Certificate;
}

export interface CertificateSubject {
  readonly organization: string;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly years: number;
}

export const oids = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
} as const;

/** Attribute types that RFC 4514 section 3 gives a short name; every other type is written as its number and its value's DER. */
const shortNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
};

/** A certificate larger than this is no document certificate; it bounds what a hostile file can make the parser do. */
const largestCertificate = 16_384;

/** SHA-256, in lower-case hex, over a DER SubjectPublicKeyInfo: the name of a key, and what `--trust` takes. */
export function fingerprintOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex');
}

/** RFC 5280 AlgorithmIdentifier of the one signature scheme used for documents: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4055 section 5). */
export function sha256WithRsa(): pkijs.AlgorithmIdentifier {
  return new pkijs.AlgorithmIdentifier({ algorithmId: oids.sha256WithRsa, algorithmParams: new asn1js.Null() });
}

/**
 * A self-signed certificate for a document key: RFC 5280 v3, digitalSignature and nonRepudiation (critical), no CA, with a random
 * positive serial of 127 bits. The subject is O and CN, in this order, nothing else. `years` counts calendar years from `notBefore`.
 */
export function selfSign(privateKey: KeyObject, publicKey: KeyObject, subject: CertificateSubject): Uint8Array {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const notBefore = new Date(subject.notBefore);
  notBefore.setUTCMilliseconds(0);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + subject.years);
  const name = new pkijs.RelativeDistinguishedNames({
    typesAndValues: [attribute(oids.organization, subject.organization), attribute(oids.commonName, subject.commonName)],
  });
  const certificate = new pkijs.Certificate({
    version: 2,
    serialNumber: new asn1js.Integer({ valueHex: exactBuffer(randomSerial()) }),
    signature: sha256WithRsa(),
    signatureAlgorithm: sha256WithRsa(),
    issuer: name,
    subject: name,
    notBefore: time(notBefore),
    notAfter: time(notAfter),
    subjectPublicKeyInfo: pkijs.PublicKeyInfo.fromBER(spki),
    extensions: [
      extension(oids.basicConstraints, true, new asn1js.Sequence()),
      // RFC 5280 section 4.2.1.3: bit 0 digitalSignature, bit 1 nonRepudiation; the six trailing zero bits are not encoded.
      extension(oids.keyUsage, true, new asn1js.BitString({ valueHex: exactBuffer(Uint8Array.of(0b1100_0000)), unusedBits: 6 })),
      extension(oids.subjectKeyIdentifier, false, new asn1js.OctetString({ valueHex: exactBuffer(keyIdentifier(spki)) })),
    ],
  });
  const signed = sign('sha256', new Uint8Array(certificate.encodeTBS().toBER()), privateKey);
  certificate.signatureValue = new asn1js.BitString({ valueHex: exactBuffer(signed) });
  return new Uint8Array(certificate.toSchema(true).toBER());
}

/**
 * Reads one DER certificate. Refuses (`input`): PEM, trailing or non-canonical bytes, more than 16 kB, a key that is not RSA with
 * 2048 to 8192 bits.
 */
export function readCertificate(der: Uint8Array): DocumentCertificate {
  if (der.length > largestCertificate) throw unreadable(`it has ${der.length} bytes, more than ${largestCertificate}`);
  // OpenSSL would take PEM here as well; a certificate inside a signature is DER or nothing.
  if (der[0] !== 0x30) throw unreadable('it is not DER');
  let node: X509Certificate;
  let structure: pkijs.Certificate;
  try {
    node = new X509Certificate(der);
    structure = pkijs.Certificate.fromBER(exactBuffer(der));
    if (!node.raw.equals(der)) throw new Error('bytes follow the certificate');
  } catch (cause) {
    throw unreadable(visible(cause instanceof Error ? cause.message : String(cause)), cause);
  }
  const bits = node.publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (node.publicKey.asymmetricKeyType !== 'rsa' || bits < 2048 || bits > 8192) {
    throw unreadable(`its key is ${node.publicKey.asymmetricKeyType ?? 'unknown'} with ${bits} bits; documents need RSA with 2048 to 8192`);
  }
  const issuerName = distinguishedName(structure.issuer);
  const info: CertificateInfo = {
    subject: visible(distinguishedName(structure.subject)),
    issuer: visible(issuerName),
    serial: BigInt(`0x${node.serialNumber}`).toString(),
    notBefore: rfc3339(node.validFromDate),
    notAfter: rfc3339(node.validToDate),
    fingerprint: fingerprintOf(node.publicKey.export({ type: 'spki', format: 'der' })),
  };
  return { der, publicKey: node.publicKey, info, issuerName, structure };
}

/** What a person is shown of a DER certificate. Errors as {@link readCertificate}. */
export function certificateInfo(der: Uint8Array): CertificateInfo {
  return readCertificate(der).info;
}

/** The DER of the one certificate in a PEM text (`input` when there is none, or several). */
export function certificateFromPem(pem: string): Uint8Array {
  const blocks = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g)];
  if (blocks.length !== 1) throw unreadable(`${blocks.length} PEM certificates were found where one is expected`);
  return readCertificate(new Uint8Array(Buffer.from(blocks[0]?.[1] ?? '', 'base64'))).der;
}

export function certificateToPem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** An ArrayBuffer with exactly these bytes: what asn1js and pkijs keep must not be a view into something larger. */
export function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function unreadable(reason: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('input', `the certificate cannot be used: ${reason}`, {
    next: 'Give one X.509 certificate for an RSA key, as `kubevidence keys generate` writes it.',
    cause,
  });
}

function attribute(type: string, value: string): pkijs.AttributeTypeAndValue {
  return new pkijs.AttributeTypeAndValue({ type, value: new asn1js.Utf8String({ value }) });
}

function extension(extnID: string, critical: boolean, value: asn1js.BaseBlock): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
function time(value: Date): pkijs.Time {
  return new pkijs.Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

/** Positive and without a leading zero byte, so that DER needs no padding: the top bit is 0, the next is 1. */
function randomSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** RFC 7093 section 2, method 1: the leftmost 160 bits of SHA-256 over the public key's bits. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  const bits = pkijs.PublicKeyInfo.fromBER(exactBuffer(spki)).subjectPublicKey.valueBlock.valueHexView;
  return createHash('sha256').update(bits).digest().subarray(0, 20);
}

/** RFC 4514: the last component first. */
function distinguishedName(name: pkijs.RelativeDistinguishedNames): string {
  return name.typesAndValues.map(nameComponent).reverse().join(',');
}

function nameComponent({ type, value }: pkijs.AttributeTypeAndValue): string {
  const short = shortNames[type];
  const text: unknown = value.valueBlock.value;
  if (short === undefined || typeof text !== 'string') return `${type}=#${Buffer.from(value.toBER()).toString('hex')}`;
  const escaped = text
    .replace(/[\\",+;<>=]/g, '\\$&')
    .replaceAll('\0', '\\00')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
  return `${short}=${escaped}`;
}

function rfc3339(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
