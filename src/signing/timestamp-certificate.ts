/**
 * Certificates of time-stamping authorities (RFC 3161 section 2.3) and the way from one to a certificate that the caller trusts (RFC 5280
 * section 6, the part that such chains use). What is not understood is refused: a critical extension, a weak key, an old hash. Revocation is
 * not asked for, because whoever verifies may be offline. Takes hostile bytes, does bounded work, throws plain Errors with half a sentence.
 */
import { X509Certificate } from 'node:crypto';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { distinguishedName, rfc3339 } from './certificate.ts';
import { childrenOf, contentOf, descend, type Element, integerOf, oidOf, read, sequence, tags } from './der.ts';
import { equal } from './signature.ts';

export interface AuthorityCertificate {
  readonly der: Uint8Array;
  readonly x509: X509Certificate;
  /** DER Names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** RFC 5652 IssuerAndSerialNumber, DER. */
  readonly issuerAndSerial: Uint8Array;
  /** The serial number's INTEGER, DER. */
  readonly serial: Uint8Array;
  /** How its issuer signed it. */
  readonly signatureAlgorithm: string;
  /** Safe to print. */
  readonly name: string;
  readonly extensions: ReadonlyMap<string, { readonly critical: boolean; readonly value: Uint8Array }>;
}

const largestCertificate = 16_384;
/** A chain has rarely more than four. */
const longestPath = 8;
/** Signatures checked in the search for one path: more than any honest pool needs. */
const mostLinks = 64;

const idSubjectKeyIdentifier = '2.5.29.14';
const idKeyUsage = '2.5.29.15';
const idBasicConstraints = '2.5.29.19';
const idCertificatePolicies = '2.5.29.32';
const idExtendedKeyUsage = '2.5.29.37';
const idAnyExtendedKeyUsage = '2.5.29.37.0';
const idTimeStamping = '1.3.6.1.5.5.7.3.8';
/** Certificate policies limit nothing here: any policy will do, and extensions that demand one are refused. */
const understood = new Set([idKeyUsage, idBasicConstraints, idCertificatePolicies, idExtendedKeyUsage, idSubjectKeyIdentifier]);

/** RSA and ECDSA with SHA-256, SHA-384 or SHA-512, RSASSA-PSS, Ed25519: how an issuer may have signed. */
const strongSignatures = new Set([
  '1.2.840.113549.1.1.10',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1', 'brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1']);

/** Reads one DER certificate of version 3 with an RSA (2048 bits and more) or elliptic key. */
export function readAuthorityCertificate(der: Uint8Array): AuthorityCertificate {
  if (der.length > largestCertificate) throw new Error(`a certificate has ${der.length} bytes, more than ${largestCertificate}`);
  const [body, algorithm, signature] = childrenOf(read(der));
  if (body === undefined || algorithm === undefined || signature === undefined) throw new Error('a certificate is incomplete');
  // Signatures are whole bytes; OpenSSL would overlook bits that are said to be unused.
  if (contentOf(signature, tags.bits)[0] !== 0) throw new Error('the signature of a certificate is malformed');
  const x509 = new X509Certificate(der);
  if (!x509.raw.equals(der)) throw new Error('bytes follow the end of a certificate');
  const [version, serial, , issuer, , subject] = childrenOf(body);
  if (version?.tag !== 0xa0 || serial === undefined || issuer === undefined || subject === undefined)
    throw new Error('a certificate is not of version 3');
  const name = visible(distinguishedName(subject));
  requireStrongKey(x509, name);
  return {
    der,
    x509,
    issuer: issuer.source,
    subject: subject.source,
    issuerAndSerial: sequence(issuer.source, serial.source),
    serial: serial.source,
    signatureAlgorithm: oidOf(descend(algorithm, 0)),
    name,
    extensions: readExtensions(body, name),
  };
}

/** The DER of all certificates in a PEM text. `where` is for the message. Throws `configuration` when there is none, or one that cannot be used. */
export function certificatesFromPem(pem: string, where: string): Uint8Array[] {
  const blocks = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g)];
  const next = 'Give the X.509 certificates of the time-stamping authority or its issuer, in PEM.';
  if (blocks.length === 0) throw new KubevidenceError('configuration', `${visible(where)} holds no PEM certificate`, { next });
  try {
    return blocks.map(([, text = '']) => readAuthorityCertificate(new Uint8Array(Buffer.from(text, 'base64'))).der);
  } catch (cause) {
    throw new KubevidenceError('configuration', `a certificate in ${visible(where)} cannot be used: ${visible(reasonOf(cause))}`, {
      next,
      cause,
    });
  }
}

