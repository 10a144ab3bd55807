/**
 * One HTTP exchange with one server: everything that arrives is bounded in time and size and is whole, or it is a TransportFailure that
 * says in a sentence what happened. Connections are kept alive by one agent, which is made anew when the client certificate changes.
 * Redirects are not followed, no header or credential appears in a message, and a body is handed over in an ArrayBuffer of its own, so
 * that it can be transferred to another thread.
 */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { AgentOptions } from 'node:https';
import type { Socket } from 'node:net';
import { getCACertificates, TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { clip } from '../../model/index.ts';
import { cutShort, explain, TransportFailure } from './http-failure.ts';
import { createProxyAgent } from './http-proxy.ts';
import type { ServerConnection } from './live-access.ts';
import type { Credentials } from './live-exec.ts';

// Importing node:http reads all it exports, WebSocket too, and so loads undici: 25 ms and 5 MB, in each thread.
const { Agent: HttpAgent, request: requestHttp } = process.getBuiltinModule('node:http');
const { Agent: HttpsAgent, request: requestHttps } = process.getBuiltinModule('node:https');

export interface Exchange {
  readonly method: 'GET' | 'POST';
  /** Path and query, below the server's own path. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer;
  /** For the whole exchange, connecting and the body included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** A successful body must begin so, or it is dropped before it is gathered. Asks for an uncompressed answer. */
  readonly beginsWith?: RegExp;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decompressed; the only view on its ArrayBuffer, and over the whole of it. */
  readonly body: Buffer;
}

interface Transport {
  exchange(request: Exchange, credentials: Credentials): Promise<Answer>;
  /** Connections opened so far. */
  readonly connections: number;
  /** Certificates (DER) that the server showed for itself, each once. */
  readonly shown: readonly Uint8Array[];
  close(): void;
}

interface TransportOptions {
  readonly sockets: number;
  readonly compression: 'gzip' | 'identity';
  /** The largest body, before and after decompression. Default 256 MiB. */
  readonly largestBody?: number;
}

const unzip = promisify(gunzip);
/** An error's body is only read for its message. */
const largestErrorBody = 1024 * 1024;
const enoughToJudge = 64;

export function createTransport(connection: ServerConnection, options: TransportOptions): Transport {
  const { url } = connection;
  const basePath = url.pathname.replace(/\/$/, '');
  const largest = options.largestBody ?? 256 * 1024 * 1024;
  let agent: Agent | undefined;
  let agentFor: Credentials | undefined;
  let connections = 0;
  const shown = new Map<string, Uint8Array>();

  const look = (socket: Socket): void => {
    if (!(socket instanceof TLSSocket)) return;
    const note = () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined) shown.set(certificate.fingerprint256, certificate.raw);
    };
    // Through a proxy the handshake may be over already.
    note();
    socket.once('secureConnect', note);
  };

  const agentOf = (credentials: Credentials): Agent => {
    if (agent !== undefined && agentFor?.cert === credentials.cert && agentFor?.key === credentials.key) return agent;
    retire(agent);
    agent = createAgent(connection, credentials, options.sockets);
    agentFor = credentials;
    return agent;
  };

  const exchange = (request: Exchange, credentials: Credentials): Promise<Answer> =>
    new Promise((resolve, reject) => {
      let sent: ClientRequest | undefined;
      let failure: TransportFailure | undefined;
      let answered = false;
      const stop = (why: TransportFailure) => {
        failure ??= why;
        sent?.destroy();
        fail(failure);
      };
      const timer = setTimeout(
        () => stop(new TransportFailure(`no whole answer from ${clip(url.host, 120)} within ${request.timeoutMs / 1000} s`, 'later')),
        request.timeoutMs,
      );
      const abort = () => stop(new TransportFailure('the request was given up', 'never'));
      const settle = () => {
        clearTimeout(timer);
        request.signal.removeEventListener('abort', abort);
      };
      const fail = (error: unknown) => {
        settle();
        reject(failure ?? explain(error, connection, sent?.reusedSocket === true && !answered));
      };
      const receive = async (response: IncomingMessage) => {
        try {
          const body = await gather(response, request.beginsWith, largest);
          settle();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        } catch (error) {
          if (error instanceof TransportFailure) stop(error);
          else fail(error);
        }
      };
      if (request.signal.aborted) return abort();
      request.signal.addEventListener('abort', abort, { once: true });
      try {
        sent = (url.protocol === 'https:' ? requestHttps : requestHttp)({
          agent: agentOf(credentials),
          host: url.hostname.replace(/^\[|\]$/g, ''),
          port: url.port || (url.protocol === 'https:' ? 443 : 80),
          method: request.method,
          path: basePath + request.path,
          headers: {
            ...request.headers,
            'accept-encoding': request.beginsWith === undefined ? options.compression : 'identity',
            ...(request.body && { 'content-type': 'application/json', 'content-length': String(request.body.length) }),
            ...(credentials.authorization !== undefined && { authorization: credentials.authorization }),
          },
        });
      } catch (error) {
        return fail(error);
      }
      sent.on('error', fail);
      sent.once('socket', (socket) => {
        if (sent?.reusedSocket) return;
        connections++;
        look(socket);
      });
      sent.once('response', (response) => {
        answered = true;
        void receive(response);
      });
      sent.end(request.body);
    });

  return {
    exchange,
    get connections() {
      return connections;
    },
    get shown() {
      return [...shown.values()];
    },
    close: () => agent?.destroy(),
  };
}

