/**
 * Certificates in PEM files. A file may hold a key as well (`kubelet-client-current.pem` does), so it is read piece by piece, never
 * beyond the end of a certificate and the header of what follows: where that is no certificate, reading ends, and no byte of a key
 * comes into this process.
 */
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';

const begin = '-----BEGIN CERTIFICATE-----';
const end = '-----END CERTIFICATE-----';
/** A bundle of all public CAs has about 150. */
const mostCertificates = 300;
const largestCertificate = 64 * 1024;
/** Comments and attributes around certificates. */
const mostOther = 64 * 1024;

export interface ReadCertificates {
  readonly pems: readonly string[];
  /** Why reading ended before the file did, where what follows was not read. */
  readonly stopped?: string;
}

type Next = (length: number) => Uint8Array;

export function readCertificates(root: Root, path: string): ReadCertificates | Failure {
  const read = root.open(path, (next) => {
    const pems: string[] = [];
    const stopped = readPems(next, pems);
    return { pems, ...(stopped === undefined ? {} : { stopped }) };
  });
  if (!isFailure(read) && read.pems.length === 0) return { reason: 'error', detail: read.stopped ?? 'it holds no certificate' };
  return read;
}

function readPems(next: Next, pems: string[]): string | undefined {
  let other = 0;
  for (;;) {
    const line = readLine(next);
    if (line === null) return undefined;
    if (line === begin) {
      if (pems.length >= mostCertificates) return `it has more than ${mostCertificates} certificates`;
      const pem = readBody(next);
      if (pem === undefined) return 'a certificate in it has no end';
      pems.push(pem);
    } else if (line.includes('-----BEGIN')) return 'what follows is no certificate, and is not read';
    else if (!/^[\t\r\x20-\x7e]*$/.test(line)) return 'it is no PEM text';
    else if ((other += line.length + 1) > mostOther) return 'what is around its certificates is too long';
  }
}

/**
 * A line without its end; null at the end of the file. One with a header ends as soon as it could be a certificate's: the shortest header
 * of a key, `-----BEGIN PRIVATE KEY-----`, is as long.
 */
function readLine(next: Next): string | null {
  let line = '';
  let header = -1;
  for (;;) {
    const [byte] = next(1);
    if (byte === undefined) return line === '' ? null : line;
    if (byte === 0x0a) return line;
    line += String.fromCharCode(byte);
    if (header < 0 && line.endsWith('-----BEGIN')) header = line.length - '-----BEGIN'.length;
    // What is no text is not read on either: it could be a key in DER.
    if ((header >= 0 && line.length - header >= begin.length) || line.length > mostOther || byte === 0 || byte > 0x7e) return line;
  }
}

/** Up to the end of the certificate's last line and not one byte further: no piece is longer than what must still come. */
function readBody(next: Next): string | undefined {
  let body = '';
  while (body.length < largestCertificate) {
    const piece = next(end.length - overlap(body));
    if (piece.length === 0) return undefined;
    body += Buffer.from(piece).toString('latin1');
    if (body.endsWith(end)) return `${begin}${body}`;
  }
  return undefined;
}

/** How much of {@link end} the text already ends with. */
function overlap(text: string): number {
  for (let length = Math.min(end.length - 1, text.length); length > 0; length--) if (text.endsWith(end.slice(0, length))) return length;
  return 0;
}
