/**
 * Single API server replicas, asked at addresses that the cluster names. What matters most: no request leaves for a host that does not show
 * a certificate of the cluster's CA for kubernetes.default.svc, whoever wrote the address.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { replicaAddresses, requestsOfReplicas } from '../../src/collectors/index.ts';
import type { ListingDeclaration, RequestSpec } from '../../src/model/index.ts';
import { connectionToReplica } from '../../src/sources/live/live-replicas.ts';
import { directory, listen, open, Pages, page, send, serve, status } from './live-server.ts';
import { base64, pem } from './tls.ts';

interface Identity {
  readonly cert: string;
  readonly key: string;
}
let replica: Identity;
let foreign: Identity;
let ca: string;
let otherName: Identity;
let clientOnly: Identity;

/** A CA of its own with what it and another one signed; P-256, for a day. */
beforeAll(() => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  for (const name of ['ca', 'other'])
    openssl('req', '-x509', ...ec, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`);
  const issue = (name: string, signer: string, alternativeName: string, usage = 'serverAuth'): Identity => {
    writeFileSync(join(directory, `${name}.ext`), `subjectAltName=${alternativeName}\nextendedKeyUsage=${usage}\n`);
    openssl('req', ...ec.slice(0, -2), '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=kube-apiserver');
    const signed = ['-CA', `${signer}.crt`, '-CAkey', `${signer}.key`, '-days', '1', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed);
    const read = (suffix: string) => readFileSync(join(directory, `${name}.${suffix}`), 'utf8');
    return { cert: read('crt'), key: read('key') };
  };
  replica = issue('replica', 'ca', 'DNS:kubernetes.default.svc');
  foreign = issue('foreign', 'other', 'DNS:kubernetes.default.svc');
  otherName = issue('other-name', 'ca', 'DNS:node-1,IP:127.0.0.1');
  clientOnly = issue('client-only', 'ca', 'DNS:kubernetes.default.svc', 'clientAuth');
  ca = readFileSync(join(directory, 'ca.crt'), 'utf8');
});

const flagz: RequestSpec = { path: '/flagz', accept: 'application/json', paged: false, what: 'flagz' };
const declared: Pick<ListingDeclaration, 'requests'> = { requests: () => [flagz] };
const ofReplicas = (...addresses: string[]) => ({
  kind: 'k8s.apiservers/flagz' as const,
  requests: requestsOfReplicas(declared as ListingDeclaration, addresses),
});

/** A source whose cluster has the CA made above; its own server is asked by a certificate of that CA too. */
async function given(
  user: object = { token: 'a-token' },
  handler: Parameters<typeof serve>[0] = (_request, response) => send(response, 200, page([])),
) {
  const port = await serve(handler, { cert: otherName.cert, key: otherName.key });
  return open(port, {}, user, { 'certificate-authority-data': Buffer.from(ca).toString('base64') });
}

describe('replicas are asked for themselves', () => {
  it('with the same credentials, each recorded with its address', async () => {
    const seen: (string | undefined)[] = [];
    const source = await given();
    const ports = [];
    for (const item of ['a', 'b'])
      ports.push(
        await serve((request, response) => {
          seen.push(`${request.url} ${request.headers.authorization} ${(request.socket as TLSSocket).servername as string}`);
          send(response, 200, page([item]));
        }, replica),
      );
    const feed = new Pages();
    const outcome = await source.readListing(ofReplicas(...ports.map((port) => `127.0.0.1:${port}`)), feed);
    expect(outcome.gaps).toEqual([]);
    expect(feed.items).toEqual(['a', 'b']);
    expect(seen).toEqual(Array.from({ length: 2 }, () => '/flagz Bearer a-token kubernetes.default.svc'));
    expect(outcome.requests.map(({ path, status: code }) => [path, code])).toEqual(
      ports.map((port) => [`https://127.0.0.1:${port}/flagz`, 200]),
    );
    // One sequence of Audit-IDs for the whole run, whichever server is asked.
    expect(outcome.requests.map(({ auditId }) => auditId?.replace(/^.*-/, ''))).toEqual(['1', '2']);
  });

  it('and one that is gone is a gap that names it, at once', async () => {
    const source = await given();
    const port = await serve((_request, response) => send(response, 200, page(['a'])), replica);
    const outcome = await source.readListing(ofReplicas(`127.0.0.1:${port}`, '127.0.0.1:1'), new Pages());
    expect(outcome.gaps).toMatchObject([{ reason: 'error', what: 'flagz of 127.0.0.1:1', detail: expect.stringContaining('refuses') }]);
    expect(source.slept).toEqual([]);
  });

  it('a redirect is not followed', async () => {
    const source = await given();
    let asked = 0;
    const target = await serve(() => asked++, replica);
    const port = await serve((_request, response) => send(response, 302, '', { location: `https://127.0.0.1:${target}/flagz` }), replica);
    const outcome = await source.readListing(ofReplicas(`127.0.0.1:${port}`), new Pages());
    expect(outcome.gaps).toMatchObject([{ detail: '302: redirected elsewhere, which is not followed' }]);
    expect(asked).toBe(0);
  });

  it('a refusal is the gap of that replica', async () => {
    const source = await given();
    const port = await serve((_request, response) => send(response, 403, status(403, 'no')), replica);
    const outcome = await source.readListing(ofReplicas(`127.0.0.1:${port}`), new Pages());
    expect(outcome.gaps).toMatchObject([{ reason: 'forbidden', what: `flagz of 127.0.0.1:${port}` }]);
  });
});

