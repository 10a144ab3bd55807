/**
 * PAdES-B-B signatures (ETSI EN 319 142-1), and B-T with a token of a time-stamping authority, on PDFs that pdfkit wrote. The signature dictionary has one fixed layout, so a signed file
 * is the unsigned one but for two slots of known size, and the same document gives the same bytes. Verification accepts exactly that
 * layout: one signature, whose byte range is the whole file but the signature itself; anything appended, moved or re-encoded fails.
 */
import { KubevidenceError } from '../model/index.ts';
import { readCertificate } from './certificate.ts';
import { signDetached, type Stamper, verifyDetached } from './cms.ts';
import type { DocumentSigner } from './keys.ts';
import { failed, requireValidAt, type SignatureCheck, validityProblems } from './signature.ts';
import type { Timestamp, TimestampTrust } from './timestamp.ts';

/** The part of a pdfkit document that a signature field needs; formats own pdfkit, this module only borrows the document. */
export interface SignablePdf {
  readonly page: { readonly annotations: unknown[]; readonly dictionary: unknown };
  ref(data: Record<string, unknown>): { end(chunk: undefined): void };
  annotate(x: number, y: number, width: number, height: number, options: Record<string, unknown>): unknown;
  initForm(): unknown;
}

export interface SignaturePlaceholder {
  /** What the signer claims as the time of signing (PAdES wants one; nothing proves it). It must lie in the certificate's validity. */
  readonly time: Date;
  readonly fieldName: string;
  readonly reason?: string;
  /** Who signs, as shown by viewers. */
  readonly name?: string;
  /** Tagged documents: the structure element (`doc.struct('Form')`) that owns the invisible field. */
  readonly structParent?: unknown;
}

export interface PdfCheck extends SignatureCheck {
  /** False when bytes were appended, or the byte range leaves anything out. */
  readonly coversWholeDocument: boolean;
  /** RFC 3339: what the signer claims, not what a timestamp proves; null unless `ok`. */
  readonly signedAt: string | null;
  /** Of the token over the signature; null when there is none, and unless `ok`. */
  readonly timestamp: Timestamp | null;
}

/** Room for the signature: about 2 kB, and a token of 12 kB at most (timestamp-token.ts). */
const reserved = 16_384;
const unsetRange = ['0', ...Array.from({ length: 3 }, () => '/**********')].join(' ');
const beforeRange = '\n/Type /Sig\n/Filter /Adobe.PPKLite\n/SubFilter /ETSI.CAdES.detached\n/ByteRange [';
const betweenRangeAndContents = ']\n/Contents ';
const afterContents = /^>\n\/M \(D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z\)\n/;

/**
 * Adds an invisible signature field to the current page; call it once, after a font is set and before `doc.end()`, on a document without
 * other form fields. What `doc.end()` then writes is what {@link signPdf} takes.
 */
export function addSignaturePlaceholder(doc: SignablePdf, { time, fieldName, reason, name, structParent }: SignaturePlaceholder): void {
  if (acroFormOf(doc) !== null) throw new TypeError('the document has a form already');
  // pdfkit writes keys in this order and names with a slash: the text of `beforeRange`. Its strings escape newlines, so no text in
  // the document can look like this dictionary.
  const signature = doc.ref({
    Type: 'Sig',
    Filter: 'Adobe.PPKLite',
    SubFilter: 'ETSI.CAdES.detached',
    ByteRange: [0, '**********', '**********', '**********'],
    Contents: new Uint8Array(reserved),
    M: time,
    ...(name === undefined ? {} : { Name: text(name) }),
    ...(reason === undefined ? {} : { Reason: text(reason) }),
  });
  signature.end(undefined);
  doc.initForm();
  const form = acroFormOf(doc);
  if (form === null) throw new TypeError('pdfkit keeps no AcroForm where it is looked for');
  // ISO 32000-1 section 12.7.2: signatures exist, and the file may only be appended to.
  form['SigFlags'] = 3;
  // A viewer that regenerates appearances would change the signed file; PDF/A forbids the flag.
  delete form['NeedAppearances'];
  doc.annotate(0, 0, 0, 0, {
    Subtype: 'Widget',
    FT: 'Sig',
    T: text(fieldName),
    TU: text(fieldName),
    // Print and Locked: PDF/A wants the first.
    F: 132,
    P: doc.page.dictionary,
    V: signature,
    structParent,
  });
  fieldsOf(form).push(doc.page.annotations.at(-1));
}

/**
 * Fills the placeholder. Fails (`input`) when the bytes have none, or several; (`configuration`) when the placeholder's time is outside
 * the certificate's validity. A stamper makes it B-T.
 */
export async function signPdf(pdf: Uint8Array, signer: DocumentSigner, stamp?: Stamper): Promise<Uint8Array> {
  const signed = Buffer.from(pdf);
  const slots = findSlots(signed);
  if (slots === null || signed.toString('latin1', slots.range, slots.range + unsetRange.length) !== unsetRange) {
    throw new KubevidenceError('input', 'the PDF has no empty signature field, or more than one', {
      next: 'Add one with addSignaturePlaceholder before the document is ended.',
    });
  }
  requireValidAt(slots.time, readCertificate(signer.certificate));
  signed.write(rangeText(slots, signed.length), slots.range, 'latin1');
  const signature = await signDetached(coveredBy(slots, signed), signer, stamp);
  signed.write(contentsText(signature), slots.contents, 'latin1');
  return new Uint8Array(signed);
}

