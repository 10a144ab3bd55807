import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';
import { type ClusterOptions, listContexts, resolveCluster } from '../../src/sources/index.ts';
import { resolveInCluster } from '../../src/sources/live/live-access.ts';
import { base64, makeKubeconfig, pem } from './tls.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function write(text: string, name = `config-${++files}`): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

function script(body: string): string {
  const file = write(`#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const env = { PATH: process.env['PATH'] };
const resolveText = (text: string, options: Partial<ClusterOptions> = {}) => resolveCluster({ kubeconfig: write(text), env, ...options });

async function failureOf(work: Promise<unknown>): Promise<KubevidenceError> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof KubevidenceError) return failure;
  throw new Error(`no KubevidenceError but ${inspect(failure)}`);
}

const server = 'https://127.0.0.1:6443';

describe('what a kubeconfig gives', () => {
  const credential = (command: string, extra: object = {}) => ({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never', ...extra },
  });
  const cases: [string, () => object, object][] = [
    ['a token', () => ({ token: 't' }), { authorization: 'Bearer t' }],
    [
      'a token file, which wins over a token',
      () => ({ tokenFile: write('from-file\n'), token: 't' }),
      { authorization: 'Bearer from-file' },
    ],
    [
      'a client certificate',
      () => ({ 'client-certificate-data': base64(pem.clientCert), 'client-key-data': base64(pem.clientKey) }),
      { cert: pem.clientCert, key: pem.clientKey },
    ],
    [
      'certificate files',
      () => ({ 'client-certificate': write(pem.clientCert), 'client-key': write(pem.clientKey) }),
      { cert: pem.clientCert, key: pem.clientKey },
    ],
    [
      'a relative path, from the file it stands in',
      () => ({ tokenFile: (write('near', 'near-token'), 'near-token') }),
      { authorization: 'Bearer near' },
    ],
    ['basic authentication', () => ({ username: 'a', password: 'b' }), { authorization: 'Basic YTpi' }],
    ['no credentials', () => ({}), {}],
    [
      'an exec plugin',
      () =>
        credential(
          script(`echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-plugin"}}'`),
        ),
      { authorization: 'Bearer from-plugin' },
    ],
  ];
  it.each(cases)('%s', async (_name, user, expected) => {
    const access = await resolveText(makeKubeconfig(server, user()));
    expect(await access.credentials()).toEqual(expected);
    expect(access).toMatchObject({ contextName: 'test', server, warnings: [], caFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('prints no credential', async () => {
    const access = await resolveText(makeKubeconfig(server, { token: 'canary-token' }));
    expect(inspect(access, { depth: 9 }) + JSON.stringify(access)).not.toContain('canary');
  });

  it('gives what weakens the connection as warnings', async () => {
    const insecure = await resolveText(
      makeKubeconfig(server, {}, { 'insecure-skip-tls-verify': true, 'certificate-authority-data': undefined }),
    );
    expect(insecure).toMatchObject({
      caFingerprint: null,
      connection: { insecure: true },
      warnings: [expect.stringContaining('not checked')],
    });
    const plain = await resolveText(makeKubeconfig('http://localhost:8001', {}, { 'certificate-authority-data': undefined }));
    expect(plain.warnings).toEqual([expect.stringContaining('not encrypted')]);
  });

  it('reads proxy, server name, path and impersonation', async () => {
    const access = await resolveText(
      makeKubeconfig(
        'https://rancher.example/k8s/clusters/c-1/',
        { token: 't', as: 'jane', 'as-groups': ['dev', 'ops'], 'as-user-extra': { Why: ['audit'] } },
        { 'tls-server-name': 'kubernetes', 'proxy-url': 'socks5://127.0.0.1:1080' },
      ),
    );
    expect(access.server).toBe('https://rancher.example/k8s/clusters/c-1');
    expect(access.connection).toMatchObject({ serverName: 'kubernetes', proxy: new URL('socks5://127.0.0.1:1080') });
    expect(access.headers).toEqual({ 'impersonate-user': 'jane', 'impersonate-group': ['dev', 'ops'], 'impersonate-extra-why': ['audit'] });
  });

  it('reads a token file again after a minute, or when the server refused it', async () => {
    let now = 0;
    const tokenFile = write('one');
    const access = await resolveText(makeKubeconfig(server, { tokenFile }), { clock: () => new Date(now) });
    const first = await access.credentials();
    writeFileSync(tokenFile, 'two');
    expect(await access.credentials()).toBe(first);
    expect(await access.credentials(first)).toEqual({ authorization: 'Bearer two' });
    writeFileSync(tokenFile, 'three');
    now += 60_000;
    expect(await access.credentials()).toEqual({ authorization: 'Bearer three' });
  });
});

describe('several files', () => {
  const one = () => makeKubeconfig('https://one.example', { token: 'of-one' });
  const two = () =>
    JSON.stringify({
      'current-context': 'second',
      clusters: [{ name: 'd', cluster: { server: 'https://two.example', 'certificate-authority-data': base64(pem.ca) } }],
      users: [{ name: 'u', user: { token: 'of-two' } }],
      contexts: [{ name: 'second', context: { cluster: 'd', user: 'u' } }],
    });

  it('merges a KUBECONFIG list as kubectl does: the first wins, missing files are passed over', async () => {
    const list = [join(directory, 'missing'), write(one()), write(two())].join(delimiter);
    const options = { env: { ...env, KUBECONFIG: list } };
    expect(listContexts(options)).toEqual([
      { name: 'test', current: true, server: 'https://one.example' },
      { name: 'second', current: false, server: 'https://two.example' },
    ]);
    expect((await resolveCluster(options)).server).toBe('https://one.example');
  });

  it("says when two files share a user name, because a context then gets the other file's credentials", async () => {
    const access = await resolveCluster({ kubeconfig: [write(one()), write(two())], context: 'second', env });
    expect(await access.credentials()).toEqual({ authorization: 'Bearer of-one' });
    expect(access.warnings).toEqual([expect.stringMatching(/^the user "u" is defined in .* and differently in /)]);
  });

  it('keeps the credentials of two accesses apart even where their users share a name', async () => {
    const [a, b] = await Promise.all([resolveText(one()), resolveText(two())]);
    expect([await a.credentials(), await b.credentials()]).toEqual([
      { authorization: 'Bearer of-one' },
      { authorization: 'Bearer of-two' },
    ]);
  });

  it('finds ~/.kube/config', async () => {
    const home = join(directory, 'home');
    mkdirSync(join(home, '.kube'), { recursive: true });
    writeFileSync(join(home, '.kube', 'config'), one());
    expect((await resolveCluster({ env: { ...env, HOME: home } })).server).toBe('https://one.example');
  });
});

describe('what is wrong is said, with the exit code', () => {
  const text = (patch: object) => JSON.stringify({ ...(JSON.parse(makeKubeconfig(server)) as object), ...patch });
  const cases: [string, () => string, Partial<ClusterOptions>, number, RegExp, RegExp?][] = [
    ['a wrong context', () => makeKubeconfig(server), { context: 'tset' }, 2, /has no context "tset"/, /did you mean "test"/],
    ['no current context', () => text({ 'current-context': '' }), {}, 2, /no current context/, /--context: test/],
    ['a missing cluster', () => text({ clusters: [] }), {}, 2, /has no cluster "c"/],
    ['a missing user', () => text({ users: [] }), {}, 2, /has no user "u"/],
    ['no server', () => makeKubeconfig('', {}), {}, 2, /names no server/],
    ['a server that is no URL', () => makeKubeconfig('ftp://x'), {}, 2, /not a URL/],
    ['plain HTTP over the network', () => makeKubeconfig('http://10.0.0.1'), {}, 2, /without TLS/],
    [
      'broken YAML',
      () => 'apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user: {token: canary-token\n',
      {},
      2,
      /not valid YAML in line \d+/,
    ],
    ['another YAML file', () => 'kind: Pod\n', {}, 2, /is not a kubeconfig/],
    ['a list where a map must be', () => text({ clusters: { c: {} } }), {}, 2, /"clusters" must be a list/],
    ['a name twice', () => text({ users: [{ name: 'u' }, { name: 'u' }] }), {}, 2, /stands twice/],
    [
      'a missing CA file',
      () => makeKubeconfig(server, {}, { 'certificate-authority-data': undefined, 'certificate-authority': 'gone.crt' }),
      {},
      2,
      /cluster CA .*gone\.crt does not exist/,
    ],
    [
      'a CA that is none',
      () => makeKubeconfig(server, {}, { 'certificate-authority-data': base64('-----BEGIN CERTIFICATE-----\nx') }),
      {},
      2,
      /not a PEM certificate/,
    ],
    [
      'a missing certificate file',
      () => makeKubeconfig(server, { 'client-certificate': '/gone.crt', 'client-key': '/gone.key' }),
      {},
      2,
      /client certificate \/gone\.crt does not exist/,
    ],
    [
      'a certificate without key',
      () => makeKubeconfig(server, { 'client-certificate-data': base64(pem.clientCert) }),
      {},
      2,
      /has no client-key/,
    ],
    [
      'a key of another certificate',
      () => makeKubeconfig(server, { 'client-certificate-data': base64(pem.clientCert), 'client-key-data': base64(pem.serverKey) }),
      {},
      2,
      /does not belong to its key/,
    ],
    [
      'an expired certificate',
      () =>
        makeKubeconfig(server, {
          'client-certificate-data': base64(pem.expiredClientCert),
          'client-key-data': base64(pem.expiredClientKey),
        }),
      {},
      5,
      /expired at 2021-01-01T00:00:00\.000Z/,
      /renew/,
    ],
    ['a CA and insecure', () => makeKubeconfig(server, {}, { 'insecure-skip-tls-verify': true }), {}, 2, /contradict/],
    ['a token that no header carries', () => makeKubeconfig(server, { token: 'canary\ntoken' }), {}, 2, /no HTTP header/],
    ['a legacy auth-provider', () => makeKubeconfig(server, { 'auth-provider': { name: 'oidc' } }), {}, 2, /auth-provider/],
    ['a wrong proxy', () => makeKubeconfig(server, {}, { 'proxy-url': 'nonsense' }), {}, 2, /proxy-url/],
  ];
  it.each(cases)('%s', async (_name, make, options, exit, message, next) => {
    const failure = await failureOf(resolveText(make(), options));
    expect(failure.message).toMatch(message);
    expect(exitCodeOf(failure)).toBe(exit);
    expect(failure.next ?? '').toMatch(next ?? /^/);
    expect(`${failure.message} ${failure.next} ${failure.stack} ${inspect(failure.place)}`).not.toContain('canary');
  });

  it('names file, line and key', async () => {
    const file = write(
      'kind: Config\ncurrent-context: a\nclusters:\n- name: c\n  cluster:\n    server: 7\ncontexts:\n- name: a\n  context:\n    cluster: c\n',
    );
    const failure = await failureOf(resolveCluster({ kubeconfig: file, env }));
    expect(failure.place).toEqual({ file, line: 6, key: 'clusters[0].cluster.server' });
  });

  it('there is no kubeconfig at all', async () => {
    for (const options of [
      { env: {} },
      { env: { HOME: '/nonexistent' } },
      { env: { KUBECONFIG: '/nonexistent/config' } },
      { kubeconfig: '/nonexistent/config', env },
    ]) {
      const failure = await failureOf(resolveCluster(options));
      expect(failure).toMatchObject({
        code: 'configuration',
        message: expect.stringMatching(/no kubeconfig|does not exist/),
        next: expect.any(String),
      });
    }
  });
});

describe('exec plugins', () => {
  const user = (command: string, extra: object = {}) => ({
    exec: { apiVersion: 'client.authentication.k8s.io/v1beta1', command, ...extra },
  });
  const answer = (status: object) => JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status });

  it('get their arguments, environment and the cluster, and no input', async () => {
    const report = join(directory, 'report');
    const plugin = script(
      `printf '%s|%s|%s' "$1" "$EXTRA" "$KUBERNETES_EXEC_INFO" > ${report}; cat >> ${report}; echo '${answer({ token: 't' })}'`,
    );
    const access = await resolveText(
      makeKubeconfig(server, user(plugin, { args: ['--x'], env: [{ name: 'EXTRA', value: 'e' }], provideClusterInfo: true })),
    );
    expect(await access.credentials()).toEqual({ authorization: 'Bearer t' });
    const { readFileSync } = await import('node:fs');
    const [argument, extra, info] = readFileSync(report, 'utf8').split('|');
    expect([argument, extra]).toEqual(['--x', 'e']);
    expect(JSON.parse(info ?? '')).toMatchObject({
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: { server, 'certificate-authority-data': base64(pem.ca) } },
    });
  });

  it('are asked again when their answer expired or was refused, and only once for requests side by side', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const counter = write('', 'counter');
    const plugin = script(
      `echo x >> ${counter}; n=$(wc -l < ${counter}); echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t'$((n))'","expirationTimestamp":"2026-01-01T01:00:00Z"}}'`,
    );
    const access = await resolveText(makeKubeconfig(server, user(plugin)), { clock: () => new Date(now) });
    const first = await access.credentials();
    expect(first).toEqual({ authorization: 'Bearer t1' });
    const again = await Promise.all([access.credentials(first), access.credentials(first), access.credentials(first)]);
    expect(again.map((each) => each.authorization)).toEqual(['Bearer t2', 'Bearer t2', 'Bearer t2']);
    expect(await access.credentials(first)).toEqual({ authorization: 'Bearer t2' });
    now += 3_600_000;
    expect(await access.credentials()).toEqual({ authorization: 'Bearer t3' });
  });

  const cases: [string, () => object, number, RegExp][] = [
    ['fails', () => user(script('echo "log in \\033[31mfirst" >&2; exit 7')), 5, /failed with exit code 7: log in \\u\{1b\}\[31mfirst/],
    [
      'fails and repeats what it was given',
      () => user(script('echo "got $APP_SECRET" >&2; exit 7'), { env: [{ name: 'APP_SECRET', value: 'canary-1' }] }),
      5,
      /exit code 7: got …/,
    ],
    [
      'fails and tells a token',
      () => user(script('echo "sent Authorization: Bearer canary-canary-1" >&2; exit 7')),
      5,
      /exit code 7: \(not shown, because it holds a credential: authorization-header\)/,
    ],
    ['hangs', () => user(script('sleep 60')), 5, /gave no credentials within 0\.3 s and was ended/],
    ['hangs in a child that holds its output', () => user(script('sleep 60 & wait')), 5, /within 0\.3 s/],
    ['is not installed', () => user('no-such-plugin', { installHint: 'get it there' }), 5, /no-such-plugin is not installed/],
    ['prints nothing', () => user(script('true')), 5, /printed no usable credentials: nothing/],
    ['prints no JSON', () => user(script('echo canary-token')), 5, /not JSON/],
    [
      'prints another version',
      () => user(script(`echo '{"kind":"ExecCredential","apiVersion":"x","status":{"token":"canary"}}'`)),
      5,
      /apiVersion is not/,
    ],
    ['gives no credential', () => user(script(`echo '${answer({})}'`)), 5, /neither a token nor/],
    ['cannot be run', () => user(write('')), 5, /could not be started/],
    ['speaks an old protocol', () => user('x', { apiVersion: 'client.authentication.k8s.io/v1alpha1' }), 2, /no longer has/],
    ['asks a person', () => user('x', { interactiveMode: 'Always' }), 2, /wants to ask a person/],
  ];
  it.each(cases)('%s', async (_name, make, exit, message) => {
    const started = performance.now();
    const failure = await failureOf(
      resolveText(makeKubeconfig(server, make()), { execTimeoutMs: message.source.includes('within') ? 300 : 10_000 }),
    );
    expect(failure.message).toMatch(message);
    expect(exitCodeOf(failure)).toBe(exit);
    expect(failure.next ?? '-').not.toBe('');
    expect(`${failure.message} ${failure.next} ${failure.stack}`).not.toContain('canary');
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('in the cluster', () => {
  it('uses the ServiceAccount of the pod, and reads its rotated token', async () => {
    const mounted = join(directory, 'sa');
    mkdirSync(mounted);
    writeFileSync(join(mounted, 'ca.crt'), pem.ca);
    writeFileSync(join(mounted, 'token'), 'sa-token');
    const access = resolveInCluster({ env: { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' } }, mounted);
    expect(access).toMatchObject({ contextName: 'in-cluster', server: 'https://[fd00::1]', connection: { ca: pem.ca, insecure: false } });
    expect(await access.credentials()).toEqual({ authorization: 'Bearer sa-token' });
  });

  it('says when we run in no pod', async () => {
    expect(await failureOf(resolveCluster({ inCluster: true, env: {} }))).toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('inCluster'),
    });
  });
});
