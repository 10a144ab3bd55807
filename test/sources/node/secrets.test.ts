/** Keys, tokens and what lies beside them: which bytes the reader takes in at all, and that none of them comes out. */
import { describe, expect, test } from 'vitest';
import { declarationOf } from '../../../src/collectors/index.ts';
import { canonicalize, type JsonObject, listAt, textAt } from '../../../src/model/index.ts';
import { createScrubber } from '../../../src/sources/index.ts';
import { describeCertificate } from '../../../src/sources/certificate-facts.ts';
import { readCertificates } from '../../../src/sources/node/certificates.ts';
import { openRoot, realFiles } from '../../../src/sources/node/root.ts';
import { pem } from '../tls.ts';
import { canary, collect, kubeadm, makeRoot, privateKey, trees } from './given.ts';

/** What is read of each file, by its path. */
function watching() {
  const paths = new Map<number, string>();
  const read = new Map<string, Buffer>();
  const files = {
    ...realFiles,
    open(path: string) {
      const handle = realFiles.open(path);
      paths.set(handle, path);
      read.set(path, read.get(path) ?? Buffer.alloc(0));
      return handle;
    },
    read(handle: number, buffer: Uint8Array, length: number) {
      const count = realFiles.read(handle, buffer, length);
      const path = paths.get(handle) ?? '';
      read.set(path, Buffer.concat([read.get(path) ?? Buffer.alloc(0), buffer.subarray(0, count)]));
      return count;
    },
  };
  return { files, read };
}

test.each(Object.entries(trees))(
  'of a node of %s no private key is opened, and of what holds one beside a certificate no byte of it',
  (_name, tree) => {
    const { files, read } = watching();
    const { document } = collect(tree, { files });
    expect(canonicalize(document)).not.toContain(canary);
    const held = Object.entries(tree).filter(([, entry]) => typeof entry === 'string' && entry.includes('PRIVATE KEY'));
    for (const [path, entry] of held) {
      const opened = [...read].filter(([each]) => each.endsWith(path));
      expect(opened.length).toBeLessThan(entry === privateKey ? 1 : 3);
      for (const [, bytes] of opened) {
        expect(bytes.includes(canary)).toBe(false);
        expect(bytes.toString()).toMatch(/-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----$/);
      }
    }
    // What holds nothing but secrets, and is only looked at.
    for (const path of [
      '/etc/kubernetes/azure.json',
      '/var/lib/rancher/k3s/server/tls/dynamic-cert.json',
      '/etc/containerd/config.toml',
      '/var/lib/cni/networks/cbr0/10.0.0.9',
    ])
      expect([...read.keys()].filter((each) => each.endsWith(path))).toEqual([]);
  },
);

describe('a PEM file', () => {
  const [first = '', second = ''] = [pem.ca, pem.clientCert].map((text) => text.trim());
  const of = (content: string) => readCertificates(openRoot(makeRoot({ '/f': content })), '/f');

  test.each<[string, string, unknown]>([
    ['two certificates', `${first}\n${second}\n`, { pems: [first, second] }],
    ['no line end at its end', first, { pems: [first] }],
    ['comments around', `# a comment\nsubject=x\n\n${first}\nmore\n`, { pems: [first] }],
    ['a key behind', `${first}\n${privateKey}${second}`, { pems: [first], stopped: 'what follows is no certificate, and is not read' }],
    ['a key first', `${privateKey}${first}`, { reason: 'error', detail: 'what follows is no certificate, and is not read' }],
    [
      'a key of another form',
      `${first}\n-----BEGIN RSA PRIVATE KEY-----\n${canary}`,
      { pems: [first], stopped: 'what follows is no certificate, and is not read' },
    ],
    [
      'a header within a line',
      `xx-----BEGIN PRIVATE KEY-----\n${canary}`,
      { reason: 'error', detail: 'what follows is no certificate, and is not read' },
    ],
    ['DER', '0\u0082\u0003', { reason: 'error', detail: 'it is no PEM text' }],
    ['nothing', '', { reason: 'error', detail: 'it holds no certificate' }],
    ['no end', first.slice(0, 200), { reason: 'error', detail: 'a certificate in it has no end' }],
    ['a comment without end', 'x'.repeat(100_000), { reason: 'error', detail: 'what is around its certificates is too long' }],
  ])('%s', (_name, content, expected) => expect(of(content)).toEqual(expected));

  test('what it says is what OpenSSL says', () => {
    expect(describeCertificate(pem.ca)).toMatchObject({
      ca: true,
      subject: expect.stringContaining('CN='),
      signature: expect.stringMatching(/^(ecdsa|sha)/i),
    });
    expect(describeCertificate(`${first.slice(0, 100)}\n-----END CERTIFICATE-----`)).toBeUndefined();
  });
});

