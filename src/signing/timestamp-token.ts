/**
 * Time-stamp tokens (RFC 3161 section 2.4.2, RFC 5816): a CMS SignedData with one signer over a TSTInfo. Reading is strict: DER, no field
 * that is not known, RSA or ECDSA with SHA-256 or longer, the signer's certificate inside and named by a signing-certificate attribute
 * (RFC 5035). What comes out was signed by the key of that certificate; whether the certificate may sign tokens is another question
 * (timestamp-certificate.ts). {@link Token.der} is the token built again from what was read, without what no signature covers, so that
 * comparing the two leaves no byte of it that is not looked at; of the issuers' certificates beside it only what links them.
 */
import { createHash, verify } from 'node:crypto';
import {
  childrenOf,
  contentOf,
  descend,
  type Element,
  integerOf,
  octets,
  oid,
  oidOf,
  read,
  sequence,
  setOf,
  smallInteger,
  tagged,
  tags,
  write,
} from './der.ts';
import { equal } from './signature.ts';
import { type AuthorityCertificate, issuersOf, readAuthorityCertificate, subjectKeyIdentifier } from './timestamp-certificate.ts';

export interface Token {
  /** ContentInfo, DER: the signer's certificate, those that issued it as far as they came along, no CRLs and no unsigned attributes. */
  readonly der: Uint8Array;
  readonly statement: Statement;
  readonly signer: AuthorityCertificate;
  /** Those of the token that are on the way up from the signer. */
  readonly issuers: readonly AuthorityCertificate[];
}

/** What the authority signed: a TSTInfo. */
export interface Statement {
  readonly policy: string;
  /** SHA-256. */
  readonly imprint: Uint8Array;
  readonly serial: bigint;
  readonly time: Date;
  /** How far the time may be off, as the authority says. */
  readonly accuracyMs: number | null;
  /** The INTEGER's content. */
  readonly nonce: Uint8Array | null;
}

