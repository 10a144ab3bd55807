/** The two halves of node evidence together: what the reader writes about a node decides every recommendation that is about nodes. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assessControls } from '../src/assessment/index.ts';
import { loadCatalog } from '../src/catalog/index.ts';
import { exampleSnapshot } from '../src/control-examples.ts';
import { populations } from '../src/populations/index.ts';
import {
  collect,
  identity,
  kubeadm,
  kubeletConfiguration,
  proc,
  staticPod,
  staticPodManifest,
  type Tree,
  withCertificate,
} from './sources/node/given.ts';

const root = join(import.meta.dirname, '..');
const catalog = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [join(root, 'mappings')],
  techniqueDirs: [join(root, 'techniques')],
  populations: populations.map(({ name }) => name),
});
const benchmark = catalog.frameworks.find(({ id }) => id === 'cis-kubernetes');
const ofNodes = new Set(
  benchmark?.requirements.filter(({ id }) => /^(1\.1|4\.\d)\.|^2\.7$/.test(id)).flatMap(({ controls }) => controls.map(({ id }) => id)),
);
const controls = catalog.controls.filter(({ id }) => ofNodes.has(id));

function outcomesOf(tree: Tree, labels: Readonly<Record<string, string>>, managed: string | null = null): Readonly<Record<string, string>> {
  const { document } = collect(tree, { name: 'node-1', clock: () => new Date('2026-10-01T06:00:00.000Z') });
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1', uid: 'n', labels },
    status: { nodeInfo: { kubeletVersion: 'v1.36.3' } },
  };
  const reader = exampleSnapshot(`${JSON.stringify(node)}\n---\n${JSON.stringify(document)}`, 'a node');
  const results = assessControls(controls, { reader, populations, techniques: catalog.techniques, managed });
  return Object.fromEntries(results.map(({ id, outcome }) => [id, outcome]));
}

const named = (outcomes: Readonly<Record<string, string>>, ...wanted: readonly string[]) =>
  Object.keys(outcomes).filter((id) => wanted.includes(outcomes[id] ?? ''));

const pki = '/etc/kubernetes/pki';
const whole: Tree = {
  ...kubeadm,
  ...proc(800, ['kube-apiserver', `--client-ca-file=${pki}/ca.crt`], { cgroup: staticPod }),
  ...proc(801, ['etcd', '--data-dir=/var/lib/etcd', `--trusted-ca-file=${pki}/etcd/ca.crt`], { cgroup: staticPod }),
  '/etc/kubernetes/controller-manager.conf': withCertificate,
  '/etc/kubernetes/manifests/kube-controller-manager.yaml': staticPodManifest('kube-controller-manager', []),
  '/etc/kubernetes/manifests/kube-scheduler.yaml': staticPodManifest('kube-scheduler', []),
};

describe('kubeadm', () => {
  const outcomes = outcomesOf(whole, { 'node-role.kubernetes.io/control-plane': '' });
  test('a control-plane node that was read whole leaves nothing open', () => {
    expect(Object.keys(outcomes)).toHaveLength(47);
    expect(named(outcomes, 'notAssessed')).toEqual([]);
    expect(outcomes).toMatchObject({
      'ETCD-007': 'pass',
      'NODE-011': 'pass',
      'NODE-021': 'pass',
      'KUBELET-009': 'fail',
      'PROXY-001': 'pass',
    });
  });

  test('with the CA of the cluster, etcd has none of its own', () => {
    const tree = { ...whole, [`${pki}/etcd/ca.crt`]: whole[`${pki}/ca.crt`] ?? '' };
    expect(outcomesOf(tree, { 'node-role.kubernetes.io/control-plane': '' })['ETCD-007']).toBe('fail');
  });
});

describe('a worker', () => {
  const worker: Tree = {
    ...identity,
    ...proc(700, ['/usr/bin/kubelet', '--kubeconfig=/etc/kubernetes/kubelet.conf', '--config=/var/lib/kubelet/config.yaml']),
    '/usr/lib/systemd/system/kubelet.service': { text: '[Service]\nExecStart=/usr/bin/kubelet\n', mode: 0o644 },
    '/etc/kubernetes/kubelet.conf': withCertificate,
    '/var/lib/kubelet/config.yaml': kubeletConfiguration({ readOnlyPort: 10255, tlsMinVersion: 'VersionTLS13', eventRecordQPS: 0 }),
  };
  const outcomes = outcomesOf(worker, {});
  test('decides what is about all nodes', () => {
    expect(named(outcomes, 'notAssessed').filter((id) => /^(KUBELET|PROXY)-|^NODE-(02[2-9]|03)/.test(id))).toEqual([]);
    expect(outcomes).toMatchObject({
      'KUBELET-004': 'fail',
      'KUBELET-001': 'pass',
      'NODE-022': 'fail',
      'NODE-026': 'pass',
      'NODE-024': 'notApplicable',
    });
  });
  test('on a managed cluster the rest is the part of the provider', () => {
    const onEks = outcomesOf(worker, {}, 'eks');
    expect(named(onEks, 'providerResponsibility').filter((id) => !/^NODE-0(0|1|20|21)|^ETCD/.test(id))).toEqual([]);
    expect(named(onEks, 'providerResponsibility')).toHaveLength(22);
    expect(onEks['KUBELET-001']).toBe('pass');
  });
  test('says nothing of the control plane', () => {
    expect(named(outcomes, 'pass', 'fail', 'notApplicable').filter((id) => /^NODE-0(0|1|20|21)|^ETCD/.test(id))).toEqual([]);
  });
});

describe('a static pod that is told to read elsewhere', () => {
  const tree: Tree = {
    ...kubeadm,
    ...proc(801, ['etcd', '--data-dir=/data'], { cgroup: staticPod }),
    '/etc/kubernetes/manifests/etcd.yaml': staticPodManifest('etcd', ['--data-dir=/data'], { '/data': '/srv/etcd' }),
    '/srv/etcd': { directory: true, mode: 0o755 },
  };
  test('is judged by the directory of the node that is mounted there', () => {
    expect(outcomesOf(tree, { 'node-role.kubernetes.io/control-plane': '' })['NODE-011']).toBe('fail');
  });
});
