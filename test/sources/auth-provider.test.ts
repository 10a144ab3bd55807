import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';
import { type ClusterOptions, resolveCluster } from '../../src/sources/index.ts';
import { base64, makeKubeconfig, pem } from './tls.ts';

let directory: string;
let issuer: Server;
let issuerUrl: string;
/** Where nobody listens. */
let unusedUrl: string;
let refreshes: URLSearchParams[] = [];
let answer: () => { status?: number; body: string } | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'auth-provider-'));
  issuer = createServer({ cert: pem.serverCert, key: pem.serverKey }, (request, response) => {
    if (request.url === '/.well-known/openid-configuration') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ issuer: issuerUrl, token_endpoint: `${issuerUrl}token` }));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      refreshes.push(new URLSearchParams(Buffer.concat(chunks).toString()));
      const { status = 200, body } = answer() ?? {};
      // No body: an issuer that accepts the request and says nothing.
      if (body === undefined) return;
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((listening) => issuer.listen(0, '127.0.0.1', listening));
  const unused = createServer();
  await new Promise<void>((listening) => unused.listen(0, '127.0.0.1', listening));
  unusedUrl = `https://127.0.0.1:${(unused.address() as AddressInfo).port}/`;
  unused.close();
  issuerUrl = `https://127.0.0.1:${(issuer.address() as AddressInfo).port}/`;
});
afterEach(() => {
  refreshes = [];
});
afterAll(() => {
  issuer.closeAllConnections();
  issuer.close();
  rmSync(directory, { recursive: true, force: true });
});

const now = Date.now();
const inSeconds = (seconds: number) => Math.floor(now / 1000) + seconds;
const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (exp: number, id = 'canary') =>
  `${segment({ alg: 'RS256' })}.${segment({ iss: issuerUrl, sub: id, aud: 'kubernetes', iat: inSeconds(0), exp })}.c2ln`;
const granted = (tokens: object) => JSON.stringify({ access_token: 'canary-access', token_type: 'Bearer', expires_in: 3600, ...tokens });

const oidc = (config: object = {}) => ({
  'auth-provider': {
    name: 'oidc',
    config: {
      'idp-issuer-url': issuerUrl,
      'client-id': 'kubernetes',
      'refresh-token': 'canary-refresh',
      'idp-certificate-authority-data': base64(pem.ca),
      ...config,
    },
  },
});

let files = 0;
function resolveUser(user: object, options: Partial<ClusterOptions> = {}) {
  const file = join(directory, `config-${++files}`);
  writeFileSync(file, makeKubeconfig('https://127.0.0.1:6443', user));
  return resolveCluster({ kubeconfig: file, env: { PATH: process.env['PATH'] }, ...options });
}

function script(body: string): string {
  const file = join(directory, `helper-${++files}`);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

async function failureOf(work: Promise<unknown>): Promise<KubevidenceError> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof KubevidenceError) return failure;
  throw new Error(`no KubevidenceError but ${inspect(failure)}`);
}

