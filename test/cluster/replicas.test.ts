/**
 * Two real API servers over one etcd, behind an address that leads to the first: what each of them does counts only where each is asked.
 * The second has other settings, so that the answer of one can never pass for both. The collector has the rights that its manifest gives,
 * and no others.
 */
import { networkInterfaces } from 'node:os';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessCan } from '../../src/access/index.ts';
import type { Assessment } from '../../src/model/index.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { startCluster, type TestCluster } from './index.ts';
import { endProcess, type ProcessHandle } from './processes.ts';

/** An EndpointSlice cannot name a loopback address. */
const address = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal, address: each }) => family === 'IPv4' && !internal && !each.startsWith('169.254.'))?.address;

let cluster: TestCluster;
let line: CommandLine;
let replica: ProcessHandle;
let addresses: readonly string[];

const config = (apiServers: string) =>
  `organization: Example\nledger: sqlite:evidence/ledger.db\nclusters:\n  - {name: test, apiServers: ${apiServers}}\n`;

function control(assessment: Assessment, id: string) {
  const found = assessment.controls.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  const { outcome, findings, gaps } = found;
  return { outcome, items: findings.map(({ item }) => item), gaps: gaps.map(({ what, detail }) => `${what}: ${detail ?? ''}`) };
}

/** What an answer about access says of authorizers: those that decide, and its notes. */
async function authorizers(): Promise<readonly [readonly string[] | null, string]> {
  const { stdout } = await line.run('access', 'can', 'get', 'secrets', '-o', 'json');
  const answer = JSON.parse(stdout) as AccessCan;
  return [answer.authorizers, answer.notes.join()];
}

async function collect(...more: readonly string[]): Promise<void> {
  const { code, stderr } = await line.run('collect', ...more);
  if (code !== 0) throw new Error(`collect ended with ${code}: ${stderr}`);
}

