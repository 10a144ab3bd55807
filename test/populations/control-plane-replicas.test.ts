/** API servers that were asked one by one: what counts as a replica, what stands for it, and what is a gap. */
import { describe, expect, test } from 'vitest';
import type { Gap, JsonObject, ListingKind } from '../../src/model/index.ts';
import { auditGrowth, auditLosses } from '../../src/populations/audit/audit-counters.ts';
import { auditRecording } from '../../src/populations/audit/audit-recording.ts';
import { readReplicaMetrics } from '../../src/populations/control-plane/answering-replica.ts';
import { apiServers } from '../../src/populations/control-plane/api-servers.ts';
import { controllerManagers, schedulers } from '../../src/populations/control-plane/components.ts';
import type { SnapshotOptions } from './snapshots.ts';
import { family, flagz, lease, mirrorPod, node, processStart, read, snapshot } from './snapshots.ts';

const [a, b] = ['10.0.0.1:6443', '10.0.0.2:6443'] as const;

const slice = (...addresses: readonly string[]): JsonObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'kubernetes', namespace: 'default' },
  endpoints: addresses.map((address) => ({ addresses: [address.replace(/:\d+$/, '').replace(/[[\]]/g, '')] })),
  ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
});

/** As its collector keeps what one replica answered. */
function by(address: string, object: JsonObject): JsonObject {
  const { metadata } = object as { metadata: { name: string } };
  return { ...object, metadata: { ...metadata, name: `${metadata.name}@${address}` }, replica: address };
}

interface Replicas {
  readonly leases?: number;
  readonly addresses?: readonly string[];
  readonly flags?: Readonly<Record<string, JsonObject>>;
  readonly metrics?: Readonly<Record<string, readonly JsonObject[]>>;
  readonly nodes?: readonly JsonObject[];
  readonly pods?: readonly JsonObject[];
  readonly answer?: JsonObject;
  readonly page?: readonly JsonObject[];
  readonly documents?: readonly JsonObject[];
  /** Whether each says when it started; otherwise only metrics do. */
  readonly statusz?: boolean;
}

function given(
  {
    leases = 2,
    addresses = [a, b],
    flags = {},
    metrics = {},
    nodes = [],
    pods = [],
    answer,
    page,
    documents = [],
    statusz = true,
  }: Replicas,
  options: SnapshotOptions = {},
) {
  return snapshot(
    {
      'k8s.apiserver/leases': Array.from({ length: leases }, (_, index) => lease(`l${index}`)),
      'k8s.apiserver/flagz': answer === undefined ? [] : [flagz(answer)],
      'k8s.apiserver/metrics': page ?? [],
      'k8s.nodes/nodes': nodes,
      'k8s.pods/pods': pods,
      'node.evidence/nodes': documents,
      'k8s.apiservers/endpointslices': addresses.length === 0 ? [] : [slice(...addresses)],
      'k8s.apiservers/flagz': Object.entries(flags).map(([address, told]) => by(address, flagz(told))),
      'k8s.apiservers/statusz': statusz
        ? Object.keys(flags).map((address) =>
            by(address, {
              apiVersion: 'config.k8s.io/v1beta1',
              kind: 'Statusz',
              metadata: { name: 'apiserver' },
              startTime: `of ${address}`,
            }),
          )
        : [],
      'k8s.apiservers/metrics': Object.entries(metrics).flatMap(([address, families]) => families.map((each) => by(address, each))),
    },
    options,
  );
}

const at = (name: string, ip: string): JsonObject => ({ ...node(name), status: { addresses: [{ type: 'InternalIP', address: ip }] } });
const nodes = [at('cp-1', '10.0.0.1'), at('cp-2', '10.0.0.2')];
const safe = { profiling: 'false' };
const bad = { profiling: 'true' };
const started = (value: number, ...more: readonly JsonObject[]) => [processStart(value), ...more];
const unheard = (what: string, address: string): Gap => ({
  reason: 'error',
  what: `${what} of ${address}`,
  detail: `${address} refuses the connection`,
});
const items = (reader: ReturnType<typeof given>) => read(apiServers, reader).rows.map(({ item }) => item);
const whats = (gaps: readonly Gap[]) => gaps.map(({ what }) => what);

