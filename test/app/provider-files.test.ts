/**
 * Clusters of EKS, GKE and AKS with what their provider's tools print beside them, by the command line: each row that such a file shows has
 * an outcome, and a file that is hostile, broken or another cluster's says so in a sentence with file, line and key, and passes nothing.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type AppContext, assessCommand, collectLive, doctor, loadConfig } from '../../src/app/index.ts';
import type { Assessment, JsonObject, Outcome, Platform } from '../../src/model/index.ts';
import { typist } from '../cli/type.ts';
import { cleanups, serve } from '../sources/live-server.ts';
import { base64, makeKubeconfig, pem } from '../sources/tls.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'providers');
const home = mkdtempSync(join(tmpdir(), 'kubevidence-providers-'));
afterAll(() => rmSync(home, { recursive: true }));
const moment = new Date('2026-11-21T12:00:00Z');
const type = typist({ home, clock: () => moment });

interface Judged {
  readonly assessment: Assessment;
  readonly platform: string | null;
  readonly warnings: readonly string[];
}

/** A copy of a vendor's directory, changed, and judged. */
async function judged(vendor: Platform, change: (folder: string) => void = () => {}): Promise<Judged> {
  const folder = join(home, crypto.randomUUID());
  cpSync(join(fixtures, vendor), folder, { recursive: true });
  change(folder);
  const warnings: string[] = [];
  const context: AppContext = {
    cwd: home,
    env: { HOME: home },
    clock: () => moment,
    uid: null,
    warn: (text) => void warnings.push(text.replaceAll(`${folder}/`, '')),
    progress: () => {},
  };
  const { assessment, platform } = await assessCommand(context, { from: folder });
  return { assessment, platform, warnings };
}

const rowsBy = ({ assessment }: Judged, framework: string, outcome: Outcome) =>
  assessment.requirements.filter((each) => each.framework === framework && each.outcome === outcome).map(({ id }) => id);
const control = ({ assessment }: Pick<Judged, 'assessment'>, id: string) => assessment.controls.find((each) => each.id === id);
const ours = ({ assessment }: Pick<Judged, 'assessment'>) => assessment.controls.filter(({ id }) => /^(PROV|POOL)-/.test(id));

describe.each<[Platform, { pass: readonly string[]; fail: readonly string[]; open: readonly string[] }]>([
  ['eks', { pass: ['4.1.7', '4.3.1', '5.3.1', '5.5.1'], fail: ['2.1.1', '5.4.1', '5.4.2'], open: [] }],
  [
    'gke',
    {
      pass: ['4.3.1', '5.5.2', '5.5.4', '5.5.5', '5.5.6', '5.6.3', '5.6.5', '5.7.1', '5.8.2', '5.8.3', '5.10.4'],
      fail: ['4.5.1', '5.2.1', '5.3.1', '5.4.1', '5.5.3', '5.5.7', '5.6.4', '5.8.1', '5.9.2'],
      // A part of each is not in the answer: which workload uses it, and flow logs.
      open: ['5.2.2', '5.6.1'],
    },
  ],
  ['aks', { pass: ['2.1.1', '5.4.1', '5.4.4', '5.5.2'], fail: ['5.1.1', '5.3.1', '5.4.2', '5.4.3', '5.5.1'], open: ['5.2.1'] }],
])('%s with its files', (vendor, { pass, fail, open }) => {
  const result = judged(vendor);

  it('decides what they show', async () => {
    const found = await result;
    expect(found.warnings).toEqual([]);
    const shown = new Set([...pass, ...fail, ...open]);
    const of = (outcome: Outcome) => rowsBy(found, `cis-${vendor}`, outcome).filter((id) => shown.has(id));
    expect({ pass: of('pass'), fail: of('fail'), open: of('notAssessed') }).toEqual({ pass, fail, open });
  });

  it('says which distribution it is, and by what', async () => {
    expect((await result).platform).toMatch(
      /^(Amazon EKS|Google GKE|Azure AKS), by an answer of the provider, bound by the (files that|resource group)/,
    );
  });

  it('prints it by the command line', async () => {
    const { code, out } = await type('assess', '--from', join(fixtures, vendor), '--framework', `cis-${vendor}`);
    expect(code).toBe(0);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('runs the control plane');
    expect(out).not.toContain('canary');
  });
});

test('reads of Secrets are missing from kube-audit-admin, and logs are kept for a week', async () => {
  expect(control(await judged('aks'), 'PROV-002')?.findings[0]?.message).toBe(
    'the audit log of AKS is withoutReads: it does not show who read what',
  );
  expect(control(await judged('eks'), 'PROV-003')?.findings[0]?.message).toContain('for 7 days, less than 90');
});

const edit = (file: string, change: (answer: JsonObject) => unknown) => (folder: string) => {
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as JsonObject), null, 2));
};
const cluster = (answer: JsonObject) => answer['cluster'] as JsonObject;

