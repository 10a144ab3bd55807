/**
 * Sends one request until it has an answer that means something: 429 and 5xx wait as long as the server says or back off, a refused
 * credential is renewed once, a broken connection is tried again, all within the run's deadline. Every attempt carries its own Audit-ID,
 * so the cluster's own audit log shows each of them.
 */
import { at, clip, type Clock, KubevidenceError } from '../../model/index.ts';
import type { IncomingHttpHeaders } from 'node:http';
import { withoutCredential } from '../scrub/credential-rules.ts';
import { createTransport, type Exchange } from './http.ts';
import { TransportFailure } from './http-failure.ts';
import type { ClusterAccess } from './live-access.ts';
import type { Credentials } from './live-exec.ts';
import { connectionToReplica, proveReplica } from './live-replicas.ts';

export interface LiveOptions {
  /** Every request's Audit-ID is `<runUuid>-<n>`; at most 53 characters, as the server takes 64. */
  readonly runUuid: string;
  readonly clock: Clock;
  /** Requests under way at a time. Default 4. */
  readonly concurrency?: number | undefined;
  /** Of one attempt, its body included. Default 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long the whole run may take, from now. Default: no limit. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly sleep?: (ms: number) => Promise<void>;
  readonly userAgent: string;
  readonly onProgress?: ((event: LiveProgress) => void) | undefined;
  /** Default gzip: the API server compresses answers over 128 KiB. */
  readonly compression?: 'gzip' | 'identity' | undefined;
}

/** What a person who waits is told. `why` and `path` are safe to print. */
export type LiveProgress =
  | { readonly type: 'page'; readonly kind: string; readonly pages: number; readonly items: number }
  | { readonly type: 'retry'; readonly path: string; readonly attempt: number; readonly waitMs: number; readonly why: string };

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decompressed; the only view on its ArrayBuffer, and over the whole of it. */
  readonly body: Buffer;
  /** The `Date` header as the server sent it. */
  readonly serverDate?: string;
  readonly auditId: string;
}

export interface LiveStats {
  readonly requests: number;
  /** Of all bodies, decompressed. */
  readonly bytes: number;
  readonly connections: number;
}

export interface LiveRequest {
  readonly method: 'GET' | 'POST';
  /** Below the server's own path; or the whole URL of a single replica (live-replicas.ts). */
  readonly path: string;
  readonly accept: string;
  readonly body?: Buffer;
  readonly beginsWith?: RegExp;
}

/** `attempts` and `auditId` also tell of a request that got no answer. */
interface Sent {
  readonly attempts: number;
  readonly auditId: string | undefined;
  readonly answer: HttpAnswer | undefined;
  /** Set where `answer` is not: code 'unreachable', or what the credentials threw. */
  readonly error: KubevidenceError | undefined;
}

export interface Requester {
  /** Never throws for what the server or the network does. */
  send(request: LiveRequest): Promise<Sent>;
  readonly stats: LiveStats;
  /** Certificates (DER) that were shown in handshakes, by `host:port`; each once. */
  readonly shown: readonly { readonly address: string; readonly certificate: Uint8Array }[];
  close(): void;
}

const mostAttempts = 5;
const longestWaitMs = 30_000;