describe.skipIf(address === undefined || process.platform !== 'linux' || process.getuid?.() !== 0)(
  'two API servers behind one address',
  () => {
    beforeAll(async () => {
      cluster = await startCluster({ apiserverArgs: ['--bind-address=0.0.0.0'] });
      replica = await cluster.startReplica('cp-2', {
        audit: 'none',
        encryption: 'none',
        apiserverArgs: ['--bind-address=0.0.0.0', '--profiling=true', '--authorization-mode=AlwaysDeny'],
      });
      addresses = await cluster.registerReplicas(address ?? '');
      line = openCommandLine(cluster.kubeconfig);
      line.write('kubevidence.yaml', config('each'));
      const manifest = await line.run('manifests', 'rbac');
      await cluster.apply(manifest.stdout);
      line.kubeconfig = await cluster.serviceAccountKubeconfig('kubevidence', 'collector');
    }, 120_000);
    afterAll(async () => {
      line.remove();
      await cluster.stop();
    });

    it('are not taken for one where only one is asked', async () => {
      line.write('kubevidence.yaml', config('one'));
      const { stdout } = await line.run('doctor');
      expect(stdout).toContain('2 API servers are behind this address');
      await collect();
      const assessment = await line.assess();
      for (const id of ['API-015', 'AUD-001', 'AUD-008', 'ENC-001'])
        expect(control(assessment, id)).toMatchObject({ outcome: 'notAssessed', items: [] });
      expect(control(assessment, 'API-015').gaps.join()).toContain('1 of 2 replicas do not show theirs');
      expect((await authorizers())[0]).toBeNull();
      expect((await authorizers())[1]).toContain('1 of 2 API servers do not show their flags');
    }, 60_000);

    it('each answer for themselves where each is asked, and the worse one fails', async () => {
      line.write('kubevidence.yaml', config('each'));
      const { stdout } = await line.run('doctor');
      for (const each of addresses) expect(stdout).toContain(`the API server at ${each} answers for itself`);
      await collect('--record', 'both.jsonl.gz');
      const assessment = await line.assess();
      const [first, second] = addresses.map((each) => `kube-apiserver/${each}`);
      expect(control(assessment, 'API-015')).toMatchObject({ outcome: 'fail', items: [second], gaps: [] });
      expect(control(assessment, 'AUD-001')).toMatchObject({ outcome: 'fail', items: [second], gaps: [] });
      expect(control(assessment, 'API-002')).toMatchObject({ outcome: 'pass', gaps: [] });
      expect(control(assessment, 'ENC-001').items).toEqual([second]);
      // The first was seen to record; of the second nothing shows that it does.
      expect(control(assessment, 'AUD-008').gaps.join()).toContain(second?.slice('kube-apiserver/'.length));
      expect(control(assessment, 'AUD-008').gaps.join()).not.toContain(first?.slice('kube-apiserver/'.length));
      expect(control(assessment, 'RUN-002').items.filter((item) => item.includes('endpointslices'))).toEqual([]);
      const [modes, notes] = await authorizers();
      expect(modes).toEqual(['Node', 'RBAC', 'AlwaysDeny']);
      expect(notes).toContain(`the API server at ${addresses[1]} also asks AlwaysDeny`);
      expect(notes).toMatch(/the API servers differ: /);
      expect(notes).toMatch(new RegExp(`the API server at ${addresses[0]} asks Node, RBAC(,|$)`));
    }, 60_000);

    it('as a recording says it again', async () => {
      const { stdout, stderr } = await line.run('assess', '--from', 'both.jsonl.gz', '-o', 'json');
      expect(stderr).not.toContain('error');
      const assessment = JSON.parse(stdout) as Assessment;
      expect(control(assessment, 'API-015')).toMatchObject({ outcome: 'fail', items: [`kube-apiserver/${addresses[1]}`], gaps: [] });
      // Into a ledger, for a cluster of which only one would be asked.
      line.write('replay.yaml', config('one').replace('evidence/', 'replayed/'));
      expect(await line.run('--config', 'replay.yaml', 'collect', '--from', 'both.jsonl.gz')).toMatchObject({ code: 0 });
      expect(control(await line.assess('--config', 'replay.yaml'), 'API-015')).toMatchObject({ outcome: 'fail', gaps: [] });
    }, 60_000);

    it('agree with the audit log of the cluster about what was asked of which', async () => {
      const log = line.write('audit.log', readFileSync(`${cluster.dir}/log/audit.log`, 'utf8'));
      const { stdout, stderr } = await line.run('reconcile', '--audit-log', log, '-o', 'json');
      expect(stderr).not.toContain('defect');
      expect(stdout).not.toContain('https://');
    }, 60_000);

    it('one that is gone is a gap that names it', async () => {
      await endProcess(replica.pid);
      const { stdout } = await line.run('doctor');
      expect(stdout).toContain(`the API server at ${addresses[1]} is not heard`);
      await collect();
      const assessment = await line.assess();
      expect(control(assessment, 'API-015')).toMatchObject({ outcome: 'notAssessed', items: [] });
      expect(control(assessment, 'API-015').gaps.join()).toContain(`flagz of ${addresses[1]}`);
      expect(control(assessment, 'AUD-008').gaps.join()).toContain(`metrics of ${addresses[1]}`);
      expect((await authorizers())[0]).toBeNull();
      expect((await authorizers())[1]).toContain(`the API server at ${addresses[1]} does not show its flags`);
    }, 60_000);
  },
);

describe.skipIf(address === undefined)('an API server that registers itself', () => {
  it('is found in the slice that it writes', async () => {
    const own = await startCluster({
      apiserverArgs: ['--bind-address=0.0.0.0', `--advertise-address=${address}`, '--endpoint-reconciler-type=lease'],
    });
    const alone = openCommandLine(own.kubeconfig);
    try {
      alone.write('kubevidence.yaml', config('each'));
      const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';
      await expect.poll(async () => (await own.admin.send('GET', path)).status, { timeout: 30_000, interval: 250 }).toBe(200);
      expect(await alone.run('collect')).toMatchObject({ code: 0 });
      const port = new URL(own.server).port;
      expect((await alone.run('doctor')).stdout).toContain(`the API server at ${address}:${port} answers for itself`);
      expect(control(await alone.assess(), 'API-015')).toMatchObject({ outcome: 'pass', gaps: [] });
    } finally {
      alone.remove();
      await own.stop();
    }
  }, 120_000);
});
