/**
 * A live API server as a source of evidence: single questions (`get`, `post`) and listings page by page, over one kept-alive connection
 * pool, with a bounded number of requests under way. It reads and never judges; every planned listing is closed exactly once, also when
 * the deadline has passed or the server is gone.
 */
import { type Json, KubevidenceError } from '../../model/index.ts';
import { type CertificateFacts, describeCertificate } from '../certificate-facts.ts';
import type { ClusterAccess } from './live-access.ts';
import { type ListingContext, type ListingOutcome, type PageFeed, type PlannedListing, readListing, withQuery } from './live-listing.ts';
import { createRequester, type HttpAnswer, type LiveOptions, type LiveRequest, type LiveStats } from './live-requests.ts';

export interface LiveSource {
  /** Any status is an answer. Throws KubevidenceError('unreachable') when there is none, or HTML with status 200. */
  get(path: string, options?: { readonly query?: Readonly<Record<string, string>>; readonly accept?: string }): Promise<HttpAnswer>;
  /** As `get`; for SelfSubjectReviews, which change nothing and may be sent again. */
  post(path: string, body: Json): Promise<HttpAnswer>;
  /** Throws only what `feed` rejects with. */
  readListing(planned: PlannedListing, feed: PageFeed): Promise<ListingOutcome>;
  /** Reads all listings, several at a time, and closes each as it ends. Throws only what `feed` rejects with. */
  readAll(planned: readonly PlannedListing[], feed: PageFeed): Promise<void>;
  readonly stats: LiveStats;
  /** What servers showed in handshakes so far (`role: serving`), and the CAs that the kubeconfig brings (`role: ca`), as facts. */
  certificates(): readonly ServerCertificate[];
  close(): void;
}

export interface ServerCertificate extends CertificateFacts {
  readonly role: 'serving' | 'ca';
  /** `host:port`; of a CA, of the server that the kubeconfig names. */
  readonly address: string;
}

export function openLiveSource(access: ClusterAccess, options: LiveOptions): LiveSource {
  const requester = createRequester(access, options);
  const context: ListingContext = { requester, clock: options.clock, onProgress: options.onProgress };

  const ask = async (request: LiveRequest): Promise<HttpAnswer> => {
    const { answer, error } = await requester.send(request);
    if (answer === undefined) throw error ?? new KubevidenceError('unreachable', 'the API server gave no answer');
    if (answer.status < 300 && /^text\/html\b/i.test(answer.headers['content-type'] ?? '')) {
      throw new KubevidenceError('unreachable', `${access.connection.url.host} answers with HTML, as a proxy or a login page does`, {
        next: "check the server's address in the kubeconfig, and the proxies between",
      });
    }
    return answer;
  };

  return {
    get: (path, { query, accept = 'application/json' } = {}) => {
      return ask({ method: 'GET', path: withQuery(path, new URLSearchParams(query)), accept });
    },
    post: (path, body) => ask({ method: 'POST', path, accept: 'application/json', body: Buffer.from(JSON.stringify(body)) }),
    readListing: (planned, feed) => readListing(context, planned, feed),
    readAll: async (planned, feed) => {
      const queue = planned.values();
      const work = async () => {
        for (const listing of queue) await feed.close(listing.kind, await readListing(context, listing, feed));
      };
      // All workers end before a failure is told, so that no page arrives after it.
      const ends = await Promise.allSettled(Array.from({ length: options.concurrency ?? 4 }, work));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    get stats() {
      return requester.stats;
    },
    certificates: () => {
      const { ca = '', url } = access.connection;
      const authorities = ca.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
      const all = [
        ...requester.shown.map(({ address, certificate }) => ({
          role: 'serving' as const,
          address,
          told: describeCertificate(certificate),
        })),
        ...authorities.map((pem) => ({ role: 'ca' as const, address: url.host, told: describeCertificate(pem) })),
      ];
      return all.flatMap(({ role, address, told }) => (told === undefined ? [] : [{ ...told, role, address }]));
    },
    close: () => requester.close(),
  };
}