describe('flags', () => {
  test('each replica is a row with its own flags', () => {
    const { rows, gaps } = read(apiServers, given({ flags: { [a]: safe, [b]: bad }, answer: safe }));
    expect(gaps).toEqual([]);
    expect(rows).toMatchObject([
      { item: `kube-apiserver/${a}`, source: 'flagz', address: a, flags: safe },
      { item: `kube-apiserver/${b}`, source: 'flagz', address: b, flags: bad },
    ]);
  });

  test('it is named after its node, and its static pod is no second one', () => {
    const pods = ['cp-1', 'cp-2'].map((name) => mirrorPod('kube-apiserver', name, ['--profiling=false']));
    const reader = given({ flags: { [a]: safe, [b]: bad }, nodes, pods });
    expect(items(reader)).toEqual(['kube-apiserver/cp-1', 'kube-apiserver/cp-2']);
    expect(read(apiServers, reader).gaps).toEqual([]);
  });

  test.each<[string, Replicas, SnapshotOptions, readonly string[], readonly string[]]>([
    [
      'one that did not answer',
      { flags: { [a]: safe } },
      { gaps: { 'k8s.apiservers/flagz': [unheard('flagz', b)] } },
      [`kube-apiserver/${a}`],
      [`flagz of ${b}`, 'flags of API servers'],
    ],
    [
      'one that did not answer and whose static pod shows it',
      { flags: { [a]: safe }, nodes, pods: [mirrorPod('kube-apiserver', 'cp-2', ['--profiling=false'])] },
      { gaps: { 'k8s.apiservers/flagz': [unheard('flagz', b)] } },
      ['kube-apiserver/cp-1', 'kube-apiserver/cp-2'],
      [],
    ],
    [
      'a static pod of an unknown address that may be the one that answered',
      { flags: { [a]: safe }, addresses: [a], nodes: [node('cp-1')], pods: [mirrorPod('kube-apiserver', 'cp-1', ['--profiling=false'])] },
      {},
      [`kube-apiserver/${a}`, 'kube-apiserver/cp-1'],
      ['flags of API servers'],
    ],
    [
      'a static pod that advertises another address',
      {
        flags: { [a]: safe },
        addresses: [a],
        nodes: [node('cp-2')],
        pods: [mirrorPod('kube-apiserver', 'cp-2', ['--profiling=false', '--advertise-address=10.0.0.2'])],
      },
      {},
      [`kube-apiserver/${a}`, 'kube-apiserver/cp-2'],
      [],
    ],
    [
      'two addresses of one process',
      { flags: { [a]: safe, [b]: safe }, metrics: { [a]: started(7), [b]: started(7) } },
      {},
      [`kube-apiserver/${a}`, `kube-apiserver/${b}`],
      ['flags of API servers'],
    ],
    [
      'two addresses of two processes',
      { flags: { [a]: safe, [b]: safe }, metrics: { [a]: started(7), [b]: started(8) } },
      {},
      [`kube-apiserver/${a}`, `kube-apiserver/${b}`],
      [],
    ],
    [
      'two addresses of which nobody knows whether they are one process',
      { flags: { [a]: safe, [b]: safe }, statusz: false },
      {},
      [`kube-apiserver/${a}`, `kube-apiserver/${b}`],
      ['flags of API servers'],
    ],
    [
      'a static pod of an unknown address whose manifest was edited since is no second replica',
      { flags: { [a]: bad }, addresses: [a], nodes: [node('cp-1')], pods: [mirrorPod('kube-apiserver', 'cp-1', ['--profiling=false'])] },
      {},
      [`kube-apiserver/${a}`, 'kube-apiserver/cp-1'],
      ['flags of API servers'],
    ],
    [
      'a worker that claims the address of an API server',
      {
        flags: { [a]: safe },
        addresses: [a],
        nodes: [{ ...node('worker', {}), status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } }, at('cp-1', '10.0.0.1')],
        pods: [mirrorPod('kube-apiserver', 'cp-1', ['--profiling=false'])],
      },
      {},
      ['kube-apiserver/cp-1'],
      ['flags of API servers'],
    ],
    [
      'three leases and two answers',
      { leases: 3, flags: { [a]: safe, [b]: safe } },
      {},
      [`kube-apiserver/${a}`, `kube-apiserver/${b}`],
      ['flags of API servers'],
    ],
    ['an address that was not asked', { leases: 1, flags: { [a]: safe } }, {}, [`kube-apiserver/${a}`], [`flagz of ${b}`]],
    [
      'an answer behind the address that is none of theirs',
      { flags: { [a]: safe, [b]: safe }, answer: bad },
      {},
      [`kube-apiserver/${a}`, `kube-apiserver/${b}`, 'kube-apiserver/the replica that answered'],
      [],
    ],
    [
      'addresses that may not be read',
      { leases: 2, addresses: [], answer: safe },
      { gaps: { 'k8s.apiservers/endpointslices': [{ reason: 'forbidden', what: 'addresses of the API servers' }] } },
      ['kube-apiserver/the replica that answered'],
      ['addresses of the API servers', 'flags of API servers'],
    ],
    [
      'the only one, which answered behind the address alone',
      { leases: 1, addresses: [a], answer: safe },
      { gaps: { 'k8s.apiservers/flagz': [unheard('flagz', a)] } },
      ['kube-apiserver/l0'],
      [],
    ],
    ['nothing of it, as before', { leases: 1, addresses: [], answer: safe }, {}, ['kube-apiserver/l0'], []],
    [
      'nothing of it, and several',
      { leases: 2, addresses: [], answer: safe },
      {},
      ['kube-apiserver/the replica that answered'],
      ['flags of API servers'],
    ],
  ])('%s', (_name, all, options, rows, gaps) => {
    const reader = given(all, options);
    expect(items(reader)).toEqual(rows);
    expect(whats(read(apiServers, reader).gaps)).toEqual(gaps);
  });

  test('addresses of IPv6, and the port of HTTPS, are recognised as URLs write them', () => {
    const six = '[fd00::1]:6443';
    expect(read(apiServers, given({ leases: 1, addresses: [six], flags: { [six]: safe } })).gaps).toEqual([]);
    const reader = given({ leases: 1, addresses: ['10.0.0.9:6443'], flags: { '10.0.0.9': safe } });
    expect(whats(read(apiServers, reader).gaps)).toEqual(['flagz of 10.0.0.9:6443']);
  });

  test('where no node is marked, the node counts whose pod was given what any of them says', () => {
    const bare = [node('one', {})];
    const pods = [mirrorPod('kube-apiserver', 'one', ['--profiling=true']), mirrorPod('kube-controller-manager', 'one', [])];
    const reader = given({ flags: { [a]: safe, [b]: bad }, nodes: bare, pods });
    expect(read(controllerManagers, reader).rows).toMatchObject([{ item: 'kube-controller-manager/one' }]);
  });
});

