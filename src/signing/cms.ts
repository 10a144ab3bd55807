/**
 * Detached CMS signatures (RFC 5652, CAdES-B-B of ETSI EN 319 122-1) in exactly one form: DER, one RSA signer, its certificate inside,
 * SHA-256, and the three signed attributes content-type, message-digest and signing-certificate-v2; no signing-time, because a time
 * that the signer claims proves nothing. One unsigned attribute is allowed: a time-stamp token over the signature (CAdES-B-T, ETSI
 * EN 319 122-1 section 5.3). Verification rebuilds the whole signature from the facts it holds and compares every byte,
 * so there is no second encoding, no attribute beside and no byte that is not looked at.
 */
import { createHash } from 'node:crypto';
import { reasonOf, visible } from '../model/index.ts';
import { type DocumentCertificate, readCertificate, sha256WithRsa } from './certificate.ts';
import { childrenOf, contentOf, descend, octets, oid, read, sequence, setOf, smallInteger, tagged, tags } from './der.ts';
import type { DocumentSigner } from './keys.ts';
import { conclude, equal, failed, holds, requireMatch, type SignatureCheck } from './signature.ts';
import { type Timestamp, timestampTokenIn, type TimestampTrust, verifyTimestampToken } from './timestamp.ts';

const idData = '1.2.840.113549.1.7.1';
const idSignedData = '1.2.840.113549.1.7.2';
const idContentType = '1.2.840.113549.1.9.3';
const idMessageDigest = '1.2.840.113549.1.9.4';
const idSigningCertificateV2 = '1.2.840.113549.1.9.16.2.47';
/** RFC 3161 appendix A: id-aa-timeStampToken. */
const idTimeStampToken = '1.2.840.113549.1.9.16.2.14';
const idSha256 = '2.16.840.1.101.3.4.2.1';

/** Certificate (16 kB at most) and signature (1 kB at most) with room for the rest. */
const largestSignature = 32_768;

/** Has a time-stamping authority stamp `data`; returns a `.tsr`, or null when none could be had, which is no reason not to sign. */
export type Stamper = (data: Uint8Array) => Promise<Uint8Array | null>;

/** What a check of a detached signature found; `timestamp` is of the token over the signature: null when it has none. */
export interface DetachedCheck extends SignatureCheck {
  readonly timestamp: Timestamp | null;
}

/**
 * Signs `data`, or its pieces one after the other. Returns DER, a `.p7s`; with a stamper, the token over the signature is inside. Fails
 * (`configuration`) when the signer's key is not its certificate's.
 */
export async function signDetached(data: Uint8Array | readonly Uint8Array[], signer: DocumentSigner, stamp?: Stamper): Promise<Uint8Array> {
  const certificate = readCertificate(signer.certificate);
  const digest = sha256(data);
  const attributes = setOf(...signedAttributes(certificate, digest));
  const signature = await signer.sign(attributes);
  requireMatch(certificate, attributes, signature);
  const stamped = (await stamp?.(signature)) ?? null;
  return build(certificate, digest, signature, stamped === null ? null : timestampTokenIn(stamped));
}

/**
 * Checks a DER signature by {@link signDetached} over `data`, or its pieces one after the other; a token in it must hold. Takes any bytes;
 * throws nothing.
 */
export function verifyDetached(
  der: Uint8Array,
  data: Uint8Array | readonly Uint8Array[],
  trust: TimestampTrust = { anchors: null },
): DetachedCheck {
  try {
    const claim = readClaim(der);
    const checked = check(claim, der, sha256(data));
    if (!checked.ok || claim.token === null) return { ...checked, timestamp: null };
    const { timestamp, problems } = verifyTimestampToken(claim.token, claim.signature, trust);
    return { ...conclude(claim.certificate, problems), timestamp };
  } catch (cause) {
    return { ...failed(`the signature cannot be read: ${visible(reasonOf(cause))}`), timestamp: null };
  }
}

function check({ certificate, digest: signedDigest, signature, token }: Claim, der: Uint8Array, digest: Uint8Array): SignatureCheck {
  if (!equal(build(certificate, digest, signature, token), der)) {
    const reason = equal(build(certificate, signedDigest, signature, token), der)
      ? 'the content is not what was signed: its SHA-256 differs from the one in the signature'
      : 'the signature is not in the one strict form (DER, one signer, signing-certificate-v2, no attribute beside)';
    return conclude(certificate, [reason]);
  }
  const signed = holds(certificate, setOf(...signedAttributes(certificate, digest)), signature);
  return conclude(certificate, signed ? [] : ['the signature does not hold: it was not made by the key of the certificate inside']);
}

interface Claim {
  readonly certificate: DocumentCertificate;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  /** ContentInfo of the time-stamp token, DER. */
  readonly token: Uint8Array | null;
}

/** Finds the facts by their places in {@link build}. Everything else is left to the comparison. */
function readClaim(der: Uint8Array): Claim {
  if (der.length > largestSignature) throw new Error(`it has ${der.length} bytes, more than ${largestSignature}`);
  const signedData = descend(read(der), 1, 0);
  const certificates = childrenOf(descend(signedData, 3));
  const signers = childrenOf(descend(signedData, 4));
  if (certificates.length !== 1 || signers.length !== 1) {
    throw new Error(`it has ${signers.length} signers and ${certificates.length} certificates; one of each is expected`);
  }
  const signerInfo = descend(signedData, 4, 0);
  const isStamped = childrenOf(signerInfo).length > 6;
  return {
    certificate: readCertificate(descend(signedData, 3, 0).source),
    digest: contentOf(descend(signerInfo, 3, 1, 1, 0), tags.octets),
    signature: contentOf(descend(signerInfo, 5), tags.octets),
    token: isStamped ? descend(signerInfo, 6, 0, 1, 0).source : null,
  };
}

/** RFC 5652 section 3 and 5.1: ContentInfo with SignedData version 1, the content left out. */
function build(certificate: DocumentCertificate, digest: Uint8Array, signature: Uint8Array, token: Uint8Array | null): Uint8Array {
  const signerInfo = sequence(
    smallInteger(1),
    certificate.issuerAndSerial,
    sha256Algorithm(),
    tagged(0, ...signedAttributes(certificate, digest)),
    sha256WithRsa(),
    octets(signature),
    ...(token === null ? [] : [tagged(1, sequence(oid(idTimeStampToken), setOf(token)))]),
  );
  const signedData = sequence(
    smallInteger(1),
    setOf(sha256Algorithm()),
    sequence(oid(idData)),
    tagged(0, certificate.der),
    setOf(signerInfo),
  );
  return sequence(oid(idSignedData), tagged(0, signedData));
}

/** In DER order, which is by length here: 26, 49 and 57 bytes. */
function signedAttributes(certificate: DocumentCertificate, digest: Uint8Array): Uint8Array[] {
  // RFC 5035 section 3: ESSCertIDv2 without hashAlgorithm means SHA-256 (its DEFAULT, which DER leaves out).
  const signingCertificate = sequence(sequence(sequence(octets(sha256(certificate.der)))));
  return [
    sequence(oid(idContentType), setOf(oid(idData))),
    sequence(oid(idMessageDigest), setOf(octets(digest))),
    sequence(oid(idSigningCertificateV2), setOf(signingCertificate)),
  ];
}

/** RFC 5754 section 2: without parameters. */
function sha256Algorithm(): Uint8Array {
  return sequence(oid(idSha256));
}

function sha256(data: Uint8Array | readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const piece of data instanceof Uint8Array ? [data] : data) hash.update(piece);
  return hash.digest();
}
