import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/index.ts';
import { apiServers } from '../../src/populations/control-plane/api-servers.ts';
import { controllerManagers, etcdMembers, schedulers } from '../../src/populations/control-plane/components.ts';
import { detectManaged } from '../../src/populations/index.ts';
import type { Given, Loose } from './snapshots.ts';
import { flagz, lease, mirrorPod, node, now, read, snapshot } from './snapshots.ts';

interface ControlPlane {
  readonly leases?: readonly JsonObject[];
  readonly nodes?: readonly JsonObject[];
  readonly pods?: readonly JsonObject[];
  readonly flags?: JsonObject;
}

function given({ leases = [], nodes = [], pods = [], flags }: ControlPlane): Given {
  return {
    'k8s.apiserver/leases': leases,
    'k8s.nodes/nodes': nodes,
    'k8s.pods/pods': pods,
    'k8s.apiserver/flagz': flags === undefined ? [] : [flagz(flags)],
  };
}

const safe = ['--anonymous-auth=false', '--profiling=false'];
const worker = node('worker', { 'kubernetes.io/hostname': 'worker' });

describe('a pod that only looks like an API server is not believed', () => {
  test.each<[string, (pod: Loose) => void]>([
    ['no mirror annotation', (pod) => delete pod['metadata'].annotations['kubernetes.io/config.mirror']],
    ['an annotation that is not its hash', (pod) => (pod['metadata'].annotations['kubernetes.io/config.mirror'] = 'other')],
    ['a source that is not a file', (pod) => (pod['metadata'].annotations['kubernetes.io/config.source'] = 'api')],
    ['no owner', (pod) => delete pod['metadata'].ownerReferences],
    ['an owner by name, with another uid', (pod) => (pod['metadata'].ownerReferences[0].uid = 'forged')],
    ['an owner of another kind', (pod) => (pod['metadata'].ownerReferences[0].kind = 'ReplicaSet')],
    ['scheduled to another node', (pod) => (pod['spec'].nodeName = 'worker')],
    ['a name that the kubelet would not give', (pod) => (pod['metadata'].name = 'kube-apiserver')],
    ['another namespace', (pod) => (pod['metadata'].namespace = 'default')],
  ])('%s', (_name, change) => {
    const pods = [mirrorPod('kube-apiserver', 'cp', safe, change)];
    const { rows, gaps } = read(apiServers, snapshot(given({ leases: [lease('a')], nodes: [node('cp'), worker], pods })));
    expect(rows).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'absent', what: 'flags of API servers' }]);
  });

  test('a worker cannot speak for the control plane', () => {
    const { rows } = read(
      apiServers,
      snapshot(given({ leases: [lease('a')], nodes: [node('cp'), worker], pods: [mirrorPod('kube-apiserver', 'worker', safe)] })),
    );
    expect(rows).toEqual([]);
  });

  test('the genuine one is', () => {
    const { rows, gaps } = read(
      apiServers,
      snapshot(given({ leases: [lease('a')], nodes: [node('cp')], pods: [mirrorPod('kube-apiserver', 'cp', safe)] })),
    );
    expect(gaps).toEqual([]);
    expect(rows[0]).toMatchObject({
      item: 'kube-apiserver/cp',
      source: 'static pod',
      flags: { 'anonymous-auth': 'false', 'audit-log-path': '' },
    });
  });
});

describe('where no node is marked as control plane', () => {
  const nodes = [node('one', {}), node('two', {})];
  const pods = [
    mirrorPod('kube-apiserver', 'one', safe),
    mirrorPod('kube-controller-manager', 'one', ['--profiling=false']),
    mirrorPod('kube-controller-manager', 'two', ['--profiling=true']),
  ];

  test('the node counts whose API server was given what /flagz says', () => {
    const flags = { 'anonymous-auth': 'false', profiling: 'false' };
    const { rows } = read(controllerManagers, snapshot(given({ leases: [lease('a')], nodes, pods, flags })));
    expect(rows.map((row) => row.item)).toEqual(['kube-controller-manager/one']);
  });

  test.each<[string, JsonObject | undefined]>([
    ['/flagz says something else', { 'anonymous-auth': 'true', profiling: 'false' }],
    ['there is no /flagz', undefined],
  ])('none counts when %s', (_name, flags) => {
    const all = given({ leases: [lease('a')], nodes, pods, ...(flags === undefined ? {} : { flags }) });
    expect(read(controllerManagers, snapshot(all))).toMatchObject({ rows: [], gaps: [{ what: 'flags of kube-controller-manager' }] });
  });
});

