/** A live run against a server of the test's own making, through the real worker into a real ledger. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockGap } from '../../src/app/collect/clock-gap.ts';
import { collectLive, loadConfig, rebindCluster } from '../../src/app/index.ts';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { cleanups, serve } from '../sources/live-server.ts';
import { makeKubeconfig } from '../sources/tls.ts';

const directory = mkdtempSync(join(tmpdir(), 'collect-'));
let stop: (() => void)[] = [];
let port = 0;
let ahead = 0;
let uid = '11111111-2222-4333-8444-555555555555';
beforeAll(async () => {
  port = await serve((_request, response, url) => {
    response.setHeader('date', new Date(Date.now() + ahead).toUTCString()).setHeader('content-type', 'application/json');
    const metadata = { name: 'kube-system', uid };
    const items = [{ apiVersion: 'v1', kind: 'Namespace', metadata }];
    if (url.pathname === '/version') response.end(JSON.stringify({ gitVersion: 'v1.36.3', major: '1', minor: '36' }));
    else if (url.pathname === '/api/v1/namespaces')
      response.end(JSON.stringify({ kind: 'NamespaceList', apiVersion: 'v1', metadata: {}, items }));
    else response.writeHead(404).end('{}');
  });
  // The server lives as long as the file.
  stop = cleanups.splice(0);
  writeFileSync(join(directory, 'kubeconfig'), makeKubeconfig(`https://127.0.0.1:${port}`, { token: 'a-token' }, {}));
});
afterAll(() => {
  for (const end of stop) end();
  rmSync(directory, { recursive: true, force: true });
});

function given(extra = '') {
  const text = `organization: Clinic\nclusters: [{name: prod, kubeconfig: kubeconfig}]\n${extra}`;
  writeFileSync(join(directory, 'kubevidence.yaml'), text, { mode: 0o600 });
  const config = loadConfig({ cwd: directory, uid: process.getuid?.() ?? null });
  const warnings: string[] = [];
  const env = { PATH: process.env['PATH'], HOME: directory };
  const context = {
    cwd: directory,
    env,
    clock: () => new Date(),
    uid: null,
    warn: (text: string) => void warnings.push(text),
    progress: () => {},
  };
  const [cluster] = config.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  return { context, options: { config, cluster, files: [], record: null, dryRun: false }, path: config.ledgerPath };
}

describe('a live run', () => {
  it('records the definitions before it is planned, and nothing of them when they are the same', { timeout: 30_000 }, async () => {
    const { context, options, path } = given();
    await collectLive(context, options);
    await collectLive(context, options);
    const changed = given('schedule: {collect: "* * * * *"}\nparams: {RBAC-001: {allowed: [User/breakglass]}}\n');
    await collectLive(changed.context, { ...changed.options, scheduled: { slot: null } });
    const ledger = openLedger({ path, mode: 'read', clock: context.clock });
    const types = [...ledger.records()].map(({ bytes }) => {
      const { type, what = '' } = JSON.parse(Buffer.from(bytes).toString()) as { type: string; what?: string };
      return `${type} ${what}`.trim();
    });
    const run = ['run-planned', 'run-ended'];
    const first = ['genesis', 'key-bound', 'definition-changed definitions', ...run, ...run];
    expect(types).toEqual([
      ...first,
      'definition-changed params RBAC-001',
      'definition-changed schedule',
      'definition-changed definitions',
      ...run,
    ]);
    expect(ledger.runs().map(({ kind, slot }) => [kind, slot?.slice(-8)])).toEqual([
      ['manual', undefined],
      ['manual', undefined],
      ['scheduled', ':00.000Z'],
    ]);
    const control = ledger.definitionState()?.list.find(({ what }) => what === 'control RBAC-001');
    expect(ledger.definitionText(control?.digest ?? '')).toContain('id: RBAC-001');
    ledger.close();
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  });

  it('whose clock is more than a minute from the server’s has a gap', { timeout: 30_000 }, async () => {
    ahead = 95_000;
    const { context, options, path } = given();
    const report = await collectLive(context, options);
    ahead = 0;
    const gap = {
      reason: 'error',
      what: 'times of this run',
      detail: expect.stringMatching(/^the server's clock is 9[4-6] s ahead of ours$/),
    };
    expect(report.listings.filter(({ gaps }) => gaps.some(({ what }) => what === 'times of this run'))).toMatchObject([
      { kind: 'k8s.cluster/version', gaps: [gap] },
    ]);
    expect(report.status).toBe('partial');
    const ledger = openLedger({ path, mode: 'read', clock: context.clock });
    expect(ledger.snapshot('prod', report.run?.number ?? 0).listing('k8s.cluster/version')?.gaps).toMatchObject([gap]);
    ledger.close();
  });
});

describe('another cluster behind a known name', () => {
  it('fails the run, until somebody answers for it', { timeout: 30_000 }, async () => {
    const { context, options, path } = given('ledger: sqlite:rebound/ledger.db\n');
    const collect = () => collectLive(context, options);
    const rebind = () => rebindCluster(context, options.config, { reason: 'rebuilt', by: 'Dana' });
    await collect();
    await expect(rebind()).rejects.toThrow('found no other cluster');
    const [old, other] = [uid, '99999999-2222-4333-8444-555555555555'];
    uid = other;
    await expect(collect()).rejects.toThrow('prod is another cluster than before');
    expect(await rebind()).toEqual({ cluster: 'prod', from: old, to: other, run: 2 });
    expect((await collect()).run).toMatchObject({ number: 3, status: 'partial' });
    uid = old;
    await expect(collect()).rejects.toThrow('prod is another cluster than before');
    expect(verifyLedger(path)).toMatchObject({ ok: true, notices: [expect.stringContaining('stands for another cluster since')] });
  });
});

describe('files of the configuration', () => {
  const policy = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n';
  const kind = 'files.audit-policy/policies';

  it('join each run; one that is not there is a gap and a warning, and the run goes on', { timeout: 30_000 }, async () => {
    writeFileSync(join(directory, 'policy.yaml'), policy);
    const joined = (...files: string[]) => {
      const { context, options } = given();
      return collectLive(context, { ...options, cluster: { ...options.cluster, files: files.map((file) => join(directory, file)) } });
    };
    const whole = await joined('policy.yaml');
    expect(whole.listings.find((listing) => listing.kind === kind)).toMatchObject({ items: 1, gaps: [] });
    expect(whole.warnings).toEqual([]);
    const broken = await joined('policy.yaml', 'gone.yaml');
    expect(broken.listings.find((listing) => listing.kind === kind)).toMatchObject({
      items: 1,
      gaps: [{ reason: 'error', detail: 'it cannot be read: ENOENT' }],
    });
    expect(broken.warnings).toEqual([expect.stringMatching(/gone\.yaml: it cannot be read: ENOENT$/)]);
    expect(broken.status).toBe('partial');
  });

  it('give way to those that a command names', { timeout: 30_000 }, async () => {
    const { context, options } = given();
    const cluster = { ...options.cluster, files: [join(directory, 'gone.yaml')] };
    const report = await collectLive(context, { ...options, cluster, files: [join(directory, 'policy.yaml')] });
    expect(report.warnings).toEqual([]);
  });
});

describe('the clocks', () => {
  it.each([
    [null, null],
    [60_000, null],
    [-60_000, null],
    [60_600, "the server's clock is 61 s ahead of ours"],
    [-90_000, "the server's clock is 90 s behind ours"],
  ])('%s ms apart: %s', (skew, detail) => {
    expect(clockGap(skew)?.detail ?? null).toBe(detail);
  });
});