describe('the auth-provider oidc', () => {
  it('uses a valid id-token as it is, beside a client certificate', async () => {
    const token = jwt(inSeconds(600));
    const access = await resolveUser({
      ...oidc({ 'id-token': token }),
      'client-certificate-data': base64(pem.clientCert),
      'client-key-data': base64(pem.clientKey),
    });
    expect(await access.credentials()).toEqual({ authorization: `Bearer ${token}`, cert: pem.clientCert, key: pem.clientKey });
    expect(refreshes).toEqual([]);
    expect(inspect(access, { depth: 9 }) + JSON.stringify(access)).not.toContain('canary');
  });

  it('refreshes an expired id-token, again when refused or expired, and with the newest refresh-token', async () => {
    let time = now;
    const tokens = [jwt(inSeconds(600), 'first'), jwt(inSeconds(600), 'second'), jwt(inSeconds(9000), 'third')];
    answer = () => ({ body: granted({ id_token: tokens[refreshes.length - 1], refresh_token: `refresh-${refreshes.length}` }) });
    const access = await resolveUser(oidc({ 'id-token': jwt(inSeconds(-60)) }), { clock: () => new Date(time) });
    const first = await access.credentials();
    expect(first).toEqual({ authorization: `Bearer ${tokens[0]}` });
    expect(access.warnings).toEqual([expect.stringContaining('a new refresh-token, which is not written to the kubeconfig')]);
    expect(await access.credentials()).toBe(first);
    const [second, shared] = await Promise.all([access.credentials(first), access.credentials(first)]);
    expect(second).toEqual({ authorization: `Bearer ${tokens[1]}` });
    expect(shared).toBe(second);
    time += 3_600_000;
    expect(await access.credentials()).toEqual({ authorization: `Bearer ${tokens[2]}` });
    expect(refreshes.map((form) => form.get('refresh_token'))).toEqual(['canary-refresh', 'refresh-1', 'refresh-2']);
    expect(refreshes[0]?.get('grant_type')).toBe('refresh_token');
  });

  it('gets a first id-token where there is none, keeps the refresh-token where it gets no other, and trusts the issuer by a CA file beside the kubeconfig', async () => {
    writeFileSync(join(directory, 'issuer-ca.crt'), pem.ca);
    const token = jwt(inSeconds(600));
    answer = () => ({ body: granted({ id_token: token }) });
    const access = await resolveUser(oidc({ 'idp-certificate-authority': 'issuer-ca.crt', 'idp-certificate-authority-data': undefined }));
    const first = await access.credentials();
    expect(first).toEqual({ authorization: `Bearer ${token}` });
    await access.credentials(first);
    expect(access.warnings).toEqual([]);
    expect(refreshes.map((form) => form.get('refresh_token'))).toEqual(['canary-refresh', 'canary-refresh']);
  });

  const expired = () => ({ 'id-token': jwt(inSeconds(-60)) });
  type Case = [string, () => object, { status?: number; body: string } | undefined, number, RegExp];
  const cases: Case[] = [
    [
      'the issuer refuses',
      () => oidc({ ...expired(), 'client-secret': 'canary-secret' }),
      { status: 400, body: JSON.stringify({ error: 'invalid_grant', error_description: 'canary-refresh is spent' }) },
      5,
      /gave no credentials: .*invalid_grant: … is spent.*without the client-secret/,
    ],
    ['the issuer answers no id-token', () => oidc(expired()), { body: granted({}) }, 5, /no usable token/],
    ['the issuer answers HTML', () => oidc(expired()), { status: 502, body: '<html>canary</html>' }, 5, /gave no credentials/],
    [
      'the new token has expired',
      () => oidc(expired()),
      { body: granted({ id_token: 'e30.eyJleHAiOjF9.c2ln' }) },
      5,
      /gave no credentials/,
    ],
    [
      'the issuer is not trusted',
      () => oidc({ ...expired(), 'idp-certificate-authority-data': base64(pem.otherCa) }),
      undefined,
      5,
      /certificate/,
    ],
    ['nobody answers', () => oidc({ ...expired(), 'idp-issuer-url': unusedUrl }), undefined, 5, /gave no credentials: .*ECONNREFUSED/],
    ['there is no refresh-token', () => oidc({ ...expired(), 'refresh-token': '' }), undefined, 5, /expired at .*no refresh-token/],
    ['there is nothing', () => ({ 'auth-provider': { name: 'oidc' } }), undefined, 2, /no readable id-token/],
    ['the issuer is no https URL', () => oidc({ 'idp-issuer-url': 'http://127.0.0.1/' }), undefined, 2, /idp-issuer-url/],
    ['the CA is no certificate', () => oidc({ 'idp-certificate-authority-data': 'canary' }), undefined, 2, /not a PEM certificate/],
    [
      'the CA file is missing',
      () => oidc({ 'idp-certificate-authority': 'missing.crt', 'idp-certificate-authority-data': '' }),
      undefined,
      2,
      /issuer's CA .*does not exist/,
    ],
  ];
  it.each(cases)('fails when %s', async (_name, user, answered, exit, message) => {
    answer = () => answered;
    const failure = await failureOf(resolveUser(user()));
    expect(failure.message).toMatch(message);
    expect(exitCodeOf(failure)).toBe(exit);
    expect(failure.next).toMatch(/./);
    expect(failure.place).toMatchObject({ key: 'users[0].user.auth-provider' });
    expect(`${failure.message} ${failure.next} ${failure.stack}`).not.toContain('canary');
  });

  it('ends the refresh at the deadline', async () => {
    answer = () => undefined;
    const failure = await failureOf(resolveUser(oidc(expired()), { execTimeoutMs: 300 }));
    expect(failure).toMatchObject({ code: 'unreachable', message: expect.stringContaining('no answer within 0.3 s') });
  });
});