/** Checks a PDF by {@link signPdf}; a token in it must hold. Takes any bytes; throws nothing. */
export function verifyPdf(bytes: Uint8Array, trust?: TimestampTrust): PdfCheck {
  const pdf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slots = findSlots(pdf);
  const failure = (problem: string, coversWholeDocument: boolean): PdfCheck => ({
    ...failed(problem),
    coversWholeDocument,
    signedAt: null,
    timestamp: null,
  });
  if (slots === null) return failure('the PDF has no signature in the form that this program writes, or more than one', false);
  if (pdf.toString('latin1', slots.range, slots.range + unsetRange.length) !== rangeText(slots, pdf.length)) {
    return failure('the signature does not cover the whole PDF: something was added or moved after signing', false);
  }
  const signature = readContents(pdf, slots);
  if (signature === null) return failure('the signature in the PDF is not one DER value padded with zeros', true);
  const checked = verifyDetached(signature, coveredBy(slots, pdf), trust);
  if (!checked.ok || checked.certificate === null) return { ...checked, coversWholeDocument: true, signedAt: null };
  const problems = validityProblems(slots.time, checked.certificate);
  if (problems.length > 0)
    return { ...checked, ok: false, signerFingerprint: null, problems, coversWholeDocument: true, signedAt: null, timestamp: null };
  return { ...checked, coversWholeDocument: true, signedAt: slots.time };
}

/** Where the two slots stand (the byte range's numbers, and `<` to `>` of the contents), and the claimed time behind them. */
interface Slots {
  readonly range: number;
  readonly contents: number;
  readonly end: number;
  /** RFC 3339. */
  readonly time: string;
}

/** Null unless the fixed layout is there, and no second signature dictionary in any layout that pdfkit or a viewer would write. */
function findSlots(pdf: Buffer): Slots | null {
  const start = pdf.indexOf(beforeRange, 0, 'latin1');
  if (start === -1) return null;
  if (countUpToTwo(pdf, '\n/Type /Sig\n') !== 1 || countUpToTwo(pdf, '\n/ByteRange [') !== 1) return null;
  const range = start + beforeRange.length;
  const contents = range + unsetRange.length + betweenRangeAndContents.length;
  const end = contents + 1 + 2 * reserved + 1;
  const between = pdf.toString('latin1', range + unsetRange.length, contents);
  const time = afterContents.exec(pdf.toString('latin1', end - 1, end + 40));
  if (between !== betweenRangeAndContents || pdf[contents] !== 0x3c || time === null) return null;
  const [, year, month, day, hour, minute, second] = time;
  return { range, contents, end, time: `${year}-${month}-${day}T${hour}:${minute}:${second}Z` };
}

function countUpToTwo(pdf: Buffer, needle: string): number {
  const first = pdf.indexOf(needle, 0, 'latin1');
  if (first === -1) return 0;
  return pdf.indexOf(needle, first + 1, 'latin1') === -1 ? 1 : 2;
}

/** ISO 32000-1 section 12.8.1: two pairs of offset and length, here always everything but the contents. */
function rangeText({ contents, end }: Slots, size: number): string {
  return `0 ${contents} ${end} ${size - end}`.padEnd(unsetRange.length);
}

function coveredBy({ contents, end }: Slots, pdf: Buffer): Uint8Array[] {
  return [pdf.subarray(0, contents), pdf.subarray(end)];
}

function contentsText(signature: Uint8Array): string {
  if (signature.length > reserved) {
    throw new KubevidenceError(
      'configuration',
      `the signature has ${signature.length} bytes, more than the ${reserved} that a PDF keeps free`,
      {
        next: 'Use a smaller certificate.',
      },
    );
  }
  return `<${Buffer.from(signature)
    .toString('hex')
    .padEnd(2 * reserved, '0')}>`;
}

/** The DER value in the contents, or null when writing it again gives other bytes (upper case, other padding). */
function readContents(pdf: Buffer, { contents, end }: Slots): Uint8Array | null {
  const written = pdf.toString('latin1', contents, end);
  const padded = Buffer.from(written.slice(1, -1), 'hex');
  // A signature has between 256 bytes and 64 kB: identifier, 0x82, and two bytes of length.
  const signature = padded.subarray(0, 4 + (padded.length < 4 ? 0 : padded.readUInt16BE(2)));
  return signature.length <= reserved && contentsText(signature) === written ? signature : null;
}

/** pdfkit writes String objects as PDF strings, and plain strings as names. */
function text(value: string): unknown {
  return Object(value);
}

/** pdfkit has no public way to its AcroForm, and its own fields cannot be signatures. */
function acroFormOf(doc: SignablePdf): Record<string, unknown> | null {
  const root: unknown = Reflect.get(doc, '_root');
  return dataOf(dataOf(root)?.['AcroForm']);
}

function fieldsOf(form: Record<string, unknown>): unknown[] {
  const fields = form['Fields'];
  if (!Array.isArray(fields)) throw new TypeError('pdfkit keeps no form fields where they are looked for');
  return fields;
}

function dataOf(reference: unknown): Record<string, unknown> | null {
  const data: unknown = typeof reference === 'object' && reference !== null && 'data' in reference ? reference.data : null;
  return isRecord(data) ? data : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