const idSignedData = '1.2.840.113549.1.7.2';
const idTstInfo = '1.2.840.113549.1.9.16.1.4';
const idContentType = '1.2.840.113549.1.9.3';
const idMessageDigest = '1.2.840.113549.1.9.4';
const idSigningCertificate = '1.2.840.113549.1.9.16.2.12';
const idSigningCertificateV2 = '1.2.840.113549.1.9.16.2.47';
export const idSha256 = '2.16.840.1.101.3.4.2.1';
const digests: Readonly<Record<string, string>> = {
  [idSha256]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** What the signature algorithm says of the digest; plain rsaEncryption leaves it to the signer's digest algorithm (RFC 3370 section 3.2). */
const signatures: Readonly<Record<string, { readonly key: 'rsa' | 'ec'; readonly digest: string | null }>> = {
  '1.2.840.113549.1.1.1': { key: 'rsa', digest: null },
  '1.2.840.113549.1.1.11': { key: 'rsa', digest: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', digest: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', digest: 'sha512' },
  '1.2.840.10045.4.3.2': { key: 'ec', digest: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', digest: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', digest: 'sha512' },
};
const mostCertificates = 16;
/** A PDF keeps 16 kB for a signature with its token; what is larger goes without the issuers, which stand in the pack's keys as well. */
const largestWithIssuers = 12_288;

/** Reads a ContentInfo. Throws plain Errors with half a sentence; takes any bytes. */
export function readToken(der: Uint8Array): Token {
  const [type, wrapped, ...others] = childrenOf(read(der));
  if (type === undefined || oidOf(type) !== idSignedData || wrapped?.tag !== 0xa0 || others.length > 0)
    throw new Error('it is no CMS SignedData');
  const [version, algorithms, content, ...rest] = childrenOf(descend(wrapped, 0));
  const signers = rest.at(-1);
  if (version === undefined || algorithms === undefined || content === undefined || signers?.tag !== tags.set)
    throw new Error('it is incomplete');
  // RFC 5652 section 5.1: 3 for content that is not plain data.
  if (integerOf(version) !== 3n) throw new Error('its version is not 3');
  // RFC 3161 section 2.4.2: no signature but the authority's.
  const [signerInfo, second] = childrenOf(signers);
  if (signerInfo === undefined || second !== undefined) throw new Error('it has not exactly one signer');
  const signed = readSignerInfo(signerInfo);
  const [algorithm, further] = childrenOf(algorithms);
  if (algorithm === undefined || further !== undefined || !equal(algorithm.source, signed.digestAlgorithm.source))
    throw new Error('its digest algorithm is not the one of its signer');
  const statement = statementIn(content);
  const certificates = readCertificates(rest.slice(0, -1));
  const signer = certificates.find((each) => signed.isBy(each));
  if (signer === undefined) throw new Error('it does not hold the certificate of its signer');
  checkSignature(signed, statement, signer);
  const issuers = issuersOf(signer, certificates);
  const parts = { signed, statement, signer };
  const whole = build({ ...parts, issuers });
  return {
    der: whole.length > largestWithIssuers ? build({ ...parts, issuers: [] }) : whole,
    statement: readStatement(statement),
    signer,
    issuers,
  };
}

interface SignerInfo {
  /** 1 when the certificate is named by issuer and serial, 3 by its key identifier. */
  readonly version: number;
  readonly sid: Element;
  readonly digestAlgorithm: Element;
  readonly digest: string;
  /** The attributes' bytes, without tag and length. */
  readonly attributes: Element;
  readonly signatureAlgorithm: Element;
  readonly signature: Uint8Array;
  readonly isBy: (certificate: AuthorityCertificate) => boolean;
}

/** RFC 5652 section 5.3. */
function readSignerInfo(element: Element): SignerInfo {
  const [version, sid, digestAlgorithm, attributes, signatureAlgorithm, signature, unsigned, ...others] = childrenOf(element);
  if (
    version === undefined ||
    sid === undefined ||
    digestAlgorithm === undefined ||
    signatureAlgorithm === undefined ||
    signature === undefined
  )
    throw new Error('its signer is incomplete');
  if (attributes?.tag !== 0xa0) throw new Error('its signer signed no attributes');
  if ((unsigned !== undefined && unsigned.tag !== 0xa1) || others.length > 0) throw new Error('its signer has a field that is not known');
  const byKey = sid.tag === 0x80;
  if (!byKey && sid.tag !== tags.sequence) throw new Error('its signer is not named');
  if (integerOf(version) !== (byKey ? 3n : 1n)) throw new Error('its signer has another version than its name demands');
  return {
    version: byKey ? 3 : 1,
    sid,
    digestAlgorithm,
    digest: digestOf(digestAlgorithm),
    attributes,
    signatureAlgorithm,
    signature: contentOf(signature, tags.octets),
    isBy: (certificate) =>
      byKey ? equal(sid.content, subjectKeyIdentifier(certificate) ?? new Uint8Array()) : equal(sid.source, certificate.issuerAndSerial),
  };
}

/** The node name of a digest, which must be one of SHA-2, without parameters or with NULL. */
function digestOf(algorithm: Element): string {
  const digest = digests[algorithmOf(algorithm)];
  if (digest === undefined) throw new Error(`it uses the digest ${algorithmOf(algorithm)}, which is none of SHA-256, SHA-384 and SHA-512`);
  return digest;
}

function algorithmOf(element: Element): string {
  const [id, parameters, ...others] = childrenOf(element);
  if (element.tag !== tags.sequence || id === undefined || others.length > 0) throw new Error('an algorithm is malformed');
  if (parameters !== undefined && (parameters.tag !== tags.null || parameters.content.length > 0))
    throw new Error(`the algorithm ${oidOf(id)} has parameters, which are not known`);
  return oidOf(id);
}

/** EncapsulatedContentInfo: the bytes of the TSTInfo. */
function statementIn(element: Element): Uint8Array {
  const [type, content, ...others] = childrenOf(element);
  if (type === undefined || oidOf(type) !== idTstInfo || content?.tag !== 0xa0 || others.length > 0)
    throw new Error('it is not about a time');
  return contentOf(descend(content, 0), tags.octets);
}

/** Left out: certificates in forms that are not X.509, or with keys that could not have signed; and CRLs. */
function readCertificates(fields: readonly Element[]): AuthorityCertificate[] {
  const [certificates, crls, ...others] = fields[0]?.tag === 0xa0 ? fields : [undefined, ...fields];
  if (others.length > 0 || (crls !== undefined && crls.tag !== 0xa1)) throw new Error('it has a field that is not known');
  const elements = certificates === undefined ? [] : childrenOf(certificates).filter(({ tag }) => tag === tags.sequence);
  if (elements.length > mostCertificates) throw new Error(`it holds ${elements.length} certificates, more than ${mostCertificates}`);
  return elements.flatMap(({ source }) => {
    try {
      return readAuthorityCertificate(source);
    } catch {
      return [];
    }
  });
}

/** RFC 5652 section 5.4: the signature is over the attributes as a SET, and one of them is the digest of the content. */
function checkSignature(signed: SignerInfo, statement: Uint8Array, signer: AuthorityCertificate): void {
  const attributes = new Map<string, Element>();
  for (const attribute of childrenOf(signed.attributes)) {
    const [type, values, ...others] = childrenOf(attribute);
    if (type === undefined || values?.tag !== tags.set || others.length > 0) throw new Error('a signed attribute is malformed');
    const [value, second] = childrenOf(values);
    if (value === undefined || second !== undefined || attributes.has(oidOf(type)))
      throw new Error(`the signed attribute ${oidOf(type)} has not exactly one value`);
    attributes.set(oidOf(type), value);
  }
  const [type, digest] = [attributes.get(idContentType), attributes.get(idMessageDigest)];
  if (type === undefined || oidOf(type) !== idTstInfo) throw new Error('the signed content type is not that of a time');
  if (digest === undefined || !equal(contentOf(digest, tags.octets), hash(signed.digest, statement)))
    throw new Error('its content is not what was signed');
  requireNamed(attributes, signer);
  const algorithm = signatures[algorithmOf(signed.signatureAlgorithm)];
  const { publicKey } = signer.x509;
  if (algorithm === undefined || algorithm.key !== publicKey.asymmetricKeyType)
    throw new Error(`it is signed with ${algorithmOf(signed.signatureAlgorithm)}, which is neither RSA nor ECDSA by the certificate's key`);
  const data = write(tags.set, signed.attributes.content);
  if (!verify(algorithm.digest ?? signed.digest, data, publicKey, signed.signature))
    throw new Error('its signature was not made by the key of the certificate inside');
}

/** RFC 5035 sections 3 to 5: the first certificate of the attribute is the signer's. A token may have the attribute of SHA-1, that of other digests, or both. */
function requireNamed(attributes: ReadonlyMap<string, Element>, { der, serial, issuer }: AuthorityCertificate): void {
  const named = [attributes.get(idSigningCertificate), attributes.get(idSigningCertificateV2)];
  if (named.every((each) => each === undefined)) throw new Error('it does not name its certificate (signing-certificate)');
  for (const [attribute, version] of named.map((each, n) => [each, n + 1] as const)) {
    if (attribute === undefined) continue;
    const parts = childrenOf(descend(attribute, 0, 0));
    const algorithm =
      version === 2 && parts[0]?.tag === tags.sequence ? digestOf(parts.shift() as Element) : version === 2 ? 'sha256' : 'sha1';
    const [digest, issuerSerial] = parts;
    const matches = digest !== undefined && equal(contentOf(digest, tags.octets), hash(algorithm, der));
    if (!matches || !isIssuerSerial(issuerSerial, issuer, serial))
      throw new Error('it names another certificate than the one that it holds (signing-certificate)');
  }
}

/** IssuerSerial: GeneralNames with one directoryName, and the serial number. */
function isIssuerSerial(element: Element | undefined, issuer: Uint8Array, serial: Uint8Array): boolean {
  if (element === undefined) return true;
  return equal(element.source, sequence(sequence(tagged(4, issuer)), serial));
}

/** RFC 3161 section 2.4.2. */
function readStatement(der: Uint8Array): Statement {
  const [version, policy, imprint, serial, time, ...optional] = childrenOf(read(der));
  if (version === undefined || policy === undefined || imprint === undefined || serial === undefined || time === undefined)
    throw new Error('its statement is incomplete');
  if (integerOf(version) !== 1n) throw new Error('its statement is of another version than 1');
  const [algorithm, digest, ...others] = childrenOf(imprint);
  if (algorithm === undefined || digest === undefined || others.length > 0 || algorithmOf(algorithm) !== idSha256)
    throw new Error('its imprint is no SHA-256');
  const take = (...wanted: number[]) => (wanted.includes(optional[0]?.tag ?? -1) ? optional.shift() : undefined);
  const accuracy = take(tags.sequence);
  const ordering = take(tags.boolean);
  const nonce = take(tags.integer);
  // The authority's name repeats what its certificate says, which the signature names already.
  take(0xa0);
  const extensions = take(0xa1);
  if (optional.length > 0) throw new Error('its statement has a field that is not known, or out of order');
  // X.690 section 11.5: FALSE is the default, and left out.
  if (ordering !== undefined && !equal(ordering.content, Uint8Array.of(0xff))) throw new Error('its statement has a malformed flag');
  if (nonce !== undefined) integerOf(nonce);
  for (const extension of extensions === undefined ? [] : childrenOf(extensions)) {
    if (childrenOf(extension).length === 3)
      throw new Error(`its statement has a critical extension that is not known: ${oidOf(descend(extension, 0))}`);
  }
  return {
    policy: oidOf(policy),
    imprint: contentOf(digest, tags.octets),
    serial: integerOf(serial),
    time: readTime(time),
    accuracyMs: accuracy === undefined ? null : readAccuracy(accuracy),
    nonce: nonce?.content ?? null,
  };
}

/** GeneralizedTime in UTC, with a fraction that does not end in 0. What is below a millisecond is cut. */
function readTime(element: Element): Date {
  const text = Buffer.from(contentOf(element, 0x18)).toString('latin1');
  const [, year, month, day, hour, minute, second, fraction = ''] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d*[1-9]))?Z$/.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const time = new Date(iso);
  // Date takes 30 February for 2 March.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso) throw new Error('its time is malformed');
  return time;
}