describe('nothing is sent to a host that does not prove that it is of the cluster', () => {
  /** A TLS server that asks for a client certificate, and notes what it learns: that, and whatever comes after the handshake. */
  async function hostile(identity: Identity, version: 'TLSv1.2' | 'TLSv1.3') {
    const received: string[] = [];
    const wants = { requestCert: true, rejectUnauthorized: false };
    const server = createServer({ ...identity, ...wants, minVersion: version, maxVersion: version }, (socket) => {
      if (socket.getPeerX509Certificate() !== undefined) received.push('the client certificate');
      socket.on('data', (data) => received.push(data.toString('latin1')));
      socket.on('error', () => {});
    });
    const over = new Promise<void>((resolve) => {
      server.on('connection', (socket: Socket) => socket.on('close', () => setImmediate(resolve)));
    });
    server.on('tlsClientError', () => {});
    return { port: await listen(server), received, over };
  }

  it.each([
    ['a CA of its own', () => foreign, 'not signed by'],
    ['the cluster CA, for another name', () => otherName, 'for another name'],
    ['the cluster CA, for clients', () => clientOnly, 'failed'],
  ] as const)('%s', async (_name, identity, why) => {
    const certificate = { 'client-certificate-data': base64(pem.clientCert), 'client-key-data': base64(pem.clientKey) };
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const source = await given({ token: 'a-token', ...certificate });
      const { port, received, over } = await hostile(identity(), version);
      const outcome = await source.readListing(ofReplicas(`127.0.0.1:${port}`), new Pages());
      expect(outcome.gaps).toMatchObject([{ reason: 'error', detail: expect.stringContaining(why) }]);
      await over;
      expect(received).toEqual([]);
    }
  });

  it('the server of the kubeconfig is still verified by the name of its address', async () => {
    const port = await serve((_request, response) => send(response, 200, page([])), replica);
    const source = await open(port, {}, { token: 'a-token' }, { 'certificate-authority-data': Buffer.from(ca).toString('base64') });
    await expect(source.get('/version')).rejects.toThrow('for another name');
  });
});

describe('addresses that are refused before a connection', () => {
  const cluster = { url: new URL('https://10.0.0.1:6443'), ca: pem.ca, insecure: false };
  const local = { ...cluster, url: new URL('https://127.0.0.1:6443') };
  const to =
    (address: string, from = cluster) =>
    () =>
      connectionToReplica(from, new URL(`https://${address}`));

  it.each([
    '127.0.0.1:6443',
    '127.8.9.1',
    '[::1]:6443',
    '[::ffff:127.0.0.1]:6443',
    '0x7f.1:6443',
    '0.0.0.0:6443',
    '169.254.169.254',
    '169.254.1.1:6443',
    '[::ffff:169.254.169.254]:443',
    '[fe80::1]:6443',
    '[fd00:ec2::254]',
    '224.0.0.1',
    '255.255.255.255',
    '[ff02::1]',
    '[::]',
  ])('%s', (address) => {
    expect(to(address)).toThrow('belongs to this machine or to its link');
  });

  it.each(['metadata.google.internal', 'localhost:6443', 'evil.example:6443'])('a name: %s', (address) => {
    expect(to(address)).toThrow('it is no IP address for HTTPS');
  });

  it('loopback is taken where the kubeconfig itself names it', () => {
    expect(to('127.0.0.1:7000', local)()).toMatchObject({ serverName: 'kubernetes.default.svc', insecure: false });
    expect(to('169.254.169.254', local)).toThrow('belongs to this machine');
  });

  it('nothing is tried without a CA of the cluster, or where certificates are not checked', () => {
    const { ca: _ca, ...without } = cluster;
    expect(to('10.0.0.2:6443', without as typeof cluster)).toThrow('does not bring the CA');
    expect(to('10.0.0.2:6443', { ...cluster, insecure: true })).toThrow('does not bring the CA');
  });

  it('no proxy, and no name of the kubeconfig, is taken over', () => {
    const proxied = { ...cluster, proxy: new URL('http://proxy:3128'), serverName: 'elsewhere' };
    expect(to('[fd00::2]:6443', proxied)()).toEqual({
      url: new URL('https://[fd00::2]:6443'),
      ca: pem.ca,
      insecure: false,
      serverName: 'kubernetes.default.svc',
    });
  });
});

describe('the addresses of an EndpointSlice', () => {
  it('are those of every endpoint with every TCP port, ready or not', () => {
    expect(
      replicaAddresses({
        endpoints: [
          { addresses: ['10.0.0.2'] },
          { addresses: ['10.0.0.1', 'fd00::1'], conditions: { ready: false } },
          { addresses: ['10.0.0.2'] },
        ],
        ports: [{ port: 6443 }, { port: 53, protocol: 'UDP' }, { port: 'x' }],
      }),
    ).toEqual(['10.0.0.1:6443', '10.0.0.2:6443', '[fd00::1]:6443']);
    expect(replicaAddresses(null)).toEqual([]);
    expect(replicaAddresses({ endpoints: [{ addresses: ['a'] }] })).toEqual([]);
  });

  it('an address that is none is told, and nothing is asked', async () => {
    const source = await given();
    const outcome = await source.readListing(ofReplicas('a b:6443', '10.0.0.1@evil.example:443'), new Pages());
    expect(outcome.gaps).toMatchObject([
      { detail: expect.stringContaining('that is no address') },
      { detail: expect.stringContaining('no IP address') },
    ]);
    expect(source.stats.requests).toBe(0);
  });
});