describe('replicas', () => {
  const cp = ['cp-1', 'cp-2'];
  const two = { leases: [lease('a'), lease('b')], nodes: cp.map((name) => node(name)) };
  const pods = cp.map((name) => mirrorPod('kube-apiserver', name, safe));

  test.each<[string, ControlPlane, readonly string[], number]>([
    ['two leases and two pods', { ...two, pods }, ['kube-apiserver/cp-1', 'kube-apiserver/cp-2'], 0],
    ['two leases and one pod', { ...two, pods: pods.slice(0, 1) }, ['kube-apiserver/cp-1'], 1],
    ['two leases and one answer', { ...two, flags: { profiling: 'true' } }, ['kube-apiserver/the replica that answered'], 1],
    [
      'an answer that is that of a pod',
      { ...two, pods: pods.slice(0, 1), flags: { 'anonymous-auth': 'false', profiling: 'false' } },
      ['kube-apiserver/cp-1'],
      1,
    ],
    [
      'an answer that is that of no pod',
      { ...two, pods: pods.slice(0, 1), flags: { 'anonymous-auth': 'true', profiling: 'false' } },
      ['kube-apiserver/cp-1', 'kube-apiserver/the replica that answered'],
      1,
    ],
    ['one lease and an answer', { leases: [lease('a')], flags: { profiling: 'true' } }, ['kube-apiserver/a'], 0],
    ['one lease and an answer without a flag', { leases: [lease('a')], flags: {} }, [], 1],
    ['no lease, one pod', { nodes: two.nodes, pods: pods.slice(0, 1) }, ['kube-apiserver/cp-1'], 1],
    ['nothing', {}, [], 1],
  ])('%s', (_name, all, items, gapCount) => {
    const { rows, gaps } = read(apiServers, snapshot(given(all)));
    expect(rows.map((row) => row.item)).toEqual(items);
    expect(gaps).toHaveLength(gapCount);
  });

  test('a lease that has run out is no replica', () => {
    const old = lease('old', { renewTime: '2026-10-01T10:00:00.000000Z', leaseDurationSeconds: 3600 });
    const fresh = lease('fresh', { renewTime: now, leaseDurationSeconds: 3600 });
    expect(read(apiServers, snapshot(given({ leases: [old, fresh], flags: { profiling: 'true' } }))).rows).toMatchObject([
      { item: 'kube-apiserver/fresh' },
    ]);
  });

  test('a replica is not missed because our clock is almost an hour ahead of the servers', () => {
    const renewed = (secondsAgo: number) => new Date(Date.parse(now) - secondsAgo * 1000).toISOString();
    const leases = [
      lease('a', { renewTime: renewed(3597), leaseDurationSeconds: 3600 }),
      lease('b', { renewTime: renewed(3604), leaseDurationSeconds: 3600 }),
    ];
    const { rows, gaps } = read(apiServers, snapshot(given({ leases, flags: { profiling: 'true' } })));
    expect(rows).toHaveLength(1);
    expect(gaps).toHaveLength(1);
  });

  test('where every lease has run out, nothing names the replicas', () => {
    const old = lease('old', { renewTime: '2026-10-01T10:00:00.000000Z', leaseDurationSeconds: 3600 });
    expect(read(apiServers, snapshot(given({ leases: [old], flags: { profiling: 'true' } }))).gaps).toHaveLength(1);
  });

  test('/flagz of the only replica goes before what its pod was given', () => {
    const all = given({
      leases: [lease('a')],
      nodes: [node('cp-1')],
      pods: [mirrorPod('kube-apiserver', 'cp-1', safe)],
      flags: { 'anonymous-auth': 'true' },
    });
    expect(read(apiServers, snapshot(all)).rows).toMatchObject([
      { item: 'kube-apiserver/cp-1', source: 'flagz', flags: { 'anonymous-auth': 'true' } },
    ]);
  });

  test('without leases nobody knows that one answer is all', () => {
    const all = snapshot(given({ flags: { profiling: 'true' } }), {
      gaps: { 'k8s.apiserver/leases': [{ reason: 'forbidden', what: 'leases' }] },
    });
    expect(read(apiServers, all).gaps).toContainEqual({ reason: 'forbidden', what: 'leases' });
  });
});

test('k3s is named as the reason', () => {
  const agent = { ...node('k'), metadata: { name: 'k', uid: 'u', annotations: { 'k3s.io/node-args': { $scrubbed: true } } } };
  const [gap] = read(apiServers, snapshot(given({ leases: [lease('a')], nodes: [agent] }))).gaps;
  expect(gap?.detail).toContain('k3s.io/node-args');
});

