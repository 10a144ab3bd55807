/**
 * An https agent whose connections go through the proxy that a kubeconfig names (`proxy-url`): HTTP CONNECT (RFC 9110 section 9.3.6) or
 * SOCKS 5 (RFC 1928, RFC 1929). TLS is always spoken with the API server itself; the proxy sees host and port.
 */
import type { ClientRequestArgs } from 'node:http';
import type { Agent, AgentOptions } from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clip } from '../../model/index.ts';

// Not imported: see http.ts.
const { request: requestHttp } = process.getBuiltinModule('node:http');
const { Agent: HttpsAgent, request: requestHttps } = process.getBuiltinModule('node:https');

type Connected = (error: Error | null, stream: Duplex) => void;
const handshakeTimeoutMs = 20_000;

export function createProxyAgent(proxy: URL, tls: AgentOptions): Agent {
  return new ProxyAgent(proxy, tls);
}

class ProxyAgent extends HttpsAgent {
  readonly #proxy: URL;

  constructor(proxy: URL, tls: AgentOptions) {
    super(tls);
    this.#proxy = proxy;
  }

  override createConnection(options: ClientRequestArgs, callback?: Connected): undefined {
    void this.#tunnel(options, callback ?? (() => {}));
  }

  async #tunnel(options: ClientRequestArgs, done: Connected): Promise<void> {
    const host = String(options.host);
    const port = Number(options.port);
    let stream: Duplex;
    try {
      const socket = await (this.#proxy.protocol.startsWith('socks') ? connectSocks : connectHttp)(this.#proxy, host, port);
      stream = super.createConnection({ ...options, socket } as ClientRequestArgs) as Duplex;
    } catch (error) {
      done(error as Error, undefined as never);
      return;
    }
    done(null, stream);
  }
}

function credentialsOf(proxy: URL): { user: string; password: string } | undefined {
  return proxy.username === '' ? undefined : { user: decodeURIComponent(proxy.username), password: decodeURIComponent(proxy.password) };
}

function connectHttp(proxy: URL, host: string, port: number): Promise<Duplex> {
  const target = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const credentials = credentialsOf(proxy);
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === 'https:' ? requestHttps : requestHttp)({
      method: 'CONNECT',
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      path: target,
      agent: false,
      timeout: handshakeTimeoutMs,
      headers: {
        host: target,
        ...(credentials && {
          'proxy-authorization': `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`,
        }),
      },
    });
    const refuse = (why: string) => {
      request.destroy();
      reject(failure(proxy, why));
    };
    request.once('connect', (response, socket) => {
      socket.setTimeout(0);
      if (response.statusCode === 200) resolve(socket);
      else refuse(`answered ${response.statusCode}`);
    });
    // Anything but a tunnel, such as a login page.
    request.once('response', (response) => refuse(`answered ${response.statusCode}`));
    request.once('timeout', () => refuse('did not answer in time'));
    request.once('error', (error: NodeJS.ErrnoException) => refuse(`cannot be reached (${clip(error.code ?? error.message, 80)})`));
    request.end();
  });
}

async function connectSocks(proxy: URL, host: string, port: number): Promise<Socket> {
  const socket = connect({ host: proxy.hostname.replace(/^\[|\]$/g, ''), port: Number(proxy.port || 1080) });
  socket.setTimeout(handshakeTimeoutMs, () => socket.destroy(failure(proxy, 'did not answer in time')));
  try {
    const credentials = credentialsOf(proxy);
    socket.write(Buffer.from(credentials ? [5, 2, 0, 2] : [5, 1, 0]));
    const [version, method] = await readExactly(socket, 2);
    if (version !== 5) throw failure(proxy, 'does not speak SOCKS 5');
    if (method === 2 && credentials !== undefined) {
      const user = Buffer.from(credentials.user);
      const password = Buffer.from(credentials.password);
      socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]));
      if ((await readExactly(socket, 2))[1] !== 0) throw failure(proxy, 'does not accept the user and password of proxy-url');
    } else if (method !== 0) {
      throw failure(proxy, 'asks for an authentication that proxy-url does not give');
    }
    // The name is resolved by the proxy: the API server's name is often only known there.
    const name = Buffer.from(host);
    socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([port >> 8, port & 0xff])]));
    const [, reply, , kind] = await readExactly(socket, 4);
    if (reply !== 0) throw failure(proxy, `could not connect to the API server (SOCKS reply ${reply})`);
    const rest = kind === 1 ? 4 : kind === 4 ? 16 : ((await readExactly(socket, 1))[0] ?? 0);
    await readExactly(socket, rest + 2);
    socket.setTimeout(0);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error instanceof Error && error.name === failureName ? error : failure(proxy, `cannot be used (${clip(codeOf(error), 80)})`);
  }
}

/** Reads by `readable`, so that not one byte of the TLS stream behind the reply is taken. */
function readExactly(socket: Socket, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (act: () => void) => {
      socket.off('readable', attempt).off('error', failed).off('end', ended);
      act();
    };
    const attempt = () => {
      const bytes = socket.read(size) as Buffer | null;
      if (bytes !== null) done(() => resolve(bytes));
    };
    const failed = (error: Error) => done(() => reject(error));
    const ended = () => done(() => reject(new Error('closed the connection')));
    socket.on('readable', attempt).on('error', failed).on('end', ended);
    attempt();
  });
}

const failureName = 'ProxyFailure';

function failure(proxy: URL, why: string): Error {
  const error = new Error(`the proxy ${clip(proxy.host, 120)} of the kubeconfig ${why}`) as NodeJS.ErrnoException;
  error.name = failureName;
  error.code = 'PROXY';
  return error;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}