describe('other programs of the control plane', () => {
  const pods = [mirrorPod('kube-scheduler', 'cp-1', [])];
  const seen = (programs: readonly JsonObject[]): JsonObject => ({
    apiVersion: 'node.kubevidence.io/v1',
    kind: 'NodeEvidence',
    metadata: { name: 'cp-2' },
    collectedAt: '2026-10-01T06:00:00Z',
    host: { installer: 'kubeadm', roles: ['control-plane'] },
    programs: [...programs],
  });

  test.each<[string, readonly JsonObject[], readonly string[], readonly string[]]>([
    ['one that no pod shows', [], ['cp-1'], ['flags of kube-scheduler on cp-2']],
    ['one that its host shows', [seen([{ program: 'kube-scheduler', from: 'process', arguments: [] }])], ['cp-1', 'cp-2'], []],
    ['a host on which it does not run', [seen([{ program: 'kubelet', from: 'process', arguments: [] }])], ['cp-1'], []],
    ['a host whose processes were not seen', [seen([])], ['cp-1'], ['flags of kube-scheduler on cp-2']],
  ])('%s', (_name, documents, names, gaps) => {
    const { rows, gaps: found } = read(schedulers, given({ nodes, pods, documents }));
    expect(rows.map(({ item }) => item)).toEqual(names.map((name) => `kube-scheduler/${name}`));
    expect(whats(found)).toEqual(gaps);
  });
});

describe('what node collectors read on the hosts of API servers', () => {
  const document = (name: string, collectedAt = '2026-10-01T06:00:00Z', args: readonly string[] = ['--profiling=false']): JsonObject => ({
    apiVersion: 'node.kubevidence.io/v1',
    kind: 'NodeEvidence',
    metadata: { name },
    collectedAt,
    host: { installer: 'kubeadm', roles: ['control-plane'] },
    programs: [{ program: 'kube-apiserver', from: 'process', arguments: [...args] }],
  });

  test('closes the gap that one answer leaves', () => {
    const documents = [document('cp-1'), document('cp-2')];
    const reader = given({ addresses: [], answer: safe, nodes, documents });
    expect(read(apiServers, reader)).toMatchObject({
      rows: [
        { item: 'kube-apiserver/cp-1', source: 'node', flags: safe },
        { item: 'kube-apiserver/cp-2', source: 'node', flags: safe },
      ],
      gaps: [],
    });
  });

  test.each<[string, readonly JsonObject[]]>([
    ['none of the second', [document('cp-1')]],
    ['one that is too old', [document('cp-1'), document('cp-2', '2026-08-01T06:00:00Z')]],
  ])('but not where there is %s', (_name, documents) => {
    const reader = given({ addresses: [], answer: safe, nodes, documents });
    expect(items(reader)).toEqual(['kube-apiserver/cp-1']);
    expect(read(apiServers, reader).gaps).toMatchObject([
      { what: 'flags of API servers', detail: expect.stringContaining('1 of 2 replicas') },
    ]);
  });

  test('an answer that none of the hosts shows is a row of its own, and counts for none', () => {
    const reader = given({ leases: 3, addresses: [], answer: bad, nodes, documents: [document('cp-1'), document('cp-2')] });
    expect(items(reader)).toHaveLength(3);
    expect(read(apiServers, reader).gaps).toMatchObject([{ detail: expect.stringContaining('1 of 3 replicas') }]);
  });

  test('of a host at an unknown address nobody knows whether it is the one that answered', () => {
    const reader = given({ addresses: [a], flags: { [a]: safe }, nodes: [node('cp-1')], documents: [document('cp-1')] });
    expect(items(reader)).toEqual([`kube-apiserver/${a}`, 'kube-apiserver/cp-1']);
    expect(whats(read(apiServers, reader).gaps)).toEqual(['flags of API servers']);
  });

  test('stands for itself in a directory of files', () => {
    const reader = given({ leases: 0, addresses: [], documents: [document('cp-1')] }, { scope: 'files' });
    expect(read(apiServers, reader)).toMatchObject({ rows: [{ item: 'kube-apiserver/cp-1', source: 'node' }], gaps: [] });
  });

  test('several processes there with different flags are not known', () => {
    const two = document('cp-1') as { programs: JsonObject[] } & JsonObject;
    two.programs.push({ program: 'kube-apiserver', from: 'process', arguments: ['--profiling=true'] });
    expect(read(apiServers, given({ leases: 1, addresses: [], nodes, documents: [two] })).rows).toMatchObject([
      { item: 'kube-apiserver/cp-1', gaps: [{ detail: 'several run there, with different flags' }] },
    ]);
  });
});