describe('the auth-providers gcp and azure', () => {
  const provider = (name: string, config: object) => ({ 'auth-provider': { name, config } });
  const soon = new Date(now + 600_000).toISOString();

  it('uses a valid access-token, and says what to do when it can get no other', async () => {
    const access = await resolveUser(provider('azure', { 'access-token': 'canary-given', 'expires-on': String(inSeconds(600)) }));
    const given = await access.credentials();
    expect(given).toEqual({ authorization: 'Bearer canary-given' });
    const failure = await failureOf(access.credentials(given));
    expect(failure).toMatchObject({ code: 'unreachable', next: expect.stringContaining('kubelogin') });
    expect(await access.credentials()).toBe(given);
  });

  it('runs the helper command when the token has expired or was refused', async () => {
    const count = join(directory, 'count');
    const helper = script(
      `echo x >> ${count}; echo "{\\"access_token\\":\\"from-helper-$(wc -l < ${count} | tr -d ' ')\\",\\"token_expiry\\":\\"${soon}\\"}"`,
    );
    const access = await resolveUser(provider('gcp', { 'access-token': 'old', expiry: '2020-01-01T00:00:00Z', 'cmd-path': helper }));
    const first = await access.credentials();
    expect(first).toEqual({ authorization: 'Bearer from-helper-1' });
    expect(await access.credentials()).toBe(first);
    expect(await access.credentials(first)).toEqual({ authorization: 'Bearer from-helper-2' });
  });

  const cases: [string, object, number, RegExp][] = [
    ['a helper that prints no JSON', { 'cmd-path': () => script('echo canary-output') }, 5, /the answer was not JSON/],
    ['a helper that fails', { 'cmd-path': () => script('echo no login >&2; exit 3') }, 5, /no login/],
    ['a helper that finds no token', { 'cmd-path': () => script('echo {}') }, 5, /no usable token/],
    ['no helper', {}, 5, /expired/],
  ];
  it.each(cases)('fails with %s', async (_name, config, exit, message) => {
    const made = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value === 'function' ? value() : value]));
    const failure = await failureOf(resolveUser(provider('gcp', made)));
    expect(failure.message).toMatch(message);
    expect(exitCodeOf(failure)).toBe(exit);
    expect(failure.next).toContain('gke-gcloud-auth-plugin');
    expect(`${failure.message} ${failure.stack}`).not.toContain('canary');
  });

  it('ends a helper that hangs, with what it started', async () => {
    const marker = join(directory, 'pid');
    const hanging = script(`echo $$ > ${marker}; sleep 600`);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const failing = failureOf(resolveUser(provider('gcp', { 'cmd-path': hanging }), { execTimeoutMs: 600_000 }));
    await vi.waitFor(() => expect(readFileSync(marker, 'utf8')).not.toBe(''), { timeout: 20_000 });
    vi.advanceTimersByTime(600_000);
    vi.useRealTimers();
    expect((await failing).message).toContain('no answer within 600 s');
    const pid = Number(readFileSync(marker, 'utf8'));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});

/** False for a process that has ended, whether or not its parent has noticed (`Z`). */
function isRunning(pid: number): boolean {
  return /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim());
}

it('refuses a provider that it does not know', async () => {
  const failure = await failureOf(resolveUser({ 'auth-provider': { name: 'oidcc', config: {} } }));
  expect(failure).toMatchObject({ code: 'configuration', next: expect.stringContaining('did you mean "oidc"?') });
});