/** Closes idle connections now, and those in use when their request ends. */
function retire(agent: Agent | undefined): void {
  if (agent === undefined) return;
  agent.maxFreeSockets = 0;
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}

function createAgent(connection: ServerConnection, credentials: Credentials, sockets: number): Agent {
  const keep = { keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets };
  if (connection.url.protocol === 'http:') return new HttpAgent(keep);
  const tls: AgentOptions = {
    ...keep,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !connection.insecure,
    // Without a CA of its own a cluster is trusted as kubectl does: by the system's certificates, beside those that node brings.
    ca: connection.ca ?? (connection.insecure ? [] : [...getCACertificates('default'), ...getCACertificates('system')]),
    ...(connection.serverName !== undefined && { servername: connection.serverName }),
    ...(credentials.cert !== undefined && { cert: credentials.cert }),
    ...(credentials.key !== undefined && { key: credentials.key }),
  };
  return connection.proxy === undefined ? new HttpsAgent(tls) : createProxyAgent(connection.proxy, tls);
}

/** The whole body, decompressed. Rejects with TransportFailure, or with the socket's error. */
async function gather(response: IncomingMessage, beginsWith: RegExp | undefined, largest: number): Promise<Buffer> {
  const status = response.statusCode ?? 0;
  const good = status >= 200 && status < 300;
  const limit = good ? largest : largestErrorBody;
  const chunks: Buffer[] = [];
  let size = 0;
  let judged = beginsWith === undefined || !good;
  const refuse = () => {
    for (const chunk of chunks) chunk.fill(0);
    return new TransportFailure('the server answered with another form than the one asked for, so the answer was dropped unread', 'never');
  };
  if (!judged && (response.headers['content-encoding'] ?? 'identity') !== 'identity') throw refuse();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) throw new TransportFailure(`the answer is larger than ${limit / 1024 / 1024} MiB`, 'never');
    if (judged || size < enoughToJudge) continue;
    if (!beginsWith?.test(firstBytes(chunks))) throw refuse();
    judged = true;
  }
  if (!judged && !beginsWith?.test(firstBytes(chunks))) throw refuse();
  const declared = Number(response.headers['content-length'] ?? size);
  if (!response.complete || declared !== size) throw cutShort(`${size} of ${declared} bytes`);
  return decompress(chunks, size, response.headers['content-encoding'] ?? 'identity', limit);
}

function firstBytes(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks.map((chunk) => chunk.subarray(0, enoughToJudge))).toString('latin1', 0, enoughToJudge);
}

async function decompress(chunks: readonly Buffer[], size: number, encoding: string, limit: number): Promise<Buffer> {
  // Not Buffer.concat: a small one would share node's pool, which cannot be transferred.
  const whole = Buffer.allocUnsafeSlow(size);
  let offset = 0;
  for (const chunk of chunks) offset += chunk.copy(whole, offset);
  if (encoding === 'identity') return whole;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new TransportFailure(`the answer has the content-encoding "${clip(encoding, 40)}", which was not asked for`, 'never');
  }
  if (size < 18) throw cutShort('the gzip stream is incomplete');
  try {
    // RFC 1952: the last four bytes are the length modulo 2^32. Only a hint for one allocation, so it is bounded and never trusted.
    const hint = whole.readUInt32LE(size - 4);
    const body = await unzip(whole, { maxOutputLength: limit, chunkSize: Math.min(Math.max(hint + 1, 16_384), 32 * 1024 * 1024) });
    // zlib gives a view on a larger buffer of its own; the rest is given back without a copy of the page.
    return Buffer.from(body.byteOffset === 0 ? body.buffer.transfer(body.length) : Uint8Array.from(body).buffer);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new TransportFailure(`the answer is larger than ${limit / 1024 / 1024} MiB`, 'never');
    throw cutShort('its gzip stream is damaged or incomplete', error);
  }
}
