/**
 * Clusters whose control plane a provider runs, as `kubectl get -o yaml` shows them: nodes with their providerID and labels, and no mirror
 * pods. Each is held against its provider's benchmark too; what its tenant cannot see is neither a pass nor a fail there.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { type AppContext, assessCommand, collectFiles, createPackCommand, loadConfig } from '../../src/app/index.ts';
import type { Assessment, JsonObject, Outcome, Platform } from '../../src/model/index.ts';
import { verifyPack } from '../../src/packs/index.ts';

const home = mkdtempSync(join(tmpdir(), 'kubevidence-managed-'));
afterAll(() => rmSync(home, { recursive: true }));
const context: AppContext = {
  cwd: home,
  env: { HOME: home },
  clock: () => new Date(),
  uid: null,
  warn: () => {},
  progress: () => {},
};

const nodes: Readonly<Record<Platform, JsonObject>> = {
  eks: {
    metadata: {
      name: 'ip-10-0-1-17.eu-central-1.compute.internal',
      labels: { 'eks.amazonaws.com/nodegroup': 'main', 'eks.amazonaws.com/capacityType': 'ON_DEMAND' },
    },
    spec: { providerID: 'aws:///eu-central-1a/i-0123456789abcdef0' },
    status: { nodeInfo: { kubeletVersion: 'v1.34.2-eks-3abcdef', osImage: 'Amazon Linux 2023' } },
  },
  gke: {
    metadata: { name: 'gke-clinic-main-5f2c', labels: { 'cloud.google.com/gke-nodepool': 'main' } },
    spec: { providerID: 'gce://clinic/europe-west3-a/gke-clinic-main-5f2c' },
    status: { nodeInfo: { kubeletVersion: 'v1.34.2-gke.1234000', osImage: 'Container-Optimized OS from Google' } },
  },
  aks: {
    metadata: {
      name: 'aks-main-12345678-vmss000000',
      labels: { 'kubernetes.azure.com/cluster': 'MC_clinic_clinic_westeurope', 'kubernetes.azure.com/agentpool': 'main' },
    },
    spec: {
      providerID: 'azure:///subscriptions/0/resourceGroups/mc/providers/Microsoft.Compute/virtualMachineScaleSets/aks/virtualMachines/0',
    },
    status: { nodeInfo: { kubeletVersion: 'v1.34.2', osImage: 'Ubuntu 24.04' } },
  },
};

const rbac = 'rbac.authorization.k8s.io';
const clusterRole = (name: string, rules: readonly JsonObject[]) => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
});
const bind = (name: string, role: string, subject: JsonObject) => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
  subjects: [{ apiGroup: rbac, ...subject }],
});
const friday = bind('friday', 'cluster-admin', { kind: 'User', name: 'alice' });
/** alice holds cluster-admin, everybody may read pods, and the one workload is fenced in but may gain privileges. */
const objects: readonly object[] = [
  ...['default', 'booking', 'kube-system'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  clusterRole('cluster-admin', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]),
  clusterRole('reader', [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]),
  bind('cluster-admin', 'cluster-admin', { kind: 'Group', name: 'system:masters' }),
  friday,
  bind('everybody', 'reader', { kind: 'Group', name: 'system:authenticated' }),
  { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name: 'none', namespace: 'booking' }, rules: [] },
  {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'none', namespace: 'booking' },
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'none' },
    subjects: [{ apiGroup: rbac, kind: 'User', name: 'bob' }],
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'deny', namespace: 'booking' },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web', namespace: 'booking' }, automountServiceAccountToken: false },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'booking' },
    spec: {
      template: {
        spec: {
          serviceAccountName: 'web',
          automountServiceAccountToken: false,
          containers: [{ name: 'web', image: 'registry.example/web:1' }],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'booking' },
    spec: {
      serviceAccountName: 'web',
      automountServiceAccountToken: false,
      containers: [{ name: 'web', image: 'registry.example/web:1' }],
    },
  },
];