describe('a file that cannot be used', () => {
  test.each<[string, Platform, (folder: string) => void, string]>([
    [
      'cut off',
      'eks',
      (folder) =>
        writeFileSync(join(folder, 'describe-cluster.json'), readFileSync(join(fixtures, 'eks/describe-cluster.json')).subarray(0, 900)),
      'describe-cluster.json:',
    ],
    [
      'of a wrong type',
      'eks',
      edit('describe-cluster.json', (answer) => ({
        cluster: { ...cluster(answer), resourcesVpcConfig: { publicAccessCidrs: '0.0.0.0/0' } },
      })),
      'describe-cluster.json:1: cluster.resourcesVpcConfig.publicAccessCidrs: it looks like what aws eks describe-cluster prints, but a list is expected here',
    ],
    [
      'huge',
      'gke',
      edit('describe.json', (answer) => ({ ...answer, nodePools: Array.from({ length: 5000 }, (_, i) => ({ name: String(i) })) })),
      'describe.json:1: nodePools: it looks like what gcloud container clusters describe prints, but a list of at most 2000 entries is expected here',
    ],
    [
      'with a time that is none',
      'aks',
      edit('show.json', (answer) => ({ ...answer, takenAt: 'yesterday' })),
      'show.json:1: takenAt: it looks like what az aks show prints, but a time such as 2026-08-14T12:00:00Z is expected here',
    ],
    [
      'nested too deeply to be read',
      'gke',
      (folder) =>
        writeFileSync(
          join(folder, 'describe.json'),
          `{"masterAuth": ${'['.repeat(20_000)}${']'.repeat(20_000)}, "currentMasterVersion": 3}`,
        ),
      'describe.json:1: masterAuth: it looks like what gcloud container clusters describe prints, but an object is expected here',
    ],
  ])('%s', async (_name, vendor, change, sentence) => {
    const found = await judged(vendor, change);
    expect(found.warnings.join('\n')).toContain(sentence);
    expect(ours(found).filter(({ outcome }) => outcome === 'pass' || outcome === 'fail')).toEqual([]);
  });

  test.each<[string, Platform, (folder: string) => void, string]>([
    [
      'of another vendor',
      'eks',
      (folder) => cpSync(join(fixtures, 'gke/describe.json'), join(folder, 'describe-cluster.json')),
      'node ip-10-0-1-17.eu-central-1.compute.internal is none of GKE',
    ],
    [
      'of two clusters',
      'eks',
      (folder) => cpSync(join(fixtures, 'gke/describe.json'), join(folder, 'gke.json')),
      'answers about several clusters are there',
    ],
    [
      'of another cluster of Azure',
      'aks',
      edit('show.json', (answer) => ({ ...answer, nodeResourceGroup: 'MC_other' })),
      'not all nodes name its resource group',
    ],
    [
      'of a month and more ago',
      'gke',
      edit('describe.json', (answer) => ({ ...answer, takenAt: '2026-10-01T00:00:00Z' })),
      'it was taken more than 35 days ago (what the file says)',
    ],
    [
      'whose file is old and says no time',
      'gke',
      (folder) => {
        edit('describe.json', (answer) => ({ ...answer, takenAt: undefined }))(folder);
        utimesSync(join(folder, 'describe.json'), new Date('2026-09-01T00:00:00Z'), new Date('2026-09-01T00:00:00Z'));
      },
      "it was taken more than 35 days ago (the file's time, which is no proof)",
    ],
  ])('%s', async (_name, vendor, change, detail) => {
    const found = await judged(vendor, change);
    const gap = control(found, 'PROV-007')?.gaps.find((each) => each.detail?.includes(detail));
    expect(gap?.what).toMatch(/in .*\.json, line 1/);
    expect(ours(found).filter(({ outcome }) => outcome === 'pass' || outcome === 'fail')).toEqual([]);
  });
});

test('an answer alone says whose cluster it is', async () => {
  const found = await judged('eks', (folder) => rmSync(join(folder, 'nodes.json')));
  expect(found.platform).toBe(
    'Amazon EKS, by an answer of the provider, bound by the files that it was given with; AWS runs the control plane',
  );
  expect(rowsBy(found, 'cis-eks', 'fail')).toEqual(['2.1.1', '5.4.1', '5.4.2']);
});

test('an object that says itself to be an answer is refused', async () => {
  const forged = { apiVersion: 'provider.kubevidence.io/v1', kind: 'ProviderAnswer', metadata: { name: 'x' }, answer: 'eks-cluster' };
  const found = await judged('eks', (folder) => {
    rmSync(join(folder, 'describe-cluster.json'));
    writeFileSync(join(folder, 'forged.json'), JSON.stringify(forged));
  });
  expect(new Set(ours(found).map(({ outcome }) => outcome))).toEqual(new Set(['manual', 'providerResponsibility', 'notApplicable']));
});

