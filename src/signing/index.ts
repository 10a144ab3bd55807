/**
 * Signing and checking signatures: keys and certificates, detached CMS, PAdES on PDFs, native OOXML signatures on workbooks,
 * RFC 3161 time-stamps.
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
export { type DetachedCheck, signDetached, type Stamper, verifyDetached } from './cms.ts';
export { createCommandDocumentSigner, createCommandLogSigner, type KeyCommand } from './command-signer.ts';
export { type JsonCheck, signJson, verifyJson } from './json-document.ts';
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
export {
  acceptTimestamp,
  createTimestampRequest,
  largestTimestamp,
  type Timestamp,
  type TimestampCheck,
  type TimestampRequest,
  type TimestampTrust,
  verifyTimestamp,
} from './timestamp.ts';
export { certificatesFromPem } from './timestamp-certificate.ts';
export { signWorkbook, verifyWorkbook, type WorkbookCheck, type WorkbookSigning } from './workbook.ts';