describe('etcd', () => {
  const etcd = (args: readonly string[], env: JsonObject[] = []) =>
    mirrorPod('etcd', 'cp', args, (pod) => {
      pod['spec'].containers[0].env = env;
    });

  test.each<[string, JsonObject, JsonObject]>([
    ['a variable', etcd([], [{ name: 'ETCD_CLIENT_CERT_AUTH', value: 'true' }]), { flags: { 'client-cert-auth': 'true' } }],
    [
      'a flag wins over its variable',
      etcd(['--client-cert-auth=false'], [{ name: 'ETCD_CLIENT_CERT_AUTH', value: 'true' }]),
      { flags: { 'client-cert-auth': 'false' } },
    ],
    ['the default is plain text', etcd([]), { lists: { 'listen-client-urls': ['http://localhost:2379'] } }],
  ])('%s', (_name, pod, expected) => {
    expect(read(etcdMembers, snapshot(given({ nodes: [node('cp')], pods: [pod] }))).rows[0]).toMatchObject(expected);
  });

  test('a member elsewhere is a gap, and so is a configuration file', () => {
    const elsewhere = etcd(['--initial-cluster=a=https://1:2380,b=https://2:2380']);
    expect(read(etcdMembers, snapshot(given({ nodes: [node('cp')], pods: [elsewhere] }))).rows[0]).toMatchObject({
      members: 2,
      gaps: [{ what: 'flags of etcd' }],
    });
    const file = mirrorPod('etcd', 'cp', [{ $scrubbed: true, flag: 'config-file' }]);
    expect(read(etcdMembers, snapshot(given({ nodes: [node('cp')], pods: [file] }))).rows[0]).toMatchObject({
      flags: {},
      gaps: [{ reason: 'absent' }],
    });
  });
});

test('in files a manifest is what the kubelet would start', () => {
  const manifest = mirrorPod('kube-apiserver', 'cp', safe, (pod) => {
    pod['metadata'] = { name: 'kube-apiserver', namespace: 'kube-system', labels: { component: 'kube-apiserver' } };
    delete pod['spec'].nodeName;
  });
  expect(read(apiServers, snapshot({ 'k8s.pods/pods': [manifest] }, { scope: 'files' }))).toMatchObject({
    rows: [{ item: 'kube-apiserver/kube-apiserver' }],
    gaps: [],
  });
  expect(read(apiServers, snapshot({ 'k8s.pods/pods': [] }, { scope: 'files' })).gaps).toHaveLength(1);
});

describe('who runs the control plane', () => {
  const azure = { 'kubernetes.azure.com/cluster': 'x' };
  const azureNode = (name: string) => ({ ...node(name, azure), spec: { providerID: 'azure:///subscriptions/0/a' } });
  test.each<[string, string, readonly JsonObject[], string | null]>([
    ['EKS by its version', '1.34.2-eks-3abcdef', [node('a', {})], 'eks'],
    ['GKE by its version', '1.34.2-gke.1234000', [node('a', {})], 'gke'],
    ['AKS by all of its nodes', '1.34.2', [azureNode('a'), azureNode('b')], 'aks'],
    ['one node cannot say that it is AKS', '1.34.2', [azureNode('a'), node('b', {})], null],
    ['a label that nodes write is not enough, without machines of Azure', '1.34.2', [node('a', azure), node('b', azure)], null],
    ['a control-plane node says that it is ours', '1.34.2-eks-3abcdef', [node('a'), node('b', {})], null],
    ['nothing says so', '1.34.2', [node('a', {})], null],
    ['no nodes', '1.34.2', [], null],
  ])('%s', (_name, version, nodes, expected) => {
    expect(detectManaged(snapshot({ 'k8s.nodes/nodes': nodes }, { version }))).toBe(expected);
  });

  const machine = (name: string, kubeletVersion: string, providerID: string) => ({
    ...node(name, {}),
    spec: { providerID },
    status: { nodeInfo: { kubeletVersion } },
  });
  const eks = machine('a', 'v1.34.2-eks-3abcdef', 'aws:///eu-central-1a/i-0123456789abcdef0');
  const gke = machine('a', 'v1.34.2-gke.1234000', 'gce://clinic/europe-west3-a/gke-a');
  test.each<[string, string | undefined, readonly JsonObject[], string | null]>([
    ['EKS by all of its nodes', undefined, [eks, machine('b', 'v1.33.9-eks-0fedcba', 'eks-hybrid:///eu/c/b')], 'eks'],
    ['GKE by all of its nodes', undefined, [gke, { ...gke, metadata: { name: 'b' } }], 'gke'],
    ['AKS by all of its nodes', undefined, [azureNode('a')], 'aks'],
    ['one node cannot say it', undefined, [eks, node('b', {})], null],
    ['a version of EKS on a machine that is not of AWS', undefined, [machine('a', 'v1.34.2-eks-3abcdef', 'vsphere://a')], null],
    ['nodes of two kinds', undefined, [eks, { ...gke, metadata: { name: 'b' } }], null],
    ['a control-plane node', undefined, [eks, { ...eks, metadata: node('b').metadata }], null],
    ['no nodes', undefined, [], null],
    ['an API server that says otherwise', '1.34.2', [eks], null],
  ])('without the version of an API server: %s', (_name, version, nodes, expected) => {
    expect(detectManaged(snapshot({ 'k8s.nodes/nodes': nodes }, version === undefined ? {} : { version }))).toBe(expected);
  });

  test('unread nodes say nothing', () => {
    expect(detectManaged(snapshot({}, { version: '1.34.2-eks-3abcdef' }))).toBeNull();
  });
});

