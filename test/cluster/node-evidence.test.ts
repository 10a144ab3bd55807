/**
 * A node as it is: the collector reads this machine while a real control plane and a real kubelet run on it, also what the kubelet itself
 * says at /configz to a credential that may ask nothing else, and the run that takes it in decides what no API shows.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, listAt, textAt } from '../../src/model/index.ts';
import { packageRoot } from '../../src/app/index.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { startCluster, type TestCluster } from './index.ts';

let cluster: TestCluster;
let line: CommandLine;
let directory = '';

beforeAll(async () => {
  cluster = await startCluster({ node: true });
  line = openCommandLine(cluster.kubeconfig);
  directory = join(cluster.dir, 'node-evidence');
  mkdirSync(directory);
}, 120_000);
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

const read = (file: string) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Json;

async function collectNode(file: string, ...options: readonly string[]): Promise<Json> {
  const { code, stderr } = await line.run('node', 'collect', '--root', '/', '--out', join(directory, file), ...options);
  expect([code, stderr]).toEqual([0, '']);
  return read(file);
}

/** A kubeconfig whose server is the kubelet, with the client certificate of this user. */
async function kubeletAccess(user: string): Promise<string> {
  const config = parse(readFileSync(await cluster.userKubeconfig(user), 'utf8')) as { clusters: { cluster: Record<string, unknown> }[] };
  for (const each of config.clusters)
    each.cluster = {
      server: cluster.kubelet,
      'certificate-authority': join(cluster.dir, 'kubelet', 'pki', 'kubelet.crt'),
      'tls-server-name': 'control-plane-1',
    };
  const file = join(directory, `${user}.conf`);
  writeFileSync(file, stringify(config), { mode: 0o600 });
  return file;
}

describe('a node with a real control plane and kubelet', () => {
  it('is read as it runs: its programs, the files that they are told, and the kubelet under its own name', async () => {
    const document = await collectNode('told.json');
    expect(textAt(document, 'metadata', 'name')).toBe('control-plane-1');
    const programs = new Set(listAt(document, 'programs').map((each) => textAt(each, 'program')));
    for (const program of ['kubelet', 'kube-apiserver', 'etcd', 'kube-controller-manager', 'kube-scheduler'])
      expect(programs, program).toContain(program);
    expect(at(document, 'kubelet', 'config', 'authentication', 'anonymous', 'enabled')).toBe(false);
    expect(JSON.stringify(document)).not.toContain('PRIVATE KEY');
  });

  it('tells what its kubelet runs with, to a credential that may ask nothing else', async () => {
    await cluster.kubectl(['create', 'clusterrole', 'kubelet-configz', '--verb=get', '--resource=nodes/configz']);
    await cluster.kubectl(['create', 'clusterrolebinding', 'kubelet-configz', '--clusterrole=kubelet-configz', '--user=kubelet-reader']);
    const document = await collectNode('running.json', '--configz', await kubeletAccess('kubelet-reader'));
    expect(listAt(document, 'unread').filter((each) => textAt(each, 'what') === 'kubelet-configz')).toEqual([]);
    expect(at(document, 'kubelet', 'configz', 'authentication', 'anonymous', 'enabled')).toBe(false);
    // A default that no file says.
    expect(at(document, 'kubelet', 'configz', 'rotateCertificates')).toBe(true);
  });

  it('is not asked with a credential that may do more', async () => {
    await cluster.kubectl(['create', 'clusterrolebinding', 'too-much', '--clusterrole=cluster-admin', '--user=too-much']);
    const document = await collectNode('refused.json', '--configz', await kubeletAccess('too-much'));
    expect(at(document, 'kubelet', 'configz')).toBeUndefined();
    const unread = listAt(document, 'unread').find((each) => textAt(each, 'what') === 'kubelet-configz');
    expect(textAt(unread, 'detail')).toContain('not limited to get nodes/configz');
  });

  it('decides what no API shows, in the run that takes it in', async () => {
    const { code } = await line.run('collect', '--files', join(directory, 'running.json'));
    expect(code).toBe(0);
    const { controls } = await line.assess();
    const outcomes = new Map(controls.map(({ id, outcome }) => [id, outcome]));
    const own = [...outcomes].filter(([id]) => /^(NODE|KUBELET|CERT|PROXY)-/.test(id));
    expect(own.filter(([, outcome]) => outcome === 'pass' || outcome === 'fail').length).toBeGreaterThan(30);
    for (const id of ['KUBELET-001', 'KUBELET-002', 'KUBELET-003', 'KUBELET-004', 'KUBELET-015', 'NODE-001', 'CERT-003', 'FLAG-001'])
      expect([id, outcomes.get(id)]).toEqual([id, 'pass']);
    // The harness signs for 30 days, and its kubelet serves with a certificate of its own making.
    for (const id of ['CERT-001', 'KUBELET-009']) expect([id, outcomes.get(id)]).toEqual([id, 'fail']);
  });

  it('gets its collector from a DaemonSet that the API server takes word by word, with the whole root read-only and no token', async () => {
    const namespace = ['-n', 'kubevidence-nodes'];
    await cluster.kubectl(['apply', '--validate=strict', '-f', join(packageRoot, 'deploy', 'node-collector.yaml')]);
    const scheduled = '--for=jsonpath={.status.currentNumberScheduled}=1';
    await cluster.kubectl([...namespace, 'wait', scheduled, 'daemonset/node-collector', '--timeout=60s']);
    const pods = JSON.parse(await cluster.kubectl([...namespace, 'get', 'pods', '-o', 'json'])) as Json;
    const [pod, ...others] = listAt(pods, 'items');
    expect(others).toEqual([]);
    expect(textAt(pod, 'spec', 'nodeName')).toBe('control-plane-1');
    expect(listAt(pod, 'spec', 'volumes')).toEqual([{ name: 'node', hostPath: { path: '/', type: 'Directory' } }]);
    expect(at(listAt(pod, 'spec', 'containers')[0], 'volumeMounts')).toEqual([
      { name: 'node', mountPath: '/host', readOnly: true, recursiveReadOnly: 'IfPossible' },
    ]);
  });
});