/** RFC 3161 section 2.3: the one purpose is time-stamping, and nobody may overlook that. Empty when the certificate may sign tokens at `time`. */
export function stampingProblems(certificate: AuthorityCertificate, time: Date): string[] {
  const { name, extensions, x509 } = certificate;
  const usage = extensions.get(idExtendedKeyUsage);
  const purposes = usage === undefined ? [] : childrenOf(read(usage.value)).map(oidOf);
  const problems = commonProblems(certificate, time);
  if (usage === undefined || purposes.length !== 1 || purposes[0] !== idTimeStamping)
    problems.push(`the certificate of ${name} is not for time-stamping alone (extended key usage)`);
  else if (!usage.critical) problems.push(`the certificate of ${name} does not mark its purpose, time-stamping, as critical`);
  // RFC 5280 section 4.2.1.3: digitalSignature or nonRepudiation.
  const keyUsage = keyUsageOf(certificate);
  if (keyUsage !== null && (keyUsage & 0b1100_0000) === 0) problems.push(`the certificate of ${name} is not for signatures (key usage)`);
  if (x509.ca) problems.push(`the certificate of ${name} is that of a CA, not of a time-stamping unit`);
  return problems;
}

/**
 * From `signer` to one of `anchors`, both included, through certificates of `pool`; each valid at `time` and allowed to issue the one
 * before. A signer that is itself an anchor is trusted as it stands. Null when there is no such way.
 */
export function findPath(
  signer: AuthorityCertificate,
  pool: readonly AuthorityCertificate[],
  anchors: readonly AuthorityCertificate[],
  time: Date,
): readonly AuthorityCertificate[] | null {
  let links = 0;
  const isAnchor = ({ der }: AuthorityCertificate) => anchors.some((anchor) => equal(anchor.der, der));
  const extend = (path: readonly AuthorityCertificate[]): readonly AuthorityCertificate[] | null => {
    const last = path.at(-1);
    if (last === undefined || path.length > longestPath) return null;
    if (isAnchor(last)) return path;
    for (const candidate of [...anchors, ...pool]) {
      if (path.some(({ der }) => equal(der, candidate.der)) || issuingProblems(candidate, path.length - 1, time).length > 0) continue;
      if (links >= mostLinks) return null;
      links += 1;
      const found = hasIssued(candidate, last) ? extend([...path, candidate]) : null;
      if (found !== null) return found;
    }
    return null;
  };
  return extend([signer]);
}

/** Those of `pool` that signed `signer` or one another on the way up from it. A certificate that signed itself must have done so truly. */
export function issuersOf(signer: AuthorityCertificate, pool: readonly AuthorityCertificate[]): AuthorityCertificate[] {
  const found: AuthorityCertificate[] = [];
  const collect = (below: AuthorityCertificate): void => {
    for (const candidate of pool) {
      if (found.includes(candidate) || equal(candidate.der, signer.der) || !hasIssued(candidate, below)) continue;
      if (isSelfIssued(candidate) && !hasIssued(candidate, candidate)) continue;
      found.push(candidate);
      collect(candidate);
    }
  };
  collect(signer);
  return found;
}

/** RFC 5280 section 4.2.1.2, for signers that are named by it; null when there is none. */
export function subjectKeyIdentifier({ extensions }: AuthorityCertificate): Uint8Array | null {
  const extension = extensions.get(idSubjectKeyIdentifier);
  return extension === undefined ? null : contentOf(read(extension.value), tags.octets);
}