export function createRequester(access: ClusterAccess, options: LiveOptions): Requester {
  const concurrency = options.concurrency ?? 4;
  const targets = createTargets(access, { sockets: concurrency, compression: options.compression ?? 'gzip' });
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const sleep = options.sleep ?? ((ms) => pause(ms, signal));
  const deadline = options.deadlineMs === undefined ? undefined : options.clock().getTime() + options.deadlineMs;
  const timer = options.deadlineMs === undefined ? undefined : setTimeout(() => stop.abort(), options.deadlineMs).unref();
  const withSlot = createSlots(concurrency);
  let requests = 0;
  let bytes = 0;
  let closed = false;

  const left = () => (deadline === undefined ? Number.POSITIVE_INFINITY : deadline - options.clock().getTime());
  const givenUp = () => {
    if (options.signal?.aborted === true) return new KubevidenceError('unreachable', 'the run was interrupted before this was read');
    if (closed) return new KubevidenceError('unreachable', 'the run ended before this was read');
    if (!stop.signal.aborted && left() > 0) return undefined;
    return new KubevidenceError('unreachable', `the run's deadline of ${(options.deadlineMs ?? 0) / 1000} s passed before this was read`, {
      next: 'allow the run more time, or look why the API server is slow',
    });
  };

  const send = async (request: LiveRequest): Promise<Sent> => {
    let attempts = 0;
    let auditId: string | undefined;
    let renewed = false;
    const failed = (error: KubevidenceError): Sent => ({ attempts, auditId, answer: undefined, error });
    let target: Target;
    let path: string;
    try {
      ({ target, path } = targets.of(request.path));
    } catch (error) {
      if (error instanceof KubevidenceError) return failed(error);
      throw error;
    }
    for (;;) {
      const over = givenUp();
      if (over !== undefined) return failed(over);
      let credentials: Awaited<ReturnType<ClusterAccess['credentials']>>;
      try {
        credentials = await access.credentials();
      } catch (error) {
        if (error instanceof KubevidenceError) return failed(error);
        throw error;
      }
      attempts++;
      const id = `${options.runUuid}-${++requests}`;
      auditId = id;
      const exchange: Exchange = {
        method: request.method,
        path,
        headers: { ...access.headers, accept: request.accept, 'user-agent': options.userAgent, 'audit-id': id },
        timeoutMs: Math.min(options.requestTimeoutMs ?? 30_000, target.longestMs),
        signal,
        ...(request.body && { body: request.body }),
        ...(request.beginsWith && { beginsWith: request.beginsWith }),
      };
      const ask = async () => {
        await target.prove(exchange);
        return target.transport.exchange(exchange, credentials);
      };
      const result = await ask().catch((error: unknown) => {
        if (error instanceof TransportFailure) return error;
        throw error;
      });
      let waitMs: number;
      let why: string;
      if (result instanceof TransportFailure) {
        const interrupted = givenUp();
        if (interrupted !== undefined) return failed(interrupted);
        const again = result.retry !== 'never' && attempts < mostAttempts && (target.everAnswered || result.retry === 'now');
        waitMs = result.retry === 'now' ? 0 : backoff(attempts);
        why = result.message;
        if (!again || waitMs >= left())
          return failed(new KubevidenceError('unreachable', why, { ...(result.next && { next: result.next }), cause: result }));
      } else {
        target.everAnswered = true;
        bytes += result.body.length;
        const { date } = result.headers;
        const isEcho = result.status >= 300 && repeats(result.body, credentials);
        const body = isEcho ? Buffer.alloc(0) : result.body;
        const answer: HttpAnswer = { ...result, body, auditId: id, ...(date !== undefined && { serverDate: date }) };
        const done: Sent = { attempts, auditId, answer, error: undefined };
        const busy = result.status === 429 || (result.status >= 500 && result.status !== 501);
        if (result.status === 401 && !renewed) {
          renewed = true;
          const others = await access.credentials(credentials).catch(() => credentials);
          if (others === credentials) return done;
          continue;
        }
        if (!busy || attempts >= mostAttempts) return done;
        waitMs = retryAfter(result.headers['retry-after'], options.clock) ?? backoff(attempts);
        why = `the server answered ${result.status}`;
        if (waitMs >= left()) return done;
      }
      if (waitMs > 0) {
        options.onProgress?.({ type: 'retry', path: request.path.replace(/\?.*/, ''), attempt: attempts, waitMs, why });
        await sleep(waitMs);
      }
    }
  };

  return {
    send: (request) => withSlot(() => send(request)),
    get stats() {
      return { requests, bytes, connections: targets.connections() };
    },
    get shown() {
      return targets.shown();
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      stop.abort();
      targets.close();
    },
  };
}

