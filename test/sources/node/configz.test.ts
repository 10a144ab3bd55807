/** The running kubelet's own word: only with a credential that may ask for nothing else, and only from the kubelet of this node. */
import type { IncomingMessage } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { at, canonicalize, type JsonObject } from '../../../src/model/index.ts';
import { collectNode, readConfigz, readKubeletAccess, withConfigz } from '../../../src/sources/index.ts';
import { cleanups, directory, serve } from '../live-server.ts';
import { base64, makeKubeconfig, pem } from '../tls.ts';
import { canary, identity, makeRoot, now } from './given.ts';

interface Given {
  readonly statuses?: Readonly<Record<string, number>>;
  readonly body?: string;
}

const answer = JSON.stringify({ kubeletconfig: { readOnlyPort: 0, podPidsLimit: -1, staticPodURLHeader: { Authorization: [canary] } } });

async function kubelet({ statuses = {}, body = answer }: Given = {}, tls: Parameters<typeof serve>[1] = {}) {
  const asked: (readonly [string, string | undefined])[] = [];
  const port = await serve((request: IncomingMessage, response, url) => {
    asked.push([url.pathname, request.headers.authorization]);
    const status = statuses[url.pathname] ?? (url.pathname === '/configz' ? 200 : 403);
    response.writeHead(status).end(status === 200 ? body : 'no');
  }, tls);
  return { port, asked };
}

let count = 0;
function kubeconfig(text: string): string {
  const file = join(directory, `kubelet-${(count += 1)}.conf`);
  writeFileSync(file, text);
  return file;
}
const access = (port: number, user?: object, cluster?: object) =>
  readKubeletAccess(kubeconfig(makeKubeconfig(`https://127.0.0.1:${port}`, user, cluster)));

test('joins the document, the fields of the keep-list alone', async () => {
  const { port, asked } = await kubelet();
  const reading = collectNode({
    root: makeRoot(identity),
    name: 'localhost',
    tool: { name: 'x', version: '0' },
    clock: () => new Date(now),
  });
  const read = await readConfigz(access(port), 'localhost');
  const joined = withConfigz(reading, 'https://x/configz', read);
  expect(at(joined.document, 'kubelet', 'configz')).toEqual({ podPidsLimit: -1, readOnlyPort: 0 });
  expect(canonicalize(joined.document)).not.toContain(canary);
  expect(asked).toEqual(['/pods', '/metrics', '/configz'].map((path) => [path, 'Bearer a-token']));
});

test('that was not read is told, and the rest of the document stays', () => {
  const reading = collectNode({ root: makeRoot(identity), tool: { name: 'x', version: '0' }, clock: () => new Date(now) });
  const joined = withConfigz(reading, 'https://x/configz', { reason: 'forbidden', detail: '/configz answered 403' });
  expect(joined.unread.at(-1)).toEqual({
    what: 'kubelet-configz',
    path: 'https://x/configz',
    reason: 'forbidden',
    detail: '/configz answered 403',
  });
  expect(joined.document['unread']).toEqual(joined.unread);
  expect(reading.unread).not.toEqual(joined.unread);
});

test('takes a client certificate', async () => {
  const { port } = await kubelet({}, { requestCert: true, ca: pem.ca });
  const user = { 'client-certificate-data': base64(pem.clientCert), 'client-key-data': base64(pem.clientKey) };
  expect(await readConfigz(access(port, user), 'localhost')).toMatchObject({ readOnlyPort: 0 });
});

describe('is not read', () => {
  test.each<[string, Given, JsonObject]>([
    [
      'with a credential that may list pods',
      { statuses: { '/pods': 200 } },
      { reason: 'error', detail: expect.stringContaining('/pods answered 200') },
    ],
    [
      'with a credential that may read metrics',
      { statuses: { '/metrics': 404 } },
      { reason: 'error', detail: expect.stringContaining('/metrics answered 404') },
    ],
    ['without the right', { statuses: { '/configz': 403 } }, { reason: 'forbidden', detail: '/configz answered 403' }],
    ['from what is no kubelet', { body: '{}' }, { reason: 'error', detail: '/configz answered something else' }],
    ['from what answers no JSON', { body: '<html>' }, { reason: 'error', detail: '/configz answered something that is not JSON' }],
    ['where the answer is huge', { body: 'x'.repeat(5_000_000) }, { reason: 'error', detail: 'the answer is too large' }],
  ])('%s', async (_name, given, expected) => {
    const { port, asked } = await kubelet(given);
    expect(await readConfigz(access(port), 'localhost')).toEqual(expected);
    // What may do more is not used.
    expect(asked.some(([path]) => path === '/configz')).toBe((given.statuses?.['/pods'] ?? given.statuses?.['/metrics']) === undefined);
  });

  test.each<[string, object, string]>([
    ['from the kubelet of another node', {}, 'node-2'],
    ['where another authority signed', { 'certificate-authority-data': base64(pem.otherCa) }, 'localhost'],
    ['where the certificate has another name', { 'tls-server-name': 'elsewhere' }, 'localhost'],
  ])('%s, and no token is sent', async (_name, cluster, node) => {
    const { port, asked } = await kubelet();
    expect(await readConfigz(access(port, undefined, cluster), node)).toMatchObject({ reason: 'error' });
    expect(asked).toEqual([]);
  });

  test('where nobody answers', async () => {
    const { port } = await kubelet();
    for (const end of cleanups.splice(0)) end();
    expect(await readConfigz(access(port), 'localhost')).toMatchObject({ reason: 'error' });
  });
});

test.each<[string, string, RegExp]>([
  ['no YAML', 'a: [', /has no kind Config/],
  ['an address without TLS', makeKubeconfig('http://127.0.0.1:1'), /no https address/],
  ['no verification', makeKubeconfig('https://127.0.0.1:1', undefined, { 'insecure-skip-tls-verify': true }), /no insecure way/],
  [
    'no authority',
    makeKubeconfig('https://127.0.0.1:1', undefined, { 'certificate-authority-data': undefined }),
    /names no certificate authority/,
  ],
  ['no credential', makeKubeconfig('https://127.0.0.1:1', { exec: {} }), /neither a client certificate nor a token/],
  ['a file that is missing', makeKubeconfig('https://127.0.0.1:1', { tokenFile: 'nowhere' }), /nowhere cannot be read/],
])('a kubeconfig with %s is refused', (_name, text, said) => {
  expect(() => readKubeletAccess(kubeconfig(text))).toThrow(said);
});
