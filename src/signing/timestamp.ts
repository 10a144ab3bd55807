/**
 * Time-stamping by RFC 3161: asking an authority for a token over a SHA-256, and checking tokens later, offline. A token that comes out of
 * here holds: it is over exactly the given data, signed by a certificate for time-stamping that was valid at that time, and leads to a
 * certificate that the caller trusts when there is one; without one it says that the authority is not established. It is kept in one form
 * (see {@link Token.der}), in which nothing that counts can change unnoticed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { clip, KubevidenceError, reasonOf } from '../model/index.ts';
import {
  childrenOf,
  contentOf,
  type Element,
  integerOf,
  nothing,
  octets,
  oid,
  read,
  sequence,
  smallInteger,
  tags,
  write,
  yes,
} from './der.ts';
import { equal } from './signature.ts';
import { findPath, readAuthorityCertificate, stampingProblems } from './timestamp-certificate.ts';
import { idSha256, readToken, type Token } from './timestamp-token.ts';

export interface TimestampRequest {
  /** TimeStampReq, DER: the body of `application/timestamp-query`. */
  readonly der: Uint8Array;
  /** SHA-256 of the data. */
  readonly imprint: Uint8Array;
  /** Content of the INTEGER: 16 random bytes, positive. */
  readonly nonce: Uint8Array;
  /** The policy that the token must be under; null for whatever the authority follows. */
  readonly policy: string | null;
}

/** A token that holds. */
export interface Timestamp {
  /** TimeStampResp, DER, in the one form: a `.tsr`. */
  readonly der: Uint8Array;
  /** RFC 3339 in UTC, with milliseconds: the data existed before. */
  readonly time: string;
  /** By how much the time may be off, as the authority says; null when it does not say. */
  readonly accuracyMs: number | null;
  /** Dotted numbers. */
  readonly policy: string;
  /** Subject of the signer's certificate, RFC 4514, safe to print. */
  readonly authority: string;
  /** A certificate that the caller trusts vouches for the signer's. */
  readonly established: boolean;
  /** Of the token, DER, the signer's first. */
  readonly certificates: readonly Uint8Array[];
}

/** `problems` is empty exactly when there is a timestamp; each is one sentence, safe to print. */
export interface TimestampCheck {
  readonly timestamp: Timestamp | null;
  readonly problems: readonly string[];
}

export interface TimestampTrust {
  /** Certificates of authorities, or of who issued them, DER (see {@link certificatesFromPem}); null when the caller knows none. */
  readonly anchors: readonly Uint8Array[] | null;
  /** Others that may lead to an anchor, beside those in the token. */
  readonly others?: readonly Uint8Array[];
}

/** Tokens have 2 to 8 kB. */
export const largestTimestamp = 65_536;

/** What a PKIFailureInfo's bits mean (RFC 3161 section 2.4.2). */
const failures: Readonly<Record<number, string>> = {
  0: 'it does not take SHA-256',
  2: 'it does not allow the request',
  5: 'it cannot read the request',
  14: 'its own clock is not available',
  15: 'it does not follow the policy that was asked for',
  16: 'it does not take the extension',
  17: 'it cannot give the additional information',
  25: 'it failed',
};
const statuses = ['granted', 'granted with changes', 'rejected', 'waiting', 'warning of a revocation', 'revoked'];

/** RFC 3161 section 2.4.1: version 1, SHA-256, a nonce, certReq. Give `nonce` only to repeat a request. */
export function createTimestampRequest(
  imprint: Uint8Array,
  policy: string | null = null,
  nonce: Uint8Array = randomBytes(16),
): TimestampRequest {
  const positive = Uint8Array.from(nonce);
  // Neither negative nor with a leading zero: the content of a DER INTEGER.
  positive[0] = ((positive[0] ?? 0) & 0x3f) | 0x40;
  const der = sequence(
    smallInteger(1),
    sequence(sequence(oid(idSha256), nothing()), octets(imprint)),
    ...(policy === null ? [] : [oid(policy)]),
    write(tags.integer, positive),
    yes(),
  );
  return { der, imprint, nonce: positive, policy };
}

/**
 * The token in an authority's answer to `request`. Throws `unreachable` when the authority did not grant it, `integrity` when what it
 * gave does not hold. The answer is any bytes.
 */
export function acceptTimestamp(response: Uint8Array, request: TimestampRequest, trust: TimestampTrust): Timestamp {
  const { token, judged } = attempt(() => {
    const token = readToken(readGranted(response).source);
    return { token, judged: problemsOf(token, request.imprint, trust) };
  });
  const { nonce, policy } = token.statement;
  const problems = [
    ...judged.problems,
    ...(nonce !== null && equal(nonce, request.nonce) ? [] : ['it answers another request: its nonce is not the one that was sent']),
    ...(request.policy === null || request.policy === policy
      ? []
      : [`it is under the policy ${policy}, and ${request.policy} was asked for`]),
  ];
  if (problems[0] !== undefined) throw unusable(problems[0]);
  return describe(token, judged.established);
}

