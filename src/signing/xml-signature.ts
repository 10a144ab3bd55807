/**
 * The XML signature of an office package (XMLDSig, XAdES-EPES, MS-OFFCRYPTO section 2.5.2), written so that every signed element is
 * already in canonical form (inclusive C14N 1.0) where it stands: namespaces are repeated on it, attributes are in order, no element
 * is abbreviated. So what is hashed is what is written, and a checker without an XML parser can rebuild the file from its facts.
 */
import { createHash } from 'node:crypto';
import type { DocumentCertificate } from './certificate.ts';
import { escapeAttribute, escapeText, type Relationship, relationshipsNamespace, unescapeXml } from './opc.ts';

/** The facts that the file states; all else in it follows from them and from the signed parts. */
export interface SignatureFacts {
  /** RFC 3339, UTC, whole seconds. */
  readonly time: string;
  readonly comments: string;
  readonly certificate: DocumentCertificate;
}

/** The canonical SignedInfo, which is what gets signed, and the whole file around it. */
export interface SignatureDocument {
  readonly signedInfo: Uint8Array;
  withValue(signature: Uint8Array): Uint8Array;
}

const dsig = 'http://www.w3.org/2000/09/xmldsig#';
const c14n = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const sha256Uri = 'http://www.w3.org/2001/04/xmlenc#sha256';
const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const xades = 'http://uri.etsi.org/01903/v1.3.2#';
const packageSignature = 'http://schemas.openxmlformats.org/package/2006/digital-signature';
const relationshipTransform = 'http://schemas.openxmlformats.org/package/2006/RelationshipTransform';
const officeSignature = 'http://schemas.microsoft.com/office/2006/digsig';
const relationshipsType = 'application/vnd.openxmlformats-package.relationships+xml';

const digestMethod = element('DigestMethod', { Algorithm: sha256Uri });
const canonicalize = element('Transform', { Algorithm: c14n });

/** Reference to a whole part. `part` has no leading slash; `digest`: SHA-256, base64. */
export function partReference(part: string, contentType: string, digest: string): string {
  return element('Reference', { URI: `/${part}?ContentType=${contentType}` }, digestMethod, element('DigestValue', {}, digest));
}

/** Reference to some relationships of a part: ECMA-376 part 2, section 10.5.8 (relationships transform), then C14N. */
export function relationshipsReference(part: string, relationships: readonly Relationship[]): string {
  const sorted = relationships.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const chosen = sorted.map(({ id }) => element('mdssi:RelationshipReference', { 'xmlns:mdssi': packageSignature, SourceId: id }));
  const transformed = sorted.map(({ id, target, mode, type }) =>
    element('Relationship', { Id: id, Target: target, TargetMode: mode, Type: type }),
  );
  return element(
    'Reference',
    { URI: `/${part}?ContentType=${relationshipsType}` },
    element('Transforms', {}, element('Transform', { Algorithm: relationshipTransform }, ...chosen), canonicalize),
    digestMethod,
    digestValue(Buffer.from(element('Relationships', { xmlns: relationshipsNamespace }, ...transformed))),
  );
}