function hasIssued(issuer: AuthorityCertificate, below: AuthorityCertificate): boolean {
  // What a root says of itself is not what it is trusted for, so old roots may have signed themselves with SHA-1.
  if (!strongSignatures.has(below.signatureAlgorithm) && !isSelfIssued(below)) return false;
  try {
    return equal(issuer.subject, below.issuer) && below.x509.checkIssued(issuer.x509) && below.x509.verify(issuer.x509.publicKey);
  } catch {
    return false; // a key of another kind than the signature
  }
}

function isSelfIssued({ issuer, subject }: AuthorityCertificate): boolean {
  return equal(issuer, subject);
}

/** `below`: how many CA certificates stand between this one and the signer's. */
function issuingProblems(certificate: AuthorityCertificate, below: number, time: Date): string[] {
  const { name, extensions, x509 } = certificate;
  const problems = commonProblems(certificate, time);
  const usage = extensions.get(idExtendedKeyUsage);
  const purposes = usage === undefined ? [idTimeStamping] : childrenOf(read(usage.value)).map(oidOf);
  if (!purposes.includes(idTimeStamping) && !purposes.includes(idAnyExtendedKeyUsage))
    problems.push(`${name} may not issue for time-stamping`);
  const limit = pathLengthOf(certificate);
  if (!x509.ca || (limit !== null && limit < below)) problems.push(`${name} may not issue certificates here`);
  // keyCertSign
  if (((keyUsageOf(certificate) ?? 0xff) & 0b0000_0100) === 0) problems.push(`${name} may not sign certificates`);
  return problems;
}

function commonProblems({ name, extensions, x509 }: AuthorityCertificate, time: Date): string[] {
  const problems: string[] = [];
  const [from, to] = [x509.validFromDate, x509.validToDate];
  if (!(time >= from && time <= to))
    problems.push(`the certificate of ${name} was not valid at ${time.toISOString()}, but from ${rfc3339(from)} to ${rfc3339(to)}`);
  for (const [id, { critical }] of extensions)
    if (critical && !understood.has(id)) problems.push(`the certificate of ${name} has a critical extension that is not understood: ${id}`);
  return problems;
}

function readExtensions(body: Element, name: string): AuthorityCertificate['extensions'] {
  const found = new Map<string, { critical: boolean; value: Uint8Array }>();
  const holder = childrenOf(body).find(({ tag }) => tag === 0xa3);
  for (const extension of holder === undefined ? [] : childrenOf(descend(holder, 0))) {
    const [id, ...rest] = childrenOf(extension);
    const value = rest.at(-1);
    if (id === undefined || value === undefined || rest.length > 2) throw new Error(`the certificate of ${name} has a malformed extension`);
    const flag = rest.length === 2 ? contentOf(rest[0] as Element, tags.boolean)[0] : 0;
    if (found.has(oidOf(id))) throw new Error(`the certificate of ${name} has one extension twice`);
    found.set(oidOf(id), { critical: flag !== 0, value: contentOf(value, tags.octets) });
  }
  return found;
}

/** The first eight bits of the key usage, digitalSignature on top; null when every use is allowed. */
function keyUsageOf({ extensions }: AuthorityCertificate): number | null {
  const extension = extensions.get(idKeyUsage);
  return extension === undefined ? null : (contentOf(read(extension.value), tags.bits)[1] ?? 0);
}

/** Null without a limit. */
function pathLengthOf({ extensions }: AuthorityCertificate): number | null {
  const extension = extensions.get(idBasicConstraints);
  const limit = extension === undefined ? undefined : childrenOf(read(extension.value))[1];
  return limit === undefined ? null : Number(integerOf(limit));
}

function requireStrongKey({ publicKey }: X509Certificate, name: string): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } = publicKey;
  const strong = type === 'rsa' ? modulusLength >= 2048 && modulusLength <= 16_384 : type === 'ec' && curves.has(namedCurve);
  if (!strong && type !== 'ed25519') throw new Error(`the key of ${name} is not RSA of 2048 bits or more, nor on a usual curve`);
}
