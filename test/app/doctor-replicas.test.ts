/** What `doctor` says of API servers behind one address, and what asking each of them takes: one right more, where it is asked for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig, loadConfigOrDefaults, rbacManifests } from '../../src/app/index.ts';
import { collectorSettings } from '../../src/app/config.ts';
import { checkReplicas } from '../../src/app/doctor/doctor-replicas.ts';
import { planReplicas } from '../../src/app/collect/replica-requests.ts';
import { declarations } from '../../src/collectors/index.ts';
import type { Json } from '../../src/model/index.ts';
import { open, send, serve } from '../sources/live-server.ts';

const lists: Readonly<Record<string, Json>> = {
  '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases': { items: [{}, {}] },
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes': {
    endpoints: [{ addresses: ['169.254.169.254'] }, { addresses: ['127.0.0.1'] }],
    ports: [{ port: 1 }],
  },
};

async function said(settings: Parameters<typeof checkReplicas>[1], answers = lists): Promise<readonly string[]> {
  const source = await open(
    await serve((_request, response, url) => {
      const list = answers[url.pathname];
      send(response, list === undefined ? 404 : 200, JSON.stringify(list ?? {}));
    }),
  );
  const checks: string[] = [];
  for await (const { state, what, detail } of checkReplicas(source, settings)) checks.push(`${state}: ${what} · ${detail ?? ''}`);
  return checks;
}

describe('doctor', () => {
  it('says that a run hears one of several, and what to do', async () => {
    expect(await said({})).toEqual([expect.stringMatching(/^warning: 2 API servers are behind this address.*apiServers: each/)]);
    expect(await said({}, {})).toEqual([]);
  });

  it('tries each address where each is to be asked', async () => {
    expect(await said({ apiservers: true })).toEqual([
      expect.stringMatching(/^problem: the API server at 127\.0\.0\.1:1 is not heard: 127\.0\.0\.1:1 refuses the connection/),
      expect.stringMatching(/^problem: the API server at 169\.254\.169\.254:1 is not heard: .*link.* · look who wrote the EndpointSlice/),
    ]);
    expect(await said({ apiservers: true }, {})).toEqual([]);
  });
});

function config(clusters: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'replicas-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(join(cwd, 'kubevidence.yaml'), `organization: Clinic\nclusters: ${clusters}\n`, { mode: 0o600 });
  return { cwd, uid: process.getuid?.() ?? null };
}

describe('apiServers: each', () => {
  const kinds = (clusters: string, name: string) => {
    const loaded = loadConfig(config(clusters));
    const cluster = loaded.clusters.find((each) => each.name === name);
    if (cluster === undefined) throw new Error(`no ${name}`);
    return declarations(collectorSettings(loaded, cluster)).map(({ kind }) => kind);
  };

  it('is of one cluster, and off elsewhere', () => {
    const clusters = '[{name: a, apiServers: each}, {name: b}, {name: c, apiServers: one}]';
    expect(kinds(clusters, 'a')).toContain('k8s.apiservers/flagz');
    for (const name of ['b', 'c']) expect(kinds(clusters, name)).not.toContain('k8s.apiservers/flagz');
  });

  it('takes one right more, by name', () => {
    const manifest = (clusters: string) =>
      rbacManifests(loadConfigOrDefaults(config(clusters)).collectors, { namespace: 'n', serviceAccount: 's' });
    expect(manifest('[{name: a}]')).not.toContain('endpointslices');
    expect(manifest('[{name: a}, {name: b, apiServers: each}]').replaceAll(/\s+/g, ' ')).toContain(
      'namespace: default rules: - apiGroups: - discovery.k8s.io resources: - endpointslices resourceNames: - kubernetes verbs: - get',
    );
  });
});

describe('what replicas are asked', () => {
  const plan = () => planReplicas(declarations({ apiservers: true }));
  const body = (count: number) =>
    Buffer.from(
      JSON.stringify({
        endpoints: [{ addresses: Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`) }],
        ports: [{ port: 6443 }],
      }),
    );

  it('is nothing but gaps where no address is known', () => {
    const { planned, unasked } = plan().plan();
    expect(planned).toEqual([]);
    expect(unasked.map(({ gap }) => gap.what)).toEqual([
      'flagz of each API server',
      'statusz of each API server',
      'metrics of each API server',
    ]);
  });

  it('is the same of each, of as many as a cluster can have', () => {
    const replicas = plan();
    replicas.note('k8s.apiservers/endpointslices', body(40));
    replicas.note('k8s.pods/pods', body(1));
    const { planned, unasked } = replicas.plan();
    expect(unasked).toEqual([]);
    expect(planned.map(({ kind, requests }) => [kind, requests.length])).toEqual([
      ['k8s.apiservers/flagz', 16],
      ['k8s.apiservers/statusz', 16],
      ['k8s.apiservers/metrics', 16],
    ]);
    const gap = { reason: 'error' as const, what: 'flagz of 10.0.0.1:6443' };
    expect(replicas.completeGaps('k8s.apiservers/flagz', [gap])).toMatchObject([
      { ...gap, closedBy: expect.stringContaining('reach this API server') },
      { reason: 'error', what: 'flagz of each API server at 24 further addresses' },
    ]);
    expect(replicas.completeGaps('k8s.pods/pods', [gap])).toEqual([gap]);
  });
});