/** Checks a stored `.tsr` over `data`. Takes any bytes; throws nothing. */
export function verifyTimestamp(tsr: Uint8Array, data: Uint8Array, trust: TimestampTrust): TimestampCheck {
  return check(
    () => {
      const token = readToken(readGranted(tsr).source);
      return { token, strict: equal(wrap(token.der), tsr) };
    },
    data,
    trust,
  );
}

/** Checks the ContentInfo alone, as CMS signatures carry it. Takes any bytes; throws nothing. */
export function verifyTimestampToken(der: Uint8Array, data: Uint8Array, trust: TimestampTrust): TimestampCheck {
  return check(
    () => {
      const token = readToken(der);
      return { token, strict: equal(token.der, der) };
    },
    data,
    trust,
  );
}

/** The ContentInfo in a `.tsr`. Throws `integrity` for what is none. */
export function timestampTokenIn(tsr: Uint8Array): Uint8Array {
  return attempt(() => readGranted(tsr).source);
}

function check(open: () => { token: Token; strict: boolean }, data: Uint8Array, trust: TimestampTrust): TimestampCheck {
  try {
    const { token, strict } = open();
    const { problems, established } = problemsOf(token, createHash('sha256').update(data).digest(), trust);
    const all = strict
      ? problems
      : [...problems, 'the time-stamp token is not in the one strict form: something was added to it or changed'];
    return { timestamp: all.length === 0 ? describe(token, established) : null, problems: all };
  } catch (cause) {
    return { timestamp: null, problems: [`the time-stamp token cannot be used: ${clip(reasonOf(cause), 300)}`] };
  }
}

/** Whatever does not depend on who asked. */
function problemsOf({ statement, signer, issuers }: Token, imprint: Uint8Array, { anchors, others = [] }: TimestampTrust) {
  const problems = stampingProblems(signer, statement.time);
  if (!equal(statement.imprint, imprint)) problems.push('it is of other data: its imprint is not the SHA-256 of this');
  let established = false;
  if (anchors !== null) {
    const pool = [...issuers, ...others.map(readAuthorityCertificate)];
    established = findPath(signer, pool, anchors.map(readAuthorityCertificate), statement.time) !== null;
    if (!established) problems.push(`the certificate of ${signer.name} does not lead to one that is trusted for time-stamping`);
  }
  return { problems: problems.map((each) => clip(each, 400)), established };
}

function describe({ der, statement, signer, issuers }: Token, established: boolean): Timestamp {
  return {
    der: wrap(der),
    time: statement.time.toISOString(),
    accuracyMs: statement.accuracyMs,
    policy: statement.policy,
    authority: signer.name,
    established,
    certificates: [signer, ...issuers].map((each) => each.der),
  };
}

/** TimeStampResp: granted, without words. */
function wrap(token: Uint8Array): Uint8Array {
  return sequence(sequence(smallInteger(0)), token);
}

/** The ContentInfo of an answer. Granted with changes is as good: whatever was asked for is checked. */
function readGranted(response: Uint8Array): Element {
  if (response.length > largestTimestamp) throw new Error(`it has ${response.length} bytes, more than ${largestTimestamp}`);
  const [info, token, ...others] = childrenOf(read(response));
  if (info?.tag !== tags.sequence || others.length > 0) throw new Error('it is no TimeStampResp');
  const [status, ...details] = childrenOf(info);
  if (status === undefined) throw new Error('it has no status');
  const code = Number(integerOf(status));
  if (code !== 0 && code !== 1) {
    throw new KubevidenceError('unreachable', `the time-stamping authority granted no token: ${refusalIn(code, details)}`, {
      next: 'Ask whoever runs it, or name another one (`signing.timestampAuthority`).',
    });
  }
  if (token === undefined) throw new Error('it holds no token');
  return token;
}

/** PKIStatusInfo after its status: words of the authority, and why. */
function refusalIn(code: number, details: readonly Element[]): string {
  const words = details.find(({ tag }) => tag === tags.sequence);
  const info = details.find(({ tag }) => tag === tags.bits);
  const said =
    words === undefined
      ? ''
      : childrenOf(words)
          .map((each) => Buffer.from(contentOf(each, tags.utf8)).toString('utf8'))
          .join(' ');
  const bits = [...(info?.content.subarray(1) ?? [])].flatMap((byte, n) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => n * 8 + bit),
  );
  const reasons = bits.map((bit) => failures[bit] ?? `failure ${bit}`);
  return clip([statuses[code] ?? `status ${code}`, ...reasons, ...(said === '' ? [] : [`it says "${said}"`])].join('; '), 300);
}

function attempt<T>(act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof KubevidenceError) throw cause;
    throw unusable(`it cannot be read: ${clip(reasonOf(cause), 300)}`, cause);
  }
}

function unusable(reason: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('integrity', `the answer of the time-stamping authority does not hold: ${reason}`, {
    means: 'It is not kept: a token that somebody could doubt is none.',
    next: 'Check the address and the certificate of the authority (`signing.timestampAuthority`).',
    cause,
  });
}
