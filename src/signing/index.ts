/**
 * Signing and checking signatures: keys and certificates, detached CMS, PAdES on PDFs, native OOXML signatures on workbooks.
 * The only user of cryptography beyond hashing. Every `verify…` takes hostile bytes and answers with problems instead of throwing.
 */
export {
  type CertificateInfo,
  type CertificateSubject,
  certificateFromPem,
  certificateInfo,
  certificateToPem,
  fingerprintOf,
} from './certificate.ts';
export { signDetached, verifyDetached } from './cms.ts';
export {
  createDocumentSigner,
  createLogSigner,
  type DocumentKey,
  type DocumentSigner,
  generateDocumentKey,
  generateLogKey,
  type LogKey,
  type LogSigner,
  readKeyFile,
  writeKeyFile,
} from './keys.ts';
export { addSignaturePlaceholder, type PdfCheck, type SignablePdf, type SignaturePlaceholder, signPdf, verifyPdf } from './pdf.ts';
export type { SignatureCheck } from './signature.ts';
export { signWorkbook, verifyWorkbook, type WorkbookCheck, type WorkbookSigning } from './workbook.ts';
