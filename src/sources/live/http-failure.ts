/**
 * Why there is no whole answer from a server, as a sentence for people and a word on whether asking again may help. Codes of node, OpenSSL
 * and the system are translated here and nowhere else; a message holds the host, never a header, a path or a credential.
 */
import { clip } from '../../model/index.ts';
import type { ServerConnection } from './live-access.ts';

/** When a request that failed so may be sent again: not at all; after a pause; at once (a kept connection that the server had closed). */
type Retry = 'never' | 'later' | 'now';

/** Why there is no whole answer. `message` is a sentence that is safe to print. */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure';
  readonly retry: Retry;
  readonly next: string | undefined;

  constructor(message: string, retry: Retry, next?: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.retry = retry;
    this.next = next;
  }
}

/** An answer that is not whole; asking again may give it. */
export function cutShort(detail: string, cause?: unknown): TransportFailure {
  return new TransportFailure(`the answer was cut short: ${detail}`, 'later', undefined, cause);
}

const renew = 'if the server was set up anew, get its new kubeconfig; otherwise something between you and the cluster answers in its place';

/** Codes of node, OpenSSL and the system, in words. Anything else keeps its code. */
export function explain(error: unknown, connection: ServerConnection, reused: boolean): TransportFailure {
  if (error instanceof TransportFailure) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const host = clip(connection.url.host, 120);
  const ca = connection.ca === undefined ? "the system's certificates" : "the kubeconfig's CA";
  const failed = (text: string, retry: Retry, next?: string) => new TransportFailure(text, retry, next, error);
  switch (code) {
    case 'PROXY':
      return failed(message, 'later', 'check proxy-url in the kubeconfig');
    case 'ECONNREFUSED':
      return failed(`${host} refuses the connection`, 'later', 'check that the API server runs and that the address and port are right');
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return failed(
        `the name ${clip(connection.url.hostname, 120)} cannot be resolved`,
        'later',
        'check the address, the name server and the VPN',
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return failed(`${host} cannot be reached (${code})`, 'later', 'check the network, the firewall and the VPN');
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return failed(`${host} closed the connection before the answer was whole`, reused ? 'now' : 'later');
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
    case 'INVALID_CA':
      return failed(`the certificate of ${host} is not signed by ${ca} (${code})`, 'never', renew);
    case 'CERT_HAS_EXPIRED':
      return failed(`the certificate of ${host} expired`, 'never', 'renew it on the control plane');
    case 'CERT_NOT_YET_VALID':
      return failed(`the certificate of ${host} is not valid yet`, 'never', 'check the clocks of this machine and of the control plane');
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failed(
        `the certificate of ${host} is for another name`,
        'never',
        'use a name that it has, or set tls-server-name in the kubeconfig',
      );
    default:
  }
  if (/ALERT|HANDSHAKE_FAILURE/.test(code)) {
    return failed(`${host} ended the TLS handshake (${clip(code, 60)})`, 'never', 'check the client certificate of the kubeconfig');
  }
  if (code === 'EPROTO' || /^(ERR_SSL|ERR_TLS|HPE_)/.test(code)) {
    return failed(
      `${host} does not speak HTTP over TLS as an API server does (${clip(code, 60)})`,
      'never',
      'check the address and port, and the proxy',
    );
  }
  return failed(`the request to ${host} failed (${clip(code || message, 120)})`, 'later');
}
