/** What a time-stamping authority, or whatever answers in its place, may do to us. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { askForTimestamp } from '../../src/app/keys/timestamp-client.ts';
import { answer, anyPolicy, makeAuthority, pemOf, refuse, serve, type Server, stampedAt } from '../signing/authority.ts';

const imprint = new Uint8Array(createHash('sha256').update('data').digest());
const authority = makeAuthority();
let folder: string;
let ca: string;
let server: Server | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsa-client-'));
  ca = join(folder, 'ca.pem');
  writeFileSync(ca, pemOf(authority.root));
});
afterEach(() => server?.close());
afterAll(() => rmSync(folder, { recursive: true }));

type Respond = (query: Uint8Array, request: IncomingMessage, response: ServerResponse) => Uint8Array | null;

async function ask(
  respond: Respond,
  { policy = null, timeoutMs = 5000, named = ca }: { policy?: string | null; timeoutMs?: number; named?: string | null } = {},
) {
  server = await serve(respond);
  return askForTimestamp({ url: server.url, ca: named, policy }, imprint, timeoutMs);
}

it('posts a query, and returns a token that holds', async () => {
  let asked: IncomingMessage | undefined;
  const stamp = await ask((query, request) => {
    asked = request;
    return answer(query, authority);
  });
  expect(stamp).toMatchObject({ established: true, time: stampedAt.toISOString() });
  expect(asked).toMatchObject({ method: 'POST', url: '/tsa' });
  expect(asked?.headers).toMatchObject({ 'content-type': 'application/timestamp-query' });
  expect(asked?.headers).not.toHaveProperty('authorization');
});

it('says that nobody vouches for the authority when no certificate is named', async () => {
  expect((await ask((query) => answer(query, authority), { named: null })).established).toBe(false);
});

const send =
  (status: number, type: string, body: string | Uint8Array, headers = {}): Respond =>
  (_query, _request, response) => {
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);
    return null;
  };
const reply = 'application/timestamp-reply';

describe('refuses', () => {
  test.each<[string, Respond, string, RegExp]>([
    [
      'a web page',
      send(200, 'text/html; charset=utf-8', '<html>'),
      'unreachable',
      /answers with text\/html instead of application\/timestamp-reply$/,
    ],
    [
      'a web page under another name',
      send(200, reply, '<html><body>Log in</body></html>'),
      'integrity',
      /does not hold: it cannot be read/,
    ],
    ['an answer without a type', (_q, _r, response) => (response.end('x'), null), 'unreachable', /answers with nothing instead/],
    ['an error', send(503, 'text/plain', 'no'), 'unreachable', /answers with status 503$/],
    [
      'being sent elsewhere',
      send(302, reply, '', { location: 'http://127.0.0.1:1/' }),
      'unreachable',
      /sends elsewhere \(status 302\), and redirects are not followed$/,
    ],
    ['a huge answer', send(200, reply, new Uint8Array(1_000_000)), 'unreachable', /answers with more than 65536 bytes$/],
    [
      'half an answer',
      (query, _r, response) => {
        const body = answer(query, authority);
        response.writeHead(200, { 'content-type': reply, 'content-length': body.length });
        response.write(body.subarray(0, 100), () => response.destroy());
        return null;
      },
      'unreachable',
      /ended its answer early|aborted|cannot be asked/,
    ],
    ['a whole answer that is cut', (query) => answer(query, authority).subarray(0, 500), 'integrity', /ends too early/],
    ['silence', () => null, 'unreachable', /gave no whole answer within 0\.2 s$/],
    [
      'drops',
      (_q, _r, response) => {
        response.writeHead(200, { 'content-type': reply }).write('x');
        return null;
      },
      'unreachable',
      /gave no whole answer within 0\.2 s$/,
    ],
    ['a closed door', (_q, request) => (request.socket.destroy(), null), 'unreachable', /cannot be asked \(ECONNRESET\)/],
    [
      'a refusal',
      () => refuse(2, 'not today', 14),
      'unreachable',
      /granted no token: rejected; its own clock is not available; it says "not today"$/,
    ],
    ['another nonce', (query) => answer(query, authority, { nonce: Uint8Array.of(1) }), 'integrity', /answers another request/],
    ['another imprint', (query) => answer(query, authority, { imprint: new Uint8Array(32) }), 'integrity', /of other data/],
    ['an authority of another root', (query) => answer(query, makeAuthority('rsa')), 'integrity', /does not lead to one that is trusted/],
  ])('%s', async (what, respond, code, message) => {
    const timeoutMs = /silence|drops/.test(what) ? 200 : 5000;
    await expect(ask(respond, { timeoutMs })).rejects.toMatchObject({
      name: 'KubevidenceError',
      code,
      message: expect.stringMatching(message),
    });
  });

  it('another policy', async () => {
    await expect(ask((query) => answer(query, authority, { policy: '1.2.3' }), { policy: anyPolicy })).rejects.toThrow(
      /under the policy 1\.2\.3/,
    );
  });

  it('where nobody listens', async () => {
    const gone = await serve(() => null);
    await gone.close();
    await expect(askForTimestamp({ url: gone.url, ca: null, policy: null }, imprint)).rejects.toThrow(/cannot be asked \(ECONNREFUSED\)/);
  });

  it('TLS that nobody vouches for', async () => {
    server = await serve(() => null);
    const url = server.url.replace('http:', 'https:');
    await expect(askForTimestamp({ url, ca: null, policy: null }, imprint)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('a CA file that is not there, or holds no certificate', async () => {
    await expect(ask(() => null, { named: join(folder, 'none.pem') })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/cannot read the certificates/),
    });
    expect(server?.queries).toEqual([]);
    writeFileSync(join(folder, 'empty.pem'), 'x');
    await expect(ask(() => null, { named: join(folder, 'empty.pem') })).rejects.toThrow(/holds no PEM certificate/);
  });
});