function writeCluster(name: string, shown: readonly object[]): string {
  const folder = join(home, name);
  mkdirSync(folder);
  for (const kind of ['Node', 'other']) {
    const items = shown.filter((each) => ('kind' in each && each.kind === 'Node') === (kind === 'Node'));
    writeFileSync(join(folder, `${kind}.json`), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }
  return folder;
}

const node = (of: JsonObject) => ({ apiVersion: 'v1', kind: 'Node', ...of });
const idsBy = (assessment: Assessment, framework: string, ...wanted: readonly Outcome[]) =>
  assessment.requirements.filter((each) => each.framework === framework && wanted.includes(each.outcome)).map(({ id }) => id);

interface Expected {
  readonly rows: number;
  readonly provider: readonly string[];
  readonly fail: readonly string[];
  readonly pass: readonly string[];
}

const expectations: Readonly<Record<Platform, Expected>> = {
  eks: {
    rows: 40,
    provider: ['2.1.1', '5.3.1'],
    fail: ['4.1.1', '4.1.2', '4.1.4', '4.1.8', '4.1.9', '4.1.10', '4.1.11', '4.1.12', '4.2.5'],
    pass: ['4.1.3'],
  },
  gke: { rows: 38, provider: ['5.3.1', '5.7.1', '5.8.3'], fail: ['4.1.1', '4.1.2', '4.2.1'], pass: ['4.1.3', '4.1.8', '4.1.9'] },
  aks: {
    rows: 41,
    provider: ['2.1.1', '5.3.1'],
    fail: ['4.1.1', '4.1.2', '4.1.4', '4.1.7', '4.1.8', '4.1.9', '4.1.10', '4.1.11', '4.1.12', '4.2.5'],
    pass: ['4.1.3'],
  },
};

describe.each(Object.entries(expectations) as [Platform, Expected][])(
  '%s, from a directory',
  (platform, { rows, provider, fail, pass }) => {
    const folder = writeCluster(platform, [node(nodes[platform]), ...objects]);
    const framework = `cis-${platform}`;
    const judged = assessCommand(context, { from: folder }).then(({ assessment }) => assessment);

    it('is held against its own benchmark, beside the general one, and every row has an outcome', async () => {
      const assessment = await judged;
      expect(Object.keys(assessment.summary)).toEqual(['cis-kubernetes', framework, 'gdpr', 'hipaa-security-rule']);
      expect(assessment.requirements.filter((each) => each.framework === framework)).toHaveLength(rows);
      // What only the provider's own answer shows is asked of a person, or is the provider's, as long as nobody brings one.
      const open = assessment.requirements.filter(
        (each) => each.framework === framework && each.controls.every(({ id }) => /^(PROV|POOL)-/.test(id)),
      );
      expect(open.filter(({ needs }) => needs === null)).toEqual([]);
      expect(new Set(open.map(({ outcome }) => outcome))).toEqual(new Set(['manual', 'providerResponsibility']));
    });

    it('says of each row what the cluster shows', async () => {
      const assessment = await judged;
      expect(idsBy(assessment, framework, 'fail')).toEqual(fail);
      expect(idsBy(assessment, framework, 'pass', 'notApplicable')).toEqual(pass);
    });

    it('leaves the control plane to the provider, in both benchmarks', async () => {
      const assessment = await judged;
      expect(idsBy(assessment, framework, 'providerResponsibility')).toEqual(provider);
      const controlPlane = assessment.requirements.filter((each) => each.framework === 'cis-kubernetes' && /^[12]\./.test(each.id));
      expect(new Set(controlPlane.map(({ outcome }) => outcome))).toEqual(new Set(['providerResponsibility']));
    });
  },
);

test('a right that the cloud may grant as well never passes by RBAC alone', async () => {
  const { assessment } = await assessCommand(context, {
    from: writeCluster('quiet', [node(nodes.eks), ...objects.filter((each) => each !== friday)]),
  });
  const grants = assessment.controls.filter(({ id }) => ['RBAC-001', 'RBAC-003', 'RBAC-005'].includes(id));
  expect(grants.map(({ outcome }) => outcome)).toEqual(['pass', 'pass', 'pass']);
  expect(['4.1.1', '4.1.2', '4.1.4'].filter((id) => !idsBy(assessment, 'cis-eks', 'notAssessed').includes(id))).toEqual([]);
});

test("a cluster of one's own has no provider's benchmark", async () => {
  const own = { ...nodes.eks, metadata: { name: 'cp', labels: { 'node-role.kubernetes.io/control-plane': '' } } };
  const { assessment } = await assessCommand(context, { from: writeCluster('own', [node(own), ...objects]) });
  expect(Object.keys(assessment.summary)).toEqual(['cis-kubernetes', 'gdpr', 'hipaa-security-rule']);
  expect(idsBy(assessment, 'cis-kubernetes', 'providerResponsibility')).toEqual([]);
});

test('a pack has the benchmark of the provider, for the period too, and verifies', { timeout: 60_000 }, async () => {
  // Nodes that say nothing of their make: the configuration says whose cluster it is.
  const folder = writeCluster('packed', [node({ metadata: { name: 'n' } }), ...objects]);
  const text = `organization: Clinic\nframeworks: [cis-eks, cis-gke]\nclusters: [{name: prod, directory: ${folder}, managed: gke}]\n`;
  writeFileSync(join(home, 'kubevidence.yaml'), text, { mode: 0o600 });
  const config = loadConfig({ cwd: home, uid: null });
  const [cluster] = config.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  await collectFiles(context, { config, cluster, files: [], record: null, dryRun: false }, folder);
  const out = join(home, 'pack');
  const { fingerprint } = await createPackCommand(context, { config, out, form: 'directory', period: String(new Date().getUTCFullYear()) });
  expect(await verifyPack(out, { trust: fingerprint })).toMatchObject({ ok: true, problems: [] });
  const { value } = JSON.parse(readFileSync(join(out, 'assessments', 'run-1.json'), 'utf8')) as { value: Assessment };
  expect(Object.keys(value.summary)).toEqual(['cis-gke']);
  expect(idsBy(value, 'cis-gke', 'providerResponsibility')).toEqual(expectations.gke.provider);
});