/** Seconds, thousandths and millionths, each optional, in this order; rounded up to milliseconds. */
function readAccuracy(element: Element): number {
  const parts = childrenOf(element);
  const take = (tag: number) => {
    const part = parts[0]?.tag === tag ? parts.shift() : undefined;
    return part === undefined ? 0n : integerOf({ ...part, tag: tags.integer });
  };
  const [seconds, millis, micros] = [take(tags.integer), take(0x80), take(0x81)];
  if (parts.length > 0 || seconds < 0n || seconds > 1_000_000_000n || millis < 0n || millis > 999n || micros < 0n || micros > 999n)
    throw new Error('its accuracy is malformed');
  return Number(seconds) * 1000 + Number(millis) + (micros > 0n ? 1 : 0);
}

/** Certificates as X.690 section 11.6 orders a SET OF. */
function build({
  signed,
  statement,
  signer,
  issuers,
}: { signed: SignerInfo; statement: Uint8Array } & Pick<Token, 'signer' | 'issuers'>): Uint8Array {
  const certificates = [signer, ...issuers].map(({ der }) => der).sort((a, b) => Buffer.compare(a, b));
  const signerInfo = sequence(
    smallInteger(signed.version),
    signed.sid.source,
    signed.digestAlgorithm.source,
    signed.attributes.source,
    signed.signatureAlgorithm.source,
    octets(signed.signature),
  );
  const signedData = sequence(
    smallInteger(3),
    setOf(signed.digestAlgorithm.source),
    sequence(oid(idTstInfo), tagged(0, octets(statement))),
    tagged(0, ...certificates),
    setOf(signerInfo),
  );
  return sequence(oid(idSignedData), tagged(0, signedData));
}

function hash(algorithm: string, data: Uint8Array): Uint8Array {
  return createHash(algorithm).update(data).digest();
}
