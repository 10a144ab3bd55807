/**
 * What the three kinds of signature (detached, PDF, workbook) share: how a check answers, and the one signature scheme. A check that
 * is not `ok` names no signer, so that no caller can trust a fingerprint that nothing proves.
 */
import { verify } from 'node:crypto';
import { KubevidenceError } from '../model/index.ts';
import type { CertificateInfo, DocumentCertificate } from './certificate.ts';

/** What a check of a signature found. `problems` is empty exactly when `ok`; each is one sentence, safe to print. */
export interface SignatureCheck {
  readonly ok: boolean;
  /** Whose key signed, see {@link fingerprintOf}; null unless `ok`. */
  readonly signerFingerprint: string | null;
  /** The certificate in the signature, also when the signature does not hold: then it is only a claim. */
  readonly certificate: CertificateInfo | null;
  readonly problems: readonly string[];
}

/** `ok` when there is no problem. */
export function conclude({ info }: DocumentCertificate, problems: readonly string[]): SignatureCheck {
  const ok = problems.length === 0;
  return { ok, signerFingerprint: ok ? info.fingerprint : null, certificate: info, problems };
}

/** For what could not be read far enough to find a certificate. */
export function failed(problem: string): SignatureCheck {
  return { ok: false, signerFingerprint: null, certificate: null, problems: [problem] };
}

/** RSASSA-PKCS1-v1_5 with SHA-256 over `data`. */
export function holds(certificate: DocumentCertificate, data: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', data, certificate.publicKey, signature);
}

/** A signer may be a remote service: what it returns is checked before it goes into a document (`configuration`). */
export function requireMatch(certificate: DocumentCertificate, data: Uint8Array, signature: Uint8Array): void {
  if (holds(certificate, data, signature)) return;
  throw new KubevidenceError('configuration', `the signature made for ${certificate.info.subject} does not fit its certificate`, {
    next: 'Check that the signing key or command and the certificate belong together, and that it signs with RSA PKCS#1 v1.5 and SHA-256.',
  });
}

/** A sentence when `time` (RFC 3339) is outside the certificate's validity. The time is the signer's claim; nothing proves it. */
export function validityProblems(time: string, info: CertificateInfo): string[] {
  const at = Date.parse(time);
  if (at >= Date.parse(info.notBefore) && at <= Date.parse(info.notAfter)) return [];
  return [`the claimed signing time ${time} is outside the certificate's validity, ${info.notBefore} to ${info.notAfter}`];
}

/** Errors (`configuration`) when `time` is outside the certificate's validity. */
export function requireValidAt(time: string, { info }: DocumentCertificate): void {
  const [problem] = validityProblems(time, info);
  if (problem !== undefined)
    throw new KubevidenceError('configuration', problem, { next: 'Sign with a certificate that is valid at that time.' });
}

export function equal(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
