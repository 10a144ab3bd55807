/**
 * Native signatures on Excel workbooks (ECMA-376 part 2, section 10; MS-OFFCRYPTO section 2.5), which Excel and LibreOffice show.
 * Signed is every part and every relationship but docProps, the relationships to them, and the list of content types, whose entries
 * for signed parts are signed with the parts. Verification rebuilds the signature file from the parts and compares every byte, so a
 * part that was changed, added, removed or given another type is a problem. LibreOffice rejects correct signatures over relationships
 * whose target needs an XML escape, such as a link with `&` (a limit of libxmlsec 1.2): keep such links out of workbooks.
 */
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { readCertificate } from './certificate.ts';
import type { DocumentSigner } from './keys.ts';
import {
  type ContentTypes,
  contentTypeOf,
  readContentTypes,
  readRelationships,
  type Relationship,
  relationshipsNamespace,
  writeContentTypes,
  writeRelationships,
} from './opc.ts';
import { conclude, equal, failed, holds, requireMatch, requireValidAt, type SignatureCheck, validityProblems } from './signature.ts';
import { partReference, readFacts, relationshipsReference, signatureDocument } from './xml-signature.ts';
import { partOf, type Parts, readZip, writeZip } from './zip.ts';

export interface WorkbookSigning {
  readonly signer: DocumentSigner;
  /** The claimed time of signing; whole seconds are kept. Must lie in the certificate's validity (`configuration`). */
  readonly time: Date;
  /** Shown by Excel beside the signature. At most 1000 characters. */
  readonly comments?: string;
}

export interface WorkbookCheck extends SignatureCheck {
  /** RFC 3339: what the signer claims, not what a timestamp proves; null unless `ok`. */
  readonly signedAt: string | null;
}

const contentTypesPart = '[Content_Types].xml';
const rootRelationshipsPart = '_rels/.rels';
const originPart = '_xmlsignatures/origin.sigs';
const originRelationshipsPart = '_xmlsignatures/_rels/origin.sigs.rels';
const signaturePart = '_xmlsignatures/sig1.xml';
const signatureTypes = 'application/vnd.openxmlformats-package.digital-signature';
const origin: Relationship = {
  id: 'rIdSignatures',
  type: `${relationshipsNamespace}/digital-signature/origin`,
  target: originPart,
  mode: 'Internal',
};
const originRelationships = writeRelationships([
  { id: 'rId1', type: `${relationshipsNamespace}/digital-signature/signature`, target: 'sig1.xml', mode: 'Internal' },
]);
const propertiesPart = /^docProps\/(?:app|core|custom)\.xml$/;
const largestSignature = 16 * 1024 * 1024;
const mostProblems = 20;

/** Signs a workbook. The same inputs give the same bytes. Fails (`input`) on what is no plain workbook or is signed already. */
export async function signWorkbook(xlsx: Uint8Array, { signer, time, comments = '' }: WorkbookSigning): Promise<Uint8Array> {
  const certificate = readCertificate(signer.certificate);
  const at = time.toISOString().replace(/\.\d+Z$/, 'Z');
  requireValidAt(at, certificate);
  // Control characters cannot stand in XML; Excel shows one line.
  const shown = visible(comments).slice(0, 1000).toWellFormed();
  let parts: Parts;
  let references: string[];
  try {
    parts = prepare((await readZip(xlsx, isRead)).parts);
    references = [...referencesOf(parts).values()];
  } catch (cause) {
    throw new KubevidenceError('input', `the workbook cannot be signed: ${visible(reasonOf(cause))}`, { cause });
  }
  const document = signatureDocument(references, { time: at, comments: shown, certificate });
  const signature = await signer.sign(document.signedInfo);
  requireMatch(certificate, document.signedInfo, signature);
  return writeZip(new Map([...parts, [signaturePart, partOf(document.withValue(signature))]]));
}

/** Checks a workbook by {@link signWorkbook}. Takes any bytes; rejects never. */
export async function verifyWorkbook(bytes: Uint8Array): Promise<WorkbookCheck> {
  try {
    return await check(bytes);
  } catch (cause) {
    return { ...failed(`the workbook cannot be read: ${visible(reasonOf(cause))}`), signedAt: null };
  }
}

async function check(bytes: Uint8Array): Promise<WorkbookCheck> {
  const { parts, tight } = await readZip(bytes, isRead);
  const written = parts.get(signaturePart)?.held ?? null;
  if (written === null) return { ...failed('the workbook is not signed'), signedAt: null };
  if (written.length > largestSignature) throw new Error(`the signature file has ${written.length} bytes, more than ${largestSignature}`);
  const facts = readFacts(Buffer.from(written).toString());
  const certificate = readCertificate(facts.certificate);
  const references = referencesOf(parts);
  const document = signatureDocument([...references.values()], { ...facts, certificate });
  const problems = [...packagingProblems(parts, tight), ...validityProblems(facts.time, certificate.info)];
  if (!equal(document.withValue(facts.signature), written)) problems.push(...differences(Buffer.from(written).toString(), references));
  else if (!holds(certificate, document.signedInfo, facts.signature)) {
    problems.push('the signature does not hold: it was not made by the key of the certificate inside');
  }
  const checked = conclude(certificate, problems.slice(0, mostProblems));
  return { ...checked, signedAt: checked.ok ? facts.time : null };
}