/** A server that is asked: the one that the kubeconfig names, or one replica. */
interface Target {
  /** `host:port` */
  readonly address: string;
  readonly transport: ReturnType<typeof createTransport>;
  /** Before the first answer a refused connection is told at once; later it is a server that restarts, and is waited for. */
  everAnswered: boolean;
  /** Of one exchange. Addresses of replicas may lead nowhere, several of them, and each is waited for. */
  readonly longestMs: number;
  /** Resolves when it has shown to be what our credentials are for. */
  prove(exchange: Pick<Exchange, 'timeoutMs' | 'signal'>): Promise<void>;
}

function createTargets({ connection }: ClusterAccess, options: Parameters<typeof createTransport>[1]) {
  const target = (to: typeof connection): Target => ({
    address: to.url.port === '' ? `${to.url.host}:443` : to.url.host,
    transport: createTransport(to, options),
    everAnswered: false,
    longestMs: Number.POSITIVE_INFINITY,
    prove: async () => {},
  });
  const targetReplica = (to: typeof connection): Target => {
    let proof: Promise<void> | undefined;
    const prove: Target['prove'] = ({ timeoutMs, signal }) => {
      proof ??= proveReplica(to, timeoutMs, signal).catch((error: unknown) => {
        proof = undefined;
        throw error;
      });
      return proof;
    };
    return { ...target(to), longestMs: 10_000, prove };
  };
  const cluster = target(connection);
  const replicas = new Map<string, Target>();
  const all = () => [cluster, ...replicas.values()];
  return {
    /** Throws KubevidenceError for a replica that must not be asked. */
    of(path: string): { readonly target: Target; readonly path: string } {
      if (path.startsWith('/')) return { target: cluster, path };
      const url = URL.parse(path);
      if (url === null) throw new KubevidenceError('unreachable', `${clip(path, 120)} was not asked: that is no address`);
      let replica = replicas.get(url.origin);
      if (replica === undefined) replicas.set(url.origin, (replica = targetReplica(connectionToReplica(connection, new URL(url.origin)))));
      return { target: replica, path: url.pathname + url.search };
    },
    shown: () => all().flatMap(({ address, transport }) => transport.shown.map((certificate) => ({ address, certificate }))),
    connections: () => all().reduce((sum, { transport }) => sum + transport.connections, 0),
    close: () => {
      for (const { transport } of all()) transport.close();
    },
  };
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3), at most {@link longestWaitMs}; undefined when it says nothing usable. */
function retryAfter(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - clock().getTime();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs);
}

/** 0.5, 1, 2, 4 s, each by half more or less, so that many collectors do not come back together. */
function backoff(attempt: number): number {
  return 500 * 2 ** (attempt - 1) * (0.5 + Math.random());
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

/** At most `size` at a time, in the order of asking. */
function createSlots(size: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = size;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Some proxies quote the token that they refuse. */
function repeats(body: Buffer, { authorization = '' }: Credentials): boolean {
  const secret = authorization.slice(authorization.indexOf(' ') + 1);
  return secret !== '' && body.includes(secret);
}

/**
 * `message` of a Status object, else the first line of a text. Untrusted, and stored: JSON of another form is data and is not quoted, and
 * nor is what holds a credential, such as the token that a proxy repeats.
 */
export function messageOf(answer: HttpAnswer): string {
  const text = answer.body.subarray(0, 65_536).toString('utf8');
  let said = text.split('\n', 1)[0] ?? '';
  try {
    const message = at(JSON.parse(text), 'message');
    said = typeof message === 'string' ? message : '';
  } catch {
    // Not JSON: plain text, or a proxy's page.
    if (/^\s*[{[]/.test(text)) said = '';
  }
  return withoutCredential(said);
}
