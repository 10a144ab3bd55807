/**
 * X.509 certificates of document keys. A certificate that comes out of here was one DER element from the first byte to the last, holds
 * an RSA key that is neither weak nor absurdly large, and is known by one name: SHA-256 over its SubjectPublicKeyInfo, which survives
 * a renewal of the certificate for the same key.
 */
import { createHash, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import {
  bits,
  childrenOf,
  contentOf,
  descend,
  type Element,
  nothing,
  octets,
  oid,
  oidOf,
  read,
  sequence,
  setOf,
  smallInteger,
  tagged,
  tags,
  time,
  utf8,
  write,
  yes,
} from './der.ts';

/** What a person is shown of a certificate. Names are RFC 4514 strings, safe to print; times are RFC 3339 in UTC. */
export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  /** Decimal, as XML signatures write it. */
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
  /** RFC 4514, not made safe for printing. */
  readonly issuerName: string;
  /** RFC 5652 IssuerAndSerialNumber, DER. */
  readonly issuerAndSerial: Uint8Array;
}

export interface CertificateSubject {
  readonly organization: string;
  readonly commonName: string;
  readonly notBefore: Date;
  /** Calendar years from `notBefore`. */
  readonly years: number;
}

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

/** AlgorithmIdentifier of the one signature scheme used for documents: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4055 section 5). */
export function sha256WithRsa(): Uint8Array {
  return sequence(oid('1.2.840.113549.1.1.11'), nothing());
}

/**
 * A self-signed certificate for a document key: RFC 5280 v3, digitalSignature and nonRepudiation (critical), no CA, with a random
 * positive serial of 127 bits. The subject is O and CN, in this order, nothing else. Refuses (`configuration`) names that X.509 cannot
 * hold: empty, longer than 64 characters, with invisible characters.
 */
export function selfSign(privateKey: KeyObject, publicKey: KeyObject, subject: CertificateSubject): Uint8Array {
  requireName('organization', subject.organization);
  requireName('common name', subject.commonName);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const notAfter = new Date(subject.notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + subject.years);
  const name = sequence(rdn('2.5.4.10', subject.organization), rdn('2.5.4.3', subject.commonName));
  const toBeSigned = sequence(
    tagged(0, smallInteger(2)),
    randomSerial(),
    sha256WithRsa(),
    name,
    sequence(time(subject.notBefore), time(notAfter)),
    name,
    spki,
    tagged(
      3,
      sequence(
        sequence(oid('2.5.29.19'), yes(), octets(sequence())),
        // RFC 5280 section 4.2.1.3: bit 0 digitalSignature, bit 1 nonRepudiation; the six zero bits after them are not encoded.
        sequence(oid('2.5.29.15'), yes(), octets(bits(Uint8Array.of(0b1100_0000), 6))),
        sequence(oid('2.5.29.14'), octets(octets(keyIdentifier(spki)))),
      ),
    ),
  );
  return sequence(toBeSigned, sha256WithRsa(), bits(sign('sha256', toBeSigned, privateKey)));
}

/**
 * Reads one DER certificate. Refuses (`input`): PEM, trailing bytes, more than 16 kB, a key that is not RSA with 2048 to 8192 bits.
 */
export function readCertificate(der: Uint8Array): DocumentCertificate {
  if (der.length > largestCertificate) throw unusable(`it has ${der.length} bytes, more than ${largestCertificate}`);
  // OpenSSL would take PEM here as well; a certificate inside a signature is DER or nothing.
  if (der[0] !== 0x30) throw unusable('it is not DER');
  try {
    const x509 = new X509Certificate(der);
    if (!x509.raw.equals(der)) throw new Error('bytes follow its end');
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = x509.publicKey;
    const size = details?.modulusLength ?? 0;
    if (type !== 'rsa' || size < 2048 || size > 8192) throw new Error(`its key is not RSA with 2048 to 8192 bits (${type}, ${size})`);
    const [version, serial, , issuer, , subject] = childrenOf(descend(read(der), 0));
    if (version?.tag !== 0xa0 || serial === undefined || issuer === undefined || subject === undefined) {
      throw new Error('it is not of version 3');
    }
    const issuerName = distinguishedName(issuer);
    return {
      der,
      publicKey: x509.publicKey,
      info: {
        subject: visible(distinguishedName(subject)),
        issuer: visible(issuerName),
        serial: BigInt(`0x${x509.serialNumber}`).toString(),
        notBefore: rfc3339(x509.validFromDate),
        notAfter: rfc3339(x509.validToDate),
        fingerprint: fingerprintOf(x509.publicKey.export({ type: 'spki', format: 'der' })),
      },
      issuerName,
      issuerAndSerial: sequence(issuer.source, serial.source),
    };
  } catch (cause) {
    throw unusable(visible(reasonOf(cause)), cause);
  }
}

/** What a person is shown of a DER certificate. Errors as {@link readCertificate}. */
export function certificateInfo(der: Uint8Array): CertificateInfo {
  return readCertificate(der).info;
}

/** The DER of the one certificate in a PEM text. Errors as {@link readCertificate}, and `input` when there is none or several. */
export function certificateFromPem(pem: string): Uint8Array {
  const blocks = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g)];
  if (blocks.length !== 1) throw unusable(`${blocks.length} PEM certificates were found where one is expected`);
  return readCertificate(new Uint8Array(Buffer.from(blocks[0]?.[1] ?? '', 'base64'))).der;
}

export function certificateToPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function unusable(reason: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('input', `the certificate cannot be used: ${reason}`, {
    next: 'Give one X.509 certificate for an RSA key, as `kubevidence keys generate` writes it.',
    cause,
  });
}

/** RFC 5280 appendix A.1: ub-common-name and ub-organization-name are 64 characters. */
function requireName(what: string, text: string): void {
  if (text !== '' && text.length <= 64 && visible(text) === text) return;
  throw new KubevidenceError('configuration', `the ${what} ${JSON.stringify(visible(text))} cannot stand in a certificate`, {
    next: 'Use 1 to 64 visible characters.',
  });
}

function rdn(type: string, value: string): Uint8Array {
  return setOf(sequence(oid(type), utf8(value)));
}

/** DER INTEGER, positive and without a leading zero byte: the top bit is 0, the next is 1. */
function randomSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return write(tags.integer, serial);
}

/** RFC 7093 section 2, method 1: the leftmost 160 bits of SHA-256 over the public key's BIT STRING, without its count of unused bits. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  const key = contentOf(descend(read(spki), 1), tags.bits);
  return createHash('sha256').update(key.subarray(1)).digest().subarray(0, 20);
}

/** A Name as RFC 4514 writes it: the last component first. Not made safe for printing. */
export function distinguishedName(name: Element): string {
  const components = childrenOf(name).map((set) => childrenOf(set).map(nameComponent).join('+'));
  return components.reverse().join(',');
}

function nameComponent(component: Element): string {
  const type = oidOf(descend(component, 0));
  const value = descend(component, 1);
  const short = shortNames[type];
  const text = textOf(value);
  if (short === undefined || text === null) return `${type}=#${Buffer.from(value.source).toString('hex')}`;
  const escaped = text
    .replace(/[\\",+;<>=]/g, '\\$&')
    .replaceAll('\0', '\\00')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
  return `${short}=${escaped}`;
}

/** UTF8String, PrintableString and IA5String; other types are too rare or too ambiguous to be shown as text. */
function textOf({ tag, content }: Element): string | null {
  if (tag !== tags.utf8 && tag !== 0x13 && tag !== 0x16) return null;
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
}

/** Whole seconds, UTC. */
export function rfc3339(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
