import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { KubevidenceError } from '../../src/model/index.ts';
import type { PlannedListing } from '../../src/sources/index.ts';
import { createTransport } from '../../src/sources/live/http.ts';
import { pem } from './tls.ts';
import { type Handler, Pages, cleanups, open, page, pods, read, secrets, send, serve, status, table } from './live-server.ts';

describe('what is missing becomes a gap', () => {
  const cases: [string, Handler, object, number?][] = [
    ['403', (_q, r) => send(r, 403, status(403, 'pods is forbidden')), { reason: 'forbidden', detail: '403: pods is forbidden' }],
    [
      '404',
      (_q, r) => send(r, 404, '404 page not found', { 'content-type': 'text/plain' }),
      { reason: 'absent', detail: '404 page not found' },
    ],
    ['406', (_q, r) => send(r, 406, status(406, 'not acceptable')), { reason: 'absent', detail: '406: not acceptable' }],
    ['400', (_q, r) => send(r, 400, status(400, 'bad')), { reason: 'error', detail: '400: bad' }],
    [
      'a proxy that repeats a credential',
      (_q, r) => send(r, 403, 'refused: Bearer 0123456789abcdef', { 'content-type': 'text/plain' }),
      { reason: 'forbidden', detail: '403: (not shown, because it holds a credential: authorization-header)' },
    ],
    [
      'a proxy that repeats our token',
      (request, r) => send(r, 403, `refused: ${request.headers.authorization?.slice(7)}`, { 'content-type': 'text/plain' }),
      { reason: 'forbidden', detail: '403' },
    ],
    ['JSON that is no Status', (_q, r) => send(r, 400, '{"data": {"a": "hunter2"}}'), { reason: 'error', detail: '400' }],
    ['JSON that was cut', (_q, r) => send(r, 400, '{"data": {"a": "hunter2"'), { reason: 'error', detail: '400' }],
    [
      'a redirect',
      (_q, r) => send(r, 302, '', { location: 'https://elsewhere' }),
      { reason: 'error', detail: expect.stringContaining('not followed') },
    ],
    [
      'HTML of a proxy',
      (_q, r) => send(r, 200, '<html>', { 'content-type': 'text/html; charset=utf-8' }),
      { reason: 'error', detail: expect.stringContaining('HTML') },
    ],
    [
      'HTML with 403',
      (_q, r) => send(r, 403, '<html>', { 'content-type': 'text/html' }),
      { reason: 'error', detail: expect.stringContaining('HTML') },
    ],
    ['truncated JSON', (_q, r) => send(r, 200, page([1, 2, 3]).slice(0, -9)), { reason: 'error', detail: 'not JSON' }],
    [
      'an early end by length',
      (_q, r) => void r.writeHead(200, { 'content-length': '500' }).write('{"a"', () => r.destroy()),
      { reason: 'error', detail: expect.stringMatching(/closed the connection before/) },
      5,
    ],
    [
      'an early end in chunks',
      (_q, r) => void r.writeHead(200).write('{"a"', () => r.destroy()),
      { reason: 'error', detail: expect.stringMatching(/closed the connection before/) },
      5,
    ],
    [
      'a cut gzip stream',
      (_q, r) => send(r, 200, gzipSync(page([1, 2, 3])).subarray(0, -12), { 'content-encoding': 'gzip' }),
      { reason: 'error', detail: expect.stringContaining('gzip') },
      5,
    ],
    [
      'an encoding that was not asked for',
      (_q, r) => send(r, 200, 'x', { 'content-encoding': 'br' }),
      { reason: 'error', detail: expect.stringContaining('"br"') },
    ],
  ];
  it.each(cases)('%s', async (_name, handler, gap, attempts = 1) => {
    const port = await serve((request, response, url) =>
      url.pathname === '/version' ? send(response, 200, '{}') : handler(request, response, url),
    );
    const source = await open(port);
    await source.get('/version');
    const outcome = await source.readListing(pods, new Pages());
    expect(outcome.gaps).toEqual([{ what: 'pods', ...gap }]);
    expect(outcome.requests).toMatchObject([{ attempts }]);
  });

  it.each<[string, Handler]>([
    ['no answer', () => {}],
    ['a body that never ends', (_q, r) => void r.writeHead(200).write('{"a"')],
  ])('%s in time', async (_name, handler) => {
    const { gap, record } = await read(handler, pods, { requestTimeoutMs: 100 });
    expect(gap).toMatchObject({ reason: 'error', detail: expect.stringMatching(/no whole answer .* within 0\.1 s/) });
    expect(record).toMatchObject({ pages: 0, bytes: 0 });
  });

  it('keeps the other requests of the listing', async () => {
    const planned: PlannedListing = {
      kind: 'k8s.secrets/secrets',
      requests: ['a', 'b'].map((what) => ({ path: `/${what}`, paged: true, what })),
    };
    const { outcome, feed } = await read(
      (_request, response, url) => (url.pathname === '/a' ? send(response, 403, status(403, 'no')) : send(response, 200, page([1]))),
      planned,
    );
    expect(outcome.gaps).toEqual([{ reason: 'forbidden', what: 'a', detail: '403: no' }]);
    expect(outcome.requests.map((each) => each.status)).toEqual([403, 200]);
    expect(feed.items).toEqual([1]);
  });

  it.each([
    ['inflates', { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(100_000))],
    ['is larger', {}, Buffer.alloc(100_000)],
  ])('refuses a body that %s beyond the bound', async (_name, headers, body) => {
    const port = await serve((_request, response) => send(response, 200, body, headers));
    const connection = { url: new URL(`https://127.0.0.1:${port}`), ca: pem.ca, insecure: false };
    const transport = createTransport(connection, { sockets: 1, compression: 'gzip', largestBody: 65_536 });
    cleanups.push(() => transport.close());
    const exchange = { method: 'GET', path: '/', headers: {}, timeoutMs: 5000, signal: new AbortController().signal } as const;
    await expect(transport.exchange(exchange, {})).rejects.toMatchObject({
      message: 'the answer is larger than 0.0625 MiB',
      retry: 'never',
    });
  });

  it('passes on what is no fault of the server', async () => {
    const port = await serve((_request, response) => send(response, 200, page([1])));
    const source = await open(port);
    const feed = new Pages();
    feed.page = () => Promise.reject(new KubevidenceError('unreachable', 'the disk is full'));
    await expect(source.readAll([pods], feed)).rejects.toThrow('the disk is full');
    expect(feed.closed).toEqual([]);
  });
});

