/**
 * The one exchange with a time-stamping authority (RFC 3161 section 3.4): a query is posted, the answer is whole, small and in time, or the
 * failure is one sentence. TLS is always verified, redirects are not followed, no credential is sent. Behind https an authority is trusted
 * by the system's certificates; who signed the token is another question, which {@link acceptTimestamp} answers.
 */
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { getCACertificates } from 'node:tls';
import { clip, KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import {
  acceptTimestamp,
  certificatesFromPem,
  createTimestampRequest,
  largestTimestamp,
  type Timestamp,
  type TimestampTrust,
} from '../../signing/index.ts';
import type { TimestampAuthority } from './timestamp-config.ts';

/** For the whole exchange. */
const patienceMs = 15_000;

/** A token over a SHA-256. Throws `unreachable`, `integrity` (what came does not hold), `configuration` (the CA file). */
export async function askForTimestamp(
  authority: TimestampAuthority,
  imprint: Uint8Array,
  timeoutMs: number = patienceMs,
): Promise<Timestamp> {
  const trust = readTimestampTrust(authority);
  const request = createTimestampRequest(imprint, authority.policy);
  return acceptTimestamp(await post(new URL(authority.url), request.der, timeoutMs), request, trust);
}

/** The certificates that the configuration names; no anchors when it names none. */
export function readTimestampTrust(authority: Pick<TimestampAuthority, 'ca'> | null): TimestampTrust {
  const pem = readTimestampCa(authority);
  return { anchors: pem === null ? null : certificatesFromPem(pem, authority?.ca ?? '') };
}

/** The text of the CA file; null when none is named. */
export function readTimestampCa(authority: Pick<TimestampAuthority, 'ca'> | null): string | null {
  if (authority === null || authority.ca === null) return null;
  try {
    return readFileSync(authority.ca, 'utf8');
  } catch (cause) {
    throw new KubevidenceError(
      'configuration',
      `cannot read the certificates of the time-stamping authority: ${visible(reasonOf(cause))}`,
      {
        next: 'Name a PEM file that can be read (`signing.timestampAuthority.ca`).',
        cause,
      },
    );
  }
}

function post(url: URL, query: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const fail = (reason: string, cause?: unknown) => {
      clearTimeout(timer);
      sent.destroy();
      reject(unreachable(url, reason, cause));
    };
    const timer = setTimeout(() => fail(`gave no whole answer within ${timeoutMs / 1000} s`), timeoutMs);
    const sent = (isTls ? requestHttps : requestHttp)(url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query', 'content-length': query.length, accept: 'application/timestamp-reply' },
      ...(isTls && {
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
        ca: [...getCACertificates('default'), ...getCACertificates('system')],
      }),
    });
    sent.on('error', (error: NodeJS.ErrnoException) => fail(`cannot be asked (${clip(error.code ?? error.message, 120)})`, error));
    sent.once('response', (response) => {
      gather(response)
        .finally(() => clearTimeout(timer))
        .then(resolve, (error: unknown) => fail(reasonOf(error), error));
    });
    sent.end(query);
  });
}

/** The body of a 200. Throws the end of a sentence about the authority. */
async function gather(response: IncomingMessage): Promise<Uint8Array> {
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400) throw new Error(`sends elsewhere (status ${statusCode}), and redirects are not followed`);
  if (statusCode !== 200) throw new Error(`answers with status ${statusCode}`);
  const type = (headers['content-type'] ?? 'nothing').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/timestamp-reply') throw new Error(`answers with ${clip(type, 60)} instead of application/timestamp-reply`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestTimestamp) throw new Error(`answers with more than ${largestTimestamp} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error('ended its answer early');
  return new Uint8Array(Buffer.concat(chunks));
}

function unreachable(url: URL, reason: string, cause: unknown): KubevidenceError {
  return new KubevidenceError('unreachable', `the time-stamping authority ${clip(url.host, 120)} ${reason}`, {
    next: 'Check `signing.timestampAuthority` in kubevidence.yaml, the network, and the proxy.',
    cause,
  });
}