/** The parts with everything but the signature file: what they are wired to must be there before they are hashed. */
function prepare(parts: Parts): Parts {
  if ([...parts.keys()].some((name) => name.startsWith('_xmlsignatures/'))) throw new Error('it is signed already');
  const types = contentTypesOf(parts);
  const wired: ContentTypes = {
    defaults: new Map([...types.defaults, ['sigs', `${signatureTypes}-origin`]]),
    overrides: new Map([...types.overrides, [`/${signaturePart}`, `${signatureTypes}-xmlsignature+xml`]]),
  };
  return new Map([
    ...parts,
    [contentTypesPart, partOf(Buffer.from(writeContentTypes(wired)))],
    [
      rootRelationshipsPart,
      partOf(Buffer.from(writeRelationships([...readRelationships(required(parts, rootRelationshipsPart)), origin]))),
    ],
    [originPart, partOf(new Uint8Array())],
    [originRelationshipsPart, partOf(Buffer.from(originRelationships))],
  ]);
}

/** One reference for each signed part, by part name, in the order in which the signature lists them. */
function referencesOf(parts: Parts): Map<string, string> {
  const types = contentTypesOf(parts);
  const references = new Map<string, string>();
  for (const [name, { digest }] of [...parts].sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (name === contentTypesPart || name.startsWith('_xmlsignatures/') || propertiesPart.test(name)) continue;
    if (!name.endsWith('.rels')) references.set(name, partReference(name, contentTypeOf(types, name), digest));
    else {
      const signed = readRelationships(required(parts, name)).filter(
        (relationship) => name !== rootRelationshipsPart || !isUnsigned(relationship),
      );
      references.set(name, relationshipsReference(name, signed));
    }
  }
  return references;
}

/** Relationships of the package itself that Office leaves out of signatures: to the signatures, and to the document's properties. */
function isUnsigned({ id, type, target, mode }: Relationship): boolean {
  if (id === origin.id && type === origin.type && target === origin.target && mode === origin.mode) return true;
  return mode === 'Internal' && propertiesPart.test(target.replace(/^\//, '')) && /\/(?:core|extended|custom)-properties$/.test(type);
}

/** The unsigned frame has one form too: a reader must find this signature, and nothing that only looks like one. */
function packagingProblems(parts: Parts, tight: boolean): string[] {
  const types = contentTypesOf(parts);
  const signatureParts = [...parts.keys()].filter((name) => name.startsWith('_xmlsignatures/')).sort();
  const wired =
    signatureParts.join() === [originRelationshipsPart, originPart, signaturePart].join() &&
    required(parts, originPart).length === 0 &&
    equal(required(parts, originRelationshipsPart), Buffer.from(originRelationships)) &&
    readRelationships(required(parts, rootRelationshipsPart)).some(({ id }) => id === origin.id) &&
    contentTypeOf(types, originPart) === `${signatureTypes}-origin` &&
    contentTypeOf(types, signaturePart) === `${signatureTypes}-xmlsignature+xml`;
  return [
    ...(wired ? [] : ['the parts that lead to the signature are not as they were written']),
    ...(tight ? [] : ['the zip archive holds bytes that belong to no part']),
  ];
}

/** Names the parts whose references differ; when all parts agree, it is the signature file itself that was changed. */
function differences(written: string, references: ReadonlyMap<string, string>): string[] {
  const changed = [...references].filter(([, reference]) => !written.includes(reference)).map(([name]) => name);
  const removed = [...written.matchAll(/<Reference URI="\/([^"?]{1,256})\?/g)]
    .map(([, name = '']) => name)
    .filter((name) => !references.has(name));
  const problems = [
    ...changed.map((name) => `${name} was changed or added after signing, or its content type was`),
    ...removed.map((name) => `${visible(name)} was signed and is missing`),
  ];
  return problems.length > 0 ? problems : ['the signature file was changed'];
}

function contentTypesOf(parts: Parts): ContentTypes {
  return readContentTypes(required(parts, contentTypesPart));
}

/** What is looked into; of all other parts the digest says enough. */
function isRead(name: string): boolean {
  return name === contentTypesPart || name.endsWith('.rels') || name.startsWith('_xmlsignatures/');
}

/** One that {@link isRead}. */
function required(parts: Parts, name: string): Uint8Array {
  const content = parts.get(name)?.held ?? null;
  if (content === null) throw new Error(`${name} is missing`);
  return content;
}
