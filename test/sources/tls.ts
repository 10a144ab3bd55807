/** The test-only certificates, and a kubeconfig made of them. */
import { readFileSync } from 'node:fs';

const read = (name: string): string => readFileSync(new URL(`../fixtures/tls/test-only-${name}`, import.meta.url), 'latin1');

export const pem = {
  ca: read('ca.crt'),
  otherCa: read('other-ca.crt'),
  serverCert: read('server.crt'),
  serverKey: read('server.key'),
  clientCert: read('client.crt'),
  clientKey: read('client.key'),
  expiredClientCert: read('expired-client.crt'),
  expiredClientKey: read('expired-client.key'),
  expiredServerCert: read('expired-server.crt'),
  expiredServerKey: read('expired-server.key'),
};

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig with one context `test`; JSON is YAML. */
export function makeKubeconfig(server: string, user: object = { token: 'a-token' }, cluster: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(pem.ca), ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
  });
}