describe('programs that are no static pods', () => {
  const host = (name: string, roles: readonly string[], ...programs: readonly Loose[]): JsonObject => ({
    apiVersion: 'node.kubevidence.io/v1',
    kind: 'NodeEvidence',
    metadata: { name },
    collectedAt: '2026-10-01T06:00:00Z',
    host: { installer: 'unknown', roles },
    programs,
  });
  const runs = (program: string, ...entries: readonly string[]): Loose => ({
    program,
    from: 'process',
    path: '/proc/1',
    arguments: entries,
  });
  const seen = (nodes: readonly JsonObject[], documents: readonly JsonObject[], pods: readonly JsonObject[] = []) =>
    snapshot({ ...given({ nodes, pods, leases: [lease('a')] }), 'node.evidence/nodes': documents });

  test('are seen on their host, defaults included', () => {
    const document = host('cp', ['control-plane'], runs('kube-controller-manager', '--profiling=false'));
    const { rows, gaps } = read(controllerManagers, seen([node('cp')], [document]));
    expect(gaps).toEqual([]);
    expect(rows).toMatchObject([{ item: 'kube-controller-manager/cp', flags: { profiling: 'false', 'bind-address': '0.0.0.0' } }]);
  });

  test('a static pod is not counted twice', () => {
    const document = host('cp', ['control-plane'], runs('kube-controller-manager', '--profiling=true'));
    const { rows } = read(
      controllerManagers,
      seen([node('cp')], [document], [mirrorPod('kube-controller-manager', 'cp', ['--profiling=false'])]),
    );
    expect(rows).toMatchObject([{ flags: { profiling: 'false' } }]);
  });

  test('another host of the control plane that was not read is a gap', () => {
    const document = host('cp', ['control-plane'], runs('kube-controller-manager'));
    expect(read(controllerManagers, seen([node('cp'), node('cp-2')], [document])).gaps).toMatchObject([{ what: 'evidence of node cp-2' }]);
  });

  test('what etcd is not given may stand in its environment', () => {
    const document = host('etcd-1', ['etcd'], runs('etcd', '--client-cert-auth=true'));
    const { rows } = read(etcdMembers, seen([node('cp')], [host('cp', ['control-plane']), document]));
    expect(rows).toMatchObject([{ item: 'etcd/etcd-1', flags: { 'client-cert-auth': 'true' } }]);
    expect(Object.keys(rows[0]?.['flags'] ?? {})).toEqual(['client-cert-auth']);
  });

  test('members that were not read', () => {
    const document = host('etcd-1', ['etcd'], runs('etcd', '--initial-cluster=a=https://h1:2380,b=https://h2:2380'));
    const { rows } = read(etcdMembers, seen([node('cp')], [host('cp', ['control-plane']), document]));
    expect(rows[0]?.gaps).toMatchObject([{ what: 'flags of etcd', detail: '1 of 2 members run elsewhere' }]);
  });

  test.each<[string, readonly Loose[], number]>([
    ['two of them, with different flags', [runs('etcd', '--a=1'), runs('etcd', '--a=2')], 1],
    ['two of them that are alike', [runs('etcd', '--initial-cluster=a=h'), runs('etcd', '--initial-cluster=a=h')], 0],
    ['one that does not tell how many there are', [runs('etcd', '--a=1')], 1],
    ['a configuration file', [runs('etcd', '--config-file=/etc/etcd.yaml')], 1],
  ])('%s', (_name, programs, gaps) => {
    const { rows } = read(etcdMembers, seen([node('cp')], [host('cp', ['control-plane', 'etcd'], ...programs)]));
    expect(rows[0]?.gaps ?? []).toHaveLength(gaps);
  });

  test('a unit that leaves something to its environment tells nothing', () => {
    const unit = { program: 'kube-scheduler', from: 'unit', path: '/u', arguments: ['$ARGS'] };
    expect(read(schedulers, seen([node('cp')], [host('cp', ['control-plane'], unit)])).rows).toEqual([]);
  });
});