test('a certificate that cannot be read is told, and the others of its file are kept', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const { document, unread } = collect({ ...kubeadm, '/etc/kubernetes/pki/ca.crt': `${broken}${pem.ca}` });
  expect(unread).toContainEqual({
    what: 'pki-certificate',
    path: '/etc/kubernetes/pki/ca.crt',
    reason: 'error',
    detail: 'a certificate in it cannot be read',
  });
  const ofCa = listAt(document, 'certificates').filter((entry) => textAt(entry, 'role') === 'kubelet-client-ca');
  expect(ofCa).toHaveLength(1);
});

test('an address with a password in it loses that', () => {
  const { document } = collect({
    ...kubeadm,
    '/etc/kubernetes/admin.conf': JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'k', cluster: { server: `https://u:${canary}@host:6443/base?token=${canary}` } }],
      users: [{ name: 'u', user: { username: 'u', password: canary } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    }),
  });
  const admin = listAt(document, 'kubeconfigs').find((entry) => textAt(entry, 'role') === 'admin-kubeconfig');
  expect(admin).toEqual({
    role: 'admin-kubeconfig',
    path: '/etc/kubernetes/admin.conf',
    server: 'https://host:6443/base',
    credential: 'token',
  });
});

test('a document that somebody else made loses what the keep-list does not name', () => {
  const declaration = declarationOf('node.evidence/nodes');
  const { document } = collect(kubeadm);
  const list = (key: string) => listAt(document, key) as JsonObject[];
  const forged = {
    ...document,
    secret: canary,
    host: { ...(document['host'] as JsonObject), secret: canary },
    files: [...list('files'), { role: 'pki-key', path: '/k', type: 'file', content: canary }],
    programs: [
      ...list('programs'),
      { program: 'kubelet', from: 'process', path: '/proc/1', arguments: [`--token=${canary}`, '--v', '2', canary], environment: [canary] },
      { program: 'sh', from: 'process', path: '/proc/2', arguments: ['-c', `curl -u ${canary}`] },
      { program: 'k3s', from: 'unit', path: '/u', arguments: [`--kubelet-arg=token=${canary}`, `--datastore-endpoint=${canary}`] },
    ],
    kubeconfigs: [{ ...list('kubeconfigs')[0], token: canary, certificate: { subject: 'CN=x', pem: canary } }],
    certificates: [{ ...list('certificates')[0], pem: canary }],
    encryptionConfigurations: [
      {
        path: '/e',
        configuration: { resources: [{ resources: ['secrets'], providers: [{ secretbox: { keys: [{ name: 'k', secret: canary }] } }] }] },
      },
    ],
    kubelet: { config: { staticPodURLHeader: { Authorization: [canary] } }, configz: { staticPodURLHeader: canary }, environment: canary },
  };
  const body = declaration === undefined ? {} : createScrubber(declaration).scrub(forged).body;
  expect(canonicalize(body)).not.toContain(canary);
  expect(
    listAt(body, 'programs')
      .slice(-3)
      .map((each) => listAt(each, 'arguments')),
  ).toEqual([
    [{ $scrubbed: true, flag: 'token', credential: 'name-suggests-credential' }, '--v', '2', expect.objectContaining({ $scrubbed: true })],
    [{ $scrubbed: true }, expect.objectContaining({ $scrubbed: true })],
    [expect.objectContaining({ $scrubbed: true, flag: 'kubelet-arg' }), expect.objectContaining({ flag: 'datastore-endpoint' })],
  ]);
  // Taken in twice is taken in once.
  expect(declaration === undefined ? null : createScrubber(declaration).scrub(body).body).toEqual(body);
});