describe('metrics', () => {
  const recorded = (count: number) => family('apiserver_audit_level_total', [{ level: 'Metadata' }, count]);

  test('every replica is a process of its own, with what it recorded since it was last seen', () => {
    const previous = given({ metrics: { [a]: started(7, recorded(10)), [b]: started(8, recorded(5)) }, nodes });
    const reader = given({ metrics: { [a]: started(7, recorded(30)), [b]: started(8, recorded(5)) }, nodes }, { previous });
    const { rows, gaps } = read(auditGrowth, reader);
    expect(gaps).toEqual([]);
    expect(rows).toMatchObject([
      { item: 'kube-apiserver/cp-1', processStart: '7', newRecords: 20 },
      { item: 'kube-apiserver/cp-2', processStart: '8', newRecords: 0 },
    ]);
  });

  test('a process is compared with itself, also where a run before asked whichever answered', () => {
    const previous = given({ addresses: [], page: started(8, recorded(1)) });
    const reader = given({ metrics: { [a]: started(7, recorded(3)), [b]: started(8, recorded(5)) } }, { previous });
    expect(read(auditGrowth, reader).rows).toMatchObject([{ gaps: [{ reason: 'absent' }] }, { newRecords: 4 }]);
  });

  test('what the one behind the address says is another replica only when it is another process', () => {
    const same = given({ metrics: { [a]: started(7), [b]: started(8) }, page: started(8) });
    expect(read(auditLosses, same).rows.map(({ item }) => item)).toEqual([`kube-apiserver/${a}`, `kube-apiserver/${b}`]);
    const other = given({ leases: 3, metrics: { [a]: started(7), [b]: started(8) }, page: started(9) });
    expect(read(auditLosses, other)).toMatchObject({ rows: [{}, {}, { item: 'kube-apiserver/the replica that answered' }], gaps: [] });
  });

  test('one that did not answer is a gap that names it', () => {
    const options = { gaps: { 'k8s.apiservers/metrics': [unheard('metrics', b)] } satisfies Partial<Record<ListingKind, readonly Gap[]>> };
    const reader = given({ metrics: { [a]: started(7, recorded(1)) } }, options);
    expect(whats(read(auditRecording, reader).gaps)).toEqual([`metrics of ${b}`, 'metrics of API servers']);
    expect(read(auditRecording, reader).rows).toMatchObject([{ item: `kube-apiserver/${a}`, records: true }]);
  });

  test('are offered with names and processes to whoever asks', () => {
    const reader = given({ metrics: { [a]: started(7), [b]: started(8) }, nodes });
    let seen: readonly string[] = [];
    read(
      {
        name: 'probe',
        doc: '',
        from: [],
        also: [
          'k8s.apiserver/metrics',
          'k8s.apiserver/leases',
          'k8s.apiservers/endpointslices',
          'k8s.apiservers/metrics',
          'k8s.nodes/nodes',
        ],
        rows: (input) => {
          seen = readReplicaMetrics(input).map(({ replica, metrics }) => `${replica.key} ${metrics.address} ${metrics.process}`);
          return [];
        },
      },
      reader,
    );
    expect(seen).toEqual([`kube-apiserver/cp-1 ${a} 7`, `kube-apiserver/cp-2 ${b} 8`]);
  });
});
