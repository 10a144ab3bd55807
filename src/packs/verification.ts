/** How a verification answers: in sentences that a person can read, each safe to print, and a problem for everything that does not hold. */
import { createPublicKey } from 'node:crypto';
import { clip, KubevidenceError, reasonOf } from '../model/index.ts';
import { certificateFromPem, certificateInfo, fingerprintOf } from '../signing/index.ts';

export interface PackVerification {
  /** No problem at all. It says nothing of whether anybody complies with anything. */
  readonly ok: boolean;
  /** Whose signature holds; null when none does. */
  readonly signer: { readonly fingerprint: string; readonly subject: string } | null;
  /** The signer is the one that the caller trusts. */
  readonly known: boolean;
  readonly headline: string;
  readonly proved: readonly string[];
  readonly notProved: readonly string[];
  readonly problems: readonly string[];
}

export interface VerifyOptions {
  /** Fingerprint (SHA-256 over SubjectPublicKeyInfo, hex), or the text of a PEM certificate or public key. */
  readonly trust?: string | undefined;
  /** PEM of a time-stamping authority's certificate, or of its issuer's, that the caller has from the authority. */
  readonly timestampCa?: string | undefined;
  /** Before each file is read. */
  readonly onRead?: (() => void) | undefined;
}

/** Takes one sentence, safe to print. */
export type Problem = (sentence: string) => void;

export interface Proof<T> {
  readonly sentence: string;
  readonly value: T;
}

export interface Findings {
  readonly proved: string[];
  readonly notProved: string[];
  readonly problems: string[];
  readonly problem: Problem;
  /**
   * Runs one part of the verification. What it throws is a problem; its sentence was proved unless it found one; its value is for the
   * parts that need it, null when there is none.
   */
  readonly prove: <T>(part: (problem: Problem) => Proof<T> | Promise<Proof<T>>) => Promise<T | null>;
}

// A broken pack may have a problem for each of its files; nobody reads more than this.
const mostProblems = 200;

export function createFindings(): Findings {
  const [proved, notProved, problems]: [string[], string[], string[]] = [[], [], []];
  let count = 0;
  const problem: Problem = (sentence) => {
    count += 1;
    if (problems.length < mostProblems) problems.push(sentence);
  };
  return {
    proved,
    notProved,
    problems,
    problem,
    async prove(part) {
      const before = count;
      try {
        const { sentence, value } = await part(problem);
        if (count === before) proved.push(sentence);
        return value;
      } catch (error) {
        if (error !== dependent) problem(sentenceOf(error));
        return null;
      }
    },
  };
}

/** What went wrong, in one line that is safe to print. */
export function sentenceOf(error: unknown): string {
  return clip(reasonOf(error).replaceAll(/\s*\n\s*/g, '; '), 500);
}

/** Rounded up. */
export function durationOf(ms: number): string {
  const hours = Math.ceil(ms / 3_600_000);
  return hours < 72 ? `${hours} hours` : `${Math.ceil(hours / 24)} days`;
}

/** Thrown by a part that cannot be judged because something that it needs did not hold, which is a problem already. */
export const dependent = new Error('depends on what does not hold');

/** `value`, or the part ends: what it needs did not hold. */
export function needed<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw dependent;
  return value;
}

/** The fingerprint that the caller trusts; null when none was given. Throws `usage` for what is neither a fingerprint nor a key. */
export function trustedFingerprint(trust: string | undefined): string | null {
  if (trust === undefined) return null;
  const hex = trust.replaceAll(/[:\s]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  try {
    if (trust.includes('-----BEGIN CERTIFICATE-----')) return certificateInfo(certificateFromPem(trust)).fingerprint;
    if (trust.includes('-----BEGIN PUBLIC KEY-----')) return fingerprintOf(createPublicKey(trust).export({ type: 'spki', format: 'der' }));
  } catch (cause) {
    throw untrustable(cause);
  }
  throw untrustable();
}

function untrustable(cause?: unknown): KubevidenceError {
  return new KubevidenceError('usage', 'the trusted key is neither a fingerprint (64 hex digits) nor a PEM certificate or public key', {
    next: 'Ask the signer for the fingerprint that `kubevidence keys show` prints.',
    cause,
  });
}