/** Builds the file for these references, in this order. */
export function signatureDocument(references: readonly string[], facts: SignatureFacts): SignatureDocument {
  const objects = [packageObject(references, facts.time), officeObject(facts.comments)];
  const properties = signedProperties(facts);
  const signedInfo = element(
    'SignedInfo',
    { xmlns: dsig },
    element('CanonicalizationMethod', { Algorithm: c14n }),
    element('SignatureMethod', { Algorithm: rsaSha256 }),
    localReference(`${dsig}Object`, 'idPackageObject', objects[0] ?? ''),
    localReference(`${dsig}Object`, 'idOfficeObject', objects[1] ?? ''),
    localReference('http://uri.etsi.org/01903#SignedProperties', 'idSignedProperties', properties, element('Transforms', {}, canonicalize)),
  );
  const certificate = element('X509Certificate', {}, base64(facts.certificate.der));
  const qualifying = element('xd:QualifyingProperties', { 'xmlns:xd': xades, Target: '#idPackageSignature' }, properties);
  return {
    signedInfo: Buffer.from(signedInfo),
    withValue: (signature) => {
      const document = element(
        'Signature',
        { xmlns: dsig, Id: 'idPackageSignature' },
        signedInfo,
        element('SignatureValue', {}, base64(signature)),
        element('KeyInfo', {}, element('X509Data', {}, certificate)),
        ...objects,
        element('Object', {}, qualifying),
      );
      return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${document}`);
    },
  };
}

/** The facts and the signature value as a file states them; whether the file says anything else is for a rebuild to find out. */
export function readFacts(xml: string): { time: string; comments: string; certificate: Uint8Array; signature: Uint8Array } {
  const find = (pattern: RegExp): string => {
    const found = pattern.exec(xml)?.[1];
    if (found === undefined) throw new Error('an element is missing');
    return found;
  };
  return {
    time: find(/<xd:SigningTime>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)</),
    comments: unescapeXml(find(/<SignatureComments>([^<]{0,8192})</)),
    certificate: Buffer.from(find(/<X509Certificate>([A-Za-z0-9+/=]{1,32768})</), 'base64'),
    signature: Buffer.from(find(/<SignatureValue>([A-Za-z0-9+/=]{1,4096})</), 'base64'),
  };
}

/** The objects of the signature that list every signed part, and when it was signed. */
function packageObject(references: readonly string[], time: string): string {
  const signatureTime = element(
    'mdssi:SignatureTime',
    { 'xmlns:mdssi': packageSignature },
    element('mdssi:Format', {}, 'YYYY-MM-DDThh:mm:ssTZD'),
    element('mdssi:Value', {}, time),
  );
  return element(
    'Object',
    { xmlns: dsig, Id: 'idPackageObject' },
    element('Manifest', {}, ...references),
    signatureProperties('idSignatureTime', signatureTime),
  );
}

/** MS-OFFCRYPTO section 2.5.2.5: Office wants all of these; what describes a screen has no meaning here and is constant. */
function officeObject(comments: string): string {
  const details: readonly (readonly [string, string])[] = [
    ['SetupID', ''],
    ['SignatureText', ''],
    ['SignatureImage', ''],
    ['SignatureComments', escapeText(comments)],
    ['WindowsVersion', '10.0'],
    ['OfficeVersion', '16.0'],
    ['ApplicationVersion', '16.0'],
    ['Monitors', '1'],
    ['HorizontalResolution', '1024'],
    ['VerticalResolution', '768'],
    ['ColorDepth', '32'],
    ['SignatureProviderId', '{00000000-0000-0000-0000-000000000000}'],
    ['SignatureProviderUrl', ''],
    ['SignatureProviderDetails', '9'],
    ['SignatureType', '1'],
    ['ManifestHashAlgorithm', sha256Uri],
  ];
  const info = element('SignatureInfoV1', { xmlns: officeSignature }, ...details.map(([name, value]) => element(name, {}, value)));
  return element('Object', { xmlns: dsig, Id: 'idOfficeObject' }, signatureProperties('idOfficeV1Details', info));
}

/** XAdES (ETSI TS 101 903 v1.3.2), EPES with an implied policy, as Office writes it. */
function signedProperties({ time, certificate }: SignatureFacts): string {
  const identity = element(
    'xd:Cert',
    {},
    element('xd:CertDigest', {}, digestMethod, digestValue(certificate.der)),
    element(
      'xd:IssuerSerial',
      {},
      element('X509IssuerName', {}, escapeText(certificate.issuerName)),
      element('X509SerialNumber', {}, certificate.info.serial),
    ),
  );
  return element(
    'xd:SignedProperties',
    { xmlns: dsig, 'xmlns:xd': xades, Id: 'idSignedProperties' },
    element(
      'xd:SignedSignatureProperties',
      {},
      element('xd:SigningTime', {}, time),
      element('xd:SigningCertificate', {}, identity),
      element('xd:SignaturePolicyIdentifier', {}, element('xd:SignaturePolicyImplied', {})),
    ),
  );
}

function signatureProperties(id: string, content: string): string {
  return element('SignatureProperties', {}, element('SignatureProperty', { Id: id, Target: '#idPackageSignature' }, content));
}

function localReference(type: string, id: string, canonical: string, transforms = ''): string {
  return element('Reference', { Type: type, URI: `#${id}` }, transforms, digestMethod, digestValue(Buffer.from(canonical)));
}

/** Attributes in the order given, which must be the canonical one: namespaces first, then by name. Content is markup. */
function element(name: string, attributes: Readonly<Record<string, string>>, ...content: string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`);
  return `<${name}${written.join('')}>${content.join('')}</${name}>`;
}

function digestValue(content: Uint8Array): string {
  return element('DigestValue', {}, createHash('sha256').update(content).digest('base64'));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