describe('tables of Secrets', () => {
  it('are read, uncompressed, so that their first bytes can be judged', async () => {
    const encodings: unknown[] = [];
    const { feed, record } = await read((request, response) => {
      encodings.push(request.headers['accept-encoding']);
      send(response, 200, JSON.stringify({ kind: 'Table', metadata: { resourceVersion: '5' }, columnDefinitions: [], rows: [1] }));
    }, secrets);
    expect(encodings).toEqual(['identity']);
    expect(feed.items).toEqual([1]);
    expect(record).toMatchObject({ accept: table, resourceVersion: '5', path: '/api/v1/secrets?includeObject=None&limit=500' });
  });

  const wrong: [string, string | Buffer, Record<string, string>][] = [
    ['full Secrets', JSON.stringify({ kind: 'SecretList', items: [{ data: { canary: 'x'.repeat(2_000_000) } }] }), {}],
    ['a short answer', '{"kind":"SecretList"}', {}],
    ['nothing', '', {}],
    ['gzip all the same', gzipSync('{"kind":"Table"}'), { 'content-encoding': 'gzip' }],
  ];
  it.each(wrong)('%s instead is dropped before it is gathered', async (_name, body, headers) => {
    let taken = 0;
    const { gap, feed, source } = await read((_request, response) => {
      response.socket?.once('close', () => {
        taken = response.socket?.bytesWritten ?? taken;
      });
      send(response, 200, body, headers);
    }, secrets);
    expect(gap).toMatchObject({ reason: 'error', what: 'secrets', detail: expect.stringContaining('dropped unread') });
    expect(feed.log).toEqual([]);
    expect(source.stats).toMatchObject({ bytes: 0, requests: 1 });
    expect(taken).toBeLessThan(2_000_000);
  });
});
