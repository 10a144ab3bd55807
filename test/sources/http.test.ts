import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';
import { connect, createServer as createTcp, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { base64, pem } from './tls.ts';
import { listen, open, send, serve } from './live-server.ts';

describe('servers that cannot be asked', () => {
  it.each([
    ['another CA', {}, { 'certificate-authority-data': base64(pem.otherCa) }, /not signed by the kubeconfig's CA/],
    ['the system CAs', {}, { 'certificate-authority-data': undefined }, /not signed by the system's certificates/],
    ['an expired certificate', { cert: pem.expiredServerCert, key: pem.expiredServerKey }, {}, /certificate of .* expired/],
    ['another name', {}, { 'tls-server-name': 'elsewhere' }, /is for another name/],
    ['a client certificate that is not sent', { requestCert: true, ca: pem.ca }, {}, /ended the TLS handshake|closed the connection/],
  ])('%s', async (_name, tls, cluster, message) => {
    const source = await open(await serve((_request, response) => send(response, 200, '{}'), tls), {}, { token: 't' }, cluster);
    const failure = await source.get('/version').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'unreachable', message: expect.stringMatching(message) });
    expect(source.stats.requests).toBe(1);
  });

  it('refused connections are told at once, and waited for once the server has answered', async () => {
    const server = createServer({ cert: pem.serverCert, key: pem.serverKey }, (_request, response) =>
      send(response, 200, '{}', { connection: 'close' }),
    );
    const port = await listen(server);
    const early = await open(port);
    const later = await open(port);
    await later.get('/version');
    await new Promise((resolve) => server.close(resolve));
    await expect(early.get('/version')).rejects.toMatchObject({
      code: 'unreachable',
      message: `127.0.0.1:${port} refuses the connection`,
      next: expect.any(String),
    });
    expect(early.stats.requests).toBe(1);
    await expect(later.get('/version')).rejects.toThrow('refuses the connection');
    expect(later.slept).toHaveLength(4);
  });

  it('plain HTTP on the port', async () => {
    const source = await open(await listen(createPlain((_request, response) => response.end())));
    await expect(source.get('/version')).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/does not speak|closed the connection/),
    });
  });

  it('HTML with status 200 is no answer to a question', async () => {
    const source = await open(await serve((_request, response) => send(response, 200, '<html>', { 'content-type': 'text/html' })));
    await expect(source.get('/version')).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('HTML') });
  });

  it('trust nothing but are asked with insecure-skip-tls-verify', async () => {
    const port = await serve((_request, response) => send(response, 200, '{}'), { cert: pem.expiredServerCert, key: pem.expiredServerKey });
    const source = await open(port, {}, {}, { 'certificate-authority-data': undefined, 'insecure-skip-tls-verify': true });
    expect((await source.get('/version')).status).toBe(200);
  });
});

describe('proxies', () => {
  it('tunnels by HTTP CONNECT, and says when the proxy refuses', async () => {
    const asked: unknown[] = [];
    const proxy = createPlain();
    proxy.on('connect', (request, client: Socket) => {
      asked.push([request.url, request.headers['proxy-authorization'], request.headers.authorization]);
      if (asked.length > 1) return client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      const [host, port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
      return upstream.pipe(client).pipe(upstream);
    });
    const proxyPort = await listen(proxy);
    const port = await serve((_request, response) => send(response, 200, '{"a":1}'));
    const through = { 'proxy-url': `http://me:secret@127.0.0.1:${proxyPort}` };
    const source = await open(port, {}, { token: 't' }, through);
    expect((await source.get('/version')).body.toString()).toBe('{"a":1}');
    expect((await source.get('/version')).status).toBe(200);
    expect(asked).toEqual([[`127.0.0.1:${port}`, `Basic ${base64('me:secret')}`, undefined]]);
    expect(source.stats.connections).toBe(1);
    const refused = await open(port, {}, { token: 't' }, through);
    await expect(refused.get('/version')).rejects.toMatchObject({
      code: 'unreachable',
      message: `the proxy 127.0.0.1:${proxyPort} of the kubeconfig answered 407`,
    });
  });

  it('tunnels by SOCKS 5', async () => {
    const socks = createTcp((client) => {
      client.once('data', () => {
        client.write(Buffer.from([5, 0]));
        client.once('data', (request) => {
          const length = request[4] ?? 0;
          const upstream = connect(request.readUInt16BE(5 + length), request.toString('latin1', 5, 5 + length), () => {
            client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
            upstream.pipe(client).pipe(upstream);
          });
        });
      });
    });
    const port = await serve((_request, response) => send(response, 200, '{}'));
    const source = await open(port, {}, { token: 't' }, { 'proxy-url': `socks5://127.0.0.1:${await listen(socks)}` });
    expect((await source.get('/version')).status).toBe(200);
  });
});