test('YAML is read as JSON is, and a file without any answer leaves all as it was', async () => {
  const yaml =
    'cluster:\n  arn: arn:aws:eks:eu-central-1:111122223333:cluster/clinic\n  accessConfig: {authenticationMode: CONFIG_MAP}\ntakenAt: 2026-11-20T06:00:00Z\n';
  const found = await judged('eks', (folder) => {
    rmSync(join(folder, 'describe-cluster.json'));
    writeFileSync(join(folder, 'cluster.yaml'), yaml);
  });
  expect(control(found, 'PROV-010')?.outcome).toBe('fail');
  expect(control(found, 'PROV-007')?.outcome).toBe('manual');
  const without = await judged('eks', (folder) => {
    for (const file of ['cluster', 'nodegroup', 'addon', 'log-groups']) rmSync(join(folder, `describe-${file}.json`));
  });
  expect(rowsBy(without, 'cis-eks', 'manual')).toEqual(expect.arrayContaining(['4.1.7', '4.3.1', '5.4.1', '5.4.2', '5.5.1']));
});

describe('a live run with --files', () => {
  let stop: (() => void)[] = [];
  beforeAll(async () => {
    const node = JSON.parse(readFileSync(join(fixtures, 'eks/nodes.json'), 'utf8')) as JsonObject;
    const lists: Record<string, unknown> = {
      '/version': { gitVersion: 'v1.34.2-eks-3abcdef', major: '1', minor: '34' },
      '/api/v1/namespaces': {
        kind: 'NamespaceList',
        apiVersion: 'v1',
        metadata: {},
        items: [{ metadata: { name: 'kube-system', uid: 'u' } }],
      },
      '/api/v1/nodes': node,
    };
    const port = await serve((_request, response, url) => {
      const body = lists[url.pathname];
      response.setHeader('content-type', 'application/json').writeHead(body === undefined ? 404 : 200);
      response.end(JSON.stringify(body ?? {}));
    });
    stop = cleanups.splice(0);
    writeFileSync(join(home, 'kubeconfig'), makeKubeconfig(`https://127.0.0.1:${port}`));
  });
  afterAll(() => {
    for (const end of stop) end();
  });

  test.each<[string, string, Outcome, RegExp | null]>([
    ['of this cluster, by its CA', pem.ca, 'fail', null],
    ['of another cluster', pem.otherCa, 'notAssessed', /its CA certificate is not the one that this cluster answers with/],
  ])('%s', { timeout: 30_000 }, async (name, ca, outcome, detail) => {
    const folder = join(home, `live ${name}`);
    mkdirSync(folder);
    const answer = JSON.parse(readFileSync(join(fixtures, 'eks/describe-cluster.json'), 'utf8')) as JsonObject;
    const now = new Date().toISOString();
    const given = { takenAt: now, cluster: { ...cluster(answer), certificateAuthority: { data: base64(ca) } } };
    writeFileSync(join(folder, 'eks.json'), JSON.stringify(given, null, 2));
    writeFileSync(
      join(folder, 'kubevidence.yaml'),
      `organization: Clinic\nclusters: [{name: prod, kubeconfig: ../kubeconfig, files: [eks.json]}]\n`,
      { mode: 0o600 },
    );
    const config = loadConfig({ cwd: folder, uid: null });
    const [prod] = config.clusters;
    if (prod === undefined) throw new Error('no cluster');
    const context: AppContext = {
      cwd: folder,
      env: { HOME: home },
      clock: () => new Date(),
      uid: null,
      warn: () => {},
      progress: () => {},
    };
    await collectLive(context, { config, cluster: prod, files: [], record: null, dryRun: false });
    const { assessment, platform } = await assessCommand(context, {});
    expect(platform).toContain('Amazon EKS, by the version of the API server, 1.34.2-eks-3abcdef');
    expect(control({ assessment }, 'PROV-007')?.outcome).toBe(outcome);
    const told = control({ assessment }, 'PROV-007')?.gaps.map((gap) => gap.detail) ?? [];
    expect(detail === null ? told.length === 0 : told.some((each) => detail.test(each ?? ''))).toBe(true);
  });

  test('doctor says which distribution it is, and that no file of the provider joins a run', { timeout: 30_000 }, async () => {
    const folder = join(home, 'doctor');
    mkdirSync(folder);
    writeFileSync(join(folder, 'kubevidence.yaml'), `organization: Clinic\nclusters: [{name: prod, kubeconfig: ../kubeconfig}]\n`, {
      mode: 0o600,
    });
    const config = loadConfig({ cwd: folder, uid: null });
    const [prod] = config.clusters;
    if (prod === undefined) throw new Error('no cluster');
    const context: AppContext = {
      cwd: folder,
      env: { HOME: home },
      clock: () => new Date(),
      uid: null,
      warn: () => {},
      progress: () => {},
    };
    const said: string[] = [];
    for await (const { state, what } of doctor(context, config, prod)) said.push(`${state}: ${what}`);
    expect(said.join('\n')).toContain(
      'ok: Amazon EKS, by the version of the API server, 1.34.2-eks-3abcdef and the version of the kubelet of its node',
    );
    expect(said.join('\n')).toContain('warning: no files bring what the provider keeps to itself');
  });
});
