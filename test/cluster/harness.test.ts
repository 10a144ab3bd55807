/** The rig itself: what other tests take for granted about the cluster that they are given. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { TestCluster } from './index.ts';
import { applyWorkloads, ensureBinaries, missingFeatures, startCluster } from './index.ts';

const missing = missingFeatures(await ensureBinaries());
const flagzJson = 'application/json;v=v1beta1;g=config.k8s.io;as=Flagz';

async function flagsOf({ admin }: TestCluster): Promise<Record<string, string>> {
  const { flags } = await admin.json<{ flags: Record<string, string> }>('GET', '/flagz', { accept: flagzJson });
  return flags;
}

async function secretWrites({ admin }: TestCluster): Promise<string[]> {
  const { body } = await admin.send('GET', '/metrics');
  return body
    .split('\n')
    .filter((line) => /^apiserver_storage_transformation_operations_total\{.*resource="secrets".*"to_storage"/.test(line));
}

const secret = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  stringData: { key: 'value' },
});

describe('without encryption, audit log and controllers', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ encryption: 'none', audit: 'none', anonymous: false });
    await applyWorkloads(cluster, { canary: 'CANARY-1' });
  });
  afterAll(() => cluster.stop());

  test('the API server is ready and says which flags it runs with', async () => {
    expect((await cluster.admin.send('GET', '/readyz')).body).toBe('ok');
    const flags = await flagsOf(cluster);
    expect(flags).toMatchObject({
      'encryption-provider-config': '',
      'audit-policy-file': '',
      'anonymous-auth': 'false',
      profiling: 'false',
    });
    expect(await secretWrites(cluster)).toEqual([]);
    expect(cluster.auditLog()).toEqual([]);
  });

  test('the examples look as if they ran, and carry the canary where values must not leak from', async () => {
    const { items } = await cluster.admin.json<{ items: { status: { phase: string } }[] }>('GET', '/api/v1/pods');
    expect(items.map(({ status }) => status.phase)).toEqual(Array.from({ length: 8 }, () => 'Running'));
    const everything = await cluster.kubectl(['get', 'secrets,configmaps,deployments,cronjobs,pods', '-A', '-o', 'yaml']);
    const places = [
      'secret',
      'annotation',
      'configmap',
      'template',
      'init',
      'command',
      'argument',
      'env',
      'probe',
      'hook',
      'job',
      'pod',
      'literal',
    ];
    expect(places.filter((place) => !everything.includes(`${place}-CANARY-1`))).toEqual([]);
  });

  test('users, groups and service accounts are who they are said to be', async () => {
    const person = await cluster.userKubeconfig('dana', ['auditors', 'night/shift']);
    const robot = await cluster.serviceAccountKubeconfig('clinic', 'robot');
    const whoami = (kubeconfig: string) =>
      cluster.kubectl(['--kubeconfig', kubeconfig, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo}']);
    expect(JSON.parse(await whoami(person))).toMatchObject({
      username: 'dana',
      groups: ['auditors', 'night/shift', 'system:authenticated'],
    });
    expect(JSON.parse(await whoami(robot))).toMatchObject({ username: 'system:serviceaccount:clinic:robot' });
    await expect(cluster.kubectl(['--kubeconfig', person, 'get', 'pods'])).rejects.toThrow(/forbidden/);
  });

  test('a restart switches encryption and the audit log on, on the same data', async () => {
    await cluster.restartApiServer({ encryption: 'secretbox', audit: 'metadata' });
    await cluster.apply([secret('after')]);
    const writes = await secretWrites(cluster);
    expect(writes.some((line) => line.includes('k8s:enc:secretbox:v1:'))).toBe(true);
    expect(
      cluster
        .auditLog()
        .some(({ verb, level, requestURI }) => verb === 'create' && level === 'Metadata' && requestURI.includes('/secrets')),
    ).toBe(true);
    expect(await cluster.kubectl(['get', 'secret', '-n', 'clinic', 'patient-db', '-o', 'name'])).toBe('secret/patient-db\n');
  });
});

describe.skipIf(missing.length > 0)(`with a node${missing.length > 0 ? ` (skip: ${missing.join('; ')})` : ''}`, () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ node: true, encryption: 'identity-first' });
  });
  afterAll(() => cluster.stop());

  test('mirror pods show the flags of what runs', async () => {
    type Pod = { metadata: { name: string; annotations: Record<string, string> }; spec: { containers: { command: string[] }[] } };
    const { items } = await cluster.admin.json<{ items: Pod[] }>('GET', '/api/v1/namespaces/kube-system/pods');
    const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    expect(items.map(({ metadata }) => metadata.name)).toEqual(names.map((name) => `${name}-control-plane-1`));
    for (const { metadata } of items) expect(metadata.annotations['kubernetes.io/config.mirror']).toMatch(/^[0-9a-f]{32}$/);
    const flags = await flagsOf(cluster);
    const shown = items[1]?.spec.containers[0]?.command.slice(1).map((flag) => /^--([^=]+)=(.*)$/s.exec(flag) ?? []) ?? [];
    expect(shown.length).toBeGreaterThan(20);
    for (const [, name = '', value] of shown.filter(([, name]) => name !== 'feature-gates')) {
      expect([name, flags[name]?.replace(/^\[(.*)\]$/, '$1')]).toEqual([name, value]);
    }
  });

  test('secrets are written in plain text first', async () => {
    await cluster.apply([secret('plain')]);
    const writes = await secretWrites(cluster);
    expect(writes.some((line) => line.includes('transformer_prefix=""'))).toBe(true);
  });

  test('controllers and the node run the examples; stop() leaves nothing', async () => {
    await applyWorkloads(cluster);
    const ready = await cluster.kubectl(['get', 'deployment', '-n', 'clinic', 'patient-api', '-o', 'jsonpath={.spec.replicas}']);
    expect(ready).toBe('2');
    const ids = readFileSync(join(cluster.dir, 'processes'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    await cluster.stop();
    expect(ids).toHaveLength(6);
    // What has just been killed is for a moment still there, until its end is collected.
    await vi.waitFor(() => expect(ids.filter((id) => existsSync(`/proc/${id}`))).toEqual([]));
    expect(existsSync(cluster.dir)).toBe(false);
  });
});
